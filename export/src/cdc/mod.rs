//! Change data capture: records that Debezium wrote, as rows of a table.
//!
//! ```text
//!  columns as decoded ──► ChangePlan ──► Changes ──┬─► changelog: every change a row, appended
//!  (envelope or unwrapped)  one per writer schema  └─► Fold ─► Folded: last change per key ─► equality deletes + rows,
//!                                                              ONE snapshot
//! ```
//!
//! What it promises: a change becomes exactly one row of a changelog; a current-state table holds, after each commit, for
//! each key what its last change left; a value that the connector could not read (`__debezium_unavailable_value`) never
//! stands in for the value it hides. Bytes from outside cost their own row at most ([`Refused`]), never the batch.
//!
//! What it leaves to others: decoding values (`firnline-decode`), the `kafka_*` columns, writing files, commits. Everything
//! here is a function of its arguments; nothing reads a clock, a file or a socket.

mod change;
mod connect;
mod convert;
mod decimal;
mod error;
mod flatten;
mod fold;
mod inline;
pub(crate) mod keys;
mod logical;
mod names;
mod pick;
mod plan;
mod settings;
mod shape;
mod unavailable;
mod view;
mod widen;
mod zoned;

pub use change::{Op, Refused};
pub use connect::{ConnectSchema, ConnectSchemas, NotWrapped, Wrapped, split};
pub use error::CdcError;
pub use flatten::{Changes, Decoded, LeftKeys};
pub use fold::{Fold, Folded};
pub use keys::{KeyError, encode_key};
pub use names::Names;
pub use plan::ChangePlan;
pub use settings::{CdcSettings, CdcTable, PLACEHOLDER, Truncate, Unavailable, WordError};
pub use shape::Cdc;
pub use view::{Dialect, NoKeys, View, ViewColumn, view_text};
pub use widen::{WidenError, align, widen};
