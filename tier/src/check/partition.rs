//! One partition: manifest, pages, presence, and content where that is asked for.

use std::collections::HashSet;

use bytes::Bytes;
use firnline_index::ids::{Offset, TopicIdPartition};
use firnline_index::keys::{KeyPrefix, ObjectKey};
use firnline_index::manifest::{DeadBranch, Entry, Manifest, ManifestKind, Page, PageBody, PageRef};
use firnline_index::segment::{ExpectedOrigin, SegmentTail};
use firnline_index::transactions::TransactionStart;
use firnline_store::{ErrorKind, ListedObject, StoreError};
use futures::StreamExt;

use super::content::{Content, compare_footer};
use super::presence::Presence;
use super::{Anomaly, AnomalyKind, CheckDepth, CheckReport, Finding, OnFinding, Pace};
use crate::TailError;
use crate::Tier;
use crate::keys::KeyError;
use crate::segments::tail_range;

/// A check of one partition under way.
pub(super) struct Check<'a> {
    tier: &'a Tier,
    tip: &'a TopicIdPartition,
    depth: CheckDepth,
    on_finding: OnFinding<'a>,
    pub(super) report: CheckReport,
    presence: Presence,
    kind: ManifestKind,
    /// Where the entry before ended, and what is open there.
    before: Option<(Offset, TransactionStart)>,
    /// The objects of dead branches. They lie among the others, which come first.
    dead: HashSet<String>,
    /// Whether the partition has no manifest.
    absent: bool,
    /// How fast blocks are read, where that is limited.
    pace: Option<Pace>,
}

impl Tier {
    pub(super) async fn check_partition(
        &self,
        tip: &TopicIdPartition,
        depth: CheckDepth,
        pace: Option<Pace>,
        on_finding: OnFinding<'_>,
    ) -> CheckReport {
        let mut check = Check::new(self, tip, depth, pace, on_finding);
        match check.manifest().await {
            Some(manifest) => check.walk(&manifest).await,
            None => check.unnamed_rest().await,
        }
        check.report
    }
}

impl<'a> Check<'a> {
    fn new(
        tier: &'a Tier,
        tip: &'a TopicIdPartition,
        depth: CheckDepth,
        pace: Option<Pace>,
        on_finding: OnFinding<'a>,
    ) -> Self {
        let prefix = KeyPrefix::Partition(tip.clone()).to_string();
        Self {
            tier,
            tip,
            depth,
            on_finding,
            report: CheckReport::default(),
            presence: Presence::new(tier, &prefix),
            kind: ManifestKind::Sidecar,
            before: None,
            dead: HashSet::new(),
            absent: false,
            pace,
        }
    }

    /// A check of segments one by one, at a pace.
    pub(super) fn of_segments(
        tier: &'a Tier,
        tip: &'a TopicIdPartition,
        pace: Pace,
        on_finding: OnFinding<'a>,
    ) -> Self {
        Self::new(tier, tip, CheckDepth::Content, Some(pace), on_finding)
    }

    pub(super) fn anomaly(&mut self, key: &str, kind: AnomalyKind) {
        self.report.anomalies += 1;
        (self.on_finding)(Finding::Anomaly(Anomaly { key: key.to_owned(), kind }));
    }

    pub(super) fn unreadable(&mut self, key: &str, source: StoreError) {
        self.report.unreadable += 1;
        (self.on_finding)(Finding::Unreadable { key: key.to_owned(), source: Box::new(source) });
    }

    /// Without its key nothing is known of a segment but that it is there: that is no damage.
    fn locked(&mut self, key: &str, source: KeyError) {
        self.report.unreadable += 1;
        (self.on_finding)(Finding::Locked { key: key.to_owned(), source: Box::new(source) });
    }

