//! Whether a table has what the log has.
//!
//! ```text
//!  tier ─► committed records ─► (partition, offset, SHA-256 of key and value) ─► + ┐
//!                                                                                  ├─► blocks of offsets: count and sum
//!  table's files, and the dead letters' ─► deletes applied ─► the same ──────────► − ┘        │
//!                                                             blocks that differ, again: offset by offset, by name
//! ```
//!
//! What it promises: nothing is taken from what the export says of itself but how far it has come; the tier is read and its
//! records are decoded here, apart from the code that exports; sums cannot cancel out what is there twice. Where a table
//! does not keep keys or values as bytes, only what it keeps is compared, and the report says so.
//!
//! Memory is bounded whatever the size of the table: at most [`MAX_BLOCKS`] blocks, then at most [`MAX_NAMED_SPAN`] offsets.

mod blocks;
mod error;
mod log;
mod names;
mod record;
mod report;
mod run;
mod table;

pub use blocks::MAX_BLOCKS;
pub use error::VerifyError;
pub use names::MAX_NAMED_SPAN;
pub use record::Compared;
pub use report::{Difference, PartitionReport, VerifyReport, What};
pub use run::{Expected, VerifyRequest, verify_table};
