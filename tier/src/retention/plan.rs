//! Reading what a decision needs, and deciding.

use std::time::Duration;

use firnline_index::ids::SegmentUuid;
use firnline_index::manifest::{Entry, Manifest, ManifestKind, PageBody, PageRef};
use firnline_index::{Offset, TimestampMs, TopicIdPartition};

use super::decide::{Walk, believe};
use super::{Limits, RetentionDecision, RetentionRefusal, Share};
use crate::cluster::Clocks;
use crate::{ReadError, Step, Tier};

/// How a run works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionSettings {
    /// What one run may take of a partition's log bytes. One segment may always go.
    pub share: Share,
    /// The most segments that one run takes: each costs a request.
    pub most_segments: u64,
    /// How far this machine's clock, the store's and the newest commit may contradict each other.
    pub skew: Duration,
}

impl Default for RetentionSettings {
    fn default() -> Self {
        Self { share: Share::TENTH, most_segments: 10_000, skew: Duration::from_secs(600) }
    }
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct RetentionRequest<'a> {
    /// The partition.
    pub tip: &'a TopicIdPartition,
    /// What is kept.
    pub limits: Limits,
    /// Whether the topic is paused.
    pub paused: bool,
    /// The two clocks ([`Tier::clocks`]), read for this run or not long before.
    pub clocks: Clocks,
}

/// What is to be retired of one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionPlan {
    /// The partition.
    pub tip: TopicIdPartition,
    /// What is decided.
    pub decision: RetentionDecision,
    /// Raw bytes of all its live segments.
    pub live_bytes: u64,
    /// The segments that go, oldest first.
    pub segments: Vec<SegmentUuid>,
}

impl RetentionPlan {
    fn nothing(tip: &TopicIdPartition, decision: RetentionDecision) -> Self {
        Self { tip: tip.clone(), decision, live_bytes: 0, segments: Vec::new() }
    }
}

impl Tier {
    /// Decides what a run takes of a partition, and changes nothing. `None` where the partition has no manifest.
    ///
    /// One GET, and one of each page that reaches into what goes; one more behind it.
    pub async fn plan_retention(
        &self,
        request: &RetentionRequest<'_>,
        settings: &RetentionSettings,
    ) -> Result<Option<RetentionPlan>, ReadError> {
        let RetentionRequest { tip, limits, paused, clocks } = *request;
        if limits.is_none() {
            return Ok(Some(RetentionPlan::nothing(tip, RetentionDecision::Keep)));
        }
        if paused {
            let refused = RetentionDecision::Refuse(RetentionRefusal::Paused);
            return Ok(Some(RetentionPlan::nothing(tip, refused)));
        }
        self.before(Step::RetentionRead).await;
        let Some(loaded) = self.manifest(tip).await? else { return Ok(None) };
        let head = loaded.manifest;
        if head.kind != ManifestKind::Sidecar {
            let refused = RetentionDecision::Refuse(RetentionRefusal::NotOurs);
            return Ok(Some(RetentionPlan::nothing(tip, refused)));
        }
        let now = match believe(clocks, newest_commit(&head), settings.skew) {
            Ok(now) => now,
            Err(refusal) => {
                return Ok(Some(RetentionPlan::nothing(tip, RetentionDecision::Refuse(refusal))));
            }
        };
        self.walk_oldest(&head, limits, now, settings).await.map(Some)
    }

    /// Walks the live entries from the oldest on, as far as they go.
    async fn walk_oldest(
        &self,
        head: &Manifest,
        limits: Limits,
        now: TimestampMs,
        settings: &RetentionSettings,
    ) -> Result<RetentionPlan, ReadError> {
        let mut oldest = Oldest::new(self, head);
        let mut next = oldest.next().await?;
        // Only now is it known how much of what the oldest pages list is no longer live: none of it lies behind a live entry.
        let live_bytes = head.totals.log_bytes.get().saturating_sub(oldest.dead_bytes);
        let mut walk = Walk::new(limits, now, live_bytes, settings.share);
        let mut segments = Vec::new();
        while let Some(entry) = next {
            let most = segments.len() as u64 >= settings.most_segments;
            if most {
                walk.stop_before(&entry);
                break;
            }
            if !walk.take(&entry) {
                break;
            }
            segments.push(entry.uuid);
            next = oldest.next().await?;
        }
        let decision = walk.finish(head.tier_end);
        Ok(RetentionPlan { tip: head.tip.clone(), decision, live_bytes, segments })
    }
}

pub(super) fn newest_commit(head: &Manifest) -> Option<TimestampMs> {
    head.entries.iter().map(|entry| entry.committed_at).max()
}

/// Live entries, oldest first, one page at a time.
struct Oldest<'a> {
    tier: &'a Tier,
    head: &'a Manifest,
    /// What is still to be loaded, the next one last.
    pages: Vec<PageRef>,
    /// Of the page loaded, the next one last.
    loaded: Vec<Entry>,
    /// How many of the head's entries were given.
    given: usize,
    /// Raw bytes of entries that were passed over because they lie below the tier's start.
    dead_bytes: u64,
}

impl<'a> Oldest<'a> {
    fn new(tier: &'a Tier, head: &'a Manifest) -> Self {
        let pages = head.pages.iter().rev().copied().collect();
        Self { tier, head, pages, loaded: Vec::new(), given: 0, dead_bytes: 0 }
    }

    async fn next(&mut self) -> Result<Option<Entry>, ReadError> {
        loop {
            let entry = match self.loaded.pop() {
                Some(entry) => entry,
                None => match self.pages.pop() {
                    Some(page) => {
                        self.open(&page).await?;
                        continue;
                    }
                    None => {
                        let Some(entry) = self.head.entries.get(self.given) else { return Ok(None) };
                        self.given += 1;
                        entry.clone()
                    }
                },
            };
            if entry.range.end() > self.head.tier_start {
                return Ok(Some(entry));
            }
            self.dead_bytes = self.dead_bytes.saturating_add(entry.log_bytes.get());
        }
    }

    async fn open(&mut self, page: &PageRef) -> Result<(), ReadError> {
        if page.range.end() <= self.head.tier_start {
            self.dead_bytes = self.dead_bytes.saturating_add(page.totals.log_bytes.get());
            return Ok(());
        }
        match self.tier.page(&self.head.tip, page).await?.body {
            PageBody::Refs(refs) => self.pages.extend(refs.into_iter().rev()),
            PageBody::Entries { entries, .. } => {
                self.loaded = entries.iter().collect();
                self.loaded.reverse();
            }
        }
        Ok(())
    }
}

/// The whole of an offset range below `to`.
pub(super) fn below(to: Offset) -> firnline_index::OffsetRange {
    firnline_index::OffsetRange::new(Offset::ZERO, to).expect("zero lies below any offset")
}