    /// The manifest, as far as it can be read; what is wrong with it is told.
    async fn manifest(&mut self) -> Option<Manifest> {
        let key = ObjectKey::Manifest { tip: self.tip.clone() }.to_string();
        let bytes = match self.tier.store().get(&key).await {
            Ok(fetched) => fetched.bytes,
            Err(error) if error.is_not_found() => {
                self.absent = true;
                return None;
            }
            Err(error) => {
                self.unreadable(&key, error);
                return None;
            }
        };
        self.report.partitions += 1;
        let manifest = match Manifest::decode_unchecked(&bytes) {
            Ok(manifest) => manifest,
            Err(error) => {
                self.anomaly(&key, AnomalyKind::Manifest(error));
                return None;
            }
        };
        if let Err(error) = manifest.expect_origin(self.tier.cluster_id(), self.tip) {
            self.anomaly(&key, AnomalyKind::Manifest(error));
            return None;
        }
        for anomaly in manifest.check() {
            self.anomaly(&key, AnomalyKind::Algebra(anomaly));
        }
        Some(manifest)
    }

    async fn walk(&mut self, manifest: &Manifest) {
        self.kind = manifest.kind;
        let mut branches: Vec<Vec<Entry>> = Vec::new();
        for branch in &manifest.dead_branches {
            let entries = self.dead_entries(branch).await;
            self.dead.extend(entries.iter().map(|entry| entry.object_key(self.tip)));
            branches.push(entries);
        }
        let mut pages: Vec<PageRef> = manifest.pages.iter().rev().copied().collect();
        while let Some(next) = pages.pop() {
            match self.page(&next).await {
                Some(PageBody::Entries { entries, .. }) => {
                    for entry in entries.iter() {
                        self.entry(&entry).await;
                    }
                }
                Some(PageBody::Refs(refs)) => pages.extend(refs.into_iter().rev()),
                // What lies in it is unknown; so is what is open behind it.
                None => self.before = None,
            }
        }
        for entry in &manifest.entries {
            self.entry(entry).await;
        }
        self.open_at_end(manifest);
        for entries in branches {
            // A branch has a history of its own.
            self.before = None;
            for entry in &entries {
                self.entry(entry).await;
            }
        }
        self.unnamed_rest().await;
    }

    /// The entries of a dead branch, those in its pages included. Truncations are rare: they are held all at once.
    async fn dead_entries(&mut self, branch: &DeadBranch) -> Vec<Entry> {
        let mut found = Vec::new();
        let mut pages: Vec<PageRef> = branch.pages.iter().rev().copied().collect();
        while let Some(next) = pages.pop() {
            match self.page(&next).await {
                Some(PageBody::Entries { entries, .. }) => found.extend(entries.iter()),
                Some(PageBody::Refs(refs)) => pages.extend(refs.into_iter().rev()),
                None => {}
            }
        }
        found.extend(branch.entries.iter().cloned());
        found
    }

    /// A page; what is wrong with it is told. One that contradicts itself is walked all the same.
    async fn page(&mut self, page: &PageRef) -> Option<PageBody> {
        let key = page.object_key(self.tip).to_string();
        let bytes = match self.tier.store().get(&key).await {
            Ok(fetched) => fetched.bytes,
            Err(error) if error.is_not_found() => {
                self.anomaly(&key, AnomalyKind::PageMissing);
                return None;
            }
            Err(error) => {
                self.unreadable(&key, error);
                return None;
            }
        };
        if let Err(error) = Page::decode_named(&bytes, page, self.tier.cluster_id(), self.tip) {
            self.anomaly(&key, AnomalyKind::Page(error));
        }
        let read = Page::decode_unchecked(&bytes).ok()?;
        for anomaly in read.check() {
            self.anomaly(&key, AnomalyKind::Algebra(anomaly));
        }
        Some(read.body)
    }

