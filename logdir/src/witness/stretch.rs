//! One stretch of a log that was told committed while it was held.

use firnline_index::lineage::{Divergence, Lineage};
use firnline_index::{LeaderEpoch, Offset, OffsetRange};

/// What was committed from the first offset of its lineage up to its bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// Offsets below it were committed.
    pub bound: Offset,
    /// The leader's epoch that told it.
    pub epoch: LeaderEpoch,
    /// The epochs of the log below the bound: what was committed, not only up to where.
    pub lineage: Lineage,
}

impl Stretch {
    /// The offsets of which it knows something; `None` where that is none.
    #[must_use]
    pub fn range(&self) -> Option<OffsetRange> {
        let first = self.lineage.first()?;
        OffsetRange::new(first.start, self.bound).ok().filter(|range| !range.is_empty())
    }

    /// The epoch that wrote the committed record at `offset`, where it knows.
    #[must_use]
    pub fn epoch_at(&self, offset: Offset) -> Option<LeaderEpoch> {
        self.lineage.epoch_at(offset).filter(|_| offset < self.bound)
    }

    /// Where another stretch speaks of other records.
    #[must_use]
    pub fn parts_from(&self, other: &Self) -> Option<Divergence> {
        let end = self.bound.min(other.bound);
        let both = OffsetRange::new(Offset::ZERO, end).ok()?;
        self.lineage.first_divergence(&other.lineage, both)
    }

    /// Whether it knows everything that `other` knows.
    #[must_use]
    pub fn holds(&self, other: &Self) -> bool {
        let (Some(all), Some(part)) = (self.range(), other.range()) else { return other.range().is_none() };
        all.start() <= part.start() && part.end() <= all.end() && self.parts_from(other).is_none()
    }
}
