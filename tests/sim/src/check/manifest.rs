//! A manifest is replaced: what may have changed, and what must not.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use firnline_index::SegmentUuid;
use firnline_index::manifest::{DeadBranch, DeadReason, Entry, Manifest};
use firnline_store::sim::Change;

use super::gone::{Cover, cover};
use super::{Seen, Watch, content, proof};
use crate::model::{Fate, Kafka, Partition};
use crate::seams::Sealing;

/// Still named.
const NOW: i64 = i64::MAX;

impl Watch {
    pub(super) fn manifest_changed(
        &self,
        kafka: &Kafka,
        now_ms: i64,
        change: &Change,
        peek: &dyn Fn(&str) -> Option<Bytes>,
    ) {
        let key = &change.key;
        let Some(after) = &change.after else { return self.wrong(format!("{key} was deleted")) };
        // First what was read before: it is replaced by what is read now.
        let old = change.before.as_ref().and_then(|before| self.read(key, before, peek).ok());
        let read = match self.read(key, after, peek) {
            Ok(read) => read,
            Err(what) => return self.wrong(format!("{key}: {what}")),
        };
        let new = &*read.manifest;
        let Some(partition) = kafka.partitions.iter().find(|p| p.tip == new.tip) else {
            return self.wrong(format!("{key} is of a partition that never was"));
        };
        let mut seen = self.seen();
        let mut check = Replaced {
            kafka,
            partition,
            old: old.as_ref().map(|old| &*old.manifest),
            new,
            now_ms,
            peek,
            seen: &mut seen,
        };
        let wrong = check.all();
        check.name((*read.pages).clone(), old.as_ref().map(|old| (*old.pages).clone()).unwrap_or_default());
        seen.wrong
            .extend(wrong.into_iter().map(|what| format!("{key} generation {}: {what}", new.generation)));
    }
}

struct Replaced<'a> {
    kafka: &'a Kafka,
    partition: &'a Partition,
    old: Option<&'a Manifest>,
    new: &'a Manifest,
    now_ms: i64,
    peek: &'a dyn Fn(&str) -> Option<Bytes>,
    seen: &'a mut Seen,
}

/// The highest epoch that a manifest says somebody led under.
fn fence(manifest: &Manifest) -> i32 {
    let claim = manifest.claim.as_ref().map(|claim| claim.epoch.get());
    let writer = manifest.writer.and_then(|writer| writer.leader_epoch).map(|epoch| epoch.get());
    claim.max(writer).unwrap_or(-1)
}

pub(super) fn every_entry(manifest: &Manifest) -> impl Iterator<Item = &Entry> {
    manifest.entries.iter().chain(manifest.dead_branches.iter().flat_map(|branch| &branch.entries))
}