    async fn entry(&mut self, entry: &Entry) {
        self.report.segments += 1;
        // A manifest that contradicts itself is walked, too: no sum of what it says can be relied on.
        self.report.object_bytes = self.report.object_bytes.saturating_add(entry.location.length.get());
        let key = entry.object_key(self.tip);
        let there = self.is_there(&key, entry).await;
        if self.depth == CheckDepth::Content && there {
            let open = self.content(&key, entry).await;
            self.before = open.map(|open| (entry.range.end(), open));
        } else {
            self.before = None;
        }
        let passed = self.presence.take_passed();
        self.unnamed(passed);
    }

    /// Whether the object is there, as long as it should be.
    async fn is_there(&mut self, key: &str, entry: &Entry) -> bool {
        let needed = entry.location.start.get().saturating_add(entry.location.length.get());
        let mut found = self.presence.length_of(self.tier, key).await;
        if matches!(found, Ok(None)) {
            // It may have been retired since the manifest was read, with another manifest by now.
            match self.still_named(entry).await {
                Ok(true) => {}
                Ok(false) => return false,
                Err(error) => found = Err(error),
            }
        }
        match found {
            Ok(Some(size)) if size == needed || (entry.location.key.is_some() && size > needed) => true,
            Ok(Some(found)) => {
                self.anomaly(key, AnomalyKind::ObjectLength { expected: needed, found });
                false
            }
            Ok(None) => {
                self.anomaly(key, AnomalyKind::ObjectMissing { base: entry.range.start() });
                false
            }
            Err(error) => {
                self.unreadable(key, error);
                false
            }
        }
    }

    /// Whether a manifest read now names the segment. One that is in no head any more may be in a page, which stays; a mirror of
    /// a broker's metadata is looked through.
    pub(super) async fn still_named(&self, entry: &Entry) -> Result<bool, StoreError> {
        let key = ObjectKey::Manifest { tip: self.tip.clone() }.to_string();
        let bytes = self.tier.store().get(&key).await?.bytes;
        Ok(match Manifest::decode_unchecked(&bytes) {
            Ok(now) if now.kind == ManifestKind::Kip405 => {
                let mut listed = self.tier.entries(&now, entry.range);
                loop {
                    match listed.next_chunk().await {
                        Ok(Some(chunk)) if chunk.iter().any(|e| e.uuid == entry.uuid) => break true,
                        Ok(Some(_)) => {}
                        Ok(None) => break false,
                        Err(crate::ReadError::Store(error)) => return Err(*error),
                        // What does not open may name it.
                        Err(_) => break true,
                    }
                }
            }
            Ok(now) => entry.range.end() > now.tier_start && !now.entries.iter().any(|e| replaces(e, entry)),
            Err(_) => true,
        })
    }

    /// Walks the segment's bytes. Gives what is open behind it, where that can be told.
    pub(super) async fn content(&mut self, key: &str, entry: &Entry) -> Option<TransactionStart> {
        let (tail, tail_bytes) = self.tail(key, entry).await?;
        for kind in compare_footer(entry, &tail) {
            self.anomaly(key, kind);
        }
        let mut content = Content::new(entry, self.start(entry), self.tier.settings().limits);
        let mut whole = true;
        let start = entry.location.start.get();
        let mut runs = std::pin::pin!(self.tier.block_runs(key, start, &tail, 0..tail.index().len()));
        while let Some(run) = runs.next().await {
            match run {
                Ok(run) => {
                    let bytes = run.stored.len() as u64;
                    content = self.tier.workers().run(move || content.take(run)).await;
                    if let Some(pace) = self.pace {
                        pace.after(bytes).await;
                    }
                }
                Err((_, error)) => {
                    whole = false;
                    content.skip();
                    self.unreadable(key, error);
                }
            }
            for kind in content.take_found() {
                self.anomaly(key, kind);
            }
        }
        self.report.blocks += content.blocks;
        self.report.batches += content.batches;
        self.report.log_bytes += content.log_bytes;
        let finished = content.finish(entry, &tail, &tail_bytes);
        for kind in finished.found {
            self.anomaly(key, kind);
        }
        if whole && finished.object_crc != entry.object_crc {
            let (expected, found) = (entry.object_crc, finished.object_crc);
            self.anomaly(key, AnomalyKind::ObjectCrc { expected, found });
        }
        Some(finished.open)
    }

