//! Why a restore cannot be.

use std::path::PathBuf;

use firnline_index::Offset;

use crate::IoProblem;

/// A directory into which nothing may be restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreRefused {
    /// Not a directory.
    #[error("{path:?} is not a directory")]
    NotADirectory {
        /// What was given.
        path: PathBuf,
    },
    /// A log directory was given where a partition's directory belongs.
    #[error(
        "{path:?} is a broker's log directory; give the directory of one partition in it, such as orders-0"
    )]
    IsLogDir {
        /// What was given.
        path: PathBuf,
    },
    /// The directory lies in a log directory under a name that no partition has.
    #[error(
        "{path:?} lies in a broker's log directory and is not named TOPIC-PARTITION; a broker would not start over it"
    )]
    NotAPartitionName {
        /// What was given.
        path: PathBuf,
    },
    /// The directory lies in a log directory and has no topic id.
    #[error(
        "{path:?} has no partition.metadata, so a broker would take it for a stray; \
         create the topic, stop the broker, and restore into the directory that it made"
    )]
    NoTopicId {
        /// What was given.
        path: PathBuf,
    },
    /// A running broker holds the log directory.
    #[error("a broker{} holds {log_dir:?}; stop it first", pid.map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    BrokerRuns {
        /// The log directory.
        log_dir: PathBuf,
        /// The broker's process, where it can be told.
        pid: Option<i32>,
    },
    /// It cannot be told whether a broker runs.
    #[error("cannot tell whether a broker holds {log_dir:?}")]
    LockUnknown {
        /// The log directory.
        log_dir: PathBuf,
        /// Why not.
        #[source]
        source: IoProblem,
    },
    /// The directory holds records.
    #[error("{path:?} holds records: {segments} segments with {bytes} bytes, the first is {first:?}")]
    HoldsRecords {
        /// The directory.
        path: PathBuf,
        /// How many `.log` files are not empty.
        segments: usize,
        /// Their bytes together.
        bytes: u64,
        /// The first one's name.
        first: String,
    },
    /// An earlier restore was cut off while it finished, and a broker has opened the directory since.
    #[error(
        "{path:?} holds part of a restore that was cut off, and a broker has opened it since ({index:?} shows it); \
         delete the topic and create it anew"
    )]
    OpenedUnfinished {
        /// The directory.
        path: PathBuf,
        /// The index file that a broker has made.
        index: String,
    },
    /// The directory holds something that is neither an empty log nor ours.
    #[error("{path:?} is not empty: {name:?} is not part of an empty partition")]
    NotEmpty {
        /// The directory.
        path: PathBuf,
        /// What is in it.
        name: String,
    },
    /// A system call failed.
    #[error(transparent)]
    Io(#[from] IoProblem),
}

/// A restore that was begun and cannot go on. What was written stays behind its marker; the next restore into the same
/// directory removes it.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The broker would hide what is about to be written.
    #[error(
        "offset {base} lies below {log_start}, the log start that the broker keeps for {path:?} in \
         log-start-offset-checkpoint; it would hide the records: delete the topic and create it anew"
    )]
    BelowLogStart {
        /// The first offset to be restored.
        base: Offset,
        /// What the broker holds to be the start.
        log_start: Offset,
        /// The directory.
        path: PathBuf,
    },
    /// Segments were not given in order.
    #[error("segment {base} was given after segment {last}")]
    OutOfOrder {
        /// The base offset given.
        base: Offset,
        /// The base offset before it.
        last: Offset,
    },
    /// A broker was started meanwhile, or it cannot be told, or the directory is no longer what was checked.
    #[error("the restore cannot go on")]
    Refused(#[source] RestoreRefused),
    /// A system call failed.
    #[error(transparent)]
    Io(#[from] IoProblem),
}

impl RestoreError {
    /// Whether the disk is full.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Io(problem) if problem.is_full())
    }
}
