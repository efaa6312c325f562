//! Objects and pins that go.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use firnline_index::OffsetRange;
use firnline_index::manifest::Manifest;
use firnline_store::sim::{Change, Simulation};

use super::pages::{Peek, whole};
use super::{Watch, proof};
use crate::model::{Batch, Fate, Inode, Kafka, Partition};
use crate::seams::offset;

/// Where the tier has a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cover {
    /// In a live entry.
    Live,
    /// In a dead branch.
    Dead,
    /// In a recorded gap, and in a dead branch, because it came when the gap was recorded already.
    Late,
    /// Below the tier's start or the floor.
    Below,
    /// In a recorded gap.
    Gap,
    /// Nowhere.
    Not,
}

/// Where `manifest` has the batch, by offset and epoch: that names a record for good, and each entry's bytes were held
/// against the truth when it came.
pub(super) fn cover(manifest: Option<&Manifest>, batch: &Batch) -> Cover {
    let Some(manifest) = manifest else { return Cover::Not };
    let (base, end) = (offset(batch.base), offset(batch.end));
    if manifest.entries.iter().any(|entry| has(entry, batch)) {
        return Cover::Live;
    }
    // What retention let go, or an operator, may be kept by name all the same.
    let below = end <= manifest.tier_start || manifest.floor.is_some_and(|floor| end <= floor);
    // A gap may begin inside a batch, where retention has taken what the tier had below, of another history.
    let last = offset(batch.end - 1);
    let within = |gap: OffsetRange| gap.contains(base) || (base < manifest.tier_start && gap.contains(last));
    let in_gap = manifest.gaps.iter().any(|gap| within(gap.range));
    if !below && is_kept_by_name(manifest, batch) {
        // What the first leader of the tier had lost already is as late.
        let late = in_gap || base < manifest.began();
        return if late { Cover::Late } else { Cover::Dead };
    }
    if below {
        return Cover::Below;
    }
    if in_gap { Cover::Gap } else { Cover::Not }
}

/// Whether the batch lies below the first offset that the tier ever had, and neither a floor nor a name in a dead branch says
/// what has become of it. A tier does not grow downwards, so that only who was never told that it was committed may let it go.
fn is_beneath(manifest: &Manifest, batch: &Batch) -> bool {
    let (base, end) = (offset(batch.base), offset(batch.end));
    let floored = manifest.floor.is_some_and(|floor| end <= floor);
    base < manifest.began() && end <= manifest.tier_start && !floored && !is_kept_by_name(manifest, batch)
}

fn is_kept_by_name(manifest: &Manifest, batch: &Batch) -> bool {
    let dead = manifest.dead_branches.iter().flat_map(|branch| &branch.entries);
    dead.into_iter().any(|entry| has(entry, batch))
}

/// Whether an entry holds the batch, by offset and epoch.
fn has(entry: &firnline_index::manifest::Entry, batch: &Batch) -> bool {
    let (base, end) = (offset(batch.base), offset(batch.end));
    let epochs = entry.epochs.iter().take_while(|start| start.start <= base);
    entry.range.contains(base)
        && end <= entry.range.end()
        && epochs.last().is_some_and(|start| start.epoch.get() == batch.epoch)
}

/// A manifest's bytes, and what they say with all pages.
#[derive(Debug, Clone)]
pub(super) struct Read {
    bytes: Bytes,
    pub(super) manifest: Arc<Manifest>,
    pub(super) pages: Arc<BTreeSet<String>>,
}

/// The partition's manifest as it is in the store, with all that its pages list.
pub(super) fn manifest(store: &Simulation, partition: &Partition) -> Option<Manifest> {
    let head = Manifest::decode(&store.peek(&format!("{}/manifest", partition.tip))?).ok()?;
    whole(head, &|key| store.peek(key)).ok().map(|(manifest, _)| manifest)
}

impl Watch {
    /// The same; read anew only where it has changed.
    pub(super) fn manifest(&self, store: &Simulation, partition: &Partition) -> Option<Arc<Manifest>> {
        let key = format!("{}/manifest", partition.tip);
        let bytes = store.peek(&key)?;
        self.read(&key, &bytes, &|key| store.peek(key)).ok().map(|read| read.manifest)
    }

