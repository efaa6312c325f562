//! Does a broker hold this directory right now?

use std::path::Path;

use rustix::process::{Flock, FlockType, fcntl_getlk};

use crate::IoProblem;
use crate::open::open_file;

/// What is known of a log directory's `.lock`.
///
/// A broker takes it through Java's `FileChannel.tryLock`, which on Linux is a POSIX record lock (`fcntl`). `flock`
/// does not see such a lock, so we ask with `F_GETLK`, which changes nothing. Two limits: a lock taken on another
/// machine is seen only where the file system passes locks on (NFS with a lock daemon does); and a process never sees
/// its own locks, which does not matter to a process that takes none.
#[derive(Debug)]
pub enum BrokerLock {
    /// The file is there and nobody holds it.
    Free,
    /// A process holds it.
    Held {
        /// Its id; absent when it runs in another process namespace (a container).
        pid: Option<i32>,
    },
    /// There is no `.lock`. A broker takes the file away when it stops properly (seen with 4.3.1), so nobody holds the
    /// directory; or the files were copied here.
    Absent,
    /// It cannot be told, so a broker must be assumed.
    Unknown(IoProblem),
}

impl BrokerLock {
    /// Asks for the lock of the log directory at `log_dir`. Costs one `open` and one `fcntl`.
    pub fn probe(log_dir: &Path) -> Self {
        let path = log_dir.join(".lock");
        let file = match open_file(&path) {
            Ok(file) => file,
            Err(problem) if problem.is_not_found() => return Self::Absent,
            Err(problem) => return Self::Unknown(problem),
        };
        match fcntl_getlk(&file, &Flock::from(FlockType::WriteLock)) {
            Ok(None) => Self::Free,
            Ok(Some(holder)) => {
                Self::Held { pid: holder.pid.map(|pid| pid.as_raw_pid()).filter(|&pid| pid > 0) }
            }
            Err(source) => Self::Unknown(IoProblem::new("ask for the lock on", &path, source)),
        }
    }

    /// Whether it is certain that no broker on this machine holds the directory.
    pub fn is_surely_free(&self) -> bool {
        matches!(self, Self::Free | Self::Absent)
    }
}
