//! Three brokers that hold the same quiet partitions. Nothing of a log is kept: which files there are, and what is in them,
//! follows from the time alone, so that ten thousand partitions over hours cost little.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use firnline_index::lineage::EpochEnd;
use firnline_index::log_source::{Finality, LogSource, Run, SourceError};
use firnline_index::{
    LeaderEpoch, NodeId, Offset, OffsetRange, PartitionIndex, TimestampMs, TopicId, TopicIdPartition,
    TopicName,
};
use firnline_offloader::{
    AskError, Bound, BoundAsk, Cluster, ClusterError, Extent, GivenWay, HeldChain, HeldFile, HeldPartition,
    Host, HostError, Leader, OpenProducer, PartitionLog, PartitionView, PinId, Presence, Space, TopicConfigs,
    TopicState, TopicView, Witness,
};
use tokio::time::Instant;

use crate::world::{START_MS, Writer, offset, range_of};

pub(super) const BROKERS: i32 = 3;
const PER_TOPIC: usize = 100;
const RECORDS: i64 = 3;

/// The shape of the cluster.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) partitions: usize,
    /// How long a file is written.
    pub(super) roll: Duration,
    /// Sealed files that local retention leaves.
    pub(super) keep: i64,
    /// When each partition's leadership moves to the next broker, which it does once.
    pub(super) moves_at: Duration,
}

#[derive(Debug)]
pub(super) struct Quiet {
    pub(super) shape: Shape,
    began: Instant,
}

impl Quiet {
    /// Must be called within a runtime.
    pub(super) fn new(shape: Shape) -> Arc<Self> {
        Arc::new(Self { shape, began: Instant::now() })
    }

    pub(super) fn tip(&self, p: usize) -> TopicIdPartition {
        let topic = u8::try_from(p / PER_TOPIC).unwrap();
        TopicIdPartition {
            topic: TopicName::new(&format!("quiet-{topic:03}")).unwrap(),
            topic_id: TopicId::from_bytes([topic + 1; 16]),
            partition: PartitionIndex::new(i32::try_from(p % PER_TOPIC).unwrap()).unwrap(),
        }
    }

    pub(super) fn place(tip: &TopicIdPartition) -> usize {
        usize::from(tip.topic_id.as_bytes()[0] - 1) * PER_TOPIC
            + usize::try_from(tip.partition.get()).unwrap()
    }

    fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// When file `k` of partition `p` is begun: partitions do not roll together.
    fn begins(&self, p: usize, k: i64) -> Duration {
        let phase =
            self.shape.roll * u32::try_from(p).unwrap() / u32::try_from(self.shape.partitions).unwrap();
        phase + self.shape.roll * u32::try_from(k).unwrap()
    }

    /// How many files of `p` are sealed by now.
    fn sealed(&self, p: usize) -> i64 {
        let since = self.elapsed().saturating_sub(self.begins(p, 0));
        i64::try_from(since.as_nanos() / self.shape.roll.as_nanos()).unwrap()
    }

    /// When file `k` of `p` was sealed, in milliseconds of the wall clock.
    pub(super) fn sealed_at_ms(&self, p: usize, k: i64) -> i64 {
        START_MS + i64::try_from(self.begins(p, k + 1).as_millis()).unwrap()
    }

    /// The first file that retention has left.
    fn local_start(&self, p: usize) -> i64 {
        (self.sealed(p) - self.shape.keep).max(0)
    }

    /// When the leadership of `p` moves: one after the other within a quarter of an hour.
    fn moves_at(&self, p: usize) -> Duration {
        let of = u32::try_from(self.shape.partitions).unwrap();
        self.shape.moves_at + Duration::from_secs(900) * u32::try_from(p).unwrap() / of
    }

    fn leader(&self, p: usize) -> Leader {
        let moved = i32::from(self.elapsed() >= self.moves_at(p));
        let node = (i32::try_from(p).unwrap() + moved) % BROKERS + 1;
        Leader { node: NodeId::new(node).unwrap(), epoch: LeaderEpoch::new(1 + moved).unwrap() }
    }

    fn epoch(&self, p: usize, k: i64) -> LeaderEpoch {
        LeaderEpoch::new(1 + i32::from(self.begins(p, k) >= self.moves_at(p))).unwrap()
    }

    fn batch(&self, p: usize, k: i64) -> Bytes {
        let mut writer = Writer { next: k * RECORDS, epoch: self.epoch(p, k).get() };
        writer.data(usize::try_from(RECORDS).unwrap(), 50, None)
    }

