//! Changes that reach into pages: what they must be given first, and what comes out.

use std::collections::HashMap;

use bytes::Bytes;

use crate::ids::{ObjectUuid, Offset, SegmentUuid};
use crate::keys::ObjectKey;
use crate::manifest::{
    AlgebraError, Entry, EntryTable, Gap, Manifest, ManifestError, Page, PageBody, PageRef,
};
use crate::transactions::OpenTransaction;

/// A head that takes the place of the one it was made from, and what must be written before it.
#[derive(Debug, Clone)]
pub struct Rewrite {
    /// The new head, not stamped yet.
    pub head: Manifest,
    /// Pages that it names and that are not in the store yet. They are written first; a crash in between leaves pages
    /// that nothing names.
    pub pages: Vec<NewPage>,
    /// What the old head named and neither the new one nor a dead branch of it does.
    pub dropped: Dropped,
}

/// A page that is not in the store yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPage {
    /// Its key, which is new and therefore free.
    pub key: ObjectKey,
    /// Its bytes.
    pub bytes: Bytes,
    /// The reference to it.
    pub page: PageRef,
}

/// What no manifest names any more once the change is committed. Readers may hold an older manifest: delete it only
/// twice the age that one may have later, after a look at the manifest as it is then.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Entries that are no longer live. Those in a page that reaches over the tier's start are still listed there.
    pub entries: Vec<Entry>,
    /// Pages.
    pub pages: Vec<PageRef>,
}

impl Dropped {
    /// Whether nothing was dropped.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.pages.is_empty()
    }
}

/// What a change must be given before it can be made. What is asked for is immutable: given once, it is good for every
/// later attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// The page that this refers to; give it with [`Loaded::add_page`].
    Page(PageRef),
    /// The transactions open at the end of this segment, as its own transactions section lists them; give them with
    /// [`Loaded::add_open`].
    Open(Box<Entry>),
    /// The newest recorded gap in any of these pages or below them, oldest first, that ends above `above`; give it with
    /// [`Loaded::add_newest_gap`]. Look from the last page on, one at a time.
    NewestGap {
        /// The pages.
        pages: Vec<PageRef>,
        /// The tier's start: pages that end here or below need not be looked at.
        above: Offset,
    },
}

/// What was loaded for a change.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    pages: HashMap<ObjectUuid, Page>,
    open: HashMap<SegmentUuid, Vec<OpenTransaction>>,
    /// By the last page looked into.
    newest_gaps: HashMap<ObjectUuid, Option<Offset>>,
}

impl Loaded {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a page that was asked for.
    pub fn add_page(&mut self, page: Page) {
        self.pages.insert(page.uuid, page);
    }

    /// Adds what is open at the end of a segment that was asked for.
    pub fn add_open(&mut self, segment: SegmentUuid, open: Vec<OpenTransaction>) {
        self.open.insert(segment, open);
    }

    /// Adds where the newest gap of the `pages` asked for ends; `None` where they have none.
    pub fn add_newest_gap(&mut self, pages: &[PageRef], end: Option<Offset>) {
        if let Some(last) = pages.last() {
            self.newest_gaps.insert(last.uuid, end);
        }
    }

    /// The page that `page` refers to, if it is here.
    ///
    /// # Errors
    /// The need for it.
    pub fn page(&self, page: &PageRef) -> Result<&Page, Need> {
        self.pages.get(&page.uuid).ok_or(Need::Page(*page))
    }

    /// The transactions open at the end of `entry`.
    ///
    /// # Errors
    /// The need for them, unless the entry itself says that there are none.
    pub fn open_at_end(&self, entry: &Entry) -> Result<Vec<OpenTransaction>, Need> {
        if entry.stable_end == entry.range.end() {
            return Ok(Vec::new());
        }
        self.open.get(&entry.uuid).cloned().ok_or_else(|| Need::Open(Box::new(entry.clone())))
    }

    pub(super) fn newest_gap(&self, pages: &[PageRef], above: Offset) -> Result<Option<Offset>, Need> {
        let Some(last) = pages.last() else { return Ok(None) };
        let need = || Need::NewestGap { pages: pages.to_vec(), above };
        self.newest_gaps.get(&last.uuid).copied().ok_or_else(need)
    }
}

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum Unmade {
    /// It must be given something first.
    #[error("a page or segment must be read first")]
    Needs(Need),
    /// It does not fit the manifest.
    #[error("the change does not fit the manifest")]
    Refused(#[from] AlgebraError),
    /// A page that it makes cannot be written.
    #[error("a page that it makes cannot be written")]
    Page(#[from] ManifestError),
}

impl From<Need> for Unmade {
    fn from(need: Need) -> Self {
        Self::Needs(need)
    }
}

impl NewPage {
    /// The page of `entries` and the `gaps` among them, for `head`'s partition.
    pub(super) fn of_entries(
        head: &Manifest,
        uuid: ObjectUuid,
        entries: &[Entry],
        gaps: Vec<Gap>,
    ) -> Result<Self, ManifestError> {
        let start = entries.first().map_or(Offset::ZERO, |first| first.range.start());
        let end = entries.last().map_or(start, |last| last.range.end());
        let range = crate::ids::OffsetRange::new(start, end)
            .map_err(|source| ManifestError::Value { field: "page.range", source })?;
        let body = PageBody::Entries { entries: EntryTable::new(entries), gaps };
        let (cluster_id, tip, kind) = (head.cluster_id.clone(), head.tip.clone(), head.kind);
        let (bytes, page) = Page { cluster_id, tip, kind, uuid, range, body }.encode()?;
        Ok(Self { key: page.object_key(&head.tip), bytes, page })
    }
}
