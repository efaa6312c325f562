//! What can go wrong with a log directory as a whole.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use firnline_index::{ClusterId, NodeId};

use crate::files::MetaError;

/// A system call that failed, with what it was for. Paths are shown quoted and escaped: names come from outside.
#[derive(Debug)]
pub struct IoProblem {
    /// What was tried, as a bare verb phrase such as `read directory`.
    pub action: &'static str,
    /// The file or directory.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl IoProblem {
    pub(crate) fn new(action: &'static str, path: &Path, source: impl Into<io::Error>) -> Self {
        Self { action, path: path.to_owned(), source: source.into() }
    }

    /// For `map_err`.
    pub(crate) fn at<E: Into<io::Error>>(action: &'static str, path: &Path) -> impl FnOnce(E) -> Self {
        move |source| Self::new(action, path, source)
    }

    /// Whether it was tried to change something.
    fn is_change(&self) -> bool {
        ["create", "write", "rename", "remove", "change"].iter().any(|verb| self.action.starts_with(verb))
    }

    /// Whether the system refused this user.
    pub fn is_denied(&self) -> bool {
        self.source.kind() == io::ErrorKind::PermissionDenied
    }

    /// Whether there is no such file or directory.
    pub fn is_not_found(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }

    /// Whether the disk or the user's quota is full.
    pub fn is_full(&self) -> bool {
        matches!(self.source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }
}

impl fmt::Display for IoProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.action, self.path)?;
        if self.is_denied() {
            let right = if self.is_change() { "write" } else { "read and search" };
            write!(f, "; run as the broker's user, or give this user {right} permission on it")?;
        } else if self.is_full() {
            write!(f, "; free space there and run again")?;
        }
        Ok(())
    }
}

impl std::error::Error for IoProblem {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// A directory that cannot be used as a broker's log directory.
#[derive(Debug, thiserror::Error)]
pub enum LogDirError {
    /// There is no `meta.properties`.
    #[error(
        "{path:?} is not the log directory of a broker: it has no meta.properties; \
         name a directory that the broker's log.dirs lists"
    )]
    NoMeta {
        /// The directory given.
        path: PathBuf,
    },
    /// `meta.properties` cannot be understood.
    #[error("read meta.properties in {path:?}")]
    Meta {
        /// The directory given.
        path: PathBuf,
        /// What is wrong with the file.
        #[source]
        source: MetaError,
    },
    /// The directory belongs to another cluster than expected.
    #[error("{path:?} belongs to cluster {found}, not to {expected}")]
    OtherCluster {
        /// The directory given.
        path: PathBuf,
        /// The cluster id in its `meta.properties`.
        found: ClusterId,
        /// The cluster id expected.
        expected: ClusterId,
    },
    /// `meta.properties` names no cluster.
    #[error(
        "meta.properties in {path:?} names no cluster; a broker writes cluster.id when it starts, \
         so this directory was never in use"
    )]
    NoCluster {
        /// The directory given.
        path: PathBuf,
    },
    /// Two directories given together belong to different brokers.
    #[error(
        "{path:?} belongs to broker {found}, {other:?} to broker {expected}; give the directories of one broker"
    )]
    OtherNode {
        /// One directory.
        path: PathBuf,
        /// Its broker.
        found: NodeId,
        /// A directory given before it.
        other: PathBuf,
        /// That one's broker.
        expected: NodeId,
    },
    /// The same directory was given twice.
    #[error("{path:?} and {other:?} are the same directory")]
    Twice {
        /// One name of it.
        path: PathBuf,
        /// The name given before.
        other: PathBuf,
    },
    /// A system call failed.
    #[error(transparent)]
    Io(#[from] IoProblem),
}
