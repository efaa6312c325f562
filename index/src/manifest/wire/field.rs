//! From the numbers and bytes of the wire to values of their own types.

use super::super::ManifestError;
use crate::ids::{
    ByteCount, ClusterId, LeaderEpoch, NodeId, Offset, OffsetRange, PartitionIndex, ProducerId,
    StoredPosition, TimestampMs, TopicIdPartition, TopicName, ValueError,
};

/// Names the field that a value came from.
pub(super) fn value<T>(field: &'static str, result: Result<T, ValueError>) -> Result<T, ManifestError> {
    result.map_err(|source| ManifestError::Value { field, source })
}

pub(super) const fn invalid(field: &'static str, why: &'static str) -> ManifestError {
    ManifestError::Field { field, why }
}

/// A field that must be there.
pub(super) fn required<T>(field: &'static str, value: Option<T>) -> Result<T, ManifestError> {
    value.ok_or(invalid(field, "it is missing"))
}

/// Sixteen bytes.
pub(super) fn id(field: &'static str, bytes: &[u8]) -> Result<[u8; 16], ManifestError> {
    bytes.try_into().map_err(|_| invalid(field, "an id has 16 bytes"))
}

/// A number that Kafka keeps in 64 bits and never negative.
fn signed(field: &'static str, number: u64) -> Result<i64, ManifestError> {
    i64::try_from(number).map_err(|_| invalid(field, "it is beyond 2^63"))
}

/// A number that Kafka keeps in 32 bits and never negative.
fn signed_short(field: &'static str, number: u32) -> Result<i32, ManifestError> {
    i32::try_from(number).map_err(|_| invalid(field, "it is beyond 2^31"))
}

pub(super) fn offset(field: &'static str, number: u64) -> Result<Offset, ManifestError> {
    value(field, Offset::new(signed(field, number)?))
}

pub(super) fn timestamp(field: &'static str, number: u64) -> Result<TimestampMs, ManifestError> {
    value(field, TimestampMs::new(signed(field, number)?))
}

pub(super) fn producer(field: &'static str, number: u64) -> Result<ProducerId, ManifestError> {
    value(field, ProducerId::new(signed(field, number)?))
}

pub(super) fn epoch(field: &'static str, number: u32) -> Result<LeaderEpoch, ManifestError> {
    value(field, LeaderEpoch::new(signed_short(field, number)?))
}

pub(super) fn node(field: &'static str, number: u32) -> Result<NodeId, ManifestError> {
    value(field, NodeId::new(signed_short(field, number)?))
}

/// The range of `span` offsets from `base`.
pub(super) fn range(field: &'static str, base: u64, span: u64) -> Result<OffsetRange, ManifestError> {
    let start = offset(field, base)?;
    let end = start.checked_add(span).ok_or(invalid(field, "its end is beyond 2^63"))?;
    value(field, OffsetRange::new(start, end))
}

/// The offset `after` behind `base`.
pub(super) fn after(field: &'static str, base: Offset, after: u64) -> Result<Offset, ManifestError> {
    base.checked_add(after).ok_or(invalid(field, "it is beyond 2^63"))
}

/// Where a tail of `tail` bytes begins in `length` bytes.
pub(super) fn tail_position(
    field: &'static str,
    length: u64,
    tail: u64,
) -> Result<StoredPosition, ManifestError> {
    length
        .checked_sub(tail)
        .map(StoredPosition::new)
        .ok_or(invalid(field, "the tail is longer than the object"))
}

pub(super) fn cluster(text: &str) -> Result<ClusterId, ManifestError> {
    value("cluster id", ClusterId::new(text))
}

/// Whose partition an object is.
pub(super) fn tip(topic: &str, topic_id: &[u8], partition: u32) -> Result<TopicIdPartition, ManifestError> {
    Ok(TopicIdPartition {
        topic: value("topic", TopicName::new(topic))?,
        topic_id: crate::ids::TopicId::from_bytes(id("topic id", topic_id)?),
        partition: value("partition", PartitionIndex::new(signed_short("partition", partition)?))?,
    })
}

/// A number that is never negative, as the wire has it.
pub(super) fn wire(number: i64) -> u64 {
    number.unsigned_abs()
}

/// A number that is never negative, as the wire has it.
pub(super) fn wire_short(number: i32) -> u32 {
    number.unsigned_abs()
}

/// A count of bytes.
pub(super) const fn bytes(number: u64) -> ByteCount {
    ByteCount::new(number)
}
