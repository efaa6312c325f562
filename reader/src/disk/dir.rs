//! The directory of a disk cache: whose it is, and the files in it. All calls block.
//!
//! Only files named as slabs are read or removed. Files are made with mode 0600, a directory with 0700. One that others may
//! write to is refused: whoever could put bytes and their checksum there could put them into answers.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, FlockOperation};
use rustix::io::Errno;

const LOCK: &str = "lock";
const SUFFIX: &str = ".slab";
const DIGITS: usize = 10;

/// Why a disk cache is off.
#[derive(Debug, thiserror::Error)]
pub(super) enum DiskCacheProblem {
    #[error("cannot {doing} {path:?}")]
    Io {
        doing: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("another process works with {path:?}; give each a directory of its own")]
    Held { path: PathBuf },
    #[error(
        "{path:?} is not this user's alone: it belongs to uid {uid} and has mode {mode:04o}; name one that does not exist \
         yet, or see to it that only this process's user may write to it"
    )]
    Open { path: PathBuf, uid: u32, mode: u32 },
    #[error("{path:?} is not a directory")]
    NotADirectory { path: PathBuf },
    #[error("{path:?} was taken away or replaced while it was in use")]
    Gone { path: PathBuf },
    #[error("no number is left for a further file in {path:?}; delete what is in it")]
    Numbers { path: PathBuf },
}

impl DiskCacheProblem {
    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, path: path.to_owned(), source }
    }
}

/// Whether it failed because there is no room.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// A directory that this process alone works with, as long as this lives.
#[derive(Debug)]
pub(super) struct Dir {
    path: PathBuf,
    lock: File,
}

/// The disk that it is on, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Space {
    pub(super) free: u64,
    pub(super) total: u64,
}

impl Dir {
    /// Opens the directory, and makes it where only itself is missing.
    pub(super) fn open(path: &Path) -> Result<Self, DiskCacheProblem> {
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(DiskCacheProblem::io("create", path)(error));
            }
            _ => {}
        }
        let stat = fs::metadata(path).map_err(DiskCacheProblem::io("look at", path))?;
        if !stat.is_dir() {
            return Err(DiskCacheProblem::NotADirectory { path: path.to_owned() });
        }
        let (uid, mode) = (stat.uid(), stat.mode() & 0o7777);
        let own = uid == 0 || uid == rustix::process::geteuid().as_raw();
        if !own || mode & 0o022 != 0 {
            return Err(DiskCacheProblem::Open { path: path.to_owned(), uid, mode });
        }
        let name = path.join(LOCK);
        let opened = options().read(true).write(true).create(true).truncate(false).open(&name);
        let lock = opened.map_err(DiskCacheProblem::io("create", &name))?;
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(DiskCacheProblem::Held { path: path.to_owned() }),
            Err(errno) => return Err(DiskCacheProblem::io("lock", &name)(errno.into())),
        }
        let dir = Self { path: path.to_owned(), lock };
        // It may have been taken away between the two calls.
        dir.check()?;
        Ok(dir)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the directory at this path is still the one that was opened. Two `stat`.
    pub(super) fn check(&self) -> Result<(), DiskCacheProblem> {
        let ours = self.lock.metadata().map_err(DiskCacheProblem::io("look at", &self.path))?;
        match fs::symlink_metadata(self.path.join(LOCK)) {
            Ok(there) if (there.dev(), there.ino()) == (ours.dev(), ours.ino()) => Ok(()),
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(DiskCacheProblem::io("look at", &self.path)(error))
            }
            _ => Err(DiskCacheProblem::Gone { path: self.path.clone() }),
        }
    }

    /// The numbers of the slabs in it, rising.
    pub(super) fn slabs(&self) -> Result<Vec<u32>, DiskCacheProblem> {
        let list = || -> io::Result<Vec<u32>> {
            let mut numbers = Vec::new();
            for entry in fs::read_dir(&self.path)? {
                numbers.extend(entry?.file_name().to_str().and_then(number_of));
            }
            numbers.sort_unstable();
            Ok(numbers)
        };
        list().map_err(DiskCacheProblem::io("list", &self.path))
    }

    /// A new slab.
    pub(super) fn create_slab(&self, number: u32) -> io::Result<File> {
        options().read(true).write(true).create_new(true).open(slab_path(&self.path, number))
    }

    /// A slab that is there, to be read and gone on with.
    pub(super) fn reopen_slab(&self, number: u32) -> io::Result<File> {
        options().read(true).write(true).open(slab_path(&self.path, number))
    }

    /// Removes a slab; one that has gone already is no problem.
    pub(super) fn remove_slab(&self, number: u32) -> Result<(), DiskCacheProblem> {
        let path = slab_path(&self.path, number);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(DiskCacheProblem::io("remove", &path)(error))
            }
            _ => Ok(()),
        }
    }

    /// The disk now. One `statvfs`.
    pub(super) fn space(&self) -> Result<Space, DiskCacheProblem> {
        let found = rustix::fs::fstatvfs(&self.lock);
        let stat = found
            .map_err(|errno| DiskCacheProblem::io("ask for the free space of", &self.path)(errno.into()))?;
        let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
        Ok(Space { free: bytes(stat.f_bavail), total: bytes(stat.f_blocks) })
    }
}

/// A slab to be read.
pub(super) fn open_slab(dir: &Path, number: u32) -> io::Result<File> {
    options().read(true).open(slab_path(dir, number))
}

/// Lets the page cache go of what was written and is on the disk: it belongs to others, and blocks have a cache in memory.
pub(super) fn drop_pages(file: &File) {
    let _ = rustix::fs::fadvise(file, 0, None, Advice::DontNeed);
}

pub(super) fn slab_path(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("{number:0DIGITS$}{SUFFIX}"))
}

fn number_of(name: &str) -> Option<u32> {
    let digits = name.strip_suffix(SUFFIX)?;
    let all = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    if all { digits.parse().ok() } else { None }
}

/// No link is followed, and nobody else reads. A pipe in place of a file would hold up who opens it.
fn options() -> OpenOptions {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let mut options = File::options();
    options.mode(0o600).custom_flags(i32::try_from(flags.bits()).unwrap_or(0));
    options
}
