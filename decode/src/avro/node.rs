//! The nodes of a parsed Avro schema. Named types are nodes like all others and refer to each other by number, so a
//! recursive schema is a graph without special cases: whoever walks it bounds its own depth.

use std::sync::Arc;

/// The number of a node in its schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct NodeId(pub(super) u32);

/// What the bytes of a datum hold at one place.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Fixed { size: usize },
    Enum { symbols: Arc<[Box<str>]> },
    Array { items: NodeId },
    Map { values: NodeId },
    Union { branches: Box<[Branch]> },
    Record { fields: Box<[Field]> },
    Decimal { precision: u8, scale: i8, stored: Stored },
    UuidText,
    UuidBytes { stored: Stored },
    Date,
    TimeMillis,
    TimeMicros,
    Timestamp { unit: Unit, utc: bool },
    Duration,
}

/// One alternative of a union.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Branch {
    /// The type's name as a column is named after it: `long`, `string`, or the short name of a named type.
    pub(super) name: Box<str>,
    pub(super) node: NodeId,
}

/// A field of a record.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub(super) name: Box<str>,
    pub(super) node: NodeId,
}

/// How a logical type over bytes is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stored {
    /// A length, then that many bytes.
    Bytes,
    /// Exactly so many bytes.
    Fixed(usize),
}

/// The unit of a timestamp in the datum; columns hold microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Milliseconds,
    Microseconds,
    Nanoseconds,
}

impl Unit {
    /// Microseconds of a count of this unit, rounded towards the past; nothing where 64 bits do not hold them.
    #[inline]
    pub(super) fn micros(self, count: i64) -> Option<i64> {
        match self {
            Self::Milliseconds => count.checked_mul(1_000),
            Self::Microseconds => Some(count),
            Self::Nanoseconds => Some(count.div_euclid(1_000)),
        }
    }
}
