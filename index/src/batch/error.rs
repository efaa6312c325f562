//! What can be wrong with the bytes of a batch.

use crate::ids::{LeaderEpoch, Offset, RawPosition};

/// A batch that cannot be right. Positions are those of the batch's first byte in the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// Nothing but zeros from here: what a preallocated file holds behind its last batch.
    #[error("zeros from here on: the end of a preallocated log")]
    Zeros,
    /// The bytes end inside a batch.
    #[error("the batch needs {needed} bytes and {available} are left")]
    Truncated {
        /// How long the batch says it is, or how much of a header is needed to know.
        needed: u64,
        /// How many bytes there are.
        available: u64,
    },
    /// A length that no batch can have.
    #[error("batch length {length} lies outside {min}..={max}")]
    Length {
        /// The whole batch's length as its header gives it.
        length: i64,
        /// The shortest for its magic.
        min: i64,
        /// The longest allowed.
        max: i64,
    },
    /// A magic that Kafka has never written.
    #[error("magic {0} is unknown (0, 1 and 2 are known)")]
    Magic(i8),
    /// A field with a value that Kafka never writes.
    #[error("{field} is {value}, which cannot be")]
    Field {
        /// Kafka's name of the field.
        field: &'static str,
        /// Its value.
        value: i64,
    },
    /// The checksum that the producer or broker computed does not match.
    #[error("kafka's own crc of the batch at offset {base_offset} is {stored:08x}, computed {computed:08x}")]
    Crc {
        /// The batch's base offset.
        base_offset: Offset,
        /// The checksum in the header.
        stored: u32,
        /// The checksum of the bytes.
        computed: u32,
    },
    /// Offsets go back, or the batch starts before the log does.
    #[error("offset {found} comes after offset {expected} was due")]
    OffsetBack {
        /// One past the last offset before.
        expected: Offset,
        /// The offset found.
        found: Offset,
    },
    /// Leader epochs go back, which no log does.
    #[error("leader epoch {found} at offset {offset} comes after epoch {before}")]
    EpochBack {
        /// The epoch before.
        before: LeaderEpoch,
        /// The epoch found.
        found: LeaderEpoch,
        /// The base offset of the batch.
        offset: Offset,
    },
    /// A control batch whose one record cannot be read.
    #[error("control batch at offset {base_offset}: {why}")]
    Control {
        /// The batch's base offset.
        base_offset: Offset,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Any of the above, with its place.
    #[error("batch at position {position}")]
    At {
        /// The position of the batch's first byte.
        position: RawPosition,
        /// What is wrong there.
        #[source]
        error: Box<BatchError>,
    },
}

impl BatchError {
    /// Adds the place.
    pub fn at(self, position: RawPosition) -> Self {
        match self {
            Self::At { .. } => self,
            error => Self::At { position, error: Box::new(error) },
        }
    }

    /// The fault itself, without its place.
    pub fn fault(&self) -> &Self {
        match self {
            Self::At { error, .. } => error,
            error => error,
        }
    }

    /// Where the batch starts, if that is known.
    pub fn position(&self) -> Option<RawPosition> {
        match self {
            Self::At { position, .. } => Some(*position),
            _ => None,
        }
    }

    /// Whether the bytes merely stop: a log that was cut off in mid-write, or preallocated. In a file still written that
    /// is no damage.
    pub fn is_end(&self) -> bool {
        matches!(self.fault(), Self::Zeros | Self::Truncated { .. })
    }
}
