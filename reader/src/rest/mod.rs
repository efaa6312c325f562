//! What stopped brokers still have on their disks behind the tier's end: the rest of a log.
//!
//! ```text
//!  tier        [ entry ][ entry ]│tier end
//!  log dirs        [ file ][ file │    ][ file ~~~ torn ]
//!                                 └──────── rest ──┤ checkpoint
//! ```
//! | question | answer |
//! |---|---|
//! | whose directories are they, and is a broker at work there? | [`Disks`] |
//! | what lies in them? | `scan` |
//! | does a replica's file go on where the tier ends? | `join` |
//! | how far is it whole, and of which epochs? | `survey` |
//! | which replica, and up to where? | `choose`, pure; `job` puts it together |
//! | as segments that nobody uploaded | `write`, by the writer of remote segments |
//! | what a reader sees then | [`Rest`], laid over the partition's manifest by `laid` |
//!
//! The blocks of such a segment are read from the file, each checked by its CRC at each read, as blocks of the store are.
//! Nothing is written, neither to the disks nor to the tier.

mod choose;
mod disks;
mod disks_error;
mod job;
mod join;
mod laid;
mod problem;
mod scan;
mod survey;
mod write;

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use firnline_index::block_index::BlockEntry;
use firnline_index::manifest::{AlgebraError, Entry, Manifest};
use firnline_index::segment::SegmentTail;
use firnline_index::transactions::{OpenTransaction, TransactionStart};
use firnline_index::{LeaderEpoch, Offset, OffsetRange, SegmentUuid};
use firnline_logdir::{LocalLog, PartitionDir};

pub use disks::{DiskTopic, Disks, DisksSettings, Found};
pub use disks_error::DisksError;
pub(crate) use laid::{Rests, Seen};
pub use problem::DiskProblem;

use crate::local::block_of;

/// The rest of one partition's log, as it was found and chosen.
pub(crate) struct Rest {
    basis: Basis,
    segments: Vec<Unuploaded>,
    log: LocalLog,
    /// The first offset that is served, where the tier knows nothing of the partition.
    start: Offset,
    /// Offsets in it of which nobody has proven that they were committed.
    pub(crate) unproven: u64,
    /// The name of a segment that stands for what is not served of it behind a tier that has changed.
    withheld: SegmentUuid,
    /// A broker has come to life in the directory: nothing more is read of it.
    over: AtomicBool,
    /// A file was not as it was found: it is looked at again.
    stale: AtomicBool,
    /// The first offsets of blocks that could not be read.
    bad: Mutex<HashSet<Offset>>,
}

/// What a partition's manifest is with a rest.
enum Over {
    /// As the tier tells it: the tier has gone past the rest.
    Told,
    /// The rest stands behind what the tier tells.
    Laid(Manifest),
    /// The rest does not go on from what the tier tells: what the tier has is read, and what lies behind it is to be asked for
    /// again. The end stays where it was: who has read up to it would be told that he is out of range.
    Withheld(Manifest),
}

/// A segment that nobody uploaded.
#[derive(Debug, Clone)]
pub(crate) struct Unuploaded {
    pub(crate) entry: Entry,
    pub(crate) open: Vec<OpenTransaction>,
    pub(crate) tail: Arc<SegmentTail>,
}

/// What held of the manifest that a rest goes on from.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Basis {
    /// The manifest without entries, where the tier has none.
    new: Option<Box<Manifest>>,
    end: Offset,
    transactions: TransactionStart,
}

impl Basis {
    fn of(manifest: &Manifest) -> Self {
        Self { new: None, end: manifest.tier_end, transactions: manifest.transaction_start() }
    }
}

impl Rest {
    pub(crate) fn segments(&self) -> &[Unuploaded] {
        &self.segments
    }

