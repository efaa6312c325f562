//! Tier to bytes: the one place that answers "give me offset X".
//!
//! | question | answer |
//! |---|---|
//! | the batches from this offset on | [`Reader::read`] |
//! | the same, if no request has to be made for it | [`Reader::read_held`] |
//! | the first batch at or after this time | [`Reader::find_timestamp`] |
//! | everything from here to there, in order | [`Reader::scan`] |
//! | the bytes of one segment, by their position in the broker's file | [`Reader::segment`] |
//! | where would the log end, as if nothing from here on had been written? | [`Reader::ended_at`] |
//! | what does the tier hold of a partition? | [`Reader::manifest`] |
//! | what do stopped brokers have behind the tier's end? | [`Disks`] |
//!
//! A cold read costs one GET for the manifest (kept for [`ReaderSettings::max_manifest_age`], then asked for
//! conditionally), one for a segment's tail, one for a run of blocks, and one more for each page of older entries. All
//! three are cached in memory within limits in bytes; equal requests share one flight, failures are never kept. Blocks and
//! tails are kept on this machine's disk as well where [`ReaderSettings::disk`] names a directory.
//!
//! This crate must never write, list or delete anything but the files of its own disk cache; never hand out a byte whose block's CRC32C it has not compared; never
//! call a transaction committed that it has not seen decided; and never answer "not there" for "could not be read".

mod batches;
mod cache;
mod codes;
mod disk;
mod ended;
mod error;
mod fetch;
mod keys;
mod local;
mod named;
mod open;
mod place;
mod read;
mod reader;
mod rest;
mod scan;
mod segment;
mod settings;
mod stats;
mod tasks;
mod timestamp;
mod transactions;

pub use batches::BatchChain;
pub use codes::{ALL as CODES, Code};
pub use disk::{DiskSettings, DiskStats};
pub use ended::Ended;
pub use error::{ErrorKind, ReadError};
pub use keys::{KeyFailure, SegmentKeys};
pub use read::{Batches, Bounds, ReadOutcome};
pub use reader::Reader;
pub use rest::{DiskProblem, DiskTopic, Disks, DisksError, DisksSettings, Found};
pub use scan::{Scan, ScanBatches, ScanItem};
pub use segment::{SegmentHandle, SegmentPlace, SegmentRef};
pub use settings::{Isolation, ReaderSettings, Sight, Workers};
pub use stats::ReaderStats;
pub use timestamp::BatchAtTime;
pub use transactions::Decided;
