//! What a change may know besides the manifest.

use firnline_index::ids::{CommitId, ObjectUuid, Offset, TimestampMs, TopicIdPartition};
use firnline_index::manifest::{Loaded, Manifest, ManifestKind, Need, PageBody, PageRef};
use firnline_store::env::RandomExt;

use super::EditError;
use crate::{ReadError, Step, Tier};

/// What a change may know besides the manifest. Clock and randomness come from here, so that a simulation drives them.
#[derive(Debug)]
pub struct Known<'a> {
    tier: &'a Tier,
    tip: &'a TopicIdPartition,
    now: TimestampMs,
    loaded: Loaded,
}

impl<'a> Known<'a> {
    pub(super) fn new(tier: &'a Tier, tip: &'a TopicIdPartition) -> Self {
        Self { tier, tip, now: TimestampMs::ZERO, loaded: Loaded::new() }
    }

    /// Called before each version of the manifest.
    pub(super) fn begin(&mut self, now: TimestampMs) {
        self.now = now;
    }

    /// The time when the manifest was read, by this machine's clock.
    #[must_use]
    pub fn now(&self) -> TimestampMs {
        self.now
    }

    /// The pages and ends of segments that were read for this change so far.
    #[must_use]
    pub fn loaded(&self) -> &Loaded {
        &self.loaded
    }

    /// An id for a page that the change makes.
    #[must_use]
    pub fn fresh_page_id(&self) -> ObjectUuid {
        ObjectUuid::from_bytes(self.tier.env().random.uuid())
    }

    /// The manifest of a partition that has none, whose first entry will begin at `start`.
    #[must_use]
    pub fn new_manifest(&self, kind: ManifestKind, start: Offset) -> Manifest {
        Manifest::new(
            kind,
            self.tier.cluster_id().clone(),
            self.tip.clone(),
            start,
            CommitId::from_bytes(self.tier.env().random.uuid()),
        )
    }
}

impl Tier {
    /// Reads what a change needs.
    pub(super) async fn load(
        &self,
        tip: &TopicIdPartition,
        need: Need,
        known: &mut Known<'_>,
    ) -> Result<(), EditError> {
        self.before(Step::CommitLoad).await;
        self.satisfy(tip, need, &mut known.loaded).await
    }

    async fn satisfy(
        &self,
        tip: &TopicIdPartition,
        need: Need,
        loaded: &mut Loaded,
    ) -> Result<(), EditError> {
        let read_error = |source| EditError::Read { tip: tip.clone(), source };
        match need {
            Need::Page(page) => loaded.add_page(self.page(tip, &page).await.map_err(read_error)?),
            Need::Open(entry) => {
                let tail = self.segment_tail(tip, &entry).await;
                let tail = tail.map_err(|source| EditError::Tail { tip: tip.clone(), source })?;
                loaded.add_open(entry.uuid, tail.transactions().open.clone());
            }
            Need::NewestGap { pages, above } => {
                let end = self.newest_gap(tip, &pages, above).await.map_err(read_error)?;
                loaded.add_newest_gap(&pages, end);
            }
        }
        Ok(())
    }

    /// Where the newest gap in `pages` ends, looking at one page at a time from the last on.
    async fn newest_gap(
        &self,
        tip: &TopicIdPartition,
        pages: &[PageRef],
        above: Offset,
    ) -> Result<Option<Offset>, ReadError> {
        let mut next = pages.to_vec();
        while let Some(page) = next.pop() {
            if page.range.end() <= above {
                break;
            }
            match self.page(tip, &page).await?.body {
                PageBody::Refs(refs) => next.extend(refs),
                PageBody::Entries { gaps, .. } => {
                    if let Some(newest) = gaps.last() {
                        return Ok(Some(newest.range.end()));
                    }
                }
            }
        }
        Ok(None)
    }
}
