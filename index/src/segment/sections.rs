//! The section table of the footer.

/// What a section holds. Numbers are on disk: they are never given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
    /// The broker's leader-epoch checkpoint, zstd.
    LeaderEpochCheckpoint,
    /// A kind that this build does not know, and skips.
    Unknown(u32),
}

impl SectionKind {
    /// The number on disk.
    pub const fn number(self) -> u32 {
        match self {
            Self::BlockIndex => 1,
            Self::Transactions => 2,
            Self::OffsetIndex => 16,
            Self::TimeIndex => 17,
            Self::TransactionIndex => 18,
            Self::ProducerSnapshot => 19,
            Self::LeaderEpochCheckpoint => 20,
            Self::Unknown(number) => number,
        }
    }

    /// The kind of a number on disk.
    pub const fn from_number(number: u32) -> Self {
        match number {
            1 => Self::BlockIndex,
            2 => Self::Transactions,
            16 => Self::OffsetIndex,
            17 => Self::TimeIndex,
            18 => Self::TransactionIndex,
            19 => Self::ProducerSnapshot,
            20 => Self::LeaderEpochCheckpoint,
            other => Self::Unknown(other),
        }
    }
}

/// One section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section {
    /// What it holds.
    pub kind: SectionKind,
    /// Where it starts in the object.
    pub position: u64,
    /// How long it is.
    pub length: u64,
    /// The checksum of its stored bytes.
    pub crc: crate::ids::Crc32c,
}
