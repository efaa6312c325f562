//! The cluster: who leads, who is in sync, and what happens to the logs of all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use firnline_index::{PartitionIndex, TopicId, TopicIdPartition, TopicName};

use super::{Batch, Content, Fate, Inode, Node, Replica, Truth, View};

/// Batches of one fetch at most.
const FETCH_BATCHES: usize = 24;

/// One partition as the controller knows it.
#[derive(Debug)]
pub struct Partition {
    /// Its name and id.
    pub tip: TopicIdPartition,
    /// Whether the topic is there.
    pub exists: bool,
    /// The nodes that hold it.
    pub replicas: BTreeSet<i32>,
    /// Leader, epoch and ISR, as the next broker that asks will learn them.
    pub view: View,
    /// Before the last election, for brokers that tell what was.
    pub previous: View,
    /// What was committed.
    pub truth: Truth,
    /// Producers that hold a transaction open.
    pub producers: BTreeSet<i64>,
    /// How many elections were unclean.
    pub unclean: u32,
}

/// How a leader is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Election {
    /// Among the replicas in sync.
    Clean,
    /// Any replica that lives.
    Unclean,
}

/// The cluster.
#[derive(Debug)]
pub struct Kafka {
    /// The machines.
    pub nodes: BTreeMap<i32, Node>,
    /// The partitions, those of deleted topics included; a place in this list names one.
    pub partitions: Vec<Partition>,
    /// Fewest replicas in sync that an acks=all write is taken with.
    pub min_isr: usize,
    /// Files that are gone from everywhere on their node, with the node, until somebody looks.
    pub vanished: Vec<(i32, Inode)>,
    marks: u64,
}

impl Kafka {
    /// Nodes 1 to `nodes`, all alive, with no topic.
    pub fn new(nodes: i32, min_isr: usize) -> Self {
        let nodes = (1..=nodes).map(|id| (id, Node { alive: true, ..Node::default() })).collect();
        Self { nodes, partitions: Vec::new(), min_isr, vanished: Vec::new(), marks: 0 }
    }

    /// Makes a topic of one partition; the first of `replicas` leads.
    pub fn create_topic(&mut self, name: &str, id: [u8; 16], replicas: &[i32], now_ms: i64) -> usize {
        let p = self.partitions.len();
        let tip = TopicIdPartition {
            topic: TopicName::new(name).expect("a topic's name"),
            topic_id: TopicId::from_bytes(id),
            partition: PartitionIndex::ZERO,
        };
        let all: BTreeSet<i32> = replicas.iter().copied().collect();
        let view = View { leader: replicas.first().copied(), epoch: 0, isr: all.clone() };
        self.partitions.push(Partition {
            tip,
            exists: true,
            replicas: all,
            previous: view.clone(),
            view,
            truth: Truth::default(),
            producers: BTreeSet::new(),
            unclean: 0,
        });
        for id in replicas {
            let node = self.node_mut(*id);
            let now_ms = now_ms + node.clock_ms;
            let replica = Replica::create(&mut node.disk, p, 0, now_ms);
            node.replicas.insert(p, replica);
            self.learn(p, *id, now_ms);
        }
        p
    }

    pub(super) fn node_mut(&mut self, id: i32) -> &mut Node {
        self.nodes.get_mut(&id).expect("a node of the cluster")
    }

    /// A replica that is there.
    pub fn replica(&self, p: usize, node: i32) -> Option<&Replica> {
        self.nodes.get(&node)?.replicas.get(&p)
    }

    /// The leader, if it lives and knows that it leads.
    pub fn leader(&self, p: usize) -> Option<i32> {
        let view = &self.partitions[p].view;
        let leader = view.leader?;
        let knows = self.replica(p, leader).is_some_and(|replica| replica.view.epoch == view.epoch);
        (self.nodes[&leader].alive && knows && self.partitions[p].exists).then_some(leader)
    }

    /// Whether anyone can still tell which history holds right below `end`. Without unclean elections there is one. With them it
    /// is that of the leader's log, as far down as it reaches; below, two may have been, and no broker knows which went on.
    pub fn tells(&self, p: usize, end: i64) -> bool {
        let leader = self.leader(p).and_then(|leader| self.replica(p, leader));
        self.partitions[p].unclean == 0 || leader.is_some_and(|leader| leader.log.start < end)
    }

    /// All who believe to lead and live: after an election, for a while, there may be two.
    pub fn leaders(&self, p: usize) -> Vec<i32> {
        let believes = |node: &Node, id| node.alive && node.replicas.get(&p).is_some_and(|r| r.leads(id));
        self.nodes.iter().filter(|(id, node)| believes(node, **id)).map(|(id, _)| *id).collect()
    }

