//! Where to look for an offset or a time.

use super::{Entry, Gap, Manifest, PageRef};
use crate::ids::{Offset, TimestampMs};

/// What a manifest's head has at an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found<'a> {
    /// This entry.
    Entry(&'a Entry),
    /// Load this page and ask it.
    Page(&'a PageRef),
    /// A recorded gap.
    Gap(&'a Gap),
    /// Below the tier's start: gone by retention or a floor, or never here.
    BelowStart,
    /// At or beyond the tier's end.
    AtOrBeyondEnd,
    /// Nothing is listed here and no gap recorded. Only manifests of kind `kip405`, and damaged ones read for
    /// verification, have such holes.
    Hole,
}

/// Where a manifest's head says to look for a timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoundTime<'a> {
    /// In this entry.
    Entry(&'a Entry),
    /// In this page.
    Page(&'a PageRef),
}

impl Manifest {
    /// What is at `offset`. Where entries overlap (kind `kip405`) the one with the highest epoch there is given, and
    /// the head is preferred to pages.
    pub fn find(&self, offset: Offset) -> Found<'_> {
        if offset < self.tier_start {
            return Found::BelowStart;
        }
        if offset >= self.tier_end {
            return Found::AtOrBeyondEnd;
        }
        let candidates = self.entries.partition_point(|e| e.range.start() <= offset);
        let entry = match self.kind {
            super::ManifestKind::Sidecar => {
                self.entries[..candidates].last().filter(|e| e.range.contains(offset))
            }
            super::ManifestKind::Kip405 => self.entries[..candidates]
                .iter()
                .filter(|e| e.range.contains(offset))
                .max_by_key(|e| e.epoch_at(offset)),
        };
        if let Some(entry) = entry {
            return Found::Entry(entry);
        }
        if let Some(gap) = self.gaps.iter().find(|g| g.range.contains(offset)) {
            return Found::Gap(gap);
        }
        self.pages.iter().rev().find(|p| p.range.contains(offset)).map_or(Found::Hole, Found::Page)
    }

    /// The first entry or page that reaches beyond `from` and has a timestamp of `target` or later; `None` where
    /// the tier has none. Pass [`Manifest::tier_start`] (or `serving_start`) as `from`; where the place found turns out
    /// to have no such record at or beyond `from`, ask again from its end.
    pub fn find_timestamp(&self, target: TimestampMs, from: Offset) -> Option<FoundTime<'_>> {
        let from = from.max(self.tier_start);
        let page = self.pages.iter().find(|p| p.range.end() > from && p.max_timestamp >= Some(target));
        page.map(FoundTime::Page).or_else(|| {
            self.entries
                .iter()
                .find(|e| e.range.end() > from && e.max_timestamp >= Some(target))
                .map(FoundTime::Entry)
        })
    }
}
