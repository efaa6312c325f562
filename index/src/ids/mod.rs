//! One type for each kind of number, id and name, so that two of them cannot trade places.
//!
//! Numbers from outside come in through `new`, which refuses what the kind cannot be; arithmetic is checked.
//! Absence is `Option`, never a sentinel: Kafka's −1 becomes `None` where it is read.

mod name;
mod number;
mod range;
mod uuid;

pub use name::{ClusterId, GroupName, TopicIdPartition, TopicName};
pub use number::{
    ByteCount, Crc32c, LeaderEpoch, NodeId, Offset, PartitionIndex, ProducerId, RawPosition, StoredPosition,
    TimestampMs,
};
pub use range::OffsetRange;
pub use uuid::{
    CommitId, GcBoundary, Incarnation, KeyId, ObjectUuid, RemoteLogSegmentId, Salt, SegmentUuid, TopicId,
};

/// A value from outside that its type cannot hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// A number outside the range of its kind.
    #[error("{kind} {value} is out of range (smallest {min})")]
    OutOfRange {
        /// What the number counts, e.g. `offset`.
        kind: &'static str,
        /// The value given.
        value: i64,
        /// The smallest value allowed.
        min: i64,
    },
    /// A text that is not of the form its kind has.
    #[error("{kind} {text:?} is not valid: {why}")]
    Text {
        /// What the text names, e.g. `topic name`.
        kind: &'static str,
        /// The text given, cut to 300 characters.
        text: String,
        /// What a valid one looks like.
        why: &'static str,
    },
    /// A range whose end lies below its start.
    #[error("offset range ends at {end}, below its start {start}")]
    Backwards {
        /// The start given.
        start: Offset,
        /// The end given.
        end: Offset,
    },
}

impl ValueError {
    pub(crate) fn text(kind: &'static str, text: &str, why: &'static str) -> Self {
        Self::Text { kind, text: text.chars().take(300).collect(), why }
    }
}

#[cfg(test)]
mod tests;
