//! Moving older entries out of the head, so that a commit writes no more at a million segments than at a thousand.

use bytes::Bytes;

use super::{
    Entry, EntryKind, EntryTable, Gap, MAX_ENTRIES, MAX_LEVEL, MAX_REFS_PER_LEVEL, Manifest, ManifestError,
    Page, PageBody, PageRef,
};
use crate::ids::{ObjectUuid, Offset, OffsetRange};
use crate::keys::ObjectKey;

/// A page to be written, and the head that refers to it.
///
/// The caller writes the page first, under its key, which is new and therefore free; then it commits the head. A
/// crash in between leaves a page that nothing names.
#[derive(Debug, Clone)]
pub struct Spill {
    /// The page's key.
    pub key: ObjectKey,
    /// The page object.
    pub bytes: Bytes,
    /// The reference to it that the head now holds.
    pub page: PageRef,
    /// The head without what went into the page.
    pub head: Manifest,
}

impl Manifest {
    /// Moves what the head holds too much of into one page: its oldest entries where there are more than
    /// [`MAX_ENTRIES`], else the oldest references of a level that has more than [`MAX_REFS_PER_LEVEL`]. `None`
    /// where it holds too much of nothing; call again until then, each time with a fresh id.
    ///
    /// # Errors
    /// Where the page could not be read back: its algebra does not hold, or it is beyond a limit.
    pub fn spill(&self, uuid: impl FnOnce() -> ObjectUuid) -> Result<Option<Spill>, ManifestError> {
        if self.entries.len() > MAX_ENTRIES {
            return self.spill_entries(uuid()).map(Some);
        }
        let refs = |level| self.pages.iter().filter(move |p| p.level == level).count();
        let crowded = (0..MAX_LEVEL).find(|level| refs(*level) > MAX_REFS_PER_LEVEL);
        crowded.map(|level| self.fold(level, uuid())).transpose()
    }

    fn spill_entries(&self, uuid: ObjectUuid) -> Result<Spill, ManifestError> {
        let mut head = self.clone();
        let first = self.first_movable();
        let moved = movable(self.entries.get(first..).unwrap_or_default());
        let entries: Vec<Entry> = head.entries.drain(first..first + moved).collect();
        let end = entries.iter().map(|e| e.range.end()).max().unwrap_or(self.tier_start);
        let gaps: Vec<Gap> = head.gaps.drain(..self.gaps.partition_point(|g| g.range.end() <= end)).collect();
        let parts = entries.iter().map(|e| e.range).chain(gaps.iter().map(|g| g.range));
        let range = hull(parts)?;
        let body = PageBody::Entries { entries: EntryTable::new(&entries), gaps };
        let at = self.pages.partition_point(|p| p.level > 0 || p.range.start() <= range.start());
        head.refer_to(uuid, range, body, at)
    }

    /// The first entry that may go into a page: pages stand by their starts, those of the highest level first. What a broker
    /// with KIP-405 has copied again of a range that lies in such a page stays in the head.
    fn first_movable(&self) -> usize {
        let newest = self.pages.iter().rfind(|page| page.level > 0).map(|page| page.range.start());
        newest.map_or(0, |start| self.entries.partition_point(|entry| entry.range.start() < start))
    }

    fn fold(&self, level: u8, uuid: ObjectUuid) -> Result<Spill, ManifestError> {
        let mut head = self.clone();
        let at = self.pages.iter().take_while(|p| p.level > level).count();
        let refs: Vec<PageRef> = head.pages.drain(at..at + MAX_REFS_PER_LEVEL).collect();
        let range = hull(refs.iter().map(|r| r.range))?;
        head.refer_to(uuid, range, PageBody::Refs(refs), at)
    }

    /// Makes the page and puts its reference at `at` among this head's.
    fn refer_to(
        mut self,
        uuid: ObjectUuid,
        range: OffsetRange,
        body: PageBody,
        at: usize,
    ) -> Result<Spill, ManifestError> {
        let (cluster_id, tip, kind) = (self.cluster_id.clone(), self.tip.clone(), self.kind);
        let (bytes, page) = Page { cluster_id, tip, kind, uuid, range, body }.encode()?;
        self.pages.insert(at, page);
        Ok(Spill { key: page.object_key(&self.tip), bytes, page, head: self })
    }
}

/// The range from the first start to the last end.
fn hull(parts: impl Iterator<Item = OffsetRange> + Clone) -> Result<OffsetRange, ManifestError> {
    let start = parts.clone().map(OffsetRange::start).min().unwrap_or(Offset::ZERO);
    let end = parts.map(OffsetRange::end).max().unwrap_or(start);
    OffsetRange::new(start, end).map_err(|source| ManifestError::Value { field: "page.range", source })
}

/// How many of the oldest entries go into the next page: a full page, or fewer where tail pieces follow, for these
/// are soon replaced and only the head can do that. Half a page is the least, so that pieces that are never replaced do
/// not make for small pages.
fn movable(entries: &[Entry]) -> usize {
    let settled = entries.iter().take(MAX_ENTRIES).take_while(|e| e.kind == EntryKind::Segment).count();
    if settled >= MAX_ENTRIES / 2 { settled } else { MAX_ENTRIES.min(entries.len()) }
}