    async fn tail(&mut self, key: &str, entry: &Entry) -> Option<(SegmentTail, Bytes)> {
        let range = match tail_range(entry) {
            Ok(range) => range,
            Err(error) => {
                self.anomaly(key, AnomalyKind::Tail(error));
                return None;
            }
        };
        let bytes = match self.tier.store().get_range(key, range).await {
            Ok(bytes) => bytes,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::BeyondEnd { .. }) => {
                self.anomaly(key, AnomalyKind::ObjectMissing { base: entry.range.start() });
                return None;
            }
            Err(error) => {
                self.unreadable(key, error);
                return None;
            }
        };
        // Identity only: what else differs is told value by value.
        let expect = ExpectedOrigin {
            cluster_id: Some(self.tier.cluster_id().clone()),
            topic_id: Some(self.tip.topic_id),
            partition: Some(self.tip.partition),
            uuid: Some(entry.uuid),
            range: None,
            log_bytes: None,
        };
        match self.tier.open_tail(self.tip, entry, bytes.clone(), expect).await {
            Ok(tail) => return Some((tail, bytes)),
            Err(TailError::Locked { source, .. }) => self.locked(key, source),
            Err(TailError::Damaged { source, .. }) => self.anomaly(key, AnomalyKind::Tail(*source)),
            Err(TailError::Store { source, .. }) => self.unreadable(key, *source),
        }
        None
    }

    /// What was open where the segment begins, if that is known.
    fn start(&self, entry: &Entry) -> Option<TransactionStart> {
        match &self.before {
            Some((end, open)) if *end == entry.range.start() => Some(open.clone()),
            _ => (entry.range.start() == Offset::ZERO).then(|| TransactionStart::Known(Vec::new())),
        }
    }

    /// The head repeats what is open at the tier's end, where sidecars go on from it.
    fn open_at_end(&mut self, manifest: &Manifest) {
        if manifest.kind != ManifestKind::Sidecar {
            return;
        }
        let Some((end, TransactionStart::Known(open))) = &self.before else { return };
        if *end == manifest.tier_end && *open != manifest.open_transactions {
            let (recorded, computed) = (format!("{:?}", manifest.open_transactions), format!("{open:?}"));
            let key = ObjectKey::Manifest { tip: self.tip.clone() }.to_string();
            let what = "open transactions at the tier's end";
            self.anomaly(&key, AnomalyKind::Transactions { what, recorded, computed });
        }
    }

    async fn unnamed_rest(&mut self) {
        match self.presence.take_rest().await {
            Ok(rest) => self.unnamed(rest),
            Err(error) => {
                let prefix = KeyPrefix::Partition(self.tip.clone()).to_string();
                self.unreadable(&prefix, error);
            }
        }
    }

    /// Tells of segments that nothing names. Manifests, pages and floors are looked at elsewhere; but a page without a
    /// manifest says that there was one.
    fn unnamed(&mut self, objects: Vec<ListedObject>) {
        let is_page = |object: &ListedObject| matches!(object.key.parse(), Ok(ObjectKey::Page { .. }));
        if self.absent && objects.iter().any(is_page) {
            let key = ObjectKey::Manifest { tip: self.tip.clone() }.to_string();
            self.anomaly(&key, AnomalyKind::ManifestMissing);
        }
        for ListedObject { key, size, last_modified_ms } in objects {
            let is_segment = matches!(key.parse(), Ok(ObjectKey::Segment { .. }));
            if is_segment && !self.dead.contains(&key) {
                self.report.unnamed += 1;
                (self.on_finding)(Finding::Unnamed { key, size, last_modified_ms });
            }
        }
    }
}

fn replaces(by: &Entry, piece: &Entry) -> bool {
    by.replaces.contains(&piece.uuid)
}
