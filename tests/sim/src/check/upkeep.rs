//! What lets the tier's start and its floor rise: the word of an operator, as the store has it, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use firnline_index::floor::FloorObject;
use firnline_index::manifest::{Entry, Manifest};
use firnline_index::topic::TopicObject;
use firnline_index::{SegmentUuid, TopicId, TopicIdPartition};
use firnline_store::sim::Change;
use firnline_tier::retention::Limits;

use super::Watch;
use super::manifest::every_entry;

/// What operators have said so far.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// Every retention that was ever in force of a topic.
    limits: BTreeMap<TopicId, Vec<Limits>>,
    /// Every floor that was ever written of a partition.
    floors: BTreeMap<TopicIdPartition, BTreeSet<i64>>,
    /// The highest start that a manifest ever named.
    starts: BTreeMap<TopicIdPartition, i64>,
}

impl Watch {
    /// The highest start that the tier ever had of a partition.
    pub fn highest_start(&self, tip: &TopicIdPartition) -> i64 {
        self.seen().words.starts.get(tip).copied().unwrap_or(0)
    }

    /// The highest floor that anybody wrote of a partition.
    pub fn highest_floor(&self, tip: &TopicIdPartition) -> Option<i64> {
        self.seen().words.floors.get(tip).and_then(|floors| floors.last().copied())
    }

    /// Keeps what an operator said, where the change is that.
    pub(super) fn hear(&self, change: &Change) {
        let Some(after) = &change.after else { return };
        if change.key.starts_with("topics/")
            && let Ok(object) = TopicObject::decode(after)
        {
            let limits = Limits::of(object.retention.as_ref());
            self.seen().words.limits.entry(object.topic_id).or_default().push(limits);
        }
        if change.key.contains("/floor-")
            && let Ok(floor) = FloorObject::decode(after)
        {
            self.seen().words.floors.entry(floor.tip).or_default().insert(floor.offset.get());
        }
    }
}

impl Words {
    /// Whether the start and the floor of `new` may follow those of `old`, at this time.
    pub(super) fn allow(&mut self, old: Option<&Manifest>, new: &Manifest, now_ms: i64) -> Vec<String> {
        let highest = self.starts.entry(new.tip.clone()).or_default();
        *highest = new.tier_start.get().max(*highest);
        let Some(old) = old else { return Vec::new() };
        let mut wrong = Vec::new();
        let floors = self.floors.get(&new.tip);
        if let Some(floor) = new.floor.filter(|_| new.floor > old.floor)
            && floors.is_none_or(|floors| !floors.contains(&floor.get()))
        {
            wrong.push(format!("the floor rose to {floor}, which nobody wrote"));
        }
        let floor = new.floor.map_or(0, |floor| floor.get());
        let limits = self.limits.get(&new.tip.topic_id).map_or(&[][..], Vec::as_slice);
        // The oldest goes first: what is left counts from there, as others may have gone for their age behind it.
        let left_behind = |gone: &Entry| -> u64 {
            let behind = old.entries.iter().filter(|entry| entry.range.start() >= gone.range.end());
            behind.map(|entry| entry.log_bytes.get()).sum()
        };
        let goes = |entry: &&Entry| {
            let live = entry.range.end() > old.tier_start && entry.range.end() <= new.tier_start;
            live && entry.range.end().get() > floor
        };
        for entry in old.entries.iter().filter(goes) {
            let left = left_behind(entry);
            if !limits.iter().any(|limits| lets_go(*limits, entry, left, now_ms)) {
                wrong.push(format!(
                    "{} left the tier by no retention that was ever in force ({limits:?}), with {left} bytes left",
                    entry.range
                ));
            }
        }
        let named: BTreeSet<SegmentUuid> = every_entry(new).map(|entry| entry.uuid).collect();
        let dead = old.dead_branches.iter().flat_map(|branch| &branch.entries);
        let goes = |entry: &Entry| limits.iter().any(|limits| too_old(*limits, born(entry), now_ms));
        for entry in dead.filter(|entry| !named.contains(&entry.uuid) && !goes(entry)) {
            wrong.push(format!("{} of a dead branch is gone", entry.range));
        }
        wrong
    }
}

/// Whether a limit lets the entry go where `left` bytes stay: by the later of record and commit time, or by what is left.
fn lets_go(limits: Limits, entry: &Entry, left: u64, now_ms: i64) -> bool {
    too_old(limits, born(entry), now_ms) || limits.bytes.is_some_and(|bytes| left >= bytes)
}

/// The later of record and commit time.
fn born(entry: &Entry) -> i64 {
    entry.max_timestamp.map_or(i64::MIN, |time| time.get()).max(entry.committed_at.get())
}

fn too_old(limits: Limits, born: i64, now_ms: i64) -> bool {
    let age = u64::try_from(now_ms.saturating_sub(born)).unwrap_or(0);
    limits.ms.is_some_and(|ms| age >= ms)
}
