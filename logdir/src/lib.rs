//! A Kafka broker's log directories, read as they lie on disk, whether or not the broker runs.
//!
//! | question | answer |
//! |---|---|
//! | whose directory is this, and what is in it? | [`LogDir`], [`LogDirs`], [`PartitionDir`], [`Found`] |
//! | does a broker hold it right now? | [`BrokerLock`] |
//! | the batches from here to there, in order | [`FileSource`], [`SegmentStream`] |
//! | the batch at this offset | [`LocalLog`] |
//! | may a partition be restored here? | [`RestoreTarget`], [`RestoreWriter`] |
//! | keep a segment's bytes after the broker has deleted it | [`PinDir`], [`PinName`], [`PinContent`], [`chains`] |
//! | what happens there, while it happens | [`Watcher`], [`RootListing`] |
//! | keep the disk from filling with pins | [`Reserve`] |
//! | what must not be forgotten | [`WitnessJournal`] |
//! | keep a second sidecar away | [`SidecarLock`] |
//! | a directory such as a broker would leave | [`fixture`] (demo and tests) |
//!
//! All calls block; callers on an async runtime use its blocking threads. Nothing here is async.
//!
//! This crate must never change, rename, lock or delete a file of a broker; it links them, and the only files it writes
//! are `.firnline-…` in the root of a log dir, restore targets that [`RestoreTarget::check`] has passed, and new
//! directories of [`fixture`]. It must never decode the
//! records inside a batch, never trust a broker's index or checkpoint (they are hints), and never follow a symbolic
//! link out of a log directory.

mod chain;
mod damage;
mod dir;
mod error;
pub mod files;
pub mod fixture;
mod journal;
mod local;
mod lock;
mod open;
mod pin;
mod reserve;
mod restore;
mod root;
mod scan;
mod set;
mod sidecar_lock;
mod source;
mod watch;
mod witness;

pub use chain::{Chains, LogStart, Piece, chains};
pub use dir::{LogDir, OffsetCheckpoint, Offsets};
pub use error::{IoProblem, LogDirError};
pub use journal::JournalError;
pub use local::{LocalLog, LocalRead};
pub use lock::BrokerLock;
pub use pin::{DirIdentity, PinContent, PinDir, PinName, PinProblem, PinSource, PinStat, pin_epochs};
pub use reserve::{DiskSpace, GaveWay, Kept, Reserve, Untold};
pub use restore::{
    RestoreError, RestoreRefused, RestoreSummary, RestoreTarget, RestoreWriter, SegmentRestore, lower_epochs,
};
pub use root::RootListing;
pub use scan::{Found, NotLog, NotLogReason, PartitionDir, Refused, RefusedReason, SegmentFile};
pub use set::{Inventory, LogDirs};
pub use sidecar_lock::{SidecarLock, SidecarLockError};
pub use source::{
    BufferPool, Change, Damage, FileSource, ReadError, SegmentCheck, SegmentStream, SourceOptions, Tail,
    TornReason,
};
pub use watch::{Happened, WatchId, WatchProblem, Watcher};
pub use witness::{MAX_OLDER as MAX_OLDER_STRETCHES, Stretch, WitnessEntry, WitnessJournal};
