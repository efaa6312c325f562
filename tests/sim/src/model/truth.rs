//! What was committed, whatever the logs hold now.

use std::sync::Arc;

use super::Batch;

/// Batches that an election took out of the log although they were committed.
#[derive(Debug, Clone)]
pub struct Cut {
    /// The epoch of the leader that does not have them.
    pub epoch: i32,
    /// Where its log went on without them.
    pub at: i64,
    /// The batches.
    pub batches: Vec<Arc<Batch>>,
    /// When.
    pub at_ms: i64,
}

/// The history of one partition.
#[derive(Debug, Default)]
pub struct Truth {
    /// Committed and never cut, oldest first, end to end.
    pub live: Vec<Arc<Batch>>,
    /// What unclean elections cut, in their order.
    pub cuts: Vec<Cut>,
    /// The first offset that an explicit act which reached the tier left.
    pub floor: i64,
}

impl Truth {
    /// One past the last committed offset.
    pub fn end(&self) -> i64 {
        self.live.last().map_or(0, |batch| batch.end)
    }

    /// The batch at `base` of the history that counts.
    pub fn live_at(&self, base: i64) -> Option<&Arc<Batch>> {
        let at = self.live.partition_point(|batch| batch.base < base);
        self.live.get(at).filter(|batch| batch.base == base)
    }

    /// Whether the batch was ever committed; if it was cut, by the leader of which epoch.
    pub fn fate(&self, batch: &Batch) -> Fate {
        if self.live_at(batch.base).is_some_and(|live| **live == *batch) {
            return Fate::Live;
        }
        let cut = self.cuts.iter().find(|cut| cut.batches.iter().any(|known| **known == *batch));
        cut.map_or(Fate::NeverCommitted, |cut| Fate::Cut { by: cut.epoch })
    }

    /// Whether the batch that counts at `base` was out of the history for a time, by the word of a leader of `epoch` or below.
    pub fn was_cut(&self, base: i64, epoch: i32) -> bool {
        let cuts = self.cuts.iter().filter(|cut| cut.epoch <= epoch);
        let mut out = cuts.flat_map(|cut| &cut.batches);
        self.live_at(base).is_some_and(|live| out.any(|batch| batch == live))
    }

    /// Takes everything from the first batch on that `keeps` does not hold out of the history. Gives how many batches that
    /// were.
    pub(super) fn cut(&mut self, keeps: impl Fn(&Arc<Batch>) -> bool, epoch: i32, now_ms: i64) -> usize {
        let Some(first) = self.live.iter().position(|batch| !keeps(batch)) else { return 0 };
        let batches = self.live.split_off(first);
        let count = batches.len();
        self.cuts.push(Cut { epoch, at: batches[0].base, batches, at_ms: now_ms });
        count
    }
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Committed, and part of the log's history.
    Live,
    /// Committed, and cut by the leader of this epoch.
    Cut {
        /// The epoch.
        by: i32,
    },
    /// Never below a high watermark.
    NeverCommitted,
}
