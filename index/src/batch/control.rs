//! The one record of a control batch: does it commit or abort?

use super::{BatchError, BatchHeader, Compression, HEADER_PEEK};

/// What a control batch says (`org.apache.kafka.common.record.ControlRecordType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Marker {
    /// The producer's transaction is aborted.
    Abort,
    /// The producer's transaction is committed.
    Commit,
    /// A kind that ends no transaction: quorum and snapshot records.
    Other(i16),
}

/// Reads the marker of a control batch. `batch` is the whole batch; nothing beyond it is looked at.
///
/// A cleaner can leave a control batch with no record at all; that one is an error here, since it no longer tells
/// anything: callers ask only where `record_count` is not zero.
pub fn control_marker(header: &BatchHeader, batch: &[u8]) -> Result<Marker, BatchError> {
    let fail = |why| BatchError::Control { base_offset: header.base_offset, why };
    if !header.control || header.magic != 2 {
        return Err(fail("it is not a control batch"));
    }
    if header.compression != Compression::None {
        return Err(fail("it is compressed, which no broker does to a control batch"));
    }
    let size = usize::try_from(header.size).unwrap_or(usize::MAX);
    let mut rest =
        batch.get(HEADER_PEEK..size.min(batch.len())).ok_or_else(|| fail("it ends inside its header"))?;
    // Record: length, attributes, timestamp delta, offset delta, key length, key = version and type, …
    let length = varint(&mut rest).ok_or_else(|| fail("the record's length is not a number"))?;
    let length = usize::try_from(length).map_err(|_| fail("the record's length is negative"))?;
    let mut record = rest.get(..length).ok_or_else(|| fail("the record ends beyond its batch"))?;
    record = record.get(1..).ok_or_else(|| fail("the record is empty"))?;
    for _ in ["timestamp delta", "offset delta"] {
        varint(&mut record).ok_or_else(|| fail("a delta is not a number"))?;
    }
    let key_length = varint(&mut record).ok_or_else(|| fail("the key's length is not a number"))?;
    let key_length = usize::try_from(key_length).map_err(|_| fail("it has no key"))?;
    let key = record.get(..key_length).ok_or_else(|| fail("the key ends beyond its record"))?;
    let [version @ .., high, low] =
        *key.first_chunk::<4>().ok_or_else(|| fail("the key is shorter than 4 bytes"))?;
    // A higher version adds fields behind these two, as Kafka's own reader takes it.
    if i16::from_be_bytes(version) < 0 {
        return Err(fail("the key's version is negative"));
    }
    Ok(match i16::from_be_bytes([high, low]) {
        0 => Marker::Abort,
        1 => Marker::Commit,
        other => Marker::Other(other),
    })
}

/// A zigzag varint of at most ten bytes, taken off the front.
fn varint(rest: &mut &[u8]) -> Option<i64> {
    let mut raw = 0_u64;
    for (i, byte) in rest.iter().take(10).enumerate() {
        raw |= u64::from(byte & 0x7f).checked_shl(u32::try_from(7 * i).ok()?)?;
        if byte & 0x80 == 0 {
            *rest = rest.get(i + 1..)?;
            return Some((raw >> 1).cast_signed() ^ -((raw & 1).cast_signed()));
        }
    }
    None
}
