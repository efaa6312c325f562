//! Pages: immutable objects that hold the older entries of a manifest.

use super::{Entry, EntryTable, Gap, ManifestKind, Totals};
use crate::ids::{
    ByteCount, ClusterId, Crc32c, ObjectUuid, Offset, OffsetRange, TimestampMs, TopicIdPartition,
};
use crate::keys::ObjectKey;

/// What a manifest, or a page above it, says of a page: enough to tell whether to load it and to know it when it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PageRef {
    /// The page's own id.
    pub uuid: ObjectUuid,
    /// 0 for a page of entries; a page of references lies one level above what it refers to.
    pub level: u8,
    /// The offsets covered by its entries and gaps.
    pub range: OffsetRange,
    /// The largest timestamp of any entry in or below it that has one.
    pub max_timestamp: Option<TimestampMs>,
    /// Sums over all entries in or below it.
    pub totals: Totals,
    /// Bytes of the page object.
    pub length: ByteCount,
    /// CRC32C of the page object.
    pub crc: Crc32c,
}

impl PageRef {
    /// The key of the page.
    pub fn object_key(&self, tip: &TopicIdPartition) -> ObjectKey {
        ObjectKey::Page { tip: tip.clone(), first_base: self.range.start(), uuid: self.uuid }
    }
}

/// A page as it is kept in memory: entries packed at less than 100 bytes each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The cluster.
    pub cluster_id: ClusterId,
    /// The partition.
    pub tip: TopicIdPartition,
    /// The manifest's kind.
    pub kind: ManifestKind,
    /// The page's own id.
    pub uuid: ObjectUuid,
    /// The offsets covered.
    pub range: OffsetRange,
    /// What is in it.
    pub body: PageBody,
}

/// What a page holds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "pages are kept one by one, and nearly all of them hold entries"
)]
pub enum PageBody {
    /// Level 0.
    Entries {
        /// The entries, oldest first.
        entries: EntryTable,
        /// The recorded gaps among them, oldest first.
        gaps: Vec<Gap>,
    },
    /// Level 1 and above: references, all one level down, oldest first.
    Refs(Vec<PageRef>),
}

/// What a page has at an offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageFound<'a> {
    /// This entry.
    Entry(Box<Entry>),
    /// Look into this page.
    Page(&'a PageRef),
    /// A recorded gap.
    Gap(&'a Gap),
    /// Nothing: the offset lies outside the page, or in a hole, which only `kip405` manifests may have.
    Nothing,
}

/// Where a page says to look for a timestamp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageFoundTime<'a> {
    /// In this entry.
    Entry(Box<Entry>),
    /// In this page.
    Page(&'a PageRef),
}

impl Page {
    /// 0 for a page of entries, else one more than the level of its references.
    pub fn level(&self) -> u8 {
        match &self.body {
            PageBody::Entries { .. } => 0,
            PageBody::Refs(refs) => refs.first().map_or(1, |r| r.level.saturating_add(1)),
        }
    }

    /// What the page has at `offset`.
    pub fn find(&self, offset: Offset) -> PageFound<'_> {
        match &self.body {
            PageBody::Entries { entries, gaps } => {
                if let Some(entry) = entries.find_offset(offset).and_then(|i| entries.get(i)) {
                    return PageFound::Entry(Box::new(entry));
                }
                gaps.iter().find(|g| g.range.contains(offset)).map_or(PageFound::Nothing, PageFound::Gap)
            }
            PageBody::Refs(refs) => refs
                .iter()
                .rev()
                .find(|r| r.range.contains(offset))
                .map_or(PageFound::Nothing, PageFound::Page),
        }
    }

    /// The first entry or page that reaches beyond `from` and has a timestamp of `target` or later. `None` where
    /// there is none here.
    pub fn find_timestamp(&self, target: TimestampMs, from: Offset) -> Option<PageFoundTime<'_>> {
        match &self.body {
            PageBody::Entries { entries, .. } => entries
                .find_timestamp(target, from)
                .and_then(|i| entries.get(i))
                .map(|entry| PageFoundTime::Entry(Box::new(entry))),
            PageBody::Refs(refs) => refs
                .iter()
                .find(|r| r.range.end() > from && r.max_timestamp >= Some(target))
                .map(PageFoundTime::Page),
        }
    }

    /// Bytes that the page keeps in memory, itself included; what a cache weighs it by.
    pub fn memory_bytes(&self) -> usize {
        size_of::<Self>()
            + match &self.body {
                PageBody::Entries { entries, gaps } => {
                    entries.memory_bytes() + gaps.capacity() * size_of::<Gap>()
                }
                PageBody::Refs(refs) => refs.capacity() * size_of::<PageRef>(),
            }
    }
}
