//! What stopped brokers still have on their disks behind the tier's end: the rest of a log.
//!
//! ```text
//!  tier        [ entry ][ entry ]│tier end
//!  log dirs        [ file ][ file │    ][ file ~~~ torn ]
//!                                 └──────── rest ──┤ checkpoint
//! ```
//! | question | answer |
//! |---|---|
//! | whose directories are they, and what lies in them? | [`Disks`] |
//! | does a replica's file go on where the tier ends? | `join` |
//! | how far is it whole, and of which epochs? | `survey` |
//! | which replica, and up to where? | `choose`, pure |
//! | as segments that nobody uploaded | `write`, by the writer of remote segments |
//! | what a reader sees then | [`Rest`], laid over the partition's manifest by `laid` |
//!
//! The blocks of such a segment are read from the file, each checked by its CRC at each read, as blocks of the store are.
//! Nothing is written, neither to the disks nor to the tier.

mod choose;
mod disks;
mod disks_error;
mod join;
mod laid;
mod problem;
mod survey;
mod write;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use firnline_index::block_index::BlockEntry;
use firnline_index::manifest::{AlgebraError, Entry, Manifest};
use firnline_index::segment::SegmentTail;
use firnline_index::transactions::{OpenTransaction, TransactionStart};
use firnline_index::{Crc32c, Offset};
use firnline_logdir::LocalLog;

pub use disks::{DiskTopic, Disks, DisksSettings, Found, LayError};
pub use disks_error::DisksError;
pub(crate) use laid::{Rests, Seen};
pub use problem::DiskProblem;

/// The rest of one partition's log, as it was found and chosen.
pub(crate) struct Rest {
    basis: Basis,
    segments: Vec<Unuploaded>,
    log: LocalLog,
    /// The first offset that is served, where the tier knows nothing of the partition.
    start: Offset,
    /// Offsets in it of which nobody has proven that they were committed.
    pub(crate) unproven: u64,
    /// A broker has come to life in the directory: nothing more is read of it.
    over: AtomicBool,
    /// A file was not as it was found: it is looked at again.
    stale: AtomicBool,
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

    /// From here on it is not read any more. Says whether that is new.
    pub(crate) fn close(&self) -> bool {
        !self.over.swap(true, Ordering::AcqRel)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    pub(crate) fn is_stale(&self) -> bool {
        self.stale.load(Ordering::Acquire)
    }

    /// The manifest with the rest behind it; `None` where the tier has all of it by now.
    ///
    /// # Errors
    /// Where the manifest is not the one that it goes on from.
    fn over(&self, told: Option<&Manifest>) -> Result<Option<Manifest>, Unfit> {
        let mut manifest = match (told, &self.basis.new) {
            (None, Some(new)) => (**new).clone(),
            (None, None) | (Some(_), Some(_)) => return Err(Unfit::Moved),
            (Some(told), None) if self.is_in(told) => return Ok(None),
            (Some(told), None) if Basis::of(told) == self.basis => told.clone(),
            (Some(_), None) => return Err(Unfit::Moved),
        };
        for segment in &self.segments {
            manifest.append(segment.entry.clone(), segment.open.clone()).map_err(Unfit::Algebra)?;
        }
        manifest.tier_start = manifest.tier_start.max(self.start.min(manifest.tier_end));
        manifest.serving_start = manifest.serving_start.max(manifest.tier_start);
        Ok(Some(manifest))
    }

    /// Whether a tier has all of it: its last record is of the same epoch there.
    fn is_in(&self, told: &Manifest) -> bool {
        let Some(last) = self.segments.last().map(|last| &last.entry) else { return true };
        let Some(at) = last.range.end().get().checked_sub(1).and_then(Offset::from_kafka) else {
            return true;
        };
        told.tier_end >= last.range.end() && told.lineage.epoch_at(at) == last.epoch_at(at)
    }

    /// The raw bytes of a block, checked. Blocks the thread.
    pub(crate) fn block(&self, wanted: &BlockEntry) -> Result<Bytes, DiskProblem> {
        let found = self.read(wanted);
        if found.is_err() {
            self.stale.store(true, Ordering::Release);
        }
        found
    }

    fn read(&self, wanted: &BlockEntry) -> Result<Bytes, DiskProblem> {
        let other =
            || DiskProblem::Other { path: self.log.partition().path.clone(), offset: wanted.first_offset };
        let length = usize::try_from(wanted.raw_len()).map_err(|_| other())?;
        let found = self.log.copy(wanted.first_offset, length).map_err(DiskProblem::Read)?;
        found.filter(|bytes| Crc32c::of(bytes) == wanted.crc).ok_or_else(other)
    }
}

/// A manifest that a rest does not go on from.
#[derive(Debug)]
enum Unfit {
    Moved,
    Algebra(AlgebraError),
}
