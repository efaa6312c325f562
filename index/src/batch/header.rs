//! Parsing a header and checking Kafka's own checksum.

use crc_fast::{CrcAlgorithm, checksum};

use super::{
    BatchError, BatchLimits, Compression, HEADER_PEEK, LOG_OVERHEAD, MAGIC_AT, MIN_V0, MIN_V1, ProducerInfo,
    TimestampType,
};
use crate::ids::{LeaderEpoch, Offset, ProducerId, TimestampMs};

/// What a batch's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchHeader {
    /// 0, 1 or 2.
    pub magic: u8,
    /// The first offset; for a compressed wrapper of magic 0 or 1 a lower bound.
    pub base_offset: Offset,
    /// The last offset. A cleaner may have removed its record.
    pub last_offset: Offset,
    /// The epoch of the leader that wrote the batch; `None` for magic 0 and 1.
    pub leader_epoch: Option<LeaderEpoch>,
    /// The whole batch in bytes, its offset and length fields included.
    pub size: u32,
    /// The first record's timestamp (or the delete horizon); `None` where it is unset.
    pub base_timestamp: Option<TimestampMs>,
    /// The largest timestamp inside; `None` where it is unset.
    pub max_timestamp: Option<TimestampMs>,
    /// Who set the timestamps.
    pub timestamp_type: TimestampType,
    /// The codec of the records.
    pub compression: Compression,
    /// The producer, for idempotent and transactional batches and for control batches.
    pub producer: Option<ProducerInfo>,
    /// Whether the records belong to a transaction.
    pub transactional: bool,
    /// Whether this is a control batch: a transaction marker, not data.
    pub control: bool,
    /// Whether the base timestamp is the cleaner's delete horizon.
    pub delete_horizon: bool,
    /// How many records there are; `None` inside a compressed wrapper. A cleaner may leave a batch with none.
    pub record_count: Option<u32>,
    /// Kafka's own checksum.
    pub crc: u32,
}

/// The outcome of looking at the front of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parsed {
    /// A header; the batch itself may be longer than what was given.
    Header(BatchHeader),
    /// So many bytes, counted from the batch's start, are needed to tell more.
    NeedMore(usize),
}

impl BatchHeader {
    /// Parses the header at the front of `prefix`. `lower_bound` is one past the last offset before this batch, and stands
    /// in for the base offset that a compressed wrapper does not tell.
    pub fn parse(prefix: &[u8], lower_bound: Offset, limits: &BatchLimits) -> Result<Parsed, BatchError> {
        if prefix.len() <= MAGIC_AT {
            return Ok(Parsed::NeedMore(HEADER_PEEK));
        }
        let fields = Fields(prefix);
        let (offset, length, magic) = (fields.i64(0), fields.i32(8), fields.i8(MAGIC_AT));
        // A length of zero is no batch: brokers with `log.preallocate` leave zeros behind the last one.
        if length == 0 && prefix.iter().take(HEADER_PEEK).all(|byte| *byte == 0) {
            return Err(BatchError::Zeros);
        }
        let min = match magic {
            0 => MIN_V0,
            1 => MIN_V1,
            2 => HEADER_PEEK,
            other => return Err(BatchError::Magic(other)),
        };
        let size = size_of(length, min, limits)?;
        if prefix.len() < min {
            return Ok(Parsed::NeedMore(min));
        }
        let header =
            if magic == 2 { v2(fields, offset, size)? } else { legacy(fields, offset, size, lower_bound)? };
        Ok(Parsed::Header(header))
    }

    /// One past the last offset.
    pub fn next_offset(&self) -> Offset {
        self.last_offset.next().unwrap_or(Offset::MAX)
    }
}

fn size_of(length: i32, min: usize, limits: &BatchLimits) -> Result<u32, BatchError> {
    // Kafka's length leaves out the offset and itself.
    let size = i64::from(length) + i64::try_from(LOG_OVERHEAD).unwrap_or(i64::MAX);
    let (low, high) = (i64::try_from(min).unwrap_or(i64::MAX), i64::from(limits.max_batch_bytes));
    u32::try_from(size).ok().filter(|_| (low..=high).contains(&size)).ok_or(BatchError::Length {
        length: size,
        min: low,
        max: high,
    })
}

