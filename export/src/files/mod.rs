//! Rows to Parquet files: as few as there are partitions of the table, within a bound of memory, with what a table's manifest
//! wants to know of each.
//!
//! ```text
//!  RecordBatch ─► Partitioner ─► one open file per key ─► row groups ─► FileSink (parts go out while rows come in)
//!                                     │ on a worker                          │ async
//!                                     └ finish: WrittenFile: rows, size, split offsets, bounds per column
//! ```
//!
//! What it promises: rows of one key stand in its files in the order in which they came; a file's size and bounds are what
//! its bytes say; what is held in memory stays below [`FileSettings::memory`] plus one batch, whatever rows and keys
//! come: the largest row group in progress is closed early; a file appears whole or not at all, as far as the sink keeps
//! that.
//!
//! What it leaves to others: names that are unique (the stem), retries and parts (the sink's), what becomes of files that
//! were written and not committed.

mod error;
mod metrics;
mod one;
mod partition;
mod schema;
mod set;
mod settings;
mod sink;
mod written;

pub use error::FileError;
pub use metrics::ColumnMetrics;
pub use partition::{ByDay, Given, Partitioner, Split, Unpartitioned, split_rows};
pub use set::FileSet;
pub use settings::{FileSettings, Naming};
pub use sink::{FileSink, MemoryFile, MemorySink, OpenFile};
pub use written::WrittenFile;
