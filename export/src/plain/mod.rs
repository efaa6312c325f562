//! Plain Parquet files, in Hive's directories, for people without a catalog.
//!
//! ```text
//!  topic=orders/day=2026-11-30/p3-00000000000000001000-00000000000000090210-7-1c9e0d42-1of2.parquet
//!        │            │         │  └ first offset        └ one past the last   │     │     └ which of the stretch's files
//!        │            │         └ partition                       leader epoch ┘     └ topic id and settings
//!        │            └ of the records' timestamps, UTC; `__HIVE_DEFAULT_PARTITION__` where they have none
//!        └ `_dead/topic=orders/…` for records that are no row
//! ```
//!
//! **What was exported is what the names say**; nothing else is kept. A partition's log is cut into stretches; each is read,
//! encoded in memory, and written as files that all carry its range and how many there are. A stretch is done when all its
//! files are there. A run lists what is there, reads what is wanted and not done, and writes it:
//!
//! - Killed anywhere, the next run finds a stretch done, or not begun, or with files missing; then it makes exactly that
//!   stretch again, and writes what is missing. A file appears whole or not at all, and is never overwritten.
//! - When the tier has grown, stretches are added behind. When small segments were joined in it, or its manifests changed in
//!   whatever way, nothing is different: borders are written in names, not derived from how the tier is cut. For new
//!   stretches they lie where Kafka's batches end, chosen by how much the rows come to: the same for all who begin at
//!   the same offset, but for the last one, which ends where the log is decided.
//! - Two runs at once may both write the last stretch, with different ends. The next run refuses such a place and
//!   names the files; it never counts them twice in silence.
//! - The end's leader epoch is held against the tier's lineage, so that a log that was cut by an unclean election is told.
//!
//! Another topic id, or other settings, have another fingerprint; a place with files of both is refused.

mod chunk;
mod error;
mod export;
mod files;
mod footer;
mod names;
mod settings;
mod survey;

pub use error::PlainError;
pub use export::{PlainExport, PlainReport};
pub use settings::{PlainRange, PlainSettings, Progress};
