//! What can be wrong with a segment.

use crate::batch::BatchError;
use crate::block_index::BlockIndexError;
use crate::ids::{Crc32c, KeyId, Offset, ProducerId, ValueError};
use crate::transactions::TransactionsError;

use super::SectionKind;

/// Batches that cannot be written as a segment. The writer is spent.
#[derive(Debug, thiserror::Error)]
pub enum SegmentWriteError {
    /// A batch is damaged or out of order; the cause names its position in the raw bytes.
    #[error("a record batch is refused")]
    Batch(#[source] BatchError),
    /// No batch was pushed.
    #[error("a segment without batches cannot be written")]
    Empty,
    /// A setting is out of range.
    #[error("{what} {value} lies outside {min}..={max}")]
    Setting {
        /// Which.
        what: &'static str,
        /// Its value.
        value: i64,
        /// The smallest allowed.
        min: i64,
        /// The largest allowed.
        max: i64,
    },
    /// The batches hold more of something than one segment may; cut it earlier.
    #[error("the segment holds more than {limit} {what}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// Who tells the open transactions speaks of another place.
    #[error(
        "producer {producer} is told to have a transaction open at the segment's end {end} that begins at offset {first_offset}"
    )]
    OpenBeyondEnd {
        /// The producer.
        producer: ProducerId,
        /// Where its transaction is told to begin.
        first_offset: Offset,
        /// One past the segment's last offset.
        end: Offset,
    },
    /// What comes behind the blocks is longer than readers take.
    #[error(
        "block index, transactions, broker files and footer take {length} bytes, more than the {limit} that may stand \
         behind a segment's blocks: make segments shorter"
    )]
    TailTooLong {
        /// Its length, as far as it was counted.
        length: u64,
        /// The limit.
        limit: u32,
    },
    /// A file of the broker's is longer than readers take.
    #[error("the broker's {section} has {length} bytes, at most {limit} are taken: make segments shorter")]
    FileTooLong {
        /// Which file.
        section: SectionKind,
        /// Its length.
        length: u64,
        /// The limit.
        limit: u64,
    },
    /// The codec failed on a file of the broker's.
    #[error("the broker's {section} cannot be compressed")]
    CompressFile {
        /// Which file.
        section: SectionKind,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The codec failed.
    #[error("a block cannot be compressed")]
    Compress(#[source] std::io::Error),
    /// An earlier call failed.
    #[error("the segment writer has failed before")]
    Spent,
}

/// A trailer that cannot be right. Checked in this order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrailerError {
    /// Fewer bytes than a trailer has.
    #[error("{available} bytes are too few for a segment trailer of {needed}")]
    Short {
        /// How many there are.
        available: usize,
        /// How many it takes.
        needed: usize,
    },
    /// Not a remote segment, or cut off.
    #[error(
        "magic {found:02x?} is not a remote segment's: the object is another thing, or its end is missing"
    )]
    Magic {
        /// The eight bytes found.
        found: [u8; 8],
    },
    /// Written by a newer release.
    #[error("segment format version {found} is newer than {supported}, the newest this build reads")]
    NewerVersion {
        /// The version in the trailer.
        found: u16,
        /// The newest version known.
        supported: u16,
    },
    /// A length that cannot be.
    #[error("{what} {value} lies outside {min}..={max}")]
    Size {
        /// Which length.
        what: &'static str,
        /// Its value.
        value: u64,
        /// The smallest allowed.
        min: u64,
        /// The largest allowed.
        max: u64,
    },
    /// The checksum does not match.
    #[error("crc32c of the segment trailer is {stored}, computed {computed}")]
    Crc {
        /// The checksum in the trailer.
        stored: Crc32c,
        /// The checksum of its bytes.
        computed: Crc32c,
    },
    /// Bytes that must be zero are not.
    #[error("reserved bytes of the segment trailer are not zero")]
    Reserved,
    /// An id or number that its type cannot hold.
    #[error("an id in the segment trailer is not valid")]
    Value(#[source] ValueError),
}

