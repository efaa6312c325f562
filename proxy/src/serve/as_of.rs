//! Logs as they stood: each ends at an offset of its own, and looks as if nothing had ever been written behind it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use firnline_index::batch::{BatchLimits, Batches as Walk};
use firnline_index::lineage::Lineage;
use firnline_index::manifest::Manifest;
use firnline_index::{LeaderEpoch, Offset, OffsetRange, PartitionIndex, RawPosition, TimestampMs, TopicId};
use firnline_reader::{BatchChain, Batches, Bounds, Ended, Isolation, ReadOutcome};

/// Where every partition ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AsOf {
    /// Before the first batch with a record of this time or later, as it was found when the partition was first asked for.
    Time(TimestampMs),
    /// Each at its offset, or, where that lies within a batch, before that batch. What is not named is empty.
    Offsets(BTreeMap<(TopicId, PartitionIndex), Offset>),
}

/// Where a partition's log ends for whoever asks here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cut {
    ended: Ended,
    /// What lies below was deleted since.
    floor: Offset,
}

impl Cut {
    /// There.
    pub(crate) const fn at(ended: Ended) -> Self {
        Self { ended, floor: Offset::ZERO }
    }

    /// Nothing was ever written.
    pub(crate) const fn nothing() -> Self {
        Self::at(Ended { end: Offset::ZERO, last_stable: Offset::ZERO })
    }

    /// The same without what lies below a floor.
    pub(crate) const fn above(self, floor: Offset) -> Self {
        Self { floor, ..self }
    }

    /// The bounds of the log, of which the tier has these. What the tier has lost it has lost here as well.
    pub(crate) fn bounds(self, tier: Bounds) -> Bounds {
        let end = self.ended.end.min(tier.end);
        Bounds {
            start: tier.start.max(self.floor).min(end),
            serving_start: tier.serving_start.max(self.floor).min(end),
            last_stable: self.ended.last_stable.min(tier.last_stable).min(end),
            end,
        }
    }

    /// What a read of the tier at `offset` is here.
    pub(crate) fn read(self, offset: Offset, isolation: Isolation, outcome: ReadOutcome) -> ReadOutcome {
        let bounds = self.bounds(outcome.bounds());
        if offset >= bounds.end {
            return ReadOutcome::AtEnd { bounds };
        }
        if offset < bounds.start {
            return ReadOutcome::BelowStart { bounds };
        }
        let (limit, held_up) = match isolation {
            Isolation::ReadUncommitted => (bounds.end, ReadOutcome::Undecided { from: bounds.end, bounds }),
            Isolation::ReadCommitted => {
                (bounds.last_stable, ReadOutcome::Undecided { from: bounds.last_stable, bounds })
            }
        };
        match outcome {
            ReadOutcome::Batches(_) if offset >= limit => held_up,
            ReadOutcome::Batches(batches) => {
                cut(batches, limit, bounds).map_or(held_up, ReadOutcome::Batches)
            }
            ReadOutcome::Gap { gap, .. } => ReadOutcome::Gap { gap, bounds },
            ReadOutcome::BelowStart { .. } => ReadOutcome::BelowStart { bounds },
            ReadOutcome::AtEnd { .. } => ReadOutcome::AtEnd { bounds },
            ReadOutcome::Undecided { from, .. } => ReadOutcome::Undecided { from: from.min(limit), bounds },
        }
    }
}

/// The batches that begin below `limit`; `None` where none does. Those at hand were checked when they were read.
fn cut(batches: Batches, limit: Offset, bounds: Bounds) -> Option<Batches> {
    let mut aborted = batches.aborted;
    aborted.retain(|aborted| aborted.marker_offset < bounds.end);
    if batches.range.end() <= limit {
        return Some(Batches { aborted, bounds, chain: batches.chain, range: batches.range });
    }
    let mut parts = Vec::new();
    let mut end = None;
    'parts: for part in batches.chain.into_parts() {
        let mut kept = 0;
        let walk = Walk::new(&part, RawPosition::ZERO, Offset::ZERO, BatchLimits::DEFAULT);
        for batch in walk.map_while(Result::ok) {
            if batch.header.base_offset >= limit {
                parts.push(part.slice(..kept));
                break 'parts;
            }
            kept += batch.bytes.len();
            end = Some(batch.header.next_offset());
        }
        parts.push(part);
    }
    let range = OffsetRange::new(batches.range.start(), end?).ok()?;
    Some(Batches { chain: BatchChain::from(parts), range, aborted, bounds })
}

