//! Batches and records for the tests.

use bytes::Bytes;
use firnline_index::batch::{BatchHeader, BatchLimits, Compression, Parsed, verify_crc};
use firnline_index::{Offset, TimestampMs};
use firnline_records::{DecodeLimits, Record, RecordError, decode_batch};

pub(crate) const CODECS: [Compression; 5] =
    [Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd];

/// Magic 0 and 1 know no zstd.
pub(crate) const LEGACY_CODECS: [Compression; 4] =
    [Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4];

pub(crate) fn offset(value: i64) -> Offset {
    Offset::new(value).unwrap()
}

pub(crate) fn time(value: i64) -> TimestampMs {
    TimestampMs::new(value).unwrap()
}

pub(crate) fn header(batch: &[u8]) -> BatchHeader {
    match BatchHeader::parse(batch, Offset::ZERO, &BatchLimits::default()).unwrap() {
        Parsed::Header(header) => header,
        Parsed::NeedMore(needed) => panic!("{needed} bytes needed"),
    }
}

/// The records of one batch, whose CRC must be right.
pub(crate) fn decode(batch: &[u8]) -> Result<Vec<Record>, RecordError> {
    let header = header(batch);
    verify_crc(&header, batch).unwrap();
    decode_unchecked(batch, DecodeLimits::default())
}

/// The same whatever the CRC.
pub(crate) fn decode_unchecked(batch: &[u8], limits: DecodeLimits) -> Result<Vec<Record>, RecordError> {
    decode_batch(&header(batch), Bytes::copy_from_slice(batch), &limits)?.collect()
}

/// The chain of messages, as an operator would see it.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

/// Cuts a message set of plain messages into batches.
pub(crate) fn split(set: &[u8]) -> Vec<&[u8]> {
    let mut rest = set;
    let mut batches = Vec::new();
    while !rest.is_empty() {
        let (batch, after) = rest.split_at(header(rest).size as usize);
        batches.push(batch);
        rest = after;
    }
    batches
}
