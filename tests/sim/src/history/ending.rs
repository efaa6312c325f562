//! Peace: everything heals, every file is rolled, and what the promises say must come about within the time they say.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use firnline_store::RequestKind;

use super::{History, NODES};
use crate::check::{Cover, describe};
use crate::model::{Content, Election, Truth};
use crate::seams::TWIN;

/// How often it is looked whether all is done.
const LOOK: Duration = Duration::from_secs(60);
/// How long after the last trouble everything sealed must be in the tier, or a gap recorded, or an operator asked: the
/// sum of the waits of [`crate::sidecar::settings`], with room for the longest pauses between attempts.
const PATIENCE: u32 = 150;
/// Looks at most.
const LONGEST: u32 = 1_000;
/// Rounds in which replicas catch up.
const ROUNDS: usize = 40;

impl History {
    pub(super) async fn finish(&mut self) {
        self.come_to_rest().await;
        if self.has_failed() {
            self.describe_all();
        }
    }

    async fn come_to_rest(&mut self) {
        self.heal();
        self.sleep(Duration::from_secs(5)).await;
        for _ in 0..ROUNDS {
            self.catch_up();
            self.sleep(Duration::from_secs(1)).await;
        }
        self.roll_all();
        self.world.watch.peace(self.world.now_ms());
        self.note(|| "all is healed and rolled".to_owned());
        let requests_before = self.world.store.trace().len();
        let (mut quiet, mut commits) = (0, 0);
        for _ in 0..LONGEST {
            // A long backlog goes up for a long time; the waits begin where it ends.
            let now = self.world.watch.seen().counts.commits;
            quiet = if now == commits { quiet + 1 } else { 0 };
            commits = now;
            if quiet > PATIENCE {
                break;
            }
            self.catch_up();
            self.feel_calm();
            self.sleep(LOOK).await;
            self.restart_missing();
            self.resume_all();
            if self.has_failed() {
                return;
            }
            if self.open().is_empty() {
                break;
            }
        }
        // What is let go is let go after the last commit, and what came too late is kept by name one pin at a time. A node whose
        // clock was set back takes the mark of a deleted topic for a young one.
        let mut rests = false;
        for _ in 0..LONGEST / 20 {
            let before = self.world.watch.seen().counts.dead;
            self.sleep(20 * LOOK).await;
            rests = self.world.watch.seen().counts.dead == before && !self.waits_for_a_turn();
            if self.has_failed() || rests {
                break;
            }
        }
        if !rests && !self.has_failed() {
            self.world.watch.wrong("the sidecars do not come to rest".to_owned());
        }
        let excused = self.judge(requests_before);
        self.read_all(&excused).await;
    }

    fn waits_for_a_turn(&self) -> bool {
        let tips: Vec<_> = self.world.kafka().partitions.iter().map(|p| p.tip.clone()).collect();
        let waits = |tip| (1..=NODES).any(|node| self.sidecars.waits(node, tip).contains(&"turn"));
        tips.iter().any(waits)
    }

    fn heal(&mut self) {
        self.store_until = None;
        self.network_until = None;
        self.disk_until = None;
        self.world.disk_permille.store(0, std::sync::atomic::Ordering::Relaxed);
        self.lagging.clear();
        self.world.store.heal();
        self.world.trouble(false);
        self.world.net.heal();
        self.world.ring.lose(false);
        self.sidecars.calm();
        self.people.calm();
        self.restart_missing();
        let now_ms = self.world.now_ms();
        for node in 1..=NODES {
            self.world.kafka().start(node, now_ms);
        }
        self.note(|| "peace".to_owned());
    }

    fn restart_missing(&mut self) {
        for node in self.sidecars.missing(NODES) {
            self.sidecars.start_calm(node);
        }
    }

    /// Leaders where there are none, and followers that follow.
    fn catch_up(&mut self) {
        let now_ms = self.world.now_ms();
        let mut kafka = self.world.kafka();
        for p in 0..kafka.partitions.len() {
            if !kafka.partitions[p].exists {
                continue;
            }
            if kafka.partitions[p].view.leader.is_none() {
                let isr = kafka.partitions[p].view.isr.iter().next().copied();
                isr.map(|node| kafka.elect(p, node, Election::Clean));
            }
            for node in 1..=NODES {
                kafka.learn(p, node, now_ms);
                kafka.fetch(p, node, now_ms);
                kafka.expand(p, node);
            }
        }
    }