    /// What these bytes of a manifest say; decoded once.
    pub(super) fn read(&self, key: &str, bytes: &Bytes, peek: Peek<'_>) -> Result<Read, String> {
        let mut known = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(read) = known.get(key).filter(|read| read.bytes == *bytes) {
            return Ok(read.clone());
        }
        let head = Manifest::decode(bytes).map_err(|error| format!("it cannot be read: {error}"))?;
        if let Some(anomaly) = head.check().into_iter().next() {
            return Err(format!("{}: {anomaly}", anomaly.name()));
        }
        let (manifest, pages) = whole(head, peek)?;
        let read = Read { bytes: bytes.clone(), manifest: Arc::new(manifest), pages: Arc::new(pages) };
        known.insert(key.to_owned(), read.clone());
        Ok(read)
    }

    /// Where the tier has a batch of partition `p` now.
    pub fn covered(&self, kafka: &Kafka, store: &Simulation, p: usize, batch: &Batch) -> Cover {
        cover(self.manifest(store, &kafka.partitions[p]).as_deref(), batch)
    }

    pub(super) fn segment_changed(&self, now_ms: i64, change: &Change) {
        match (&change.before, &change.after) {
            (None, Some(_)) => {
                self.seen().counts.uploads += 1;
            }
            (Some(before), Some(after)) if before != after => {
                self.wrong(format!("{} was overwritten", change.key));
            }
            (Some(_), None) => self.object_gone(now_ms, &change.key),
            _ => {}
        }
    }

    pub(super) fn object_gone(&self, now_ms: i64, key: &str) {
        let mut seen = self.seen();
        seen.counts.deletes += 1;
        let (named, grace) = (seen.named.get(key).copied(), seen.grace_ms);
        match named {
            Some(i64::MAX) => seen.wrong.push(format!("{key} was deleted while a manifest names it")),
            Some(until) if now_ms - until < grace => {
                let waited = now_ms - until;
                seen.wrong.push(format!(
                    "{key} was deleted {waited} ms after a manifest named it, readers may look for {grace}"
                ));
            }
            _ => {}
        }
    }

    /// A pin was let go that was all that kept its bytes.
    pub fn released(&self, kafka: &Kafka, store: &Simulation, node: i32, inode: &Inode) {
        self.seen().counts.releases += 1;
        let partition = &kafka.partitions[inode.partition];
        let manifest = self.manifest(store, partition);
        let witness = kafka.nodes.get(&node).and_then(|machine| machine.disk.witnesses.get(&inode.partition));
        let told = self.seen().told.get(&(partition.tip.clone(), node)).copied().unwrap_or(0);
        for batch in &inode.batches {
            let known = match partition.truth.fate(batch) {
                // Of a deleted topic goes up what is known committed; nobody is left to ask for more.
                Fate::NeverCommitted => continue,
                Fate::Live if partition.exists && kafka.tells(inode.partition, batch.end) => true,
                // What nobody here was told is committed may be dropped.
                Fate::Live | Fate::Cut { .. } => proof::witnessed(kafka, inode.partition, node, batch),
            };
            // Below the tier's first offset lies what its first leader had lost; whoever was told that it was committed keeps it.
            let beneath = manifest.as_ref().is_some_and(|manifest| is_beneath(manifest, batch))
                && proof::witnessed(kafka, inode.partition, node, batch);
            if beneath || (known && matches!(cover(manifest.as_deref(), batch), Cover::Not | Cover::Gap)) {
                let Batch { base, end, .. } = **batch;
                let tier_end = manifest.as_ref().map(|manifest| manifest.tier_end.get());
                let remembered = witness.map_or(0, |witness| witness.newest.bound.get());
                let there = if partition.exists { "" } else { ", the topic is deleted" };
                self.wrong(format!(
                    "{}: node {node} let go the pin of {base}..{end}, which the tier has not (end {tier_end:?}); it was told \
                     {told} and remembers {remembered}{there}",
                    partition.tip
                ));
                return;
            }
        }
    }
}