    /// Bytes of its batches.
    pub(crate) fn log_bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.entry.log_bytes.get()).sum()
    }

    /// Where it lies.
    pub(crate) fn log(&self) -> &LocalLog {
        &self.log
    }

    /// From here on it is not read any more.
    pub(crate) fn close(&self) {
        self.over.store(true, Ordering::Release);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    pub(crate) fn is_stale(&self) -> bool {
        self.stale.load(Ordering::Acquire)
    }

    /// The directory of the broker that it lies in.
    pub(crate) fn home(&self) -> &Path {
        self.log.partition().path.parent().unwrap_or(Path::new(""))
    }

    /// One past its last offset; `None` where there is nothing of it.
    fn end(&self) -> Option<Offset> {
        self.segments.last().map(|last| last.entry.range.end())
    }

    /// The newest leader epoch in it.
    fn epoch(&self) -> Option<LeaderEpoch> {
        let last = |segment: &Unuploaded| segment.entry.epochs.last().map(|last| last.epoch);
        self.segments.iter().filter_map(last).max()
    }

    /// Whether the files of a directory are still those that it was found in.
    fn is_of(&self, found: &PartitionDir) -> bool {
        let known = self.log.partition();
        known.path == found.path && known.segments == found.segments
    }

    /// It has been looked at again, and is as whole as it was: blocks that are bad are no news any more.
    fn is_looked_at(&self) {
        self.stale.store(false, Ordering::Release);
    }

    /// The manifest with the rest behind it. `told` is what the tier tells.
    ///
    /// # Errors
    /// Where the tier tells nothing of a partition of which it told before.
    fn over(&self, told: Option<&Manifest>) -> Result<Over, Unfit> {
        match (told, &self.basis.new) {
            (None, None) => Err(Unfit::Gone),
            (None, Some(new)) => self.behind((**new).clone()).map(Over::Laid),
            (Some(told), _) if self.end().is_none_or(|end| told.tier_end >= end) => Ok(Over::Told),
            (Some(told), None) if Basis::of(told) == self.basis => self.behind(told.clone()).map(Over::Laid),
            (Some(told), _) => Ok(self.withheld(told).map_or(Over::Told, Over::Withheld)),
        }
    }

    /// The manifest with the rest behind its end.
    fn behind(&self, mut manifest: Manifest) -> Result<Manifest, Unfit> {
        for segment in &self.segments {
            manifest.append(segment.entry.clone(), segment.open.clone()).map_err(Unfit::Algebra)?;
        }
        manifest.tier_start = manifest.tier_start.max(self.start.min(manifest.tier_end));
        manifest.serving_start = manifest.serving_start.max(manifest.tier_start);
        Ok(manifest)
    }

    /// The manifest up to where the rest ends, with one segment behind what it tells that cannot be read; `None` where there is
    /// nothing behind it. It stands in memory alone, so that it need not be one that a writer could make.
    fn withheld(&self, told: &Manifest) -> Option<Manifest> {
        let last = &self.segments.last()?.entry;
        let range = OffsetRange::new(told.tier_end, self.end()?).ok()?;
        let newest = self.segments.iter().filter_map(|segment| segment.entry.max_timestamp).max();
        let mut manifest = told.clone();
        manifest.tier_end = range.end();
        manifest.entries.push(Entry {
            range,
            uuid: self.withheld,
            epochs: Vec::new(),
            max_timestamp: newest,
            stable_end: range.end(),
            first_aborts: Vec::new(),
            aborts_truncated: true,
            ..last.clone()
        });
        Some(manifest)
    }

    /// The raw bytes of a block, checked. Blocks the thread.
    pub(crate) fn block(&self, wanted: &BlockEntry) -> Result<Bytes, DiskProblem> {
        let found = self.read(wanted);
        let news = || self.bad.lock().unwrap_or_else(PoisonError::into_inner).insert(wanted.first_offset);
        if found.is_err() && news() {
            self.stale.store(true, Ordering::Release);
        }
        found
    }

    fn read(&self, wanted: &BlockEntry) -> Result<Bytes, DiskProblem> {
        let other =
            || DiskProblem::Other { path: self.log.partition().path.clone(), offset: wanted.first_offset };
        block_of(&self.log, wanted).map_err(DiskProblem::Read)?.ok_or_else(other)
    }
}

/// A manifest that a rest does not go on from.
#[derive(Debug)]
enum Unfit {
    Gone,
    Algebra(AlgebraError),
}
