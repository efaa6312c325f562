//! Reading manifests and their pages, each checked whole before any of it is believed.

use firnline_index::keys::ObjectKey;
use firnline_index::manifest::{Entry, Manifest, ManifestError, Page, PageBody, PageRef};
use firnline_index::{OffsetRange, TopicIdPartition};
use firnline_store::{StoreError, Version};

use crate::Tier;

/// A manifest as it was read, and what the next commit is conditional on.
#[derive(Debug, Clone)]
pub struct LoadedManifest {
    /// Its content.
    pub manifest: Manifest,
    /// The version of the object.
    pub version: Version,
}

/// A manifest or page that could not be had.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The store did not answer, or refused.
    #[error("read from the tier")]
    Store(#[source] Box<StoreError>),
    /// A page that a manifest names is not there.
    #[error("{key} is missing, although the manifest names it; run firnline verify")]
    PageMissing {
        /// The page's key.
        key: ObjectKey,
    },
    /// What is there cannot be believed.
    #[error("{key} is damaged; run firnline verify")]
    Damaged {
        /// The object's key.
        key: ObjectKey,
        /// What is wrong with it.
        #[source]
        source: Box<ManifestError>,
    },
}

impl From<StoreError> for ReadError {
    fn from(error: StoreError) -> Self {
        Self::Store(Box::new(error))
    }
}

impl Tier {
    /// The partition's manifest; `None` where the partition has none. One GET.
    pub async fn manifest(&self, tip: &TopicIdPartition) -> Result<Option<LoadedManifest>, ReadError> {
        let key = ObjectKey::Manifest { tip: tip.clone() };
        let fetched = match self.store().get(&key.to_string()).await {
            Ok(fetched) => fetched,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let read = Manifest::decode(&fetched.bytes).and_then(|manifest| {
            // A manifest may have been copied to the wrong place; its checksum does not tell.
            manifest.expect_origin(self.cluster_id(), tip)?;
            Ok(manifest)
        });
        let manifest = read.map_err(|source| ReadError::Damaged { key, source: Box::new(source) })?;
        Ok(Some(LoadedManifest { manifest, version: fetched.version }))
    }

    /// A page that a manifest, or a page above it, names. One GET.
    pub async fn page(&self, tip: &TopicIdPartition, page: &PageRef) -> Result<Page, ReadError> {
        let key = page.object_key(tip);
        let fetched = match self.store().get(&key.to_string()).await {
            Ok(fetched) => fetched,
            Err(error) if error.is_not_found() => return Err(ReadError::PageMissing { key }),
            Err(error) => return Err(error.into()),
        };
        Page::decode_named(&fetched.bytes, page, self.cluster_id(), tip)
            .map_err(|source| ReadError::Damaged { key, source: Box::new(source) })
    }

    /// The entries of a manifest that share an offset with `within`, oldest first, page by page.
    #[must_use]
    pub fn entries<'a>(&'a self, manifest: &'a Manifest, within: OffsetRange) -> Entries<'a> {
        let pages = manifest.pages.iter().rev().copied().collect();
        Entries { tier: self, tip: &manifest.tip, within, pages, head: Some(&manifest.entries) }
    }
}

/// The entries of a manifest, oldest first, at most one page of them in memory.
#[derive(Debug)]
pub struct Entries<'a> {
    tier: &'a Tier,
    tip: &'a TopicIdPartition,
    within: OffsetRange,
    /// What is still to be loaded, the next one last.
    pages: Vec<PageRef>,
    head: Option<&'a [Entry]>,
}

impl Entries<'_> {
    /// The next entries (a page's, or the head's at the end); `None` when all were given. One GET for each page, of
    /// entries or of references, that reaches into the range. After an error the walk goes on behind what could not be
    /// read.
    pub async fn next_chunk(&mut self) -> Result<Option<Vec<Entry>>, ReadError> {
        let within = self.within;
        while let Some(next) = self.pages.pop() {
            if !next.range.overlaps(within) {
                continue;
            }
            match self.tier.page(self.tip, &next).await?.body {
                PageBody::Entries { entries, .. } => {
                    return Ok(Some(entries.iter().filter(|e| e.range.overlaps(within)).collect()));
                }
                PageBody::Refs(refs) => self.pages.extend(refs.into_iter().rev()),
            }
        }
        let head = self.head.take().unwrap_or_default();
        let head: Vec<Entry> = head.iter().filter(|e| e.range.overlaps(within)).cloned().collect();
        Ok((!head.is_empty()).then_some(head))
    }
}
