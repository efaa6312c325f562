//! At the end, when all has healed, every file was rolled and the time that the promises name has passed.

use std::collections::BTreeSet;

use firnline_store::sim::Simulation;

use super::gone::{Cover, cover};
use super::{Watch, proof};
use crate::model::{Batch, Fate, Kafka};

/// What became of all committed records, by batches.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// In the tier at their offsets.
    pub live: u64,
    /// In a dead branch.
    pub dead: u64,
    /// In a recorded gap.
    pub gap: u64,
    /// Below a floor or the tier's start.
    pub below: u64,
    /// Still held by a broker, not due.
    pub held: u64,
    /// Committed, and another history has its offsets, or nothing does, because no broker can tell any more which went on.
    pub untold: u64,
    /// Cut by an unclean election, or deleted with their topic, before any sidecar was told that they were committed.
    pub dropped: u64,
}

impl Ended {
    /// Sums up.
    pub fn add(&mut self, other: &Self) {
        let Self { live, dead, gap, below, held, untold, dropped } = other;
        self.live += live;
        self.dead += dead;
        self.gap += gap;
        self.below += below;
        self.held += held;
        self.untold += untold;
        self.dropped += dropped;
    }
}

impl Ended {
    /// A batch that need not be served, but must be kept where somebody knew that it was committed: whoever lets the last of
    /// it go is watched in that moment.
    fn kept(&mut self, covered: Cover, held: Held) {
        match covered {
            Cover::Live => self.live += 1,
            Cover::Dead | Cover::Late => self.dead += 1,
            Cover::Below => self.below += 1,
            Cover::Gap | Cover::Not if held != Held::Nowhere => self.held += 1,
            Cover::Gap | Cover::Not => self.dropped += 1,
        }
    }
}

/// A batch of a partition.
pub type Place = (usize, i64, i32);

impl Watch {
    /// Looks at everything. `lost` are batches whose last copy outside of the tier is gone, each for a reason that the
    /// history holds; `excused` are partitions that rightly wait for an operator.
    pub fn ended(
        &self,
        kafka: &Kafka,
        store: &Simulation,
        lost: &BTreeSet<Place>,
        excused: &BTreeSet<usize>,
    ) -> Ended {
        let mut ended = Ended::default();
        for (p, partition) in kafka.partitions.iter().enumerate() {
            let manifest = self.manifest(store, partition);
            let tip = &partition.tip;
            for batch in &partition.truth.live {
                let held = holder(kafka, p, batch);
                let remembered = self.remembered_by_anyone(p, batch);
                match cover(manifest.as_deref(), batch) {
                    Cover::Live => ended.live += 1,
                    // It counts as what an election cut does: it may be one of these as well.
                    covered if !kafka.tells(p, batch.end) => {
                        ended.untold += 1;
                        ended.kept(covered, held);
                    }
                    Cover::Dead if excused.contains(&p) => ended.dead += 1,
                    // Nobody is left who tells how far a deleted topic was committed; what lies beside a part that is lost is
                    // kept with it. Nor
                    // which of two histories is the one to serve.
                    Cover::Dead if !partition.exists && (batch.end > remembered || partition.unclean > 0) => {
                        ended.dead += 1;
                    }
                    Cover::Late => ended.dead += 1,
                    // Whoever lets go what lies below the tier's first offset is watched in that moment.
                    Cover::Below => ended.below += 1,
                    Cover::Gap if lost.contains(&(p, batch.base, batch.epoch)) => ended.gap += 1,
                    // What nobody can prove is kept until an operator decides; the log went on without it. What a broker
                    // has is kept by name when the broker lets it go.
                    Cover::Gap if !proof::pinned_and_proven(kafka, p, batch) => ended.gap += 1,
                    // A pin that lies in a gap in part is kept whole, and let go when the tier has the rest.
                    Cover::Gap if excused.contains(&p) && held != Held::Nowhere => ended.held += 1,
                    Cover::Not if held == Held::Active => ended.held += 1,
                    Cover::Not if !partition.exists && batch.end > remembered => ended.dropped += 1,
                    Cover::Not if !partition.exists && lost.contains(&(p, batch.base, batch.epoch)) => {
                        ended.gap += 1
                    }
                    Cover::Not if excused.contains(&p) && held != Held::Nowhere => ended.held += 1,
                    Cover::Not if excused.contains(&p) && lost.contains(&(p, batch.base, batch.epoch)) => {
                        ended.gap += 1
                    }
                    // The other of two histories, and nobody was ever told that it was committed.
                    Cover::Not if excused.contains(&p) && partition.unclean > 0 && batch.end > remembered => {
                        ended.dropped += 1;
                    }
                    other => {
                        let end = manifest.as_ref().map(|manifest| manifest.tier_end.get());
                        self.wrong(format!(
                            "{tip}: the committed {}..{} of epoch {} is {other:?} in the tier (end {end:?}) and {held:?} on disks",
                            batch.base, batch.end, batch.epoch
                        ));
                        return ended;
                    }
                }
            }
            let cut = partition.truth.cuts.iter().flat_map(|cut| &cut.batches);
            // Another unclean election may have brought some of it back.
            for batch in cut.filter(|batch| partition.truth.fate(batch) != Fate::Live) {
                match cover(manifest.as_deref(), batch) {
                    // In an older span: it is named there still, and read by nobody.
                    Cover::Live
                        if manifest
                            .as_ref()
                            .is_some_and(|manifest| batch.end <= manifest.serving_start.get()) =>
                    {
                        ended.below += 1;
                    }
                    Cover::Live if excused.contains(&p) => ended.live += 1,
                    // Below all that a leader's log reaches down to nobody tells which of two histories went on.
                    Cover::Live if !kafka.tells(p, batch.end) => ended.live += 1,
                    Cover::Live => {
                        self.wrong(format!(
                            "{tip}: the tier still serves {}..{} of epoch {}, which was cut",
                            batch.base, batch.end, batch.epoch
                        ));
                        return ended;
                    }
                    covered => ended.kept(covered, holder(kafka, p, batch)),
                }
            }
        }
        ended
    }
}

