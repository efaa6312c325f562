//! What a scan can find.

use std::ffi::OsString;
use std::path::PathBuf;

use firnline_index::{Offset, PartitionIndex, TopicIdPartition, TopicName};

use crate::IoProblem;
use crate::files::PartitionMetadataError;

/// One thing in a log directory.
#[derive(Debug)]
pub enum Found {
    /// A partition whose log can be read.
    Partition(PartitionDir),
    /// Something that is no partition's log, and why. Nothing is lost by leaving it.
    NotLog(NotLog),
    /// A partition that cannot be read as it stands. It must be told to the operator: its records are not safe.
    Refused(Refused),
}

impl Found {
    pub(super) fn sort_key(&self) -> (Option<(&TopicName, PartitionIndex)>, &PathBuf) {
        match self {
            Self::Partition(found) => (Some((&found.tip.topic, found.tip.partition)), &found.path),
            Self::Refused(found) => (Some((&found.topic, found.partition)), &found.path),
            Self::NotLog(found) => (None, &found.path),
        }
    }
}

/// A partition's directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionDir {
    /// Topic, topic id (from `partition.metadata`) and partition.
    pub tip: TopicIdPartition,
    /// Where it is.
    pub path: PathBuf,
    /// The segments in order of their base offsets; the last one is active. Empty only in a directory that a broker
    /// has not opened yet.
    pub segments: Vec<SegmentFile>,
    /// Files that are no broker's, for a warning.
    pub foreign: Vec<OsString>,
}

/// A `.log` file as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentFile {
    /// The base offset that the name gives; the first batch starts there or, after compaction, later.
    pub base: Offset,
    /// Where it is.
    pub path: PathBuf,
    /// Its length in bytes.
    pub len: u64,
    /// When it was last written, in nanoseconds since 1970.
    pub mtime_ns: i128,
    /// Its inode on the device that holds it.
    pub inode: u64,
    /// Whether it is the last of its partition, to which a running broker appends.
    pub active: bool,
    /// The base offset of the next segment: no batch here may reach past it. `None` in the active segment.
    pub next_base: Option<Offset>,
    /// How many bytes stand in the file behind `len` that are known to be no part of the log: what a crash left
    /// unfinished, in a file that is kept by a pin alone and that no broker will mend. Otherwise 0.
    pub torn: u64,
}

/// Something that holds no log of ours to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotLog {
    /// Where it is.
    pub path: PathBuf,
    /// What it is.
    pub why: NotLogReason,
}

/// Why something holds no log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotLogReason {
    /// A partition of a deleted topic, waiting for its files to go (`-delete`).
    Deleted,
    /// A partition that the cluster did not give to this broker (`-stray`).
    Stray,
    /// A copy in the making (`-future`).
    Future,
    /// `remote-log-index-cache`.
    RemoteIndexCache,
    /// `__cluster_metadata-0`.
    ClusterMetadata,
    /// Nothing that a broker makes.
    Foreign,
}

/// A partition that cannot be read as it stands.
#[derive(Debug)]
pub struct Refused {
    /// Where it is.
    pub path: PathBuf,
    /// The topic that the directory's name gives.
    pub topic: TopicName,
    /// The partition that the directory's name gives.
    pub partition: PartitionIndex,
    /// Why.
    pub why: RefusedReason,
}

/// Why a partition cannot be read. Messages do not repeat the partition's path where [`Refused`] has it.
#[derive(Debug, thiserror::Error)]
pub enum RefusedReason {
    /// There is no `partition.metadata`.
    #[error(
        "there is no partition.metadata, so the topic id is not known; \
         brokers from 2.8 on write it: start the broker once, or copy the file from another replica"
    )]
    NoPartitionMetadata,
    /// `partition.metadata` cannot be understood.
    #[error("read partition.metadata")]
    PartitionMetadata(#[source] PartitionMetadataError),
    /// A symbolic link where a broker keeps a directory or file.
    #[error(
        "{name:?} is a symbolic link to {target:?}, which is not followed; give the directory it leads to"
    )]
    SymbolicLink {
        /// The link.
        name: PathBuf,
        /// Where it leads; empty if that cannot be told.
        target: PathBuf,
    },
    /// A cleaner has finished and its output is about to replace segments.
    #[error("{name:?} shows a cleaning that is not finished; wait, or start the broker, which completes it")]
    UnfinishedCleaning {
        /// The `.swap` file.
        name: OsString,
    },
    /// A `.log` whose name is no offset.
    #[error("{name:?} is not named by an offset of 20 digits; a broker would not start over it")]
    BadLogName {
        /// The file.
        name: OsString,
    },
    /// A restore into this directory was begun and never finished.
    #[error("{name:?} shows a restore that was not finished; run the restore again")]
    UnfinishedRestore {
        /// The file that tells.
        name: OsString,
    },
    /// Each time that it was listed, files came or went meanwhile.
    #[error("its files changed each time they were listed: a broker is at work there; look again")]
    Changing,
    /// The same partition stands in another log directory too.
    #[error("the same partition stands in {other:?} too; a broker would not start: keep one of the two")]
    Duplicate {
        /// The other directory.
        other: PathBuf,
    },
    /// A system call failed.
    #[error(transparent)]
    Io(#[from] IoProblem),
}