    /// One more batch everywhere, and the file before it is sealed on every replica, its end below the high watermark.
    fn roll_all(&mut self) {
        let now_ms = self.world.now_ms();
        let mut kafka = self.world.kafka();
        for p in 0..kafka.partitions.len() {
            let Some(leader) = kafka.leader(p) else { continue };
            for _ in 0..2 {
                kafka.produce(p, leader, Content::Data, 1, false, now_ms);
                for _ in 0..3 {
                    (1..=NODES).for_each(|node| kafka.fetch(p, node, now_ms));
                }
                (1..=NODES).for_each(|node| kafka.roll(p, node, now_ms));
            }
        }
    }

    /// Partitions whose committed records are not all where they belong.
    fn open(&self) -> BTreeSet<usize> {
        let kafka = self.world.kafka();
        let done = |p: &usize| {
            let Truth { live, .. } = &kafka.partitions[*p].truth;
            let sealed = live.len().saturating_sub(1);
            let covered = |batch: &std::sync::Arc<crate::model::Batch>| {
                self.world.watch.covered(&kafka, &self.world.store, *p, batch) != Cover::Not
            };
            live[..sealed].last().is_none_or(covered)
        };
        (0..kafka.partitions.len()).filter(|p| !done(p)).collect()
    }

    /// Partitions that wait for an operator, each with a reason that this history gave.
    fn excused(&mut self) -> BTreeSet<usize> {
        let kafka = self.world.kafka();
        let mut excused = BTreeSet::new();
        for (p, partition) in kafka.partitions.iter().enumerate() {
            // What those say that died before stands no more.
            let asks = |node: i32| {
                let waits = self.sidecars.waits(node, &partition.tip);
                // A log that was cut within a batch lacks what was left of it, which a person has to allow.
                let asks = |wait: &&str| {
                    wait.starts_with("operator") || (*wait == "damaged" && partition.unclean > 0)
                };
                waits.last().copied().filter(asks)
            };
            // Who leads decides; beside others it is theirs to keep what they cannot prove.
            let leader = kafka.leader(p);
            let asked = (1..=NODES).filter(|node| leader.is_none_or(|leader| leader == *node)).find_map(asks);
            match asked {
                // Of two sidecars beside one node the older writes over what the younger remembers.
                Some(_) if partition.unclean > 0 || self.world.net.has_met(TWIN) => drop(excused.insert(p)),
                // Nobody was told in time that what comes next is committed, and the leader's log reaches down to it no more.
                Some(_) if self.world.watch.nobody_goes_on(&kafka, &self.world.store, p) => {
                    excused.insert(p);
                }
                // Of a deleted topic nobody was ever told anything.
                Some(_)
                    if !partition.exists
                        && !kafka.nodes.values().any(|node| node.disk.witnesses.contains_key(&p)) =>
                {
                    excused.insert(p);
                }
                Some(why) => self
                    .world
                    .watch
                    .wrong(format!("{} waits for an operator without a reason: {why}", partition.tip)),
                None => {}
            }
        }
        drop(kafka);
        self.outcome.operator += excused.len() as u64;
        excused
    }

    /// For whoever reads the trace of a failure.
    fn describe_all(&mut self) {
        let mut lines = Vec::new();
        {
            let kafka = self.world.kafka();
            for (p, partition) in kafka.partitions.iter().enumerate() {
                lines.extend(describe(&kafka, &self.world.store, p));
                lines.extend((1..=NODES).map(|node| {
                    format!("  sidecar {node} waits: {:?}", self.sidecars.waits(node, &partition.tip))
                }));
            }
        }
        lines.into_iter().for_each(|line| self.note(|| line));
    }

    fn judge(&mut self, requests_before: usize) -> BTreeSet<usize> {
        let excused = self.excused();
        let kafka = self.world.kafka();
        let ended = self.world.watch.ended(&kafka, &self.world.store, &self.lost, &excused);
        self.outcome.ended.add(&ended);
        drop(kafka);
        // In peace nothing is uploaded again and again. What was sent in trouble and comes late is no request of peace.
        let mut uploads: BTreeMap<String, u32> = BTreeMap::new();
        for request in self.world.store.trace().iter().skip(requests_before) {
            let whole = matches!(request.operation, RequestKind::Put | RequestKind::Complete);
            if let (true, Some(prefix)) = (whole, request.key.strip_suffix(".seg")) {
                // All of the key but its epoch and its uuid: the partition and the first offset.
                let name = prefix.rfind('/').map_or(0, |at| at + 21);
                *uploads.entry(prefix.get(..name).unwrap_or(prefix).to_owned()).or_default() += 1;
            }
        }
        // Each node brings it once at most, and once more what is to be kept by name from there.
        let most = 2 * u32::try_from(NODES).unwrap_or(3);
        for (from, count) in uploads.iter().filter(|(_, count)| **count > most) {
            self.world.watch.wrong(format!("{from}: the segment was uploaded {count} times in peace"));
        }
        excused
    }
}
