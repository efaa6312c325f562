//! What the cluster does of itself.

use std::time::Duration;

use tokio::time::Instant;

use super::trouble::is_down;
use super::{History, NODES};
use crate::model::{Content, Election};

/// Producers with transactions.
const PRODUCERS: u64 = 4;

/// One kind of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Quiet,
    Move,
    Unclean,
    Shrink,
    Lag,
    KillBroker,
    StartBroker,
    AddReplica,
    RemoveReplica,
    DeleteTopic,
    DeleteRecords,
    GiveWay,
    LoseDisk,
    SetClock,
    Operator,
    Ring,
    Trouble,
}

impl History {
    pub(super) fn step(&mut self) {
        self.churn();
        let menu = self.menu;
        let weight = |on: bool, weight: u64| if on { weight } else { 0 };
        let event = self.dice.weighed(&[
            (30, Event::Quiet),
            (weight(menu.elections, 6), Event::Move),
            (weight(menu.unclean, 3), Event::Unclean),
            (weight(menu.elections || menu.unclean, 5), Event::Shrink),
            (weight(menu.unclean, 3), Event::Lag),
            (weight(menu.brokers, 4), Event::KillBroker),
            (weight(menu.brokers, 8), Event::StartBroker),
            (weight(menu.reassignment, 3), Event::AddReplica),
            (weight(menu.reassignment, 3), Event::RemoveReplica),
            (weight(menu.topics, 1), Event::DeleteTopic),
            (weight(menu.delete_records, 2), Event::DeleteRecords),
            (weight(menu.disks, 2), Event::GiveWay),
            (weight(menu.disks, 1), Event::LoseDisk),
            (weight(menu.clocks, 3), Event::SetClock),
            (weight(menu.operators(), 5), Event::Operator),
            (weight(menu.keys, 2), Event::Ring),
            (25, Event::Trouble),
        ]);
        self.happen(event);
        self.feel_calm();
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Quiet => {}
            Event::Move => self.move_leader(),
            Event::Unclean => self.unclean(),
            Event::Shrink => self.shrink(),
            Event::Lag => self.lag(),
            Event::KillBroker => self.kill_broker(),
            Event::StartBroker => self.start_broker(),
            Event::AddReplica => self.add_replica(),
            Event::RemoveReplica => self.remove_replica(),
            Event::DeleteTopic => self.delete_topic(),
            Event::DeleteRecords => self.delete_records(),
            Event::GiveWay => self.give_way(),
            Event::LoseDisk => self.lose_disk(),
            Event::SetClock => self.set_clock(),
            Event::Operator => self.operator(),
            Event::Ring => self.turn_ring(),
            Event::Trouble => self.trouble(),
        }
    }

    /// A partition that is there.
    pub(super) fn some_partition(&self) -> Option<usize> {
        let kafka = self.world.kafka();
        let there: Vec<usize> = (0..kafka.partitions.len()).filter(|p| kafka.partitions[*p].exists).collect();
        drop(kafka);
        self.dice.pick(&there)
    }

    pub(super) fn create_topic(&mut self) {
        self.topics += 1;
        let name = format!("topic-{}", self.topics);
        self.create_as(&name, [self.topics; 16]);
    }

    fn create_as(&mut self, name: &str, id: [u8; 16]) {
        let first = 1 + i32::try_from(self.dice.below(NODES.unsigned_abs().into())).unwrap_or(0);
        let count = if self.dice.one_in(3) { 2 } else { NODES };
        let replicas: Vec<i32> = (0..count).map(|n| (first - 1 + n) % NODES + 1).collect();
        let now_ms = self.world.now_ms();
        self.world.kafka().create_topic(name, id, &replicas, now_ms);
        self.note(|| format!("create {name} on {replicas:?}"));
    }

    /// What goes on all the time: records come, followers fetch, brokers hear of elections, files are rolled and expire.
    pub(super) fn churn(&mut self) {
        let count = self.world.kafka().partitions.len();
        for p in 0..count {
            self.lead(p);
            self.listen(p);
            self.write(p);
            for node in 1..=NODES {
                let now_ms = self.world.now_ms();
                if self.dice.below(4) != 0 && !self.lags(p, node) {
                    self.world.kafka().fetch(p, node, now_ms);
                }
                if self.dice.one_in(10) {
                    self.world.kafka().roll(p, node, now_ms);
                }
                if self.menu.retention && self.dice.one_in(12) && self.may_expire(p, node) {
                    self.world.kafka().retain(p, node, now_ms);
                }
                if self.dice.one_in(4) {
                    self.world.kafka().expand(p, node);
                }
            }
        }
        self.mourn();
    }

    /// The oldest file goes when it has not been written for two minutes, and some are left.
    fn may_expire(&self, p: usize, node: i32) -> bool {
        let kafka = self.world.kafka();
        let Some(replica) = kafka.replica(p, node) else { return false };
        let machine = &kafka.nodes[&node];
        let first = machine.disk.file(replica.log.files[0]);
        replica.log.files.len() > 2 && self.world.now_ms() + machine.clock_ms - first.written_at_ms > 120_000
    }

    fn listen(&mut self, p: usize) {
        for node in 1..=NODES {
            if self.dice.below(3) != 0 {
                let now_ms = self.world.now_ms();
                self.world.kafka().learn(p, node, now_ms);
            }
        }
    }

    /// The controller finds a leader where there is none.
    fn lead(&mut self, p: usize) {
        let mut kafka = self.world.kafka();
        let partition = &kafka.partitions[p];
        let led = partition.view.leader.is_some_and(|leader| !is_down(&kafka, leader));
        if !partition.exists || led {
            return;
        }
        let alive: Vec<i32> = partition.view.isr.iter().copied().filter(|id| !is_down(&kafka, *id)).collect();
        match self.dice.pick(&alive) {
            Some(node) => {
                kafka.elect(p, node, Election::Clean);
            }
            None if partition.view.leader.is_some() => kafka.orphan(p),
            None => {}
        }
    }

    fn write(&mut self, p: usize) {
        let leaders = self.world.kafka().leaders(p);
        for _ in 0..self.dice.below(4) {
            // Mostly the one the controller means; a producer may not have heard either.
            let Some(node) = self.dice.pick(&leaders) else { return };
            let records = 1 + u32::try_from(self.dice.below(3)).unwrap_or(0);
            let all = !self.dice.one_in(4);
            let content = self.content(p);
            let now_ms = self.world.now_ms();
            self.world.kafka().produce(p, node, content, records, all, now_ms);
        }
    }

    fn content(&self, p: usize) -> Content {
        if !self.menu.transactions || self.dice.one_in(2) {
            return Content::Data;
        }
        let open: Vec<i64> = self.world.kafka().partitions[p].producers.iter().copied().collect();
        let id = 1 + i64::try_from(self.dice.below(PRODUCERS)).unwrap_or(0);
        // The last producer never ends what it began: a hanging transaction.
        match self.dice.pick(&open).filter(|producer| *producer != 4) {
            Some(producer) if self.dice.one_in(2) => {
                Content::Marker { producer, committed: self.dice.one_in(2) }
            }
            _ if id == 4 && !self.dice.one_in(30) => Content::Data,
            _ => Content::Transactional(id),
        }
    }

    fn move_leader(&mut self) {
        let Some(p) = self.some_partition() else { return };
        let mut kafka = self.world.kafka();
        let view = &kafka.partitions[p].view;
        let others: Vec<i32> = view.isr.iter().copied().filter(|id| Some(*id) != view.leader).collect();
        let moved = self.dice.pick(&others).filter(|node| kafka.elect(p, *node, Election::Clean));
        drop(kafka);
        if let Some(node) = moved {
            self.outcome.fault("leader-moved");
            self.note(|| format!("partition {p} is led by {node}"));
        }
    }

    fn unclean(&mut self) {
        let Some(p) = self.some_partition() else { return };
        let mut kafka = self.world.kafka();
        let partition = &kafka.partitions[p];
        let outside: Vec<i32> =
            partition.replicas.iter().copied().filter(|id| !partition.view.isr.contains(id)).collect();
        // Mostly one that lacks much.
        let far: Vec<i32> =
            outside.iter().copied().filter(|id| self.lagging.contains_key(&(p, *id))).collect();
        let of = if far.is_empty() || self.dice.one_in(4) { &outside } else { &far };
        let moved = self.dice.pick(of).filter(|node| kafka.elect(p, *node, Election::Unclean));
        drop(kafka);
        if let Some(node) = moved {
            self.outcome.fault("unclean-election");
            self.note(|| format!("partition {p} is led, unclean, by {node}"));
        }
    }

    fn shrink(&mut self) {
        let Some(p) = self.some_partition() else { return };
        let isr: Vec<i32> = self.world.kafka().partitions[p].view.isr.iter().copied().collect();
        if let Some(node) = self.dice.pick(&isr) {
            self.world.kafka().shrink(p, node);
        }
    }

    fn lags(&self, p: usize, node: i32) -> bool {
        self.lagging.get(&(p, node)).is_some_and(|until| *until > Instant::now())
    }

    /// A follower falls back, and with it out of the ISR.
    fn lag(&mut self) {
        let Some(p) = self.some_partition() else { return };
        let leader = self.world.kafka().partitions[p].view.leader;
        let node = self.some_node();
        if leader.is_none_or(|leader| leader == node) {
            return;
        }
        self.world.kafka().shrink(p, node);
        let seconds = self.dice.range(100..2_400);
        self.lagging.insert((p, node), Instant::now() + Duration::from_secs(seconds));
        self.outcome.fault("follower-lags");
        self.note(|| format!("partition {p}: {node} does not follow for {seconds} s"));
    }

    fn kill_broker(&mut self) {
        let node = self.some_node();
        if is_down(&self.world.kafka(), node) {
            return;
        }
        self.world.kafka().kill(node);
        self.outcome.fault("broker-killed");
        self.note(|| format!("broker {node} dies"));
        let count = self.world.kafka().partitions.len();
        for p in 0..count {
            let mut kafka = self.world.kafka();
            let view = &kafka.partitions[p].view;
            if view.leader == Some(node) {
                kafka.orphan(p);
            } else if view.isr.len() > 1 {
                kafka.shrink(p, node);
            }
        }
    }

    fn start_broker(&mut self) {
        let node = self.some_node();
        let now_ms = self.world.now_ms();
        self.world.kafka().start(node, now_ms);
    }

    pub(super) fn some_node(&self) -> i32 {
        1 + i32::try_from(self.dice.below(NODES.unsigned_abs().into())).unwrap_or(0)
    }

    fn add_replica(&mut self) {
        let (Some(p), node) = (self.some_partition(), self.some_node()) else { return };
        let now_ms = self.world.now_ms();
        let mut kafka = self.world.kafka();
        if is_down(&kafka, node) || kafka.partitions[p].replicas.contains(&node) {
            return;
        }
        kafka.add_replica(p, node, now_ms);
        drop(kafka);
        self.outcome.fault("replica-added");
        self.note(|| format!("partition {p} gets a replica on {node}"));
    }

    fn remove_replica(&mut self) {
        let (Some(p), node) = (self.some_partition(), self.some_node()) else { return };
        let removed = self.world.kafka().remove_replica(p, node);
        if removed {
            self.outcome.fault("replica-removed");
            self.note(|| format!("partition {p} loses its replica on {node}"));
        }
    }

    fn delete_topic(&mut self) {
        let Some(p) = self.some_partition() else { return };
        let name = self.world.kafka().partitions[p].tip.topic.to_string();
        self.world.kafka().delete_topic(p);
        self.outcome.fault("topic-deleted");
        self.note(|| format!("{name} is deleted"));
        if self.dice.below(3) != 0 {
            self.recreated += 1;
            let mut id = [200; 16];
            id[0] = u8::try_from(self.recreated % 256).unwrap_or(0);
            self.create_as(&name, id);
        }
    }

    fn delete_records(&mut self) {
        let Some(p) = self.some_partition() else { return };
        let now_ms = self.world.now_ms();
        let mut kafka = self.world.kafka();
        let Some(leader) = kafka.leader(p) else { return };
        let replica = &kafka.nodes[&leader].replicas[&p];
        let span = replica.high_watermark - replica.log.start;
        let to =
            replica.log.start + i64::try_from(self.dice.below(span.max(0).unsigned_abs() + 1)).unwrap_or(0);
        let done = kafka.delete_records(p, to, now_ms);
        drop(kafka);
        if done {
            self.outcome.fault("records-deleted");
            self.note(|| format!("partition {p}: records below {to} are deleted at the brokers alone"));
        }
    }

    fn give_way(&mut self) {
        let node = self.some_node();
        let mut kafka = self.world.kafka();
        let Some(machine) = kafka.nodes.get_mut(&node) else { return };
        let oldest = machine.disk.inodes.iter().filter(|(_, file)| file.sole_link()).map(|(n, _)| *n).next();
        let Some(file) = oldest.and_then(|number| machine.disk.inodes.remove(&number)) else { return };
        machine.disk.given_way.push((file.partition, file.base, file.end()));
        let (p, base, end) = (file.partition, file.base, file.end());
        kafka.vanished.push((node, file));
        drop(kafka);
        self.world.watch.gave_way(p, node, base);
        self.world.net.meet("pin-gave-way");
        self.note(|| format!("node {node}: the pin of {base}..{end} gives way"));
    }

    fn lose_disk(&mut self) {
        let node = self.some_node();
        let now_ms = self.world.now_ms();
        let mut kafka = self.world.kafka();
        let needed = kafka.partitions.iter().any(|partition| {
            let view = &partition.view;
            partition.exists
                && partition.replicas.contains(&node)
                && (view.leader == Some(node) || !view.isr.iter().any(|id| *id != node))
        });
        if needed || is_down(&kafka, node) || kafka.leaders_anywhere(node) {
            return;
        }
        kafka.lose_disk(node, now_ms);
        drop(kafka);
        self.world.net.meet("disk-lost");
        self.world.watch.emptied(node);
        self.note(|| format!("node {node} gets an empty disk"));
    }

    fn set_clock(&mut self) {
        let node = self.some_node();
        let hours = self.dice.below(9);
        let by = i64::try_from(self.dice.below(1 + hours * 3_600_000)).unwrap_or(0);
        let by = if self.dice.one_in(2) { by } else { -by };
        if let Some(machine) = self.world.kafka().nodes.get_mut(&node) {
            machine.clock_ms = by;
        }
        self.outcome.fault("clock-set");
    }
}
