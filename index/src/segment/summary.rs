//! What a writer tells about the segment it has written.

use crate::ids::{ByteCount, Crc32c, KeyId, OffsetRange, StoredPosition, TimestampMs};
use crate::lineage::EpochStart;
use crate::transactions::SegmentTransactions;

/// What a manifest entry says of a segment's contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentSummary {
    /// From the base that the writer was given up to one past the last batch's last offset.
    pub range: OffsetRange,
    /// The first offset of each leader epoch, oldest first; empty where no batch carries one.
    pub epochs: Vec<EpochStart>,
    /// Bytes of all batches, raw.
    pub log_bytes: ByteCount,
    /// Bytes of the whole object.
    pub object_bytes: ByteCount,
    /// Where the tail begins, which is where the blocks end.
    pub tail_position: StoredPosition,
    /// How many blocks.
    pub blocks: u32,
    /// How many batches.
    pub batches: u64,
    /// How many records by the batch headers; `None` where a compressed wrapper of magic 0 or 1 hides its count.
    pub records: Option<u64>,
    /// The smallest timestamp that a batch header tells. A record inside a batch may be older than its first.
    pub min_timestamp: Option<TimestampMs>,
    /// The largest timestamp of any batch.
    pub max_timestamp: Option<TimestampMs>,
    /// The transactions section.
    pub transactions: SegmentTransactions,
    /// CRC32C of all stored bytes, from the first block to the trailer's end.
    pub object_crc: Crc32c,
    /// The topic key that seals it; `None` where it is stored in the clear.
    pub key_id: Option<KeyId>,
}