impl Watch {
    /// Whether no node holds the committed batch at the tier's end and can prove that it is one and continues the tier.
    pub fn nobody_goes_on(&self, kafka: &Kafka, store: &Simulation, p: usize) -> bool {
        let Some(partition) = kafka.partitions.get(p) else { return false };
        let manifest = self.manifest(store, partition);
        let missing = |batch: &&std::sync::Arc<Batch>| cover(manifest.as_deref(), batch) == Cover::Not;
        let next = partition.truth.live.iter().find(missing);
        next.is_some_and(|next| {
            // A leader tells what goes before what as far down as its log reaches.
            let reaches = |node: i32| {
                let log = kafka.replica(p, node).map(|replica| replica.log.start);
                kafka.leader(p) == Some(node) && log.is_some_and(|start| start < next.base.max(1))
            };
            let joins = |node: i32| reaches(node) || proof::joins(kafka, p, node, next.base);
            !proof::provers(kafka, p, next).any(joins)
        })
    }

    /// Up to where anybody remembers that the log from this batch on was committed: whoever led before it knew nothing of it.
    fn remembered_by_anyone(&self, p: usize, batch: &Batch) -> i64 {
        let seen = self.seen();
        let known = seen
            .remembered
            .iter()
            .filter(|((of, _, told, from), _)| *of == p && *told >= batch.epoch && *from <= batch.base);
        known.map(|(_, bound)| *bound).max().unwrap_or(0)
    }
}

/// Where a batch lies on disks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Held {
    /// Nowhere.
    Nowhere,
    /// In a file that is still written, and in no other.
    Active,
    /// In a sealed file or a pin.
    Sealed,
}

/// The best place that holds the batch.
pub fn holder(kafka: &Kafka, p: usize, batch: &Batch) -> Held {
    let files = kafka.nodes.values().flat_map(|node| node.disk.inodes.values());
    let holding =
        files.filter(|file| file.partition == p && file.batches.iter().any(|held| **held == *batch));
    holding.map(|file| if file.sealed { Held::Sealed } else { Held::Active }).max().unwrap_or(Held::Nowhere)
}
