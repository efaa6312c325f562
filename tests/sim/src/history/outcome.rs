//! What one history, or many, came to.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use firnline_offloader::sidecar::Thrown;
use firnline_store::RequestKind;

use super::people::People;
use super::sidecars::Sidecars;
use super::{FEWEST_FAULTS, FEWEST_SIDECARS, STEPS};
use crate::check::{Counts, Ended};
use crate::process::Points;
use crate::seams::World;

/// However much trouble there is, the same segment does not go up again and again: each attempt waits longer, up to two
/// minutes, and a history's troubles last for some hours.
const MOST_UPLOADS: u64 = 250;

/// Sums over histories.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// How many.
    pub histories: u64,
    /// Steps of the cluster and of its troubles.
    pub steps: u64,
    /// Time that passed in them.
    pub simulated: Duration,
    /// Requests to the store.
    pub requests: u64,
    /// Faults, by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// What operators did, by command.
    pub acts: BTreeMap<&'static str, u64>,
    /// Named steps: reached, died there, frozen there.
    pub points: Points,
    /// Sidecars started.
    pub sidecars: u64,
    /// Finished uploads that were thrown away, by why.
    pub thrown: Thrown,
    /// The most uploads of a segment from one offset, in one history.
    pub most_uploads: u64,
    /// What happened to the tier.
    pub tier: Counts,
    /// Where committed records were at the end.
    pub ended: Ended,
    /// Partitions that ended waiting for an operator.
    pub operator: u64,
    /// One number for all that happened.
    pub trace: u64,
}

impl Outcome {
    /// Sums up.
    pub fn add(&mut self, other: &Self) {
        self.histories += other.histories;
        self.steps += other.steps;
        self.simulated += other.simulated;
        self.requests += other.requests;
        for (kind, count) in &other.faults {
            *self.faults.entry(kind).or_default() += count;
        }
        for (kind, count) in &other.acts {
            *self.acts.entry(kind).or_default() += count;
        }
        self.points.add(&other.points);
        self.sidecars += other.sidecars;
        crate::check::add(&mut self.thrown, &other.thrown);
        self.most_uploads = self.most_uploads.max(other.most_uploads);
        self.tier.add(&other.tier);
        self.ended.add(&other.ended);
        self.operator += other.operator;
        self.trace = self.trace.rotate_left(1) ^ other.trace;
    }

    pub(super) fn fault(&mut self, kind: &'static str) {
        *self.faults.entry(kind).or_default() += 1;
    }

    pub(super) fn act(&mut self, kind: &'static str) {
        *self.acts.entry(kind).or_default() += 1;
    }

    /// How many faults there were.
    pub fn fault_count(&self) -> u64 {
        self.faults.values().sum()
    }

    /// What a history must have had to count, and has not.
    pub(super) fn too_little(&self) -> Vec<String> {
        let counts = [
            ("steps", self.steps, STEPS.start),
            ("faults", self.fault_count(), FEWEST_FAULTS),
            ("sidecars", self.sidecars, FEWEST_SIDECARS),
        ];
        let again = (self.most_uploads > MOST_UPLOADS)
            .then(|| format!("a segment from one offset was uploaded {} times", self.most_uploads));
        let few = counts.into_iter().filter(|(_, had, least)| had < least);
        few.map(|(what, had, least)| format!("the history had {had} {what}, at least {least} are asked for"))
            .chain(again)
            .collect()
    }

    pub(super) fn gather(&mut self, world: &World, sidecars: &Sidecars, people: &People) {
        let trace = world.store.trace();
        self.requests += trace.len() as u64;
        let mut uploads: BTreeMap<&str, u64> = BTreeMap::new();
        for event in trace.iter().filter(|event| event.answer == "ok") {
            if let (RequestKind::Put, Some(name)) = (event.operation, event.key.strip_suffix(".seg")) {
                let end = name.rfind('/').map_or(0, |at| at + 21);
                *uploads.entry(name.get(..end).unwrap_or(name)).or_default() += 1;
            }
        }
        self.most_uploads = uploads.into_values().max().unwrap_or(0);
        for fault in trace.iter().filter_map(|event| event.fault) {
            self.fault(fault);
        }
        for (kind, count) in world.net.faults.lock().expect("nothing panics while it holds this").iter() {
            *self.faults.entry(kind).or_default() += count;
        }
        self.points = sidecars.points();
        self.points.add(&people.points());
        self.sidecars = sidecars.started();
        self.trace = world.store.trace_hash() ^ self.steps.rotate_left(32) ^ self.tier.commits;
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hours = self.simulated.as_secs() / 3600;
        writeln!(
            f,
            "{} histories, {} steps, {hours} simulated hours, {} requests, {} sidecars, {} faults",
            self.histories,
            self.steps,
            self.requests,
            self.sidecars,
            self.fault_count()
        )?;
        writeln!(f, "tier: {:?}", self.tier)?;
        writeln!(f, "uploads thrown away: {:?}; most of one offset: {}", self.thrown, self.most_uploads)?;
        writeln!(
            f,
            "committed batches at the end: {:?}, partitions left to an operator: {}",
            self.ended, self.operator
        )?;
        let kinds: Vec<String> = self.faults.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
        writeln!(f, "faults: {}", kinds.join(", "))?;
        let acts: Vec<String> = self.acts.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
        writeln!(f, "operators: {}", acts.join(", "))?;
        writeln!(f, "steps (reached, died there, frozen there):")?;
        for (name, (reached, died, frozen)) in &self.points.by_name {
            writeln!(f, "  {name}: {reached} {died} {frozen}")?;
        }
        write!(f, "trace {:016x}", self.trace)
    }
}
