//! What must hold, looked at the moment it could break: each change of a manifest, each object that appears or goes, each
//! pin that is let go. Nothing here asks the code under test; objects are opened by the formats, and held against the
//! model's truth.
//!
//! | watched | must hold |
//! |---|---|
//! | a manifest is replaced | its algebra; generations by one; nothing falls that may not; entries leave only for a stated reason |
//! | an entry appears | its object is there, whole, and holds byte for byte what was committed; its transactions are right |
//! | a cut | takes no record that Kafka still has |
//! | a gap | covers no record that somebody with a proof holds |
//! | a start or a floor rises | an operator's word lets it: a retention that was in force, a floor that was written |
//! | a delete | no manifest names the object, nor has for as long as readers may look at an old one |
//! | a finished upload is thrown away | the reason given was there; in peace there are few |
//! | a pin goes | every committed record of it is in the tier, in a dead branch, or below start or floor |
//! | at the end | every committed record is where the promise says |

mod content;
mod describe;
mod end;
mod gone;
mod manifest;
mod pages;
mod proof;
mod thrown;
mod upkeep;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use firnline_index::TopicIdPartition;
use firnline_offloader::sidecar::Thrown;
use firnline_offloader::{Bound, Witness};
use firnline_store::sim::Change;

use crate::model::Kafka;

pub use describe::describe;
pub use end::{Ended, Held, Place, holder};
pub use gone::Cover;
pub use thrown::{add, between};

/// What was seen so far, and what did not hold.
#[derive(Debug)]
pub struct Watch {
    seen: Mutex<Seen>,
    /// Manifests as they were read last, by key.
    read: Mutex<BTreeMap<String, gone::Read>>,
}

/// Facts from the run.
#[derive(Debug, Default)]
pub struct Seen {
    /// What did not hold, in order. The first one is what matters.
    pub wrong: Vec<String>,
    /// The highest bound that each node's sidecar was told, with when it heard of it.
    told: BTreeMap<(TopicIdPartition, i32), i64>,
    /// Up to where each node ever remembered of each partition that it was told committed, under each epoch and from where on, as
    /// long as it held the bytes.
    remembered: BTreeMap<(usize, i32, i32, i64), i64>,
    /// When each node last looked at its files.
    looked: BTreeMap<i32, i64>,
    /// When each object was last named by a manifest.
    named: BTreeMap<String, i64>,
    /// Finished uploads that were thrown away, as far as sidecars lived to tell.
    pub thrown: Option<Thrown>,
    /// Since when there is peace.
    peace: Option<thrown::Peace>,
    /// What operators have said.
    words: upkeep::Words,
    /// Counts for the summary.
    pub counts: Counts,
    /// What hosts and brokers were asked and said, where somebody wants to read it.
    pub events: Option<Vec<String>>,
    /// Since when each node's sidecar has worked undisturbed; absent while it does not.
    calm: BTreeMap<i32, i64>,
    /// Which sidecars were told to encrypt.
    pub sealing: crate::seams::Sealing,
    /// How long a deleter must have waited.
    grace_ms: i64,
    /// How long a gap must have been wanted.
    gap_wait_ms: i64,
}

/// What happened to the tier.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Manifests replaced.
    pub commits: u64,
    /// Segments that appeared in the store.
    pub uploads: u64,
    /// Segments that manifests took up.
    pub entries: u64,
    /// Cuts.
    pub cuts: u64,
    /// Gaps recorded.
    pub gaps: u64,
    /// Collections.
    pub boundaries: u64,
    /// Objects deleted.
    pub deletes: u64,
    /// Pins let go that were all that kept their bytes.
    pub releases: u64,
    /// Claims.
    pub claims: u64,
    /// Dead branches that came from pins.
    pub dead: u64,
}

