//! What came of a pass.

use std::path::PathBuf;

use firnline_index::{Offset, OffsetRange, TopicIdPartition};
use firnline_logdir::{NotLog, Refused};
use firnline_tier::{CommitError, Lost, ReadError, UploadError};

use crate::PlanRefusal;

/// What came of one pass over all log directories.
#[derive(Debug, Default)]
pub struct PassReport {
    /// One line per partition that was looked at, in order of topic and partition.
    pub partitions: Vec<PartitionReport>,
    /// Partitions that cannot be read as they stand.
    pub refused: Vec<Refused>,
    /// What is no partition: deleted, stray, moved, foreign.
    pub not_logs: Vec<NotLog>,
    /// How many partitions the topic filter left out.
    pub filtered: usize,
    /// How many partitions of internal topics were left out.
    pub internal: usize,
}

impl PassReport {
    /// Whether every partition that was asked for is in the tier up to its last sealed file.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.refused.is_empty() && self.partitions.iter().all(|p| p.problem.is_none())
    }

    /// Raw bytes of the batches committed.
    #[must_use]
    pub fn log_bytes(&self) -> u64 {
        self.committed().map(|segment| segment.log_bytes).sum()
    }

    /// Stored bytes of the segments committed.
    #[must_use]
    pub fn object_bytes(&self) -> u64 {
        self.committed().map(|segment| segment.object_bytes).sum()
    }

    /// The segments committed, over all partitions.
    pub fn committed(&self) -> impl Iterator<Item = &CommittedSegment> {
        self.partitions.iter().flat_map(|partition| &partition.committed)
    }
}

/// What came of one partition.
#[derive(Debug)]
pub struct PartitionReport {
    /// The partition.
    pub tip: TopicIdPartition,
    /// Its directory; absent where the log is none.
    pub path: Option<PathBuf>,
    /// Where the tier ended before; `None` where it had nothing of the partition.
    pub tier_end_before: Option<Offset>,
    /// Where it ends now, as far as this pass knows.
    pub tier_end: Option<Offset>,
    /// What this pass added, oldest first.
    pub committed: Vec<CommittedSegment>,
    /// Keys of objects that were uploaded and that nothing names, because somebody else was faster or a commit failed.
    pub orphans: Vec<String>,
    /// Why the pass stopped before the last sealed file; `None` where it did not.
    pub problem: Option<Problem>,
}

/// A segment that a pass added to the tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommittedSegment {
    /// The offsets.
    pub range: OffsetRange,
    /// The object's key.
    pub key: String,
    /// Raw bytes of its batches.
    pub log_bytes: u64,
    /// Stored bytes.
    pub object_bytes: u64,
}

/// Why a partition is not in the tier up to its last sealed file. What was committed before stays; a later pass goes on
/// from there.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The files do not continue the tier.
    #[error("the log does not continue the tier")]
    Plan(#[source] PlanRefusal),
    /// The log ends below the tier's end: a replica that lags behind, or a log that was cut.
    #[error(
        "the log ends at offset {log_end}, below the tier's end {tier_end}; offload from the replica that leads"
    )]
    Behind {
        /// One past the last offset of the log.
        log_end: Offset,
        /// Where the tier ends.
        tier_end: Offset,
    },
    /// The log could not be read, changed meanwhile, or is damaged; or the upload failed.
    #[error("upload from offset {from}")]
    Upload {
        /// Where the segment was to begin.
        from: Offset,
        /// What went wrong.
        #[source]
        source: Box<UploadError>,
    },
    /// The manifest could not be read.
    #[error("look up what the tier has")]
    Read(#[source] ReadError),
    /// The commit failed.
    #[error("commit to the tier")]
    Commit(#[source] Box<CommitError>),
    /// Others were faster, again and again.
    #[error("lost the race to commit {times} times")]
    Lost {
        /// How often.
        times: u32,
        /// What the last one was lost to.
        #[source]
        last: Lost,
    },
    /// The tier takes nothing from this pass: a sidecar works on the partition under a leader's epoch, or the manifest is a
    /// broker's own.
    #[error("the tier takes nothing from this pass")]
    Refused(#[source] Lost),
    /// A broker has started on the log directory since the pass began.
    #[error("a broker has started on {path:?} since this pass began; nothing further is taken from it")]
    BrokerStarted {
        /// The log directory.
        path: PathBuf,
    },
}

impl Problem {
    /// Whether another pass may succeed without anybody doing anything.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Plan(_) | Self::Behind { .. } | Self::BrokerStarted { .. } | Self::Refused(_) => false,
            Self::Lost { .. } => true,
            Self::Upload { source, .. } => source.is_passing(),
            Self::Read(ReadError::Store(error)) => error.is_retriable(),
            Self::Read(_) => false,
            Self::Commit(error) => error.is_passing(),
        }
    }
}
