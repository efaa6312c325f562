//! Locks for updates and deletes: `flock` on one of 256 files, chosen by the key.
//!
//! A fixed number, so that they need no clean-up (removing a lock file is a race of its own). `flock` belongs to the open
//! file, so it excludes threads of one process as it excludes processes; it goes with the process, however that ends.

use super::files::{Root, fault};
use crate::checksum::crc64;
use crate::fault::{Attempt, FaultKind};
use crate::key::Key;
use rustix::fs::FlockOperation;
use rustix::io::Errno;
use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

/// A lock is held for one compare and one rename; whoever holds it longer is stuck.
const PATIENCE: Duration = Duration::from_secs(5);

const PAUSE: Duration = Duration::from_millis(1);

/// Held until dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

/// Waits for the key's lock, at most [`PATIENCE`]; then [`FaultKind::Busy`].
pub(super) fn exclusive(root: &Root, key: &Key) -> Attempt<Lock> {
    let directory = root.private("locks");
    let path = directory.join(format!("{:02x}", crc64(key.as_str().as_bytes()) & 0xff));
    let file = match open(&path) {
        Err(e) if e.kind() == ErrorKind::NotFound => {
            root.forget_directories();
            root.ensure_directory(&directory)?;
            open(&path)
        }
        other => other,
    }
    .map_err(|e| fault(e, "open lock", &path))?;
    let mut waited = Duration::ZERO;
    loop {
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(Lock { _file: file }),
            Err(Errno::WOULDBLOCK) if waited < PATIENCE => {
                std::thread::sleep(PAUSE);
                waited += PAUSE;
            }
            Err(Errno::WOULDBLOCK) => return Err(FaultKind::Busy.into()),
            Err(Errno::INTR) => {}
            Err(e) => return Err(fault(e.into(), "lock", &path)),
        }
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).open(path)
}