    fn bound(&self, ask: &BoundAsk) -> Result<Bound, AskError> {
        let p = Self::place(&ask.tip);
        let leader = self.leader(p);
        if leader != ask.leader {
            return Err(AskError::Fenced { asked: ask.leader });
        }
        let sealed = self.sealed(p);
        let log_end = offset(sealed * RECORDS);
        // Where the newest epoch begins in what the leader has left: Kafka rewrites the oldest entry to the log's start.
        let local = self.local_start(p);
        let begun = (local..sealed).rev().take_while(|k| self.epoch(p, *k) == leader.epoch).last();
        let epoch_end = ask.epoch_end_of.map(|of| match of == leader.epoch {
            true => EpochEnd { epoch: of, end: log_end },
            false => EpochEnd { epoch: of, end: offset(begun.unwrap_or(sealed) * RECORDS) },
        });
        let log_start = offset(local * RECORDS);
        Ok(Bound { leader, high_watermark: log_end, log_start, epoch_end })
    }

    fn state(&self, id: &TopicId) -> TopicState {
        let first = usize::from(id.as_bytes()[0] - 1) * PER_TOPIC;
        let last = (first + PER_TOPIC).min(self.shape.partitions);
        let replicas: Vec<NodeId> = (1..=BROKERS).map(|n| NodeId::new(n).unwrap()).collect();
        let partitions = (first..last).map(|p| PartitionView {
            partition: self.tip(p).partition,
            leader: Some(self.leader(p)),
            replicas: replicas.clone(),
        });
        TopicState::Known(TopicView { name: self.tip(first).topic, partitions: partitions.collect() })
    }
}

#[derive(Debug)]
pub(super) struct QuietCluster(pub(super) Arc<Quiet>);

#[async_trait]
impl Cluster for QuietCluster {
    async fn topics(&self, ids: &[TopicId]) -> Result<Vec<TopicState>, ClusterError> {
        Ok(ids.iter().map(|id| self.0.state(id)).collect())
    }

    async fn topics_by_several(
        &self,
        ids: &[TopicId],
        brokers: usize,
    ) -> Result<Vec<Vec<TopicState>>, ClusterError> {
        Ok((0..brokers).map(|_| ids.iter().map(|id| self.0.state(id)).collect()).collect())
    }

    async fn bounds(&self, asks: &[BoundAsk]) -> Vec<Result<Bound, AskError>> {
        asks.iter().map(|ask| self.0.bound(ask)).collect()
    }

    async fn stable_offsets(&self, asks: &[BoundAsk]) -> Vec<Result<Offset, AskError>> {
        asks.iter().map(|ask| self.0.bound(ask).map(|bound| bound.high_watermark)).collect()
    }

    async fn open_producers(&self, _: &TopicIdPartition, _: Leader) -> Result<Vec<OpenProducer>, AskError> {
        Ok(Vec::new())
    }

    async fn configs(&self, topics: &[TopicName]) -> Vec<Result<TopicConfigs, AskError>> {
        topics.iter().map(|_| Ok(TopicConfigs::default())).collect()
    }
}

/// What one broker's machine holds.
#[derive(Debug)]
pub(super) struct QuietHost {
    quiet: Arc<Quiet>,
    held: Mutex<Vec<Machine>>,
    witnesses: Mutex<BTreeMap<TopicIdPartition, Witness>>,
}

#[derive(Debug, Clone, Default)]
struct Machine {
    pinned: BTreeSet<i64>,
    /// Every file below was pinned once.
    pinned_below: i64,
    /// What was told last, and what it follows from.
    told: Option<(i64, usize, Arc<HeldPartition>)>,
}

impl QuietHost {
    pub(super) fn new(quiet: &Arc<Quiet>) -> Self {
        let held = Mutex::new(vec![Machine::default(); quiet.shape.partitions]);
        Self { quiet: Arc::clone(quiet), held, witnesses: Mutex::default() }
    }

    /// Pins that are all that keeps their bytes, and since when: partition, file, and how long.
    pub(super) fn sole_links(&self) -> Vec<(usize, i64, Duration)> {
        let held = self.held.lock().unwrap();
        let sole = |(p, machine): (usize, &Machine)| {
            let quiet = &self.quiet;
            let pins = machine.pinned.range(..quiet.local_start(p)).copied();
            let since = |k: i64| quiet.elapsed().saturating_sub(quiet.begins(p, k + 1 + quiet.shape.keep));
            pins.map(|k| (p, k, since(k))).collect::<Vec<_>>()
        };
        held.iter().enumerate().flat_map(sole).collect()
    }

    fn look_at_one(&self, machine: &mut Machine, p: usize) -> Arc<HeldPartition> {
        let sealed = self.quiet.sealed(p);
        machine.pinned.extend(machine.pinned_below..=sealed);
        machine.pinned_below = sealed + 1;
        if let Some((at, pins, held)) = &machine.told
            && (*at, *pins) == (sealed, machine.pinned.len())
        {
            return Arc::clone(held);
        }
        let held = Arc::new(self.build(machine, p, sealed));
        machine.told = Some((sealed, machine.pinned.len(), Arc::clone(&held)));
        held
    }

