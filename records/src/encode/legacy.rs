//! Magic 0 and 1, as brokers up to 0.10.2 kept them and later ones still serve. Written for tests only: Kafka 4 takes
//! no new ones.

use firnline_index::batch::{Compression, TimestampType};
use firnline_index::{Offset, TimestampMs};

use super::batch::codec_bits;
use super::{EncodeError, NewRecord, fit_i32};
use crate::codec;

/// Which of the two old formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LegacyMagic {
    /// No timestamps; inner offsets are absolute.
    Zero,
    /// Timestamps; inner offsets count from 0.
    One,
}

/// How to write a message set.
#[derive(Debug, Clone, Copy)]
pub struct MessageSet {
    /// The format.
    pub magic: LegacyMagic,
    /// `None` writes plain messages end to end, each a batch of its own; a codec writes one wrapper.
    pub compression: Compression,
    /// The offset of the first message.
    pub base_offset: Offset,
    /// Who set the timestamps. Has no place in magic 0.
    pub timestamp_type: TimestampType,
}

/// Writes `records` at consecutive offsets. Headers have no place in these formats and are left out.
pub fn message_set(set: &MessageSet, records: &[NewRecord<'_>]) -> Result<Vec<u8>, EncodeError> {
    let wrapped = set.compression != Compression::None;
    let relative = wrapped && set.magic == LegacyMagic::One;
    let base = if relative { 0 } else { set.base_offset.get() };
    let mut plain = Vec::new();
    for (offset, record) in (base..).zip(records) {
        put_message(set, Compression::None, offset, record, &mut plain)?;
    }
    if !wrapped {
        return Ok(plain);
    }
    let packed = codec::compress(set.compression, &plain, magic(set)).map_err(EncodeError::Codec)?;
    let last = i64::try_from(records.len().saturating_sub(1)).ok();
    let last = last
        .and_then(|last| set.base_offset.get().checked_add(last))
        .ok_or(EncodeError::TooLarge { what: "the span of offsets", value: records.len() as u64 })?;
    let timestamp = records.iter().filter_map(|record| record.timestamp).max();
    let wrapper = NewRecord { timestamp, key: None, value: Some(&packed), headers: &[] };
    let mut out = Vec::with_capacity(packed.len() + 64);
    put_message(set, set.compression, last, &wrapper, &mut out)?;
    Ok(out)
}

fn put_message(
    set: &MessageSet,
    compression: Compression,
    offset: i64,
    record: &NewRecord<'_>,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let mut covered = vec![magic(set)];
    let append_time = set.magic == LegacyMagic::One && set.timestamp_type == TimestampType::LogAppend;
    let attributes = codec_bits(compression) | if append_time { 1 << 3 } else { 0 };
    covered.push(attributes.to_be_bytes()[1]);
    if set.magic == LegacyMagic::One {
        covered.extend_from_slice(&record.timestamp.map_or(-1, TimestampMs::get).to_be_bytes());
    }
    for field in [record.key, record.value] {
        let length = field.map_or(Ok(-1), |field| fit_i32(field.len(), "a field's length"))?;
        covered.extend_from_slice(&length.to_be_bytes());
        covered.extend_from_slice(field.unwrap_or_default());
    }
    let mut crc = flate2::Crc::new();
    crc.update(&covered);
    out.extend_from_slice(&offset.to_be_bytes());
    out.extend_from_slice(&fit_i32(covered.len() + 4, "a message's size")?.to_be_bytes());
    out.extend_from_slice(&crc.sum().to_be_bytes());
    out.extend_from_slice(&covered);
    Ok(())
}

fn magic(set: &MessageSet) -> u8 {
    match set.magic {
        LegacyMagic::Zero => 0,
        LegacyMagic::One => 1,
    }
}