impl Watch {
    /// Watches a tier whose deleters wait for `grace`, and whose claims want a range for `gap_wait` before it is lost.
    pub fn new(grace: Duration, gap_wait: Duration) -> Self {
        let ms = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let seen = Seen { grace_ms: ms(grace), gap_wait_ms: ms(gap_wait), ..Seen::default() };
        Self { seen: Mutex::new(seen), read: Mutex::default() }
    }

    /// The facts.
    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps an event for whoever has to understand a failure.
    pub fn note(&self, event: impl FnOnce() -> String) {
        if let Some(events) = &mut self.seen().events {
            events.push(event());
        }
    }

    /// Notes that something does not hold.
    pub fn wrong(&self, what: String) {
        self.seen().wrong.push(what);
    }

    /// A sidecar was told a bound.
    pub fn told(&self, tip: &TopicIdPartition, node: i32, bound: &Bound) {
        let mut seen = self.seen();
        let told = seen.told.entry((tip.clone(), node)).or_default();
        *told = (*told).max(bound.high_watermark.get());
    }

    /// A host looked at its files, and pinned what was new.
    pub fn looked(&self, node: i32, now_ms: i64) {
        self.seen().looked.insert(node, now_ms);
    }

    /// A sidecar works undisturbed from now on, or no more.
    pub fn calm(&self, node: i32, since_ms: Option<i64>) {
        let mut seen = self.seen();
        match since_ms {
            Some(since) => drop(seen.calm.entry(node).or_insert(since)),
            None => drop(seen.calm.remove(&node)),
        }
    }

    /// What a sidecar remembers was committed once, and is of one history.
    pub fn remembered(&self, kafka: &Kafka, p: usize, node: i32, witness: &Witness) {
        let bound = witness.newest.bound.get();
        let from = witness.newest.lineage.first().map_or(bound, |first| first.start.get());
        let mut seen = self.seen();
        let known = seen.remembered.entry((p, node, witness.newest.epoch.get(), from)).or_default();
        *known = bound.max(*known);
        drop(seen);
        let truth = &kafka.partitions[p].truth;
        let cut = truth.cuts.iter().flat_map(|cut| cut.batches.last());
        let highest = cut.map(|batch| batch.end).max().unwrap_or(0).max(truth.end());
        if bound > highest {
            self.wrong(format!("a witness says {bound} was committed, but nothing above {highest} ever was"));
        }
    }

    /// A node lost its disk, and all that was remembered there.
    pub fn emptied(&self, node: i32) {
        self.seen().remembered.retain(|(_, by, ..), _| *by != node);
    }

    /// A pin of a node gave way: of what lay from `base` on nothing is left that its memory could speak for.
    pub fn gave_way(&self, p: usize, node: i32, base: i64) {
        let mut seen = self.seen();
        let known = seen.remembered.iter_mut().filter(|((of, by, ..), _)| (*of, *by) == (p, node));
        known.for_each(|(_, bound)| *bound = base.min(*bound));
    }

    /// The store changed.
    pub fn changed(
        &self,
        kafka: &Kafka,
        now_ms: i64,
        change: &Change,
        peek: &dyn Fn(&str) -> Option<bytes::Bytes>,
    ) {
        self.hear(change);
        if change.key.ends_with("/manifest") {
            self.manifest_changed(kafka, now_ms, change, peek);
        } else if change.key.ends_with(".seg") {
            self.segment_changed(now_ms, change);
        } else if change.after.is_none() {
            self.object_gone(now_ms, &change.key);
        }
    }
}

impl Counts {
    /// Sums up.
    pub fn add(&mut self, other: &Self) {
        let Self { commits, uploads, entries, cuts, gaps, boundaries, deletes, releases, claims, dead } =
            other;
        self.commits += commits;
        self.uploads += uploads;
        self.entries += entries;
        self.cuts += cuts;
        self.gaps += gaps;
        self.boundaries += boundaries;
        self.deletes += deletes;
        self.releases += releases;
        self.claims += claims;
        self.dead += dead;
    }
}