fn v2(fields: Fields<'_>, offset: i64, size: u32) -> Result<BatchHeader, BatchError> {
    let attributes = fields.i16(21);
    let (delta, count, producer_id) = (fields.i32(23), fields.i32(57), fields.i64(43));
    let base_offset = offset_of(offset)?;
    let span = u64::try_from(delta).map_err(|_| bad("lastOffsetDelta", delta.into()))?;
    let last_offset = base_offset.checked_add(span).filter(|last| *last < Offset::MAX);
    // -1 is a batch without an epoch. No checksum covers this field, so that nothing else may pass for one.
    let epoch = fields.i32(12);
    let leader_epoch = LeaderEpoch::from_kafka(epoch);
    if leader_epoch.is_none() && epoch != -1 {
        return Err(bad("partitionLeaderEpoch", epoch.into()));
    }
    let record_count = u32::try_from(count).ok().filter(|n| u64::from(*n) <= span + 1);
    Ok(BatchHeader {
        magic: 2,
        base_offset,
        last_offset: last_offset.ok_or_else(|| bad("lastOffsetDelta", delta.into()))?,
        leader_epoch,
        size,
        base_timestamp: TimestampMs::from_kafka(fields.i64(27)),
        max_timestamp: TimestampMs::from_kafka(fields.i64(35)),
        timestamp_type: timestamp_type(attributes & 8 != 0),
        compression: compression(attributes & 7, 2)?,
        producer: ProducerId::from_kafka(producer_id).map(|id| ProducerInfo {
            id,
            epoch: fields.i16(51),
            base_sequence: fields.i32(53),
        }),
        transactional: attributes & 0x10 != 0,
        control: attributes & 0x20 != 0,
        delete_horizon: attributes & 0x40 != 0,
        record_count: Some(record_count.ok_or_else(|| bad("records count", count.into()))?),
        crc: fields.u32(17),
    })
}

fn legacy(
    fields: Fields<'_>,
    offset: i64,
    size: u32,
    lower_bound: Offset,
) -> Result<BatchHeader, BatchError> {
    let magic = u8::from(fields.i8(MAGIC_AT) == 1);
    let attributes = i16::from(fields.i8(17));
    let compression = compression(attributes & 7, magic)?;
    let last_offset = offset_of(offset)?;
    let timestamp = if magic == 1 { TimestampMs::from_kafka(fields.i64(18)) } else { None };
    let plain = compression == Compression::None;
    Ok(BatchHeader {
        magic,
        base_offset: if plain { last_offset } else { lower_bound.min(last_offset) },
        last_offset,
        leader_epoch: None,
        size,
        base_timestamp: timestamp,
        max_timestamp: timestamp,
        timestamp_type: if magic == 0 { TimestampType::None } else { timestamp_type(attributes & 8 != 0) },
        compression,
        producer: None,
        transactional: false,
        control: false,
        delete_horizon: false,
        record_count: plain.then_some(1),
        crc: fields.u32(12),
    })
}

fn offset_of(offset: i64) -> Result<Offset, BatchError> {
    // The largest offset has no next, so no batch can stand on it.
    Offset::new(offset).ok().filter(|o| *o < Offset::MAX).ok_or_else(|| bad("baseOffset", offset))
}

fn bad(field: &'static str, value: i64) -> BatchError {
    BatchError::Field { field, value }
}

fn timestamp_type(by_broker: bool) -> TimestampType {
    if by_broker { TimestampType::LogAppend } else { TimestampType::Create }
}

fn compression(code: i16, magic: u8) -> Result<Compression, BatchError> {
    match (code, magic) {
        (0, _) => Ok(Compression::None),
        (1, _) => Ok(Compression::Gzip),
        (2, _) => Ok(Compression::Snappy),
        (3, _) => Ok(Compression::Lz4),
        (4, 2) => Ok(Compression::Zstd),
        _ => Err(bad("compression codec", code.into())),
    }
}

/// Checks the checksum that Kafka itself keeps: CRC-32C over everything from the attributes on (magic 2), or CRC-32 over
/// everything from the magic on (0 and 1). `batch` starts with the whole batch; what lies behind it is not looked at.
pub fn verify_crc(header: &BatchHeader, batch: &[u8]) -> Result<(), BatchError> {
    let (from, algorithm) = if header.magic == 2 {
        (21, CrcAlgorithm::Crc32Iscsi)
    } else {
        (MAGIC_AT, CrcAlgorithm::Crc32IsoHdlc)
    };
    let size = usize::try_from(header.size).unwrap_or(usize::MAX);
    let covered = batch.get(from..size).ok_or(BatchError::Truncated {
        needed: u64::from(header.size),
        available: batch.len().try_into().unwrap_or(u64::MAX),
    })?;
    let computed = u32::try_from(checksum(algorithm, covered)).unwrap_or(u32::MAX);
    if computed == header.crc {
        return Ok(());
    }
    Err(BatchError::Crc { base_offset: header.base_offset, stored: header.crc, computed })
}

/// Big-endian fields at fixed places. A place beyond the end reads as zeros; callers have checked the length.
#[derive(Clone, Copy)]
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn at<const N: usize>(self, place: usize) -> [u8; N] {
        self.0.get(place..).and_then(|rest| rest.first_chunk::<N>()).copied().unwrap_or([0; N])
    }

    fn i8(self, place: usize) -> i8 {
        i8::from_be_bytes(self.at(place))
    }

    fn i16(self, place: usize) -> i16 {
        i16::from_be_bytes(self.at(place))
    }

    fn i32(self, place: usize) -> i32 {
        i32::from_be_bytes(self.at(place))
    }

    fn u32(self, place: usize) -> u32 {
        u32::from_be_bytes(self.at(place))
    }

    fn i64(self, place: usize) -> i64 {
        i64::from_be_bytes(self.at(place))
    }
}