/// A manifest as far as it is seen.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) cut: Option<Cut>,
}

impl Seen {
    /// The bounds of the log.
    pub(crate) fn bounds(&self) -> Bounds {
        let tier = Bounds::of(&self.manifest);
        self.cut.map_or(tier, |cut| cut.bounds(tier))
    }

    /// The epoch of an offset that is there.
    pub(crate) fn epoch_at(&self, offset: Offset) -> Option<LeaderEpoch> {
        self.lineage().epoch_at(offset)
    }

    /// The newest epoch.
    pub(crate) fn newest_epoch(&self) -> Option<LeaderEpoch> {
        self.lineage().last().map(|last| last.epoch)
    }

    /// Where an epoch ended, as a broker tells it of such a log: the epoch, and one past its last offset.
    pub(crate) fn end_of(&self, epoch: LeaderEpoch) -> Option<(LeaderEpoch, Offset)> {
        self.lineage().end_of(epoch, self.bounds().end).map(|ended| (ended.epoch, ended.end))
    }

    fn lineage(&self) -> Cow<'_, Lineage> {
        let mut lineage = Cow::Borrowed(&self.manifest.lineage);
        if self.cut.is_some() {
            lineage.to_mut().truncate_to(self.bounds().end);
        }
        lineage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offset: i64) -> Offset {
        Offset::new(offset).expect("an offset")
    }

    fn bounds(start: i64, last_stable: i64, end: i64) -> Bounds {
        Bounds { start: at(start), serving_start: at(start), last_stable: at(last_stable), end: at(end) }
    }

    #[test]
    fn bounds_are_those_of_a_log_that_ended_there() {
        let cut = Cut::at(Ended { end: at(50), last_stable: at(40) });
        assert_eq!(cut.bounds(bounds(10, 90, 100)), bounds(10, 40, 50));
        assert_eq!(cut.bounds(bounds(60, 90, 100)), bounds(50, 40, 50), "all of it is gone");
        assert_eq!(cut.bounds(bounds(0, 20, 30)), bounds(0, 20, 30), "the tier ends before");
        assert_eq!(Cut::nothing().bounds(bounds(10, 90, 100)), bounds(0, 0, 0));
    }

    #[test]
    fn what_was_deleted_since_is_not_there_and_the_end_stays() {
        let tier = bounds(10, 90, 100);
        let cut = Cut::at(Ended { end: at(50), last_stable: at(50) });
        assert_eq!(cut.above(at(30)).bounds(tier), bounds(30, 50, 50));
        assert_eq!(cut.above(at(5)).bounds(tier), bounds(10, 50, 50));
        let gone = cut.above(at(70));
        assert_eq!(gone.bounds(tier), bounds(50, 50, 50));
        let all = Isolation::ReadUncommitted;
        let any = ReadOutcome::Undecided { from: at(60), bounds: tier };
        assert_eq!(
            gone.read(at(49), all, any.clone()),
            ReadOutcome::BelowStart { bounds: bounds(50, 50, 50) }
        );
        assert_eq!(gone.read(at(50), all, any), ReadOutcome::AtEnd { bounds: bounds(50, 50, 50) });
    }

    #[test]
    fn what_lies_behind_the_end_is_not_there() {
        let cut = Cut::at(Ended { end: at(50), last_stable: at(40) });
        let tier = bounds(10, 90, 100);
        let seen = bounds(10, 40, 50);
        let below = ReadOutcome::BelowStart { bounds: tier };
        let all = Isolation::ReadUncommitted;
        assert_eq!(cut.read(at(5), all, below.clone()), ReadOutcome::BelowStart { bounds: seen });
        assert_eq!(cut.read(at(50), all, below.clone()), ReadOutcome::AtEnd { bounds: seen });
        assert_eq!(cut.read(at(70), all, below), ReadOutcome::AtEnd { bounds: seen });
        let undecided = ReadOutcome::Undecided { from: at(45), bounds: tier };
        let held_up = ReadOutcome::Undecided { from: at(40), bounds: seen };
        assert_eq!(cut.read(at(45), Isolation::ReadCommitted, undecided), held_up);
    }
}
