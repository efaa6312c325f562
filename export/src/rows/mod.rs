//! Records to rows: the flat `kafka_*` columns, and keys and values as bytes, texts or fields of their own.
//!
//! ```text
//!  RawBatches ─► records ─► key, value ─► columns that can be taken back ─┬─► RecordBatch of the Layout
//!                              │                                          └─► dead letters beside
//!                              └ schema unknown: asked for · a field without a column: Grown, first
//! ```
//!
//! What it promises: each record becomes exactly one row or exactly one dead letter, in order; a bad one costs itself alone.
//! Nothing is rounded, cut or guessed: a value that does not fit its column is a dead letter. A registry that is down stalls,
//! it makes no dead letters.
//!
//! A batch whose bytes cannot be taken apart further (its codec, its lengths) is one dead letter from there on: at the offset
//! of the first record that could not be read, with the bytes of the whole batch as its value. The records before it are rows.
//!
//! What it leaves to others: how a table gets the columns that [`Grown`] names; positions; files.

mod convert;
mod dead;
mod encoder;
mod error;
mod grow;
mod headers;
mod kafka;
mod layout;
mod merge;
mod part;
mod pump;
mod settings;
mod stats;
mod walk;

pub use convert::conform;
pub use dead::{DEAD_LETTER_FIELDS, DeadRow, dead_letter_schema, dead_letters};
pub use encoder::{Encoded, Given, OwnColumns, OwnSchema, RowEncoder, Step, Wanted};
pub use error::RowsError;
pub use grow::Grown;
pub use kafka::KafkaColumn;
pub use layout::{FIELD_ID, Layout, LayoutColumn, Origin};
pub use pump::{Pumped, RowPump};
pub use settings::{Headers, Part, RowSettings, Side};
pub use stats::RowStats;
