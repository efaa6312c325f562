//! Whether the tier holds certain bytes: the question before the last other copy of them goes.

use super::{Entry, Loaded, Manifest, Need, PageBody};
use crate::ids::{LeaderEpoch, Offset, OffsetRange};
use crate::lineage::EpochStart;

/// What the tier has of a range of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// Every offset of it that is at or above the tier's start lies in an entry, and wherever the range's epochs change or
    /// an entry's do, both name the same.
    Whole,
    /// From this offset on nothing is listed, or a gap is recorded.
    Missing {
        /// The first such offset.
        from: Offset,
    },
    /// An entry holds other records there.
    Other {
        /// The first offset at which the two differ.
        at: Offset,
        /// The range's epoch there; `None` for batches without one.
        given: Option<LeaderEpoch>,
        /// The entry's.
        entry: Option<LeaderEpoch>,
    },
}

impl Manifest {
    /// What the tier has of `range`, in which the epochs `epochs` begin, as the batch headers there say: the first of
    /// them with the first batch, unless that has none. An entry with the same epoch at the same offset holds the same
    /// record: that is Kafka's log matching.
    ///
    /// Dead branches do not count. What lies below the tier's start does not either: nobody asks for it.
    ///
    /// # Errors
    /// The need for a page that reaches into the range.
    pub fn covers(
        &self,
        range: OffsetRange,
        epochs: &[EpochStart],
        loaded: &Loaded,
    ) -> Result<Coverage, Need> {
        let mut at = range.start().max(self.tier_start);
        let mut pages: Vec<_> = self.pages.iter().rev().collect();
        while let Some(page) = pages.pop() {
            if at >= range.end() || page.range.end() <= at || page.range.start() >= range.end() {
                continue;
            }
            match &loaded.page(page)?.body {
                PageBody::Refs(refs) => pages.extend(refs.iter().rev()),
                PageBody::Entries { entries, .. } => {
                    if let Some(found) = walk(entries.iter(), range.end(), epochs, &mut at) {
                        return Ok(found);
                    }
                }
            }
        }
        if let Some(found) = walk(self.entries.iter(), range.end(), epochs, &mut at) {
            return Ok(found);
        }
        Ok(if at >= range.end() { Coverage::Whole } else { Coverage::Missing { from: at } })
    }
}

impl Manifest {
    /// Whether dead branches together hold every byte of `range`, in which `epochs` begin as for [`Manifest::covers`].
    ///
    /// # Errors
    /// The need for a page of a branch that reaches into the range.
    pub fn dead_covers(
        &self,
        range: OffsetRange,
        epochs: &[EpochStart],
        loaded: &Loaded,
    ) -> Result<bool, Need> {
        let mut at = range.start();
        loop {
            let before = at;
            for branch in &self.dead_branches {
                let mut pages: Vec<_> = branch.pages.iter().rev().collect();
                while let Some(page) = pages.pop() {
                    if at >= range.end() || page.range.end() <= at || page.range.start() > at {
                        continue;
                    }
                    match &loaded.page(page)?.body {
                        PageBody::Refs(refs) => pages.extend(refs.iter().rev()),
                        PageBody::Entries { entries, .. } => {
                            walk(entries.iter(), range.end(), epochs, &mut at);
                        }
                    }
                }
                walk(branch.entries.iter(), range.end(), epochs, &mut at);
            }
            if at >= range.end() || at == before {
                return Ok(at >= range.end());
            }
        }
    }
}

/// Moves `at` over `entries`, which are in order, as far as they follow each other and agree; a finding ends it.
fn walk<E: std::borrow::Borrow<Entry>>(
    entries: impl Iterator<Item = E>,
    end: Offset,
    epochs: &[EpochStart],
    at: &mut Offset,
) -> Option<Coverage> {
    for entry in entries {
        let entry = entry.borrow();
        if entry.range.end() <= *at || *at >= end {
            continue;
        }
        if entry.range.start() > *at {
            return Some(Coverage::Missing { from: *at });
        }
        let stop = entry.range.end().min(end);
        let within = OffsetRange::new(*at, stop).ok()?;
        if let Some(other) = difference(entry, epochs, within) {
            return Some(other);
        }
        *at = stop;
    }
    None
}

/// The first offset of `within` at which the entry names another epoch than `epochs` do.
fn difference(entry: &Entry, epochs: &[EpochStart], within: OffsetRange) -> Option<Coverage> {
    let given_at = |offset| {
        let after = epochs.partition_point(|start| start.start <= offset);
        after.checked_sub(1).map(|i| epochs[i].epoch)
    };
    let mut points: Vec<Offset> = entry.epochs.iter().chain(epochs).map(|start| start.start).collect();
    points.retain(|point| within.contains(*point));
    points.push(within.start());
    points.sort_unstable();
    points.into_iter().find_map(|at| {
        let (given, held) = (given_at(at), entry.epoch_at(at));
        // Before its first batch a segment is silent. If that batch has no epoch, so have the others up to the first.
        let silent = held.is_none() && entry.leader_epoch.is_some();
        (given != held && !silent).then_some(Coverage::Other { at, given, entry: held })
    })
}