    /// Whether a node believes to lead anything.
    pub fn leaders_anywhere(&self, node: i32) -> bool {
        self.nodes
            .get(&node)
            .is_some_and(|machine| machine.replicas.values().any(|replica| replica.leads(node)))
    }

    /// A producer writes to `node`. Nothing happens where that does not lead.
    pub fn produce(&mut self, p: usize, node: i32, content: Content, records: u32, all: bool, now_ms: i64) {
        let min_isr = self.min_isr;
        self.marks += 1;
        let mark = self.marks;
        let Some(broker) = self.nodes.get_mut(&node).filter(|broker| broker.alive) else { return };
        let Some(replica) = broker.replicas.get_mut(&p).filter(|replica| replica.leads(node)) else { return };
        if all && replica.view.isr.len() < min_isr {
            return;
        }
        let batch = Batch::write(replica.log.end, replica.view.epoch, content, records, mark, now_ms);
        replica.log.append(&mut broker.disk, batch, now_ms + broker.clock_ms);
        match content {
            Content::Transactional(producer) => {
                self.partitions[p].producers.insert(producer);
            }
            Content::Marker { producer, .. } => {
                self.partitions[p].producers.remove(&producer);
            }
            Content::Data => {}
        }
        self.advance(p, node, now_ms);
    }

    /// One fetch of a follower from whom it believes to lead.
    pub fn fetch(&mut self, p: usize, follower: i32, now_ms: i64) {
        let Some((leader, view)) = self.source(p, follower) else { return };
        if self.replica(p, follower).is_some_and(|replica| replica.matched < view.epoch) {
            self.match_leader(p, follower, leader, now_ms);
        }
        let source = &self.nodes[&leader];
        let from = &source.replicas[&p];
        let (start, end, watermark) = (from.log.start, from.log.end, from.high_watermark);
        let fetched = self.replica(p, follower).map_or(0, |replica| replica.log.end);
        if fetched > end {
            // It knows no epoch that would have told: it goes back to where the leader's log ends.
            self.change(p, follower, now_ms, |replica, disk, p, now_ms| {
                replica.high_watermark = replica.high_watermark.min(end);
                replica.log.truncate(disk, p, end, now_ms)
            });
            return;
        }
        if fetched < start {
            // What it would fetch next is gone there: it begins anew where the leader does, wherever that is in a file.
            self.change(p, follower, now_ms, |replica, disk, p, now_ms| {
                let gone = replica.log.restart(disk, p, start, now_ms);
                replica.high_watermark = start;
                gone
            });
            return;
        }
        let batches: Vec<Arc<Batch>> =
            from.log.from(&source.disk, fetched).take(FETCH_BATCHES).cloned().collect();
        self.change(p, follower, now_ms, |replica, disk, p, now_ms| {
            // The leader's start may lie inside a batch, which comes whole: an empty log then begins below it.
            let inside = batches.first().filter(|first| first.base < fetched);
            let gone = inside.map(|first| replica.log.restart(disk, p, first.base, now_ms));
            for batch in batches {
                replica.log.append(disk, batch, now_ms);
            }
            replica.high_watermark = replica.high_watermark.max(watermark.min(replica.log.end));
            replica.log.raise_start(start.min(replica.log.end));
            gone.unwrap_or_default()
        });
        let leader_replica = self.node_mut(leader).replicas.get_mut(&p).expect("it was read above");
        leader_replica.fetched.insert(follower, fetched);
        self.advance(p, leader, now_ms);
    }

    /// Whom a follower fetches from: a broker that lives and leads under the same epoch. All others refuse.
    fn source(&self, p: usize, follower: i32) -> Option<(i32, View)> {
        let node = self.nodes.get(&follower).filter(|node| node.alive)?;
        let view = node.replicas.get(&p)?.view.clone();
        let leader = view.leader.filter(|leader| *leader != follower)?;
        let source = self.nodes.get(&leader).filter(|node| node.alive)?;
        let theirs = &source.replicas.get(&p)?.view;
        (theirs.leader == Some(leader) && theirs.epoch == view.epoch).then_some((leader, view))
    }

    /// Holds a follower's log against its new leader's, and cuts it where they part.
    fn match_leader(&mut self, p: usize, follower: i32, leader: i32, now_ms: i64) {
        let source = &self.nodes[&leader].replicas[&p];
        let epoch = source.view.epoch;
        let cut = self.replica(p, follower).and_then(|replica| replica.log.diverges(&source.log));
        self.change(p, follower, now_ms, |replica, disk, p, now_ms| {
            replica.matched = epoch;
            let Some(at) = cut else { return Vec::new() };
            replica.high_watermark = replica.high_watermark.min(at);
            replica.log.truncate(disk, p, at, now_ms)
        });
    }

