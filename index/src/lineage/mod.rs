//! Lineage: which leader epoch wrote which offsets, as a chain of (epoch, first offset).
//!
//! An epoch and an offset together name a record for good; two logs that hold different epochs at one offset have
//! parted there. A lineage says what it knows and no more: below its first start it knows nothing, because the first
//! entry of a broker's own chain is rewritten to the log's start, and a manifest keeps only the newest
//! [`Lineage::MAX_STARTS`]. So two lineages are compared only where both speak.

mod compare;
mod error;

pub use compare::Divergence;
pub use error::LineageError;

use crate::ids::{LeaderEpoch, Offset};

/// The first offset that a leader epoch wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EpochStart {
    /// The epoch.
    pub epoch: LeaderEpoch,
    /// Its first offset here.
    pub start: Offset,
}

/// Where an epoch ended, as Kafka's OffsetForLeaderEpoch tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EpochEnd {
    /// The largest known epoch that is not above the one asked for; the one asked for itself where it lies below
    /// every known epoch.
    pub epoch: LeaderEpoch,
    /// One past the last offset of that epoch.
    pub end: Offset,
}

/// A chain of epoch starts in which epochs and offsets both rise from entry to entry. May be empty: batches of
/// magic 0 and 1 carry no epoch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lineage {
    starts: Vec<EpochStart>,
}

impl Lineage {
    /// The longest chain kept. Older epochs stay in the entries of the manifest and its pages.
    pub const MAX_STARTS: usize = 1024;

    /// The lineage that knows nothing.
    pub const fn empty() -> Self {
        Self { starts: Vec::new() }
    }

    /// Takes a chain from outside.
    ///
    /// # Errors
    /// Where an epoch or a start does not lie above the one before it, or the chain is longer than
    /// [`Self::MAX_STARTS`].
    pub fn new(starts: Vec<EpochStart>) -> Result<Self, LineageError> {
        if starts.len() > Self::MAX_STARTS {
            return Err(LineageError::TooLong { starts: starts.len(), limit: Self::MAX_STARTS });
        }
        for pair in starts.windows(2) {
            follows(pair[0], pair[1])?;
        }
        Ok(Self { starts })
    }

    /// The chain, oldest first.
    pub fn starts(&self) -> &[EpochStart] {
        &self.starts
    }

    /// Whether no epoch is known.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// The first entry: below its offset nothing is known.
    pub fn first(&self) -> Option<EpochStart> {
        self.starts.first().copied()
    }

    /// The newest entry.
    pub fn last(&self) -> Option<EpochStart> {
        self.starts.last().copied()
    }

    /// The epoch that wrote `offset`; `None` below the first start. The last epoch reaches on without end, so the
    /// caller holds `offset` against the end of the log.
    pub fn epoch_at(&self, offset: Offset) -> Option<LeaderEpoch> {
        let after = self.starts.partition_point(|s| s.start <= offset);
        after.checked_sub(1).map(|i| self.starts[i].epoch)
    }

    /// Where `epoch` ended in a log that ends at `log_end`, answered as a broker answers OffsetForLeaderEpoch:
    ///
    /// * the newest epoch ends at `log_end`;
    /// * an epoch above the newest is unknown: `None`;
    /// * an epoch below the first known one: itself, with the start of the first known (approximate, as in Kafka);
    /// * any other: the largest known epoch not above it, and the start of the next.
    pub fn end_of(&self, epoch: LeaderEpoch, log_end: Offset) -> Option<EpochEnd> {
        let last = self.last()?;
        if epoch == last.epoch {
            return Some(EpochEnd { epoch, end: log_end });
        }
        let higher = self.starts.partition_point(|s| s.epoch <= epoch);
        let end = self.starts.get(higher)?.start;
        let known = higher.checked_sub(1).map_or(epoch, |i| self.starts[i].epoch);
        Some(EpochEnd { epoch: known, end })
    }

    /// Adds the epochs of bytes that follow the ones known. An epoch that goes on adds nothing. The chain is cut to
    /// its newest [`Self::MAX_STARTS`]. On an error nothing has changed.
    ///
    /// # Errors
    /// Where an epoch goes back, or a new epoch starts at or below the start of the one before it.
    pub fn extend(&mut self, epochs: &[EpochStart]) -> Result<(), LineageError> {
        let known = self.starts.len();
        for next in epochs {
            match self.starts.last() {
                Some(last) if last.epoch == next.epoch && last.start <= next.start => continue,
                Some(last) => {
                    if let Err(e) = follows(*last, *next) {
                        self.starts.truncate(known);
                        return Err(e);
                    }
                }
                None => {}
            }
            self.starts.push(*next);
        }
        let surplus = self.starts.len().saturating_sub(Self::MAX_STARTS);
        self.starts.drain(..surplus);
        Ok(())
    }

    /// Forgets what lies at or above `end`: the lineage of a log cut there.
    pub fn truncate_to(&mut self, end: Offset) {
        self.starts.retain(|s| s.start < end);
    }

    /// Forgets the epochs that ended at or below `start`. The epoch that wrote `start` keeps its own first offset.
    pub fn forget_below(&mut self, start: Offset) {
        let after = self.starts.partition_point(|s| s.start <= start);
        self.starts.drain(..after.saturating_sub(1));
    }
}

/// Whether `next` may come right after `last` in a chain.
fn follows(last: EpochStart, next: EpochStart) -> Result<(), LineageError> {
    if next.epoch <= last.epoch {
        return Err(LineageError::EpochBack { known: last, given: next });
    }
    if next.start <= last.start {
        return Err(LineageError::StartBack { known: last, given: next });
    }
    Ok(())
}
