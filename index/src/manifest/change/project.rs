//! What a broker with KIP-405 has done, taken into the mirror of its metadata.

use std::collections::{BTreeMap, HashSet};

use super::{Dropped, Loaded, NewPage, Rewrite, Unmade};
use crate::ids::{ObjectUuid, Offset, OffsetRange, SegmentUuid};
use crate::manifest::check::sum;
use crate::manifest::{
    AlgebraError, Entry, EntryTable, Manifest, ManifestKind, Page, PageBody, PageRef, Totals,
};

/// What a broker has done since its mirror was written last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Projected {
    /// Segments that it has copied.
    pub added: Vec<Entry>,
    /// Segments that it has deleted, with their first offsets. One that was added, too, is deleted.
    pub removed: BTreeMap<SegmentUuid, Offset>,
}

impl Projected {
    /// How many segments it is about.
    pub fn len(&self) -> usize {
        self.added.len() + self.removed.len()
    }

    /// Whether nothing was done.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn touches(&self, page: &PageRef) -> bool {
        self.removed.values().any(|base| page.range.contains(*base))
            || self.added.iter().any(|entry| page.range.contains(entry.range.start()))
    }
}

impl Manifest {
    /// Takes into a manifest of kind `kip405` what its broker has done: entries come to stand by their first offset, and may
    /// overlap; the tier reaches from the first to the end of the last. Done twice it is done once: `None` where all of it
    /// shows already.
    ///
    /// Needs each page that may list a segment which is added or removed.
    ///
    /// # Errors
    /// Where this is a manifest of sidecars, and where totals go beyond 2^64.
    pub fn project(
        &self,
        done: &Projected,
        loaded: &Loaded,
        mut fresh: impl FnMut() -> ObjectUuid,
    ) -> Result<Option<Rewrite>, Unmade> {
        if self.kind != ManifestKind::Kip405 {
            return Err(AlgebraError::WrongKind.into());
        }
        let mut out = Out::default();
        let mut head = self.clone();
        head.pages = self.strip(&self.pages, done, loaded, &mut fresh, &mut out)?;
        head.entries.retain(|entry| {
            out.listed.insert(entry.uuid);
            let goes = done.removed.contains_key(&entry.uuid);
            if goes {
                out.dropped.entries.push(entry.clone());
            }
            !goes
        });
        for entry in &done.added {
            if done.removed.contains_key(&entry.uuid) || !out.listed.insert(entry.uuid) {
                continue;
            }
            let at = head.entries.partition_point(|e| e.range.start() <= entry.range.start());
            head.entries.insert(at, entry.clone());
        }
        if head.entries == self.entries && head.pages == self.pages {
            return Ok(None);
        }
        head.measure()?;
        Ok(Some(Rewrite { head, pages: out.pages, dropped: out.dropped }))
    }

    /// The same pages without what was removed; a page that changes is made anew, one that has nothing left goes.
    fn strip(
        &self,
        pages: &[PageRef],
        done: &Projected,
        loaded: &Loaded,
        fresh: &mut impl FnMut() -> ObjectUuid,
        out: &mut Out,
    ) -> Result<Vec<PageRef>, Unmade> {
        let mut kept = Vec::with_capacity(pages.len());
        for page in pages {
            if !done.touches(page) {
                kept.push(*page);
                continue;
            }
            let (body, range) = match &loaded.page(page)?.body {
                PageBody::Refs(refs) => {
                    let left = self.strip(refs, done, loaded, fresh, out)?;
                    if left == *refs {
                        kept.push(*page);
                        continue;
                    }
                    let range = hull(left.iter().map(|page| page.range));
                    (PageBody::Refs(left), range)
                }
                PageBody::Entries { entries, gaps } => {
                    out.listed.extend(entries.iter().map(|entry| entry.uuid));
                    let goes = |entry: &Entry| done.removed.contains_key(&entry.uuid);
                    let (gone, left): (Vec<Entry>, Vec<Entry>) = entries.iter().partition(goes);
                    if gone.is_empty() {
                        kept.push(*page);
                        continue;
                    }
                    out.dropped.entries.extend(gone);
                    let range = hull(left.iter().map(|entry| entry.range));
                    (PageBody::Entries { entries: EntryTable::new(&left), gaps: gaps.clone() }, range)
                }
            };
            out.dropped.pages.push(*page);
            let Some(range) = range else { continue };
            let (cluster_id, tip, kind) = (self.cluster_id.clone(), self.tip.clone(), self.kind);
            let (bytes, page) = Page { cluster_id, tip, kind, uuid: fresh(), range, body }.encode()?;
            out.pages.push(NewPage { key: page.object_key(&self.tip), bytes, page });
            kept.push(page);
        }
        // What was taken from the front of a page may have moved its start past that of the next one.
        kept.sort_by_key(|page| (std::cmp::Reverse(page.level), page.range.start()));
        Ok(kept)
    }

    /// Start, end and totals, by what is listed.
    fn measure(&mut self) -> Result<(), AlgebraError> {
        let pages = self.pages.iter().map(|page| page.range);
        let listed = hull(pages.chain(self.entries.iter().map(|entry| entry.range)));
        (self.tier_start, self.tier_end) = match listed {
            Some(range) => (range.start(), range.end()),
            None => (self.tier_end, self.tier_end),
        };
        self.serving_start = self.tier_start;
        let totals = self.pages.iter().map(|page| page.totals).chain(self.entries.iter().map(Totals::of));
        self.totals = sum(totals).ok_or(AlgebraError::TotalsOverflow)?;
        Ok(())
    }
}

/// What comes out besides the head.
#[derive(Default)]
struct Out {
    pages: Vec<NewPage>,
    dropped: Dropped,
    /// The segments that were seen.
    listed: HashSet<SegmentUuid>,
}

/// From the first start to the last end.
fn hull(parts: impl Iterator<Item = OffsetRange> + Clone) -> Option<OffsetRange> {
    let start = parts.clone().map(OffsetRange::start).min()?;
    let end = parts.map(OffsetRange::end).max()?;
    OffsetRange::new(start, end).ok()
}