    fn change(
        &mut self,
        p: usize,
        node: i32,
        now_ms: i64,
        what: impl FnOnce(&mut Replica, &mut super::Disk, usize, i64) -> Vec<Inode>,
    ) {
        let Some(broker) = self.nodes.get_mut(&node) else { return };
        let now_ms = now_ms + broker.clock_ms;
        let Some(replica) = broker.replicas.get_mut(&p) else { return };
        let gone = what(replica, &mut broker.disk, p, now_ms);
        self.vanished.extend(gone.into_iter().map(|inode| (node, inode)));
    }

    /// Moves a leader's high watermark to what all replicas in sync have fetched, and the truth with it.
    fn advance(&mut self, p: usize, node: i32, now_ms: i64) {
        let replica = self.node_mut(node).replicas.get_mut(&p).expect("the caller has looked");
        if !replica.leads(node) {
            return;
        }
        let others = replica.view.isr.iter().filter(|id| **id != node);
        let slowest = others.map(|id| replica.fetched.get(id).copied().unwrap_or(0)).min();
        let reached = slowest.unwrap_or(replica.log.end).min(replica.log.end);
        if reached <= replica.high_watermark {
            return;
        }
        let before = std::mem::replace(&mut replica.high_watermark, reached);
        let epoch = replica.view.epoch;
        self.commit(p, node, epoch, before, reached, now_ms);
    }

    /// Notes that everything below `reached` in the log of `node` is committed, all below `before` having been so already.
    fn commit(&mut self, p: usize, node: i32, epoch: i32, before: i64, reached: i64, now_ms: i64) {
        let broker = &self.nodes[&node];
        let log = &broker.replicas[&p].log;
        let end = self.partitions[p].truth.end();
        let from = end.min(before);
        let new = log.from(&broker.disk, from).filter(|b| b.base >= from && b.end <= reached);
        // What lies below the end of the history may be of another one, if an election has given the partition away meanwhile.
        let truth = &self.partitions[p].truth;
        let new: Vec<_> =
            new.filter(|b| b.base >= end || truth.fate(b) == Fate::NeverCommitted).cloned().collect();
        let current = self.partitions[p].view.leader.filter(|leader| *leader != node);
        // A leader that does not know yet that it was deposed still commits. What the new one does not have is cut at once.
        let theirs = current.and_then(|leader| {
            let broker = &self.nodes[&leader];
            let replica = broker.replicas.get(&p)?;
            (replica.view.epoch > epoch)
                .then(|| replica.log.batches(&broker.disk).cloned().collect::<Vec<_>>())
        });
        let newest = self.partitions[p].view.epoch;
        let truth = &mut self.partitions[p].truth;
        match theirs {
            None => truth.live.extend(new.into_iter().filter(|batch| batch.base >= end)),
            Some(theirs) => {
                let (kept, lost): (Vec<_>, Vec<_>) =
                    new.into_iter().partition(|batch| batch.base >= end && theirs.contains(batch));
                truth.live.extend(kept);
                if let Some(first) = lost.first() {
                    assert!(
                        self.partitions[p].unclean > 0,
                        "only an unclean election loses what was committed"
                    );
                    let at = first.base;
                    self.partitions[p].truth.cuts.push(super::Cut {
                        epoch: newest,
                        at,
                        batches: lost,
                        at_ms: now_ms,
                    });
                }
            }
        }
    }

    /// Chooses a leader. Brokers hear of it by [`Kafka::learn`].
    pub fn elect(&mut self, p: usize, node: i32, how: Election) -> bool {
        let partition = &mut self.partitions[p];
        let in_sync = partition.view.isr.contains(&node);
        if !partition.exists || !partition.replicas.contains(&node) || !self.nodes[&node].alive {
            return false;
        }
        if how == Election::Clean && !in_sync {
            return false;
        }
        partition.previous = partition.view.clone();
        partition.view.epoch += 1;
        partition.view.leader = Some(node);
        if how == Election::Unclean && !in_sync {
            partition.view.isr = BTreeSet::from([node]);
            partition.unclean += 1;
        } else {
            let nodes = &self.nodes;
            partition.view.isr.retain(|id| nodes[id].alive);
        }
        true
    }

