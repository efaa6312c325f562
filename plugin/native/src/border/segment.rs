//! A segment's metadata, as the shell writes it. Version 1, big-endian:
//!
//! ```text
//! version 1 │ topic id 16 │ segment id 16 │ partition 4 │ start offset 8 │ end offset 8, inclusive │ size 4 │
//! max timestamp 8 │ broker 4 │ epochs: count 4, each epoch 4 and start 8 │ topic: length 2, UTF-8 │
//! custom metadata: length 2 (65535: none), bytes
//! ```

use firnline_index::lineage::{EpochStart, Lineage};
use firnline_index::segment::MAX_EPOCHS;
use firnline_index::{
    LeaderEpoch, Offset, OffsetRange, PartitionIndex, SegmentUuid, TimestampMs, TopicId, TopicIdPartition,
    TopicName, ValueError,
};

use crate::engine::Segment;

const VERSION: u8 = 1;
/// A length that stands for "there is none".
const NONE: u16 = u16::MAX;
/// No segment's bytes are longer: every list in them is bounded.
pub const MAX_SEGMENT_LEN: usize = 128 << 10;

/// Bytes that are no segment. The shell makes them, so that this is a bug of ours, or another version of the shell.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SegmentError {
    /// Another version.
    #[error(
        "segment metadata has version {0}, this library knows {VERSION}: jar and library are not of one build"
    )]
    Version(u8),
    /// They end too early.
    #[error("segment metadata ends within its {what}")]
    Short {
        /// Which field.
        what: &'static str,
    },
    /// They go on.
    #[error("{0} bytes follow the segment metadata")]
    Trailing(usize),
    /// More than there may be.
    #[error("segment metadata has {found} {what}, at most {limit} are taken")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        found: usize,
        /// At most.
        limit: usize,
    },
    /// A value that cannot be.
    #[error("{what} of the segment metadata is not valid")]
    Value {
        /// Which field.
        what: &'static str,
        /// Why.
        #[source]
        source: ValueError,
    },
    /// A value that cannot be, of no type of its own.
    #[error("{what} of the segment metadata is {why}")]
    Field {
        /// Which field.
        what: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// Reads a segment's metadata.
///
/// # Errors
/// Anything that is not wholly as drawn above.
pub fn decode_segment(bytes: &[u8]) -> Result<Segment, SegmentError> {
    at_most("bytes", bytes.len(), MAX_SEGMENT_LEN)?;
    let mut rest = Cursor(bytes);
    let [version] = rest.take("version")?;
    if version != VERSION {
        return Err(SegmentError::Version(version));
    }
    let topic_id = TopicId::from_bytes(rest.take("topic id")?);
    let uuid = SegmentUuid::from_bytes(rest.take("segment id")?);
    let partition = rest.i32("partition")?;
    let start = Offset::new(rest.i64("start offset")?).map_err(value("the start offset"))?;
    let last = Offset::new(rest.i64("end offset")?).map_err(value("the end offset"))?;
    let size = u32::try_from(rest.i32("size")?);
    let max_timestamp = TimestampMs::from_kafka(rest.i64("max timestamp")?);
    let broker = rest.i32("broker")?;
    let epochs = epochs(&mut rest)?;
    let topic = rest.counted("topic")?.ok_or(SegmentError::Field { what: "the topic", why: "absent" })?;
    let topic = std::str::from_utf8(topic)
        .map_err(|_| SegmentError::Field { what: "the topic", why: "not UTF-8" })?;
    let custom = rest.counted("custom metadata")?.map(<[u8]>::to_vec);
    if !rest.0.is_empty() {
        return Err(SegmentError::Trailing(rest.0.len()));
    }
    let end =
        last.next().ok_or(SegmentError::Field { what: "the end offset", why: "the largest there is" })?;
    Ok(Segment {
        tip: TopicIdPartition {
            topic: TopicName::new(topic).map_err(value("the topic"))?,
            topic_id,
            partition: PartitionIndex::new(partition).map_err(value("the partition"))?,
        },
        uuid,
        range: OffsetRange::new(start, end).map_err(value("the offset range"))?,
        size: size.map_err(|_| SegmentError::Field { what: "the size", why: "negative" })?,
        max_timestamp,
        broker,
        epochs,
        custom,
    })
}

fn epochs(rest: &mut Cursor<'_>) -> Result<Vec<EpochStart>, SegmentError> {
    let count = usize::try_from(rest.i32("leader epochs")?)
        .map_err(|_| SegmentError::Field { what: "the number of leader epochs", why: "negative" })?;
    at_most("leader epochs", count, MAX_EPOCHS)?;
    let mut epochs = Vec::new();
    for _ in 0..count {
        epochs.push(EpochStart {
            epoch: LeaderEpoch::new(rest.i32("leader epochs")?).map_err(value("a leader epoch"))?,
            start: Offset::new(rest.i64("leader epochs")?).map_err(value("a leader epoch's start"))?,
        });
    }
    let lineage = Lineage::new(epochs);
    let lineage = lineage
        .map_err(|_| SegmentError::Field { what: "the list of leader epochs", why: "not in rising order" })?;
    Ok(lineage.starts().to_vec())
}

fn at_most(what: &'static str, found: usize, limit: usize) -> Result<(), SegmentError> {
    if found > limit { Err(SegmentError::TooMany { what, found, limit }) } else { Ok(()) }
}

fn value(what: &'static str) -> impl Fn(ValueError) -> SegmentError {
    move |source| SegmentError::Value { what, source }
}

/// What is left to read.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], SegmentError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(SegmentError::Short { what })?;
        self.0 = rest;
        Ok(*taken)
    }

    fn i32(&mut self, what: &'static str) -> Result<i32, SegmentError> {
        self.take(what).map(i32::from_be_bytes)
    }

    fn i64(&mut self, what: &'static str) -> Result<i64, SegmentError> {
        self.take(what).map(i64::from_be_bytes)
    }

    fn counted(&mut self, what: &'static str) -> Result<Option<&'a [u8]>, SegmentError> {
        let length = u16::from_be_bytes(self.take(what)?);
        if length == NONE {
            return Ok(None);
        }
        let (taken, rest) = self.0.split_at_checked(length.into()).ok_or(SegmentError::Short { what })?;
        self.0 = rest;
        Ok(Some(taken))
    }
}

#[cfg(test)]
mod tests;
