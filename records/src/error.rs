//! What can be wrong inside a batch.

use std::fmt;
use std::io;

use firnline_index::Offset;
use firnline_index::batch::Compression;

/// A batch whose content cannot be read. Names the batch and, where one is at fault, the record.
#[derive(Debug, thiserror::Error)]
#[error("{}", Place { base_offset: *base_offset, record: *record })]
pub struct RecordError {
    /// The base offset of the batch.
    pub base_offset: Offset,
    /// How many records of the batch were read before this one; `None` where the batch as a whole is at fault.
    pub record: Option<u32>,
    /// What is wrong.
    #[source]
    pub problem: Problem,
}

struct Place {
    base_offset: Offset,
    record: Option<u32>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.record {
            Some(index) => write!(f, "decode record {index} of the batch at offset {}", self.base_offset),
            None => write!(f, "decode the batch at offset {}", self.base_offset),
        }
    }
}

/// What is wrong with a batch's content.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The batch given is not the one its header describes.
    #[error("the batch has {actual} bytes, its header says {expected}")]
    Size {
        /// What the header says.
        expected: u64,
        /// What was given.
        actual: u64,
    },
    /// The compressed bytes are damaged.
    #[error("decompress {}", compression.name())]
    Codec {
        /// The codec that the batch names.
        compression: Compression,
        /// What the codec says.
        #[source]
        source: io::Error,
    },
    /// The content is longer than the caller allows: perhaps a decompression bomb.
    #[error("the content is longer than the limit of {limit} bytes")]
    TooLarge {
        /// The limit that was given.
        limit: usize,
    },
    /// The content ends inside a record.
    #[error("the content ends {missing} bytes short of {what}")]
    Truncated {
        /// What was being read.
        what: &'static str,
        /// How many bytes are missing, as far as is known.
        missing: u64,
    },
    /// A number of variable length that does not end where it must.
    #[error("{what} is not a valid variable-length number")]
    Varint {
        /// What the number stands for.
        what: &'static str,
    },
    /// A length or count that cannot be.
    #[error("{what} is {value}, with {remaining} bytes left")]
    Length {
        /// What the number stands for.
        what: &'static str,
        /// The number found.
        value: i64,
        /// How many bytes are left for it.
        remaining: u64,
    },
    /// An offset outside the batch, or one that does not follow the one before.
    #[error("offset {offset} is out of place: expected {least} to {most}")]
    OffsetOrder {
        /// The offset found. May be negative.
        offset: i64,
        /// The smallest offset that could stand here.
        least: i64,
        /// The largest offset that could stand here.
        most: i64,
    },
    /// Bytes are left when the last record has been read.
    #[error("bytes are left after the last of {records} records")]
    Trailing {
        /// How many records the header announced.
        records: u32,
    },
    /// A wrapper of magic 0 or 1 without messages in it.
    #[error("the compressed message holds no messages")]
    EmptyWrapper,
    /// A message inside a wrapper has another magic than the wrapper.
    #[error("a message of magic {inner} stands in a wrapper of magic {outer}")]
    InnerMagic {
        /// The wrapper's magic.
        outer: u8,
        /// The inner message's magic.
        inner: u8,
    },
    /// A message inside a wrapper is itself compressed. Kafka refuses it too, so one level is the depth limit.
    #[error("a compressed message stands inside a compressed message")]
    InnerCompressed,
    /// The CRC of a message inside a wrapper does not match.
    #[error("inner message has CRC {actual:08x}, it says {expected:08x}")]
    InnerCrc {
        /// What the message says.
        expected: u32,
        /// What its bytes give.
        actual: u32,
    },
}
