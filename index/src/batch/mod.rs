//! Kafka's record batches, by their headers alone: magic 0, 1 and 2.
//!
//! Records are never decoded here. The one look inside a batch is at a control batch's single key, which tells commit
//! from abort. Layouts: `org.apache.kafka.common.record.DefaultRecordBatch` (magic 2) and `LegacyRecord` (0 and 1). In all
//! three the offset stands at byte 0, the length of what follows at 8 and the magic at 16.
//!
//! A *batch* of magic 0 or 1 is one entry of the message set: a plain message, or a compressed wrapper around several.
//! A wrapper's header tells only the **last** offset inside; its base offset is then a lower bound that the caller brings
//! (one past the batch before it).

mod control;
mod error;
mod header;
mod scan;

pub use control::{Marker, control_marker};
pub use error::BatchError;
pub use header::{BatchHeader, Parsed, verify_crc};
pub use scan::{Batch, Batches, Sequence};

use crate::ids::ProducerId;

/// How many bytes of a batch are enough to parse any header.
pub const HEADER_PEEK: usize = 61;
/// The offset and length fields, which the length does not count.
pub const LOG_OVERHEAD: usize = 12;
/// Where the magic byte stands, whatever its value.
pub(crate) const MAGIC_AT: usize = 16;
/// Header of magic 0 with empty key and value: offset, length, crc, magic, attributes, key length, value length.
pub(crate) const MIN_V0: usize = 26;
/// The same with the timestamp of magic 1.
pub(crate) const MIN_V1: usize = 34;

/// What a batch may be at most. Kafka's own cap is `message.max.bytes` at produce time, which may have been anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimits {
    /// The largest whole batch in bytes.
    pub max_batch_bytes: u32,
}

impl BatchLimits {
    /// 256 MiB: above what any broker takes with sensible settings (`message.max.bytes` is about 1 MiB by default), and
    /// small enough that a damaged length cannot exhaust memory.
    pub const DEFAULT: Self = Self { max_batch_bytes: 256 << 20 };
}

impl Default for BatchLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The codec of a batch's records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Stored plainly.
    None,
    /// Gzip.
    Gzip,
    /// Snappy, in Kafka's framing or bare.
    Snappy,
    /// LZ4 frames.
    Lz4,
    /// Zstandard (magic 2 only).
    Zstd,
}

impl Compression {
    /// Kafka's name for the codec.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

/// Who set a batch's timestamps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimestampType {
    /// Magic 0 has none.
    None,
    /// The producer.
    Create,
    /// The broker, for every record of the batch alike.
    LogAppend,
}

/// The producer fields of an idempotent or transactional batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProducerInfo {
    /// The producer's id.
    pub id: ProducerId,
    /// Its epoch, which fencing bumps; −1 where there is none.
    pub epoch: i16,
    /// The sequence of the batch's first record; −1 in control batches.
    pub base_sequence: i32,
}

#[cfg(test)]
mod tests;
