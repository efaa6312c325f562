//! What a datum's reader does, worked out once for a schema and a table: which column each value goes to, and which
//! values are stepped over.

use std::sync::Arc;

use super::node::{NodeId, Stored, Unit};

/// What to do with a datum.
pub(super) enum Root {
    /// The fields of a record.
    Record(Members),
    /// A union at the top, whose branches are records or null.
    Choice { branches: Box<[Choice]> },
}

/// One branch of a union at the top.
pub(super) enum Choice {
    /// No value: every column is null.
    Null,
    /// The only record of the union: its fields are the columns.
    Record(Members),
    /// One record of several: a column of its own.
    Member(Step),
}

/// The fields of a record, in the order of the bytes.
pub(super) struct Members {
    pub(super) steps: Box<[Step]>,
    /// Columns that no field fills.
    pub(super) absent: Box<[usize]>,
}

/// What to do with one field.
pub(super) struct Step {
    pub(super) name: Box<str>,
    pub(super) to: To,
}

/// Where a value goes.
pub(super) enum To {
    Column(usize, Slot),
    Nowhere(NodeId),
}

/// A value that may be absent.
pub(super) struct Slot {
    /// The branch that is null, where the value is a union of null and one type.
    pub(super) null: Option<bool>,
    pub(super) read: Read,
}

/// How one value is read.
pub(super) enum Read {
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    Text,
    Fixed(usize),
    Symbol(Arc<[Box<str>]>),
    Decimal {
        stored: Stored,
        limit: i128,
    },
    UuidText,
    UuidBytes(Stored),
    TimeMillis,
    TimeMicros,
    Timestamp(Unit),
    List(Box<Items>),
    Map(Box<Items>),
    Record(Box<Members>),
    /// A record that has no columns of its own.
    Present(NodeId),
    /// A union of several types.
    Union(Box<[Branch]>),
}

/// The items of a list or the values of a map.
pub(super) struct Items {
    pub(super) slot: Slot,
    /// Values in columns that one item may become.
    pub(super) cells: u64,
    /// Whether an item takes bytes.
    pub(super) sized: bool,
}

/// One branch of a union.
pub(super) enum Branch {
    Null,
    /// The only type of the union: its column is the union's.
    Whole(Read),
    /// One of the struct's columns.
    Member(usize, Slot),
    /// A type without a column; the struct is there, with nothing in it.
    Nowhere(NodeId),
}