    fn build(&self, machine: &Machine, p: usize, sealed: i64) -> HeldPartition {
        let local = self.quiet.local_start(p);
        let first = machine.pinned.first().copied().unwrap_or(local).min(local);
        assert!((first..local).all(|k| machine.pinned.contains(&k)), "pins go from the oldest on");
        let file = |k: i64| HeldFile {
            base: offset(k * RECORDS),
            end: (k < sealed).then(|| offset((k + 1) * RECORDS)),
            bytes: if k < sealed { self.quiet.batch(p, k).len() as u64 } else { 0 },
            written_at: TimestampMs::new(self.quiet.sealed_at_ms(p, k.min(sealed - 1))).unwrap(),
            pin: machine.pinned.contains(&k).then(|| PinId { dir: 0, name: format!("{p}-{k}") }),
            sole_link: k < local,
        };
        let log =
            Arc::new(QuietLog { quiet: Arc::clone(&self.quiet), tip: self.quiet.tip(p), first, sealed });
        let chain = HeldChain {
            log,
            is_log: true,
            start: offset(first * RECORDS),
            sealed_end: offset(sealed * RECORDS),
            files: (first..=sealed).map(file).collect(),
        };
        HeldPartition { tip: self.quiet.tip(p), presence: Presence::Live, chains: vec![chain], unread: None }
    }
}

impl Host for QuietHost {
    fn look(&self) -> Result<Vec<Arc<HeldPartition>>, HostError> {
        let mut held = self.held.lock().unwrap();
        Ok(held.iter_mut().enumerate().map(|(p, machine)| self.look_at_one(machine, p)).collect())
    }

    fn look_at(&self, tip: &TopicIdPartition) -> Result<Option<Arc<HeldPartition>>, HostError> {
        let p = Quiet::place(tip);
        Ok(Some(self.look_at_one(&mut self.held.lock().unwrap()[p], p)))
    }

    fn release(&self, pins: &[PinId]) -> Result<(), HostError> {
        let mut held = self.held.lock().unwrap();
        for pin in pins {
            let (p, k) = pin.name.split_once('-').unwrap();
            held[p.parse::<usize>().unwrap()].pinned.remove(&k.parse().unwrap());
        }
        Ok(())
    }

    fn space(&self) -> Result<Vec<Space>, HostError> {
        Ok(vec![Space { free: u64::MAX, total: u64::MAX, sole_link: 0 }])
    }

    fn given_way(&self) -> Result<Vec<GivenWay>, HostError> {
        Ok(Vec::new())
    }

    fn remember(&self, witnesses: &[Witness]) -> Result<(), HostError> {
        let mut known = self.witnesses.lock().unwrap();
        known.extend(witnesses.iter().map(|witness| (witness.tip.clone(), witness.clone())));
        Ok(())
    }

    fn forget(&self, tips: &[TopicIdPartition]) -> Result<(), HostError> {
        let mut known = self.witnesses.lock().unwrap();
        tips.iter().for_each(|tip| drop(known.remove(tip)));
        Ok(())
    }

    fn witnesses(&self) -> Result<Vec<Witness>, HostError> {
        Ok(self.witnesses.lock().unwrap().values().cloned().collect())
    }
}

#[derive(Debug)]
struct QuietLog {
    quiet: Arc<Quiet>,
    tip: TopicIdPartition,
    first: i64,
    sealed: i64,
}

impl QuietLog {
    fn epoch(&self, of: i64) -> Option<LeaderEpoch> {
        let k = of.div_euclid(RECORDS);
        (self.first..self.sealed).contains(&k).then(|| self.quiet.epoch(Quiet::place(&self.tip), k))
    }
}

impl PartitionLog for QuietLog {
    fn tip(&self) -> &TopicIdPartition {
        &self.tip
    }

    fn extents(&self) -> Vec<Extent> {
        Vec::new()
    }

    fn open(&self, from: Offset, until: Option<Offset>) -> Result<Box<dyn LogSource>, SourceError> {
        let until = until.map_or(self.sealed, |until| until.get() / RECORDS);
        let next = from.get() / RECORDS;
        Ok(Box::new(QuietSource { quiet: Arc::clone(&self.quiet), p: Quiet::place(&self.tip), next, until }))
    }

    fn epoch_before(&self, at: Offset) -> Result<Option<LeaderEpoch>, SourceError> {
        Ok(self.epoch(at.get() - 1))
    }

    fn epoch_from(&self, at: Offset) -> Result<Option<LeaderEpoch>, SourceError> {
        Ok(self.epoch(at.get()))
    }
}

struct QuietSource {
    quiet: Arc<Quiet>,
    p: usize,
    next: i64,
    until: i64,
}

impl LogSource for QuietSource {
    fn next_run(&mut self, _: usize) -> Result<Option<Run>, SourceError> {
        if self.next >= self.until {
            return Ok(None);
        }
        let bytes = self.quiet.batch(self.p, self.next);
        self.next += 1;
        let range: OffsetRange = range_of(&bytes);
        Ok(Some(Run { bytes, range, batches: 1, hole_before: None, sealed: true }))
    }

    fn finish(&mut self) -> Result<Finality, SourceError> {
        Ok(Finality::Stable)
    }
}
