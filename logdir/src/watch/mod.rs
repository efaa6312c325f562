//! What happens to names in directories, told by the kernel (inotify) while it happens.
//!
//! One descriptor for all directories. What is watched are names only, never writes: a busy broker makes no event by
//! appending. Two limits are the caller's affair: [`WatchProblem::Limit`] when the user may not watch more
//! (`fs.inotify.max_user_watches`), and [`Happened::Overflow`] when more happened than the kernel keeps. Both mean: look
//! for yourself.

use std::mem::MaybeUninit;
use std::path::Path;

use rustix::event::{EventfdFlags, PollFd, PollFlags};
use rustix::fd::{AsFd as _, OwnedFd};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;

use crate::IoProblem;

/// The kernel's events are read so many bytes at a time.
const BUFFER: usize = 64 << 10;

/// Watches directories.
#[derive(Debug)]
pub struct Watcher {
    events: OwnedFd,
    stop: OwnedFd,
}

/// A directory that is watched. It stays the same directory when it is renamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WatchId(i32);

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened {
    /// A name was made or moved here.
    Appeared(WatchId, String),
    /// A name was removed or moved away.
    Vanished(WatchId, String),
    /// The directory is not watched any more: it is gone.
    Ended(WatchId),
    /// Events were lost.
    Overflow,
}

/// A directory that is not watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchProblem {
    /// The user watches as much as it may.
    #[error(
        "the system's limit of watches is reached: raise fs.inotify.max_user_watches (or max_user_instances) above \
         the number of partitions; until then new files are found by looking from time to time"
    )]
    Limit(#[source] IoProblem),
    /// There is no such directory (any more).
    #[error("the directory to watch is gone")]
    Gone(#[source] IoProblem),
    /// Another failure.
    #[error(transparent)]
    Io(#[from] IoProblem),
}

impl Watcher {
    /// Watches nothing yet.
    pub fn new() -> Result<Self, WatchProblem> {
        let at = IoProblem::at::<Errno>;
        let path = Path::new("inotify");
        let events = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).map_err(|errno| {
            let problem = IoProblem::new("open", path, errno);
            if matches!(errno, Errno::MFILE | Errno::NOSPC) {
                WatchProblem::Limit(problem)
            } else {
                problem.into()
            }
        })?;
        let stop = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .map_err(at("open", Path::new("eventfd")))?;
        Ok(Self { events, stop })
    }

    /// Watches the names in the directory at `path`, from now on. One that is watched already has the same id.
    pub fn watch(&self, path: &Path) -> Result<WatchId, WatchProblem> {
        let flags = WatchFlags::CREATE
            | WatchFlags::MOVED_TO
            | WatchFlags::MOVED_FROM
            | WatchFlags::DELETE
            | WatchFlags::ONLYDIR
            | WatchFlags::DONT_FOLLOW;
        inotify::add_watch(&self.events, path, flags).map(WatchId).map_err(|errno| {
            let problem = IoProblem::new("watch", path, errno);
            match errno {
                Errno::NOSPC => WatchProblem::Limit(problem),
                Errno::NOENT | Errno::NOTDIR => WatchProblem::Gone(problem),
                _ => problem.into(),
            }
        })
    }

    /// Ends a watch. One that has ended already is no error.
    pub fn unwatch(&self, id: WatchId) {
        let _ = inotify::remove_watch(&self.events, id.0);
    }

    /// Waits for events and hands each to `happened`. Returns after a batch of them, or with `false` once
    /// [`Watcher::stop`] was called.
    pub fn wait(&self, mut happened: impl FnMut(Happened)) -> Result<bool, IoProblem> {
        let at = || IoProblem::at::<Errno>("wait for", Path::new("inotify"));
        let mut polled = [PollFd::new(&self.events, PollFlags::IN), PollFd::new(&self.stop, PollFlags::IN)];
        rustix::io::retry_on_intr(|| rustix::event::poll(&mut polled, None)).map_err(at())?;
        if polled[1].revents().contains(PollFlags::IN) {
            return Ok(false);
        }
        let mut buffer = [MaybeUninit::uninit(); BUFFER];
        let mut reader = inotify::Reader::new(self.events.as_fd(), &mut buffer);
        loop {
            let event = match reader.next() {
                Ok(event) => event,
                Err(Errno::AGAIN) => return Ok(true),
                Err(Errno::INTR) => continue,
                Err(errno) => return Err(at()(errno)),
            };
            let (id, flags) = (WatchId(event.wd()), event.events());
            if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
                happened(Happened::Overflow);
            } else if flags.intersects(ReadFlags::IGNORED | ReadFlags::UNMOUNT) {
                happened(Happened::Ended(id));
            } else if let Some(name) = event.file_name().and_then(|name| name.to_str().ok()) {
                let appeared = flags.intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO);
                let name = name.to_owned();
                happened(if appeared { Happened::Appeared(id, name) } else { Happened::Vanished(id, name) });
            }
        }
    }

    /// Ends the waiting, now and from now on.
    pub fn stop(&self) {
        let _ = rustix::io::write(&self.stop, &1_u64.to_ne_bytes());
    }
}
