//! Why a partition is not attached.

use firnline_index::ids::{Offset, OffsetRange, TopicIdPartition};

use crate::TailError;
use crate::restore::RestoreError;

/// A partition that is not attached.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// It could not be restored either.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// A segment is larger than a broker's file.
    #[error("segment {segment} of {tip} has {found} {what}; a broker takes at most 2147483647")]
    TooLong {
        /// The partition.
        tip: TopicIdPartition,
        /// The segment.
        segment: OffsetRange,
        /// Of what.
        what: &'static str,
        /// How many.
        found: u64,
    },
    /// A segment has no object of its own.
    #[error(
        "segment {segment} of {tip} lies in an object under another name, where the broker plugin does not find it"
    )]
    NotAlone {
        /// The partition.
        tip: TopicIdPartition,
        /// The segment.
        segment: OffsetRange,
    },
    /// A segment's blocks do not tell where an offset stands.
    #[error("find offset {at} in {key}")]
    Cut {
        /// The object's key.
        key: String,
        /// The offset.
        at: Offset,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A segment does not open.
    #[error("open segment {segment} of {tip}")]
    Tail {
        /// The partition.
        tip: TopicIdPartition,
        /// The segment.
        segment: OffsetRange,
        /// Why not.
        #[source]
        source: TailError,
    },
}
