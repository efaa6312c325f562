//! A Kafka broker's log directories, read as they lie on disk, whether or not the broker runs.
//!
//! | question | answer |
//! |---|---|
//! | whose directory is this, and what is in it? | [`LogDir`], [`LogDirs`], [`PartitionDir`], [`Found`] |
//! | does a broker hold it right now? | [`BrokerLock`] |
//! | the batches from here to there, in order | [`FileSource`], [`SegmentStream`] |
//! | the batch at this offset | [`LocalLog`] |
//! | may a partition be restored here? | [`RestoreTarget`], [`RestoreWriter`] |
//! | a directory such as a broker would leave | [`fixture`] (demo and tests) |
//!
//! All calls block; callers on an async runtime use its blocking threads. Nothing here is async.
//!
//! This crate must never change, rename, lock or delete a file of a broker; the only directories it writes to are
//! restore targets that [`RestoreTarget::check`] has passed, and new ones of [`fixture`]. It must never decode the
//! records inside a batch, never trust a broker's index or checkpoint (they are hints), and never follow a symbolic
//! link out of a log directory.

mod damage;
mod dir;
mod error;
pub mod files;
pub mod fixture;
mod local;
mod lock;
mod open;
mod restore;
mod scan;
mod set;
mod source;

pub use dir::{LogDir, OffsetCheckpoint, Offsets};
pub use error::{IoProblem, LogDirError};
pub use local::{LocalLog, LocalRead};
pub use lock::BrokerLock;
pub use restore::{
    RestoreError, RestoreRefused, RestoreSummary, RestoreTarget, RestoreWriter, SegmentRestore, lower_epochs,
};
pub use scan::{Found, NotLog, NotLogReason, PartitionDir, Refused, RefusedReason, SegmentFile};
pub use set::{Inventory, LogDirs};
pub use source::{
    BufferPool, Change, Damage, FileSource, ReadError, SegmentCheck, SegmentStream, SourceOptions, Tail,
    TornReason,
};
