//! What the footer says, as the rest of the crate sees it.

use std::fmt;

use crate::ids::{ByteCount, Crc32c, OffsetRange, SegmentUuid, StoredPosition, TimestampMs, TopicName};
use crate::lineage::EpochStart;
use crate::manifest::{EntryKind, Kip405};

/// The codec that blocks of a segment may use. Each block tells by its lengths whether it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BlockCodec {
    /// Every block is raw.
    None,
    /// Blocks are raw or zstd.
    Zstd,
}

impl fmt::Display for BlockCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Zstd => "zstd",
        })
    }
}

/// A part of the tail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SectionKind {
    /// The block index.
    BlockIndex,
    /// The transactions.
    Transactions,
    /// The broker's `.index`, zstd.
    OffsetIndex,
    /// The broker's `.timeindex`, zstd.
    TimeIndex,
    /// The broker's `.txnindex`, zstd.
    TransactionIndex,
    /// The broker's `.snapshot`, zstd.
    ProducerSnapshot,
    /// The broker's `leader-epoch-checkpoint` up to the segment's end, zstd.
    LeaderEpochs,
    /// The footer. It has no row in the section table; the trailer holds its length and checksum.
    Footer,
    /// A kind that a later build writes; its checksum is checked, its bytes are left alone.
    Other(u32),
}

impl SectionKind {
    /// The number in the section table. 0 is never used, so that a forgotten field is no section.
    pub const fn number(self) -> u32 {
        match self {
            Self::BlockIndex => 1,
            Self::Transactions => 2,
            Self::Footer => 3,
            Self::OffsetIndex => 16,
            Self::TimeIndex => 17,
            Self::TransactionIndex => 18,
            Self::ProducerSnapshot => 19,
            Self::LeaderEpochs => 20,
            Self::Other(number) => number,
        }
    }

    /// The kind of a number.
    pub const fn from_number(number: u32) -> Self {
        match number {
            1 => Self::BlockIndex,
            2 => Self::Transactions,
            3 => Self::Footer,
            16 => Self::OffsetIndex,
            17 => Self::TimeIndex,
            18 => Self::TransactionIndex,
            19 => Self::ProducerSnapshot,
            20 => Self::LeaderEpochs,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for SectionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BlockIndex => "block index",
            Self::Transactions => "transactions",
            Self::Footer => "footer",
            Self::OffsetIndex => "offset index",
            Self::TimeIndex => "time index",
            Self::TransactionIndex => "transaction index",
            Self::ProducerSnapshot => "producer snapshot",
            Self::LeaderEpochs => "leader epochs",
            Self::Other(number) => return write!(f, "unknown ({number})"),
        })
    }
}

/// Where a part of the tail lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section {
    /// What it is.
    pub kind: SectionKind,
    /// Its first byte, counted from the segment's start.
    pub position: StoredPosition,
    /// Its length.
    pub length: ByteCount,
    /// The checksum of its stored bytes.
    pub crc: Crc32c,
}

/// What a segment says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Footer {
    /// The offsets covered.
    pub range: OffsetRange,
    /// The first offset of each leader epoch, oldest first.
    pub epochs: Vec<EpochStart>,
    /// The smallest timestamp that a batch header tells.
    pub min_timestamp: Option<TimestampMs>,
    /// The largest timestamp of any batch.
    pub max_timestamp: Option<TimestampMs>,
    /// Bytes of all batches, raw.
    pub log_bytes: ByteCount,
    /// How many blocks.
    pub blocks: u32,
    /// How many batches.
    pub batches: u64,
    /// How many records; `None` where a compressed wrapper of magic 0 or 1 hides its count.
    pub records: Option<u64>,
    /// What blocks may be compressed with.
    pub codec: BlockCodec,
    /// The raw length at which blocks were cut, in bytes.
    pub block_size: u32,
    /// The topic's name when the segment was written.
    pub topic: TopicName,
    /// Name and version of the software that wrote it.
    pub software: String,
    /// Whether the segment is meant to stay.
    pub kind: EntryKind,
    /// The tail pieces that it takes the place of.
    pub replaces: Vec<SegmentUuid>,
    /// What a KIP-405 broker calls it.
    pub kip405: Option<Kip405>,
    /// The parts of the tail before the footer, in order, end to end.
    pub sections: Vec<Section>,
}

impl Footer {
    /// Memory held behind this value, in bytes.
    pub(super) fn memory_bytes(&self) -> usize {
        let kip405 = self.kip405.as_ref().map_or(0, |kip405| size_of_val(&*kip405.epochs));
        size_of_val(&*self.epochs) + size_of_val(&*self.replaces) + size_of_val(&*self.sections) + kip405
    }

    /// The section of a kind, if there is one.
    pub fn section(&self, kind: SectionKind) -> Option<&Section> {
        self.sections.iter().find(|section| section.kind == kind)
    }
}
