//! Why a file cannot be pinned, with cause and cure.

use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::IoProblem;

/// A hard link that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum PinProblem {
    /// `EPERM`: the kernel does not let this user link a file of another.
    #[error(
        "the system does not let user {user} link {file:?}, which belongs to user {owner}: fs.protected_hardlinks \
         allows it only to the owner; run as the broker's user (a file system that knows no hard links answers the same)"
    )]
    NotPermitted {
        /// The broker's file.
        file: PathBuf,
        /// Whom it belongs to.
        owner: u32,
        /// Who we are.
        user: u32,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// `EXDEV`: the file lies on another file system or mount than the root of its log dir.
    #[error(
        "{file:?} lies on another file system or mount than {log_dir:?}, and a link cannot reach across: mount the log \
         dir as a whole, not a partition inside it"
    )]
    OtherFileSystem {
        /// The broker's file.
        file: PathBuf,
        /// Where the pin should stand.
        log_dir: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// `EROFS`: the file system is mounted read-only.
    #[error("{log_dir:?} is mounted read-only, so that nothing can be pinned there: mount it writable")]
    ReadOnly {
        /// Where the pin should stand.
        log_dir: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// `ENOSPC` or `EDQUOT`: no room for one more name.
    #[error("{log_dir:?} has no room for one more file name: free space or inodes, or raise the quota")]
    NoSpace {
        /// Where the pin should stand.
        log_dir: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// `EMLINK`: the file has as many links as the file system allows.
    #[error("{file:?} has as many hard links as its file system allows: remove those that are not needed")]
    TooManyLinks {
        /// The broker's file.
        file: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Anything else, such as a log dir that this user may not write to.
    #[error(transparent)]
    Io(#[from] IoProblem),
}

impl PinProblem {
    /// Says why linking `file` into `log_dir` failed.
    pub(super) fn new(file: &Path, owner: u32, log_dir: &Path, errno: Errno) -> Self {
        let source = io::Error::from(errno);
        let (file, log_dir) = (file.to_owned(), log_dir.to_owned());
        match errno {
            Errno::PERM => {
                let user = rustix::process::geteuid().as_raw();
                Self::NotPermitted { file, owner, user, source }
            }
            Errno::XDEV => Self::OtherFileSystem { file, log_dir, source },
            Errno::ROFS => Self::ReadOnly { log_dir, source },
            Errno::NOSPC | Errno::DQUOT => Self::NoSpace { log_dir, source },
            Errno::MLINK => Self::TooManyLinks { file, source },
            _ => Self::Io(IoProblem::new("create a link in", &log_dir, source)),
        }
    }

    /// Whether the disk, the inodes or a quota are used up: it passes when space is freed.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::NoSpace { .. })
    }
}