    /// The partition has no leader: none of those in sync lives.
    pub fn orphan(&mut self, p: usize) {
        let partition = &mut self.partitions[p];
        partition.previous = partition.view.clone();
        partition.view.epoch += 1;
        partition.view.leader = None;
    }

    /// A broker hears what the controller has decided.
    pub fn learn(&mut self, p: usize, node: i32, now_ms: i64) {
        let view = self.partitions[p].view.clone();
        let Some(broker) = self.nodes.get_mut(&node).filter(|broker| broker.alive) else { return };
        let Some(replica) = broker.replicas.get_mut(&p) else { return };
        if replica.view == view {
            return;
        }
        let takes_over = replica.view.epoch < view.epoch && view.leader == Some(node);
        replica.view = view.clone();
        if takes_over {
            replica.matched = view.epoch;
            replica.leads_from = replica.log.end;
            replica.fetched.clear();
            let end = replica.log.end;
            replica.log.enter_epoch(view.epoch, end);
            self.take_over(p, node, now_ms);
        }
        if view.leader == Some(node) {
            self.advance(p, node, now_ms);
        }
    }

    /// From now on this leader's log is the partition's.
    fn take_over(&mut self, p: usize, node: i32, now_ms: i64) {
        let broker = &self.nodes[&node];
        let log = &broker.replicas[&p].log;
        let start = log.start;
        let theirs: BTreeMap<i64, Arc<Batch>> =
            log.batches(&broker.disk).map(|batch| (batch.base, Arc::clone(batch))).collect();
        let partition = &mut self.partitions[p];
        let epoch = partition.view.epoch;
        // What lies below its start was deleted, not cut.
        let keeps = |batch: &Arc<Batch>| batch.end <= start || theirs.get(&batch.base) == Some(batch);
        let cut = partition.truth.cut(keeps, epoch, now_ms);
        assert!(cut == 0 || partition.unclean > 0, "a clean election cut {cut} committed batches");
        // What it knows to be committed counts again, also where a leader in between had cut it.
        let replica = &self.nodes[&node].replicas[&p];
        let reached = replica.high_watermark.min(replica.log.end);
        self.commit(p, node, epoch, reached, reached, now_ms);
    }

    /// Takes a follower that lags, or does not live, out of the ISR.
    pub fn shrink(&mut self, p: usize, node: i32) {
        let view = &mut self.partitions[p].view;
        if view.leader.is_some_and(|leader| leader != node) {
            view.isr.remove(&node);
        }
    }

    /// Takes a follower that has caught up into the ISR.
    pub fn expand(&mut self, p: usize, node: i32) {
        let Some(leader) = self.leader(p) else { return };
        let Some((source, _)) = self.source(p, node).filter(|(source, _)| *source == leader) else { return };
        let ahead = &self.nodes[&source].replicas[&p];
        let Some(replica) = self.replica(p, node) else { return };
        let caught_up = replica.matched == ahead.view.epoch
            && replica.log.end >= ahead.high_watermark.max(ahead.leads_from);
        if !caught_up || !self.partitions[p].replicas.contains(&node) {
            return;
        }
        self.partitions[p].view.isr.insert(node);
        let isr = self.partitions[p].view.isr.clone();
        if let Some(replica) = self.node_mut(leader).replicas.get_mut(&p) {
            replica.view.isr = isr;
        }
    }

    /// A replica goes on to a new file.
    pub fn roll(&mut self, p: usize, node: i32, now_ms: i64) {
        self.change(p, node, now_ms, |replica, disk, p, now_ms| {
            replica.log.roll(disk, p, now_ms);
            Vec::new()
        });
    }

    /// A replica's oldest file has outlived the local retention, if all of it is committed.
    pub fn retain(&mut self, p: usize, node: i32, now_ms: i64) {
        self.change(p, node, now_ms, |replica, disk, _, _| {
            let Some(next) = replica.log.second_base(disk) else { return Vec::new() };
            if next <= replica.high_watermark {
                replica.log.raise_start(next);
            }
            replica.log.expire(disk)
        });
    }

    /// DeleteRecords: the leader's start moves to `offset`, followers hear of it as they fetch.
    pub fn delete_records(&mut self, p: usize, offset: i64, now_ms: i64) -> bool {
        let Some(leader) = self.leader(p) else { return false };
        let replica = &self.nodes[&leader].replicas[&p];
        if offset <= replica.log.start || offset > replica.high_watermark {
            return false;
        }
        self.change(p, leader, now_ms, |replica, disk, _, _| {
            replica.log.raise_start(offset);
            replica.log.expire(disk)
        });
        true
    }
}