impl Replaced<'_> {
    fn all(&mut self) -> Vec<String> {
        self.seen.counts.commits += 1;
        let mut wrong = self.moved();
        wrong.extend(self.left());
        wrong.extend(self.came());
        wrong.extend(self.cut());
        wrong.extend(self.gap());
        wrong.extend(self.seen.words.allow(self.old, self.new, self.now_ms));
        wrong.extend(self.sealed());
        wrong
    }

    /// Numbers that must not go back.
    fn moved(&mut self) -> Vec<String> {
        let (Some(old), new) = (self.old, self.new) else { return Vec::new() };
        let mut wrong = Vec::new();
        let mut check = |holds: bool, what: String| {
            if !holds {
                wrong.push(what);
            }
        };
        check(new.generation == old.generation + 1, format!("follows generation {}", old.generation));
        check(new.kind == old.kind && new.tip == old.tip, "another kind or partition".to_owned());
        let starts = (old.tier_start, new.tier_start);
        check(
            starts.0 <= starts.1 || new.dead_branches.len() > old.dead_branches.len(),
            format!("the tier's start went back from {} to {}", starts.0, starts.1),
        );
        let cut = new.dead_branches.len() > old.dead_branches.len();
        // A floor above a cut spoke of records that are not there now.
        check(old.floor <= new.floor || cut, "the floor went back".to_owned());
        let ends = (old.tier_end, new.tier_end);
        check(
            ends.0 <= ends.1 || cut,
            format!("the tier's end fell from {} to {} without a cut", ends.0, ends.1),
        );
        check(fence(old) <= fence(new), format!("written under epoch {}, below {}", fence(new), fence(old)));
        check(old.deleted.is_none() || new.deleted.is_some(), "a deleted topic lives again".to_owned());
        let known: BTreeSet<SegmentUuid> = every_entry(old).map(|entry| entry.uuid).collect();
        let adds = new.entries.iter().any(|entry| !known.contains(&entry.uuid));
        let writer = new.writer.and_then(|writer| writer.leader_epoch).map_or(-1, |epoch| epoch.get());
        check(
            !adds || writer >= fence(old),
            format!("entries came under epoch {writer}, below {}", fence(old)),
        );
        let counts = &mut self.seen.counts;
        counts.claims += u64::from(new.claim != old.claim);
        counts.boundaries += u64::from(new.gc_boundary != old.gc_boundary);
        wrong
    }

    /// Entries that are no longer there, each for a reason.
    fn left(&self) -> Vec<String> {
        let Some(old) = self.old else { return Vec::new() };
        let kept: BTreeSet<SegmentUuid> = every_entry(self.new).map(|entry| entry.uuid).collect();
        let replaced: BTreeSet<SegmentUuid> =
            self.new.entries.iter().flat_map(|entry| entry.replaces.iter().copied()).collect();
        let gone = old.entries.iter().filter(|entry| !kept.contains(&entry.uuid));
        gone.filter(|entry| entry.range.end() > self.new.tier_start && !replaced.contains(&entry.uuid))
            .map(|entry| format!("the entry of {} is gone without a reason", entry.range))
            .collect()
    }

    /// Entries that are new, each with its object.
    fn came(&mut self) -> Vec<String> {
        let known: BTreeSet<SegmentUuid> =
            self.old.into_iter().flat_map(every_entry).map(|entry| entry.uuid).collect();
        let mut wrong = Vec::new();
        for entry in self.new.entries.iter().filter(|entry| !known.contains(&entry.uuid)) {
            self.seen.counts.entries += 1;
            wrong.extend(self.look_into(entry, true).err());
        }
        for branch in &self.new.dead_branches {
            for entry in branch.entries.iter().filter(|entry| !known.contains(&entry.uuid)) {
                self.seen.counts.dead += 1;
                wrong.extend(self.look_into(entry, false).err());
            }
        }
        wrong
    }

    fn look_into(&mut self, entry: &Entry, live: bool) -> Result<(), String> {
        let key = entry.object_key(&self.new.tip);
        let object = (self.peek)(&key).ok_or_else(|| format!("{key} is named and not there"))?;
        let truth = &self.partition.truth;
        let (stretch, tail) =
            content::open(&object, entry, truth, self.peek).map_err(|what| format!("{key}: {what}"))?;
        if !live {
            return Ok(());
        }
        let mut all_live = true;
        for (base, end, fate) in stretch.fates {
            match fate {
                Fate::Live => {}
                Fate::NeverCommitted => return Err(format!("{key}: {base}..{end} was never committed")),
                // Whoever commits may not have heard of an election; whoever has must know better.
                Fate::Cut { by } if fence(self.new) >= by && self.tells(end) => {
                    return Err(format!("{key}: {base}..{end} was cut by the leader of epoch {by}"));
                }
                Fate::Cut { .. } => all_live = false,
            }
        }
        let whole = self.new.serving_start.get() == 0 && self.new.gaps.is_empty();
        // What the tier still has of a history that was cut says other things of its transactions.
        let of_one_history = || {
            // An election may have brought back the upper part of what another had cut, and nobody has what lies between.
            let mut next = 0;
            let mut below = truth.live.iter().filter(|batch| batch.base < entry.range.end().get());
            self.partition.unclean == 0
                || below.all(|batch| {
                    let joins = batch.base == std::mem::replace(&mut next, batch.end);
                    joins && cover(Some(self.new), batch) == Cover::Live
                })
        };
        if all_live && whole && of_one_history() {
            content::transactions(tail.transactions(), entry, truth.live.iter())
                .map_err(|what| format!("{key}: {what}"))?;
        }
        Ok(())
    }

    /// What is encrypted does not go on in the clear.
    fn sealed(&self) -> Vec<String> {
        let known = self.old.map_or(0, |old| old.tier_end.get());
        let mut wrong = Vec::new();
        let mut before = self.seen.sealing == Sealing::Always;
        for entry in &self.new.entries {
            let clear = entry.key_id.is_none();
            if before && clear && entry.range.end().get() > known && self.seen.sealing != Sealing::Never {
                wrong.push(format!(
                    "the entry of {} is in the clear, and what is below is sealed",
                    entry.range
                ));
            }
            before |= !clear;
        }
        wrong
    }

    fn tells(&self, end: i64) -> bool {
        let place = self.kafka.partitions.iter().position(|p| p.tip == self.new.tip);
        place.is_some_and(|p| self.kafka.tells(p, end))
    }

    /// What a cut took out is nothing that Kafka still has.
    fn cut(&mut self) -> Vec<String> {
        let before = self.old.map_or(0, |old| old.dead_branches.len());
        let mut wrong = Vec::new();
        for branch in self.new.dead_branches.iter().skip(before) {
            let too_late = branch.reason == DeadReason::NeverCommitted;
            self.seen.counts.cuts += u64::from(!too_late);
            if self.partition.unclean == 0 && !too_late && !self.was_never_committed(branch) {
                wrong.push(format!("a cut at {} without an unclean election", branch.cut_at));
            }
            for entry in &branch.entries {
                let Some(object) = (self.peek)(&entry.object_key(&self.new.tip)) else { continue };
                let Ok((stretch, _)) = content::open(&object, entry, &self.partition.truth, self.peek) else {
                    continue;
                };
                let alive = stretch.fates.into_iter();
                let alive =
                    alive.filter(|(base, _, fate)| *base >= branch.cut_at.get() && *fate == Fate::Live);
                // What came too late for the log, a gap being recorded there, is kept by name.
                let in_gap = |base: i64| {
                    self.new.gaps.iter().any(|gap| gap.range.contains(crate::seams::offset(base)))
                };
                // So is what the first leader of the tier had lost already; a file that reaches over its start is kept whole.
                let below = entry.range.start() < self.new.began();
                // A file that lies in a gap in part is kept whole, and so is a pin where the tier has another history: that is no
                // cut of the tier.
                let twice = |base: i64| {
                    self.new.entries.iter().any(|entry| entry.range.contains(crate::seams::offset(base)))
                };
                // Of a deleted topic nobody is left who tells how far it was committed.
                let beyond = |base: i64| self.new.deleted.is_some() && base >= self.new.tier_end.get();
                // Retention may have taken the gap meanwhile.
                let retired = |base: i64| base < self.new.tier_start.get();
                let beside = |base: i64| in_gap(base) || below || beyond(base) || retired(base);
                let alive = alive.filter(|(base, ..)| !(twice(*base) || too_late && beside(*base)));
                // Whoever cut had not heard yet that a later election brought it back.
                let came_back = |base: i64| {
                    let by = fence(self.new);
                    by < self.partition.view.epoch && self.partition.truth.was_cut(base, by)
                };
                let mut alive = alive.filter(|(base, end, _)| self.tells(*end) && !came_back(*base));
                if let Some((base, end, _)) = alive.next() {
                    wrong.push(format!("the cut at {} took {base}..{end}, which Kafka has", branch.cut_at));
                }
            }
        }
        wrong
    }

    /// Whether a branch is a pin's, and begins to differ with what was never committed: a log that was begun anew kept it.
    fn was_never_committed(&self, branch: &DeadBranch) -> bool {
        let cut_from_the_tier = |entry: &Entry| {
            self.old.is_some_and(|old| old.entries.iter().any(|known| known.uuid == entry.uuid))
        };
        let fate_at = |entry: &Entry| {
            let object = (self.peek)(&entry.object_key(&self.new.tip))?;
            let (stretch, _) = content::open(&object, entry, &self.partition.truth, self.peek).ok()?;
            let at = branch.cut_at.get();
            stretch.fates.into_iter().find(|(base, end, _)| *base <= at && at < *end).map(|(.., fate)| fate)
        };
        !branch.entries.iter().any(cut_from_the_tier)
            && branch.entries.iter().find_map(fate_at) == Some(Fate::NeverCommitted)
    }

    /// A gap covers nothing that somebody could have brought.
    fn gap(&mut self) -> Vec<String> {
        let known = self.old.map_or(0, |old| old.gaps.iter().map(|gap| gap.range.span()).sum());
        let now: u64 = self.new.gaps.iter().map(|gap| gap.range.span()).sum();
        if now <= known {
            return Vec::new();
        }
        self.seen.counts.gaps += 1;
        let old_end = self.old.map_or(0, |old| old.tier_end.get());
        let gaps = self.new.gaps.iter().filter(|gap| gap.range.end().get() > old_end);
        let mut wrong = Vec::new();
        for gap in gaps {
            let within =
                |base: i64| base >= gap.range.start().get().max(old_end) && base < gap.range.end().get();
            // Whoever holds only what lies further up cannot bring it before what lies below is there, or known lost.
            for batch in self.partition.truth.live.iter().filter(|batch| within(batch.base)).take(1) {
                if let Some(node) = self.could_bring(batch) {
                    wrong.push(format!(
                        "the gap {} holds {}..{}, which node {node} could bring",
                        gap.range, batch.base, batch.end
                    ));
                }
            }
        }
        wrong
    }

    /// A node that has worked undisturbed for as long as a gap must be wanted, holds the batch and can prove it.
    fn could_bring(&self, batch: &crate::model::Batch) -> Option<i32> {
        let place = self.kafka.partitions.iter().position(|p| p.tip == self.new.tip)?;
        let calm = |node: &i32| {
            self.seen.calm.get(node).is_some_and(|since| self.now_ms - since >= self.seen.gap_wait_ms)
        };
        // What goes on where the tier is of another history cannot be brought by anybody.
        let end = self.old.map_or(0, |old| old.tier_end.get());
        let below = self.partition.truth.live.iter().find(|below| below.base < end && end <= below.end);
        let last = crate::seams::offset((end - 1).max(0));
        let tier = self.old.and_then(|old| old.lineage.epoch_at(last)).map(|epoch| epoch.get());
        // Of a deleted topic nobody tells which of two histories went on.
        let doubtful = self.new.deleted.is_some() && self.partition.unclean > 0;
        let continues = below.is_none_or(|below| Some(below.epoch) == tier) && !doubtful;
        // After an unclean election, files that begin at the tier's end need not continue it.
        let joined = |node: &i32| {
            self.partition.unclean == 0
                || below.is_some_and(|below| {
                    proof::witnessed_together(self.kafka, place, *node, below, batch)
                        || proof::holds_together(self.kafka, place, *node, below, batch)
                        || proof::log_holds_together(self.kafka, place, *node, below, batch)
                })
        };
        proof::provers(self.kafka, place, batch).find(|node| continues && calm(node) && joined(node))
    }

    /// Keeps which objects are named now, and until when others were.
    fn name(&mut self, pages: BTreeSet<String>, old_pages: BTreeSet<String>) {
        let keys = |manifest: &Manifest| -> BTreeSet<String> {
            every_entry(manifest).map(|entry| entry.object_key(&manifest.tip)).collect()
        };
        let (mut now, mut before) = (pages, old_pages);
        now.extend(keys(self.new));
        before.extend(self.old.map(keys).unwrap_or_default());
        let named: &mut BTreeMap<String, i64> = &mut self.seen.named;
        for key in before.difference(&now) {
            named.insert(key.clone(), self.now_ms);
        }
        named.extend(now.into_iter().map(|key| (key, NOW)));
    }
}
