//! What a writer is told.

use super::{BrokerFiles, DEFAULT_BLOCK_SIZE, SegmentOrigin};
use crate::batch::BatchLimits;
use crate::ids::{Offset, Salt, SegmentUuid};
use crate::manifest::{EntryKind, Kip405};
use crate::topic_key::TopicKey;
use crate::transactions::{OpenTransaction, TransactionStart};

/// How blocks are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BlockCompression {
    /// As they are: no bytes are copied.
    #[default]
    None,
    /// Zstd where a block gets at least an eighth shorter, else as it is. A block in which every batch is compressed
    /// already is not tried.
    Zstd {
        /// Zstd's level, 1 to 19.
        level: i32,
    },
}

/// What a [`super::SegmentWriter`] writes and how.
#[derive(Debug, Clone)]
pub struct SegmentOptions {
    /// Whose log it is.
    pub origin: SegmentOrigin,
    /// Drawn afresh for this upload attempt.
    pub salt: Salt,
    /// The topic key that it is sealed with; `None` stores it in the clear.
    pub seal: Option<TopicKey>,
    /// The segment's first offset; batches may begin above it where a cleaner left a hole, never below.
    pub base: Offset,
    /// The raw length at which blocks are cut, in bytes, [`super::MIN_BLOCK_SIZE`] to [`super::MAX_BLOCK_SIZE`].
    pub block_size: u32,
    /// How blocks are stored.
    pub compression: BlockCompression,
    /// Which transactions are open at `base`.
    pub transactions: TransactionStart,
    /// The transactions open at the segment's end, where another than these batches tells them; `None` = as the batches tell.
    pub open_at_end: Option<Vec<OpenTransaction>>,
    /// What a batch may be at most.
    pub limits: BatchLimits,
    /// Whether the segment is meant to stay.
    pub kind: EntryKind,
    /// The tail pieces that it takes the place of.
    pub replaces: Vec<SegmentUuid>,
    /// What a KIP-405 broker calls it.
    pub kip405: Option<Kip405>,
    /// The broker's own files about it.
    pub broker_files: BrokerFiles,
}

impl SegmentOptions {
    /// A raw segment of the usual block size that starts at `base`, nothing known of open transactions; callers set
    /// the fields that differ.
    pub fn new(origin: SegmentOrigin, salt: Salt, base: Offset) -> Self {
        Self {
            origin,
            salt,
            seal: None,
            base,
            block_size: DEFAULT_BLOCK_SIZE,
            compression: BlockCompression::None,
            transactions: TransactionStart::Unknown { span_start: base },
            open_at_end: None,
            limits: BatchLimits::DEFAULT,
            kind: EntryKind::Segment,
            replaces: Vec::new(),
            kip405: None,
            broker_files: BrokerFiles::default(),
        }
    }
}