/// A footer that cannot be right.
#[derive(Debug, thiserror::Error)]
pub enum FooterError {
    /// Not a footer's message at all.
    #[error("the segment footer cannot be decoded")]
    Decode(#[source] prost::DecodeError),
    /// An id or number that its type cannot hold.
    #[error("{what} in the segment footer is not valid")]
    Value {
        /// Which field.
        what: &'static str,
        /// Why not.
        #[source]
        source: ValueError,
    },
    /// A field that is absent, too long or of a value this version does not have.
    #[error("{what} in the segment footer is {why}")]
    Field {
        /// Which field.
        what: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// A segment that cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum SegmentReadError {
    /// The trailer.
    #[error("the segment's end is not valid")]
    Trailer(#[source] TrailerError),
    /// It is not the segment that the manifest names.
    #[error("{what} is {found}, expected {expected}")]
    Unexpected {
        /// Which value.
        what: &'static str,
        /// What the caller expected.
        expected: String,
        /// What the segment says.
        found: String,
    },
    /// The segment is encrypted.
    #[error("the segment is sealed with topic key {key_id}, and that key is not at hand")]
    Sealed {
        /// The topic key's id.
        key_id: KeyId,
    },
    /// A sealed part does not open.
    #[error(
        "the {section}, sealed with topic key {key_id}, does not authenticate: it was changed or belongs elsewhere"
    )]
    Unauthentic {
        /// Which part.
        section: SectionKind,
        /// The topic key's id.
        key_id: KeyId,
    },
    /// The bytes given are not the tail that the trailer announces.
    #[error("the tail has {found} bytes, its trailer says {expected}")]
    TailLength {
        /// By the trailer.
        expected: u64,
        /// The bytes given.
        found: u64,
    },
    /// A checksum of a section or of the footer does not match.
    #[error("crc32c of the {section} is {stored}, computed {computed}")]
    Crc {
        /// Which part.
        section: SectionKind,
        /// The checksum recorded.
        stored: Crc32c,
        /// The checksum of the bytes.
        computed: Crc32c,
    },
    /// The footer.
    #[error("the segment footer is not valid")]
    Footer(#[source] FooterError),
    /// The sections do not lie end to end between the blocks and the footer.
    #[error("the {section} section lies at {found}, expected at {expected}")]
    Layout {
        /// Which section.
        section: SectionKind,
        /// Where the section before it ends.
        expected: u64,
        /// Where it lies.
        found: u64,
    },
    /// A section that every segment has is missing, or there twice.
    #[error("the segment has {found} {section} sections, expected one")]
    Sections {
        /// Which section.
        section: SectionKind,
        /// How many.
        found: usize,
    },
    /// The block index.
    #[error("the block index is not valid")]
    Index(#[source] BlockIndexError),
    /// The transactions.
    #[error("the transactions section is not valid")]
    Transactions(#[source] TransactionsError),
    /// A file of the broker's does not decompress.
    #[error("the {section} section cannot be decompressed")]
    Decompress {
        /// Which section.
        section: SectionKind,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file of the broker's is longer than any is, or not as long as it states.
    #[error("the {section} section holds {found} bytes, expected {expected}")]
    FileLength {
        /// Which section.
        section: SectionKind,
        /// As it states, or the most there may be.
        expected: u64,
        /// As it states, or after decompression.
        found: u64,
    },
    /// Two parts of the segment contradict each other.
    #[error("{what}: {left} by one part of the segment, {right} by another")]
    Contradiction {
        /// Which value.
        what: &'static str,
        /// The one.
        left: u64,
        /// The other.
        right: u64,
    },
}

/// A block whose bytes cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum BlockError {
    /// Not the bytes that the index names.
    #[error("block {number} has {found} stored bytes, expected {expected}")]
    StoredLength {
        /// Which block.
        number: u32,
        /// By the index.
        expected: u64,
        /// The bytes given.
        found: u64,
    },
    /// A sealed block does not open.
    #[error("block {number} does not authenticate: it was changed, or belongs elsewhere")]
    Unauthentic {
        /// Which block.
        number: u32,
    },
    /// The codec refuses the bytes.
    #[error("block {number} cannot be decompressed")]
    Decompress {
        /// Which block.
        number: u32,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Decompressed to another length.
    #[error("block {number} has {found} raw bytes, expected {expected}")]
    RawLength {
        /// Which block.
        number: u32,
        /// By the index.
        expected: u64,
        /// After decompression.
        found: u64,
    },
    /// The checksum does not match.
    #[error("crc32c of block {number} is {stored}, computed {computed}")]
    Crc {
        /// Which block.
        number: u32,
        /// By the index.
        stored: Crc32c,
        /// Of the raw bytes.
        computed: Crc32c,
    },
}

impl BlockError {
    /// The block's number in its segment.
    pub fn number(&self) -> u32 {
        match self {
            Self::StoredLength { number, .. }
            | Self::Unauthentic { number }
            | Self::Decompress { number, .. }
            | Self::RawLength { number, .. }
            | Self::Crc { number, .. } => *number,
        }
    }
}
