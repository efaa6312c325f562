//! Where two logs part.

use super::Lineage;
use crate::ids::{LeaderEpoch, Offset, OffsetRange};

/// The first offset at which two lineages name different epochs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Divergence {
    /// The offset.
    pub offset: Offset,
    /// The epoch on this side.
    pub ours: LeaderEpoch,
    /// The epoch on the other side.
    pub theirs: LeaderEpoch,
}

impl Lineage {
    /// The first offset of `within` at which this lineage and `other` name different epochs; `None` where they
    /// agree wherever both speak. Offsets below either side's first start are not compared: what an epoch's first
    /// known entry leaves open there is no evidence. `within` ends where the shorter of the two logs ends.
    pub fn first_divergence(&self, other: &Self, within: OffsetRange) -> Option<Divergence> {
        let from = self.first()?.start.max(other.first()?.start).max(within.start());
        // The epoch of either side changes only at a start, so the common begin and all later starts suffice.
        let mut points: Vec<Offset> = [self, other]
            .iter()
            .flat_map(|lineage| lineage.starts().iter().map(|s| s.start))
            .filter(|start| *start > from)
            .chain([from])
            .filter(|point| within.contains(*point))
            .collect();
        points.sort_unstable();
        points.into_iter().find_map(|offset| {
            let (ours, theirs) = (self.epoch_at(offset)?, other.epoch_at(offset)?);
            (ours != theirs).then_some(Divergence { offset, ours, theirs })
        })
    }
}
