//! One sidecar per log dir: `.firnline-lock`.
//!
//! `flock`, so that the lock goes with the process however it ends. It does not touch the broker's own `.lock`, which is
//! another file and another kind of lock.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;
use rustix::io::Errno;

use crate::IoProblem;

const FILE: &str = ".firnline-lock";

/// Held as long as this value lives.
#[derive(Debug)]
pub struct SidecarLock {
    _file: File,
}

/// A log dir that this process may not work on.
#[derive(Debug, thiserror::Error)]
pub enum SidecarLockError {
    /// Another one does.
    #[error(
        "another firnline works on {path:?}{}: end it first, or give this one other log dirs",
        pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
    )]
    Held {
        /// The log dir.
        path: PathBuf,
        /// The other one, if it says so.
        pid: Option<u32>,
    },
    /// A system call failed.
    #[error(transparent)]
    Io(#[from] IoProblem),
}

impl SidecarLock {
    /// Takes the lock of `log_dir`, without waiting.
    pub fn take(log_dir: &Path) -> Result<Self, SidecarLockError> {
        let path = log_dir.join(FILE);
        let flags = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0);
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o644)
            .custom_flags(flags)
            .open(&path)
            .map_err(IoProblem::at("create", &path))?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                let mut text = String::new();
                // Only for the message: whoever holds it may be about to write.
                let _ = (&file).take(20).read_to_string(&mut text);
                return Err(SidecarLockError::Held {
                    path: log_dir.to_owned(),
                    pid: text.trim().parse().ok(),
                });
            }
            Err(errno) => return Err(IoProblem::new("lock", &path, errno).into()),
        }
        let pid = std::process::id();
        let written = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{pid}"));
        // On a full disk the lock holds all the same; what is missing is a hint in the other one's message.
        match written.map_err(IoProblem::at("write", &path)) {
            Err(problem) if !problem.is_full() => Err(problem.into()),
            _ => Ok(Self { _file: file }),
        }
    }
}
