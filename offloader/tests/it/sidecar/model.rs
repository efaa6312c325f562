//! A small cluster: one partition, a log on each broker, pins and a witness beside each.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use firnline_index::batch::{BatchHeader, BatchLimits, Parsed};
use firnline_index::lineage::{EpochStart, Lineage};
use firnline_index::log_source::{Finality, LogSource, Run, SourceError, SourceErrorKind};
use firnline_index::{
    LeaderEpoch, NodeId, Offset, OffsetRange, TimestampMs, TopicId, TopicIdPartition, TopicName,
};
use firnline_offloader::{
    AskError, Bound, BoundAsk, Cluster, ClusterError, Extent, GivenWay, HeldChain, HeldFile, HeldPartition,
    Host, HostError, Leader, OpenProducer, PartitionLog, PartitionView, PinId, Presence, Space, TopicConfigs,
    TopicState, TopicView, Witness,
};

use crate::world::{START_MS, Writer, offset, range_of, tip};

pub(super) fn node(n: i32) -> NodeId {
    NodeId::new(n).unwrap()
}

pub(super) fn epoch(n: i32) -> LeaderEpoch {
    LeaderEpoch::new(n).unwrap()
}

fn epoch_of(batch: &Bytes) -> Option<LeaderEpoch> {
    match BatchHeader::parse(batch, Offset::ZERO, &BatchLimits::default()).unwrap() {
        Parsed::Header(header) => header.leader_epoch,
        Parsed::NeedMore(_) => panic!("whole batches only"),
    }
}

fn name_of(file: &[Bytes]) -> String {
    format!("{}-{}", range_of(&file[0]).start(), epoch_of(&file[0]).map_or(-1, LeaderEpoch::get))
}

fn lineage_of(batches: &[Bytes]) -> Lineage {
    let mut lineage = Lineage::empty();
    for batch in batches {
        let start = range_of(batch).start();
        let epoch = epoch_of(batch).map(|epoch| EpochStart { epoch, start });
        lineage.extend(epoch.as_slice()).unwrap();
    }
    lineage
}

/// One broker.
#[derive(Debug, Clone, Default)]
pub(super) struct Broker {
    /// Files of batches; the last is written.
    pub(super) files: Vec<Vec<Bytes>>,
    /// Where an empty log begins.
    pub(super) start: i64,
    /// Files that only a pin keeps.
    pub(super) sole: Vec<Vec<Bytes>>,
    pub(super) witnesses: Vec<Witness>,
    pub(super) given_way: Vec<GivenWay>,
    /// First offsets of batches that cannot be read.
    pub(super) damaged: Vec<Offset>,
    pub(super) free: u64,
    pub(super) gone: bool,
    /// How many looks are still to find a batch missing.
    pub(super) torn: u32,
    /// Which batch the next looks find missing, one after another.
    pub(super) tears: VecDeque<usize>,
    /// What the broker notes beside its log.
    pub(super) noted: Option<Lineage>,
}

impl Broker {
    pub(super) fn batches(&self) -> Vec<Bytes> {
        self.files.concat()
    }

    pub(super) fn end(&self) -> i64 {
        self.batches().last().map_or(self.start, |batch| range_of(batch).end().get())
    }

    fn start(&self) -> i64 {
        self.batches().first().map_or(self.start, |batch| range_of(batch).start().get())
    }

    /// Local retention: the pins stay.
    pub(super) fn retain(&mut self, keep: usize) {
        while self.files.len() > keep {
            let file = self.files.remove(0);
            self.start = range_of(file.last().unwrap()).end().get();
            self.sole.push(file);
        }
    }
}

/// The cluster.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) leader: Option<Leader>,
    pub(super) high_watermark: i64,
    pub(super) brokers: BTreeMap<NodeId, Broker>,
    pub(super) unknown: bool,
    /// How many brokers answer, and whether those but the first know the topic although `unknown` says that one does not.
    pub(super) answering: usize,
    pub(super) known_elsewhere: bool,
    pub(super) compacted: bool,
    pub(super) asks: u64,
    pub(super) now_ms: i64,
}

pub(super) type Shared = Arc<Mutex<Model>>;

impl Model {
    pub(super) fn of(brokers: i32) -> Shared {
        let brokers =
            (1..=brokers).map(|n| (node(n), Broker { free: u64::MAX, ..Broker::default() })).collect();
        let leader = Some(Leader { node: node(1), epoch: epoch(1) });
        Arc::new(Mutex::new(Self {
            leader,
            high_watermark: 0,
            brokers,
            unknown: false,
            answering: usize::MAX,
            known_elsewhere: false,
            compacted: false,
            asks: 0,
            now_ms: START_MS,
        }))
    }

    /// The leader writes a file of batches to the brokers given, and rolls.
    pub(super) fn write(&mut self, on: &[i32], batches: usize) {
        let leader = self.leader.unwrap();
        let end = self.brokers[&leader.node].end();
        let mut writer = Writer { next: end, epoch: leader.epoch.get() };
        let file: Vec<Bytes> = (0..batches).map(|_| writer.data(3, 50, None)).collect();
        for n in on {
            let broker = self.brokers.get_mut(&node(*n)).unwrap();
            assert_eq!(broker.end(), end, "a replica follows without a hole");
            broker.files.push(file.clone());
        }
        self.high_watermark = writer.next;
    }

    /// Writes more into the file that broker `n`, which leads, still writes.
    pub(super) fn write_on(&mut self, n: i32, batches: usize) {
        self.write(&[n], batches);
        let files = &mut self.broker(n).files;
        let more = files.pop().unwrap();
        files.last_mut().unwrap().extend(more);
    }

    pub(super) fn elect(&mut self, n: i32, of: i32) {
        self.leader = Some(Leader { node: node(n), epoch: epoch(of) });
    }

    pub(super) fn broker(&mut self, n: i32) -> &mut Broker {
        self.brokers.get_mut(&node(n)).unwrap()
    }

    fn bound(&self, ask: &BoundAsk) -> Result<Bound, AskError> {
        let leader = self
            .leader
            .filter(|leader| *leader == ask.leader)
            .ok_or(AskError::Fenced { asked: ask.leader })?;
        let log = &self.brokers[&leader.node];
        let mut lineage = lineage_of(&log.batches());
        if lineage.last().is_none_or(|last| last.epoch < leader.epoch) {
            let _ = lineage.extend(&[EpochStart { epoch: leader.epoch, start: offset(log.end()) }]);
        }
        Ok(Bound {
            leader,
            high_watermark: offset(self.high_watermark.min(log.end())),
            log_start: offset(log.start()),
            epoch_end: ask.epoch_end_of.and_then(|of| lineage.end_of(of, offset(log.end()))),
        })
    }

    fn state(&self, asked: usize) -> TopicState {
        if self.unknown && !(self.known_elsewhere && asked > 0) {
            return TopicState::UnknownId;
        }
        let replicas = self.brokers.keys().copied().collect();
        let partition = PartitionView { partition: tip(0).partition, leader: self.leader, replicas };
        TopicState::Known(TopicView { name: tip(0).topic, partitions: vec![partition] })
    }
}

#[derive(Debug)]
pub(super) struct ModelCluster(pub(super) Shared);

#[async_trait]
impl Cluster for ModelCluster {
    async fn topics(&self, ids: &[TopicId]) -> Result<Vec<TopicState>, ClusterError> {
        let mut model = self.0.lock().unwrap();
        model.asks += 1;
        Ok(ids.iter().map(|_| model.state(0)).collect())
    }

    async fn topics_by_several(
        &self,
        ids: &[TopicId],
        brokers: usize,
    ) -> Result<Vec<Vec<TopicState>>, ClusterError> {
        let model = self.0.lock().unwrap();
        let brokers = brokers.min(model.answering);
        Ok((0..brokers).map(|asked| ids.iter().map(|_| model.state(asked)).collect()).collect())
    }

    async fn bounds(&self, asks: &[BoundAsk]) -> Vec<Result<Bound, AskError>> {
        let mut model = self.0.lock().unwrap();
        model.asks += 1;
        asks.iter().map(|ask| model.bound(ask)).collect()
    }

    async fn stable_offsets(&self, asks: &[BoundAsk]) -> Vec<Result<Offset, AskError>> {
        let model = self.0.lock().unwrap();
        asks.iter().map(|ask| model.bound(ask).map(|bound| bound.high_watermark)).collect()
    }

    async fn open_producers(&self, _: &TopicIdPartition, _: Leader) -> Result<Vec<OpenProducer>, AskError> {
        Ok(Vec::new())
    }

    async fn configs(&self, topics: &[TopicName]) -> Vec<Result<TopicConfigs, AskError>> {
        let compacted = self.0.lock().unwrap().compacted;
        topics.iter().map(|_| Ok(TopicConfigs { compacted, ..TopicConfigs::default() })).collect()
    }
}

/// A stretch of log as it was looked at.
#[derive(Debug, Clone)]
pub(super) struct Stretch {
    tip: TopicIdPartition,
    batches: Vec<Bytes>,
    damaged: Vec<Offset>,
    noted: Option<Lineage>,
}

impl PartitionLog for Stretch {
    fn tip(&self) -> &TopicIdPartition {
        &self.tip
    }

    fn extents(&self) -> Vec<Extent> {
        Vec::new()
    }

    fn open(&self, from: Offset, until: Option<Offset>) -> Result<Box<dyn LogSource>, SourceError> {
        let inside = |batch: &&Bytes| {
            let range = range_of(batch);
            range.end() > from && until.is_none_or(|until| range.end() <= until)
        };
        Ok(Box::new(Source { from, batches: self.batches.iter().filter(inside).cloned().collect() }))
    }

    fn epoch_before(&self, at: Offset) -> Result<Option<LeaderEpoch>, SourceError> {
        let holds = |batch: &&Bytes| range_of(batch).start() < at && at <= range_of(batch).end();
        Ok(self.batches.iter().find(holds).and_then(epoch_of))
    }

    fn epoch_from(&self, at: Offset) -> Result<Option<LeaderEpoch>, SourceError> {
        let found = self.batches.iter().find(|batch| range_of(batch).end() > at);
        match found.filter(|batch| self.damaged.contains(&range_of(batch).start())) {
            Some(_) => Err(SourceError { kind: SourceErrorKind::Unavailable, cause: "the disk hums".into() }),
            None => Ok(found.and_then(epoch_of)),
        }
    }

    fn batch_across(&self, at: Offset) -> Result<Option<OffsetRange>, SourceError> {
        let across = |range: &OffsetRange| range.start() < at && range.contains(at);
        Ok(self.batches.iter().map(range_of).find(across))
    }

    fn lacks_epoch(&self, at: Offset) -> Result<bool, SourceError> {
        let found = self.batches.iter().find(|batch| range_of(batch).end() > at);
        Ok(found.is_some_and(|batch| epoch_of(batch).is_none()))
    }

    fn noted_epochs(&self) -> Option<Lineage> {
        self.noted.clone()
    }
}

struct Source {
    from: Offset,
    batches: VecDeque<Bytes>,
}

impl LogSource for Source {
    fn next_run(&mut self, _: usize) -> Result<Option<Run>, SourceError> {
        let Some(bytes) = self.batches.pop_front() else { return Ok(None) };
        let range = range_of(&bytes);
        if range.start() < self.from {
            let cause = "the offset lies inside a batch".into();
            return Err(SourceError { kind: SourceErrorKind::Diverged, cause });
        }
        Ok(Some(Run { bytes, range, batches: 1, hole_before: None, sealed: true }))
    }

    fn finish(&mut self) -> Result<Finality, SourceError> {
        Ok(Finality::Stable)
    }
}

#[derive(Debug)]
pub(super) struct ModelHost(pub(super) Shared, pub(super) NodeId);

impl ModelHost {
    fn chain(
        &self,
        files: &[(&Vec<Bytes>, bool)],
        is_log: bool,
        (now_ms, broker): (i64, &Broker),
    ) -> HeldChain {
        let all: Vec<Bytes> = files.iter().flat_map(|(file, _)| (*file).clone()).collect();
        let last = files.len() - 1;
        let held = files.iter().enumerate().map(|(n, (file, sole))| {
            let end = match files.get(n + 1) {
                Some((next, _)) => range_of(&next[0]).start(),
                None => range_of(file.last().unwrap()).end(),
            };
            let range = OffsetRange::new(range_of(&file[0]).start(), end).unwrap();
            HeldFile {
                base: range.start(),
                end: (!is_log || n < last).then_some(range.end()),
                bytes: file.iter().map(|batch| batch.len() as u64).sum(),
                written_at: TimestampMs::new(now_ms).unwrap(),
                pin: Some(PinId { dir: 0, name: name_of(file) }),
                sole_link: *sole,
            }
        });
        let files: Vec<HeldFile> = held.collect();
        let sealed_end = if is_log { files[last].base } else { files[last].end.unwrap() };
        let log = Arc::new(Stretch {
            tip: tip(0),
            batches: all,
            damaged: broker.damaged.clone(),
            noted: broker.noted.clone(),
        });
        HeldChain { log, is_log, start: files[0].base, sealed_end, files }
    }

    fn held(&self) -> Option<HeldPartition> {
        let model = self.0.lock().unwrap();
        let broker = &model.brokers[&self.1];
        let end_of =
            |file: &Vec<Bytes>| (range_of(file.last().unwrap()).end(), epoch_of(file.last().unwrap()));
        let joins = |below: &Vec<Bytes>, above: &Vec<Bytes>| {
            let (end, epoch) = end_of(below);
            end == range_of(&above[0]).start() && epoch <= epoch_of(&above[0])
        };
        // The broker's log, and the pins that join it below; then what is left.
        let mut left: Vec<&Vec<Bytes>> = broker.sole.iter().collect();
        let mut log: Vec<(&Vec<Bytes>, bool)> = broker.files.iter().map(|file| (file, false)).collect();
        while let Some((above, _)) = log.first().copied()
            && let Some(at) = left.iter().position(|below| joins(below, above))
        {
            log.insert(0, (left.remove(at), true));
        }
        let mut chains: Vec<Vec<(&Vec<Bytes>, bool)>> = Vec::new();
        chains.extend((!log.is_empty()).then_some(log));
        let logs = chains.len();
        for file in left {
            match chains[logs..].iter_mut().find(|chain| joins(chain[chain.len() - 1].0, file)) {
                Some(chain) => chain.push((file, true)),
                None => chains.push(vec![(file, true)]),
            }
        }
        if chains.is_empty() {
            return None;
        }
        let known = (model.now_ms, broker);
        let mut chains: Vec<HeldChain> = chains
            .iter()
            .map(|chain| self.chain(chain, chain.iter().any(|(_, sole)| !sole), known))
            .collect();
        chains.sort_by_key(|chain| !chain.is_log);
        let presence = if broker.gone { Presence::Gone } else { Presence::Live };
        Some(HeldPartition { tip: tip(0), presence, chains, unread: None })
    }
}

impl Host for ModelHost {
    fn look(&self) -> Result<Vec<Arc<HeldPartition>>, HostError> {
        Ok(self.held().into_iter().map(Arc::new).collect())
    }

    fn look_at(&self, _: &TopicIdPartition) -> Result<Option<Arc<HeldPartition>>, HostError> {
        let mut held = self.held();
        let mut model = self.0.lock().unwrap();
        let broker = model.brokers.get_mut(&self.1).unwrap();
        let torn = broker.tears.pop_front().or((broker.torn > 0).then_some(1));
        if let Some(missing) = torn {
            broker.torn = broker.torn.saturating_sub(1);
            for chain in held.iter_mut().flat_map(|held| &mut held.chains) {
                let mut source = chain.log.open(chain.start, None).unwrap();
                let mut batches: Vec<Bytes> =
                    std::iter::from_fn(|| source.next_run(1).unwrap().map(|run| run.bytes)).collect();
                batches.remove(missing);
                chain.log = Arc::new(Stretch { tip: tip(0), batches, damaged: Vec::new(), noted: None });
            }
        }
        Ok(held.map(Arc::new))
    }

    fn release(&self, pins: &[PinId]) -> Result<(), HostError> {
        let mut model = self.0.lock().unwrap();
        let broker = model.brokers.get_mut(&self.1).unwrap();
        broker.sole.retain(|file| !pins.iter().any(|pin| pin.name == name_of(file)));
        Ok(())
    }

    fn space(&self) -> Result<Vec<Space>, HostError> {
        let model = self.0.lock().unwrap();
        let broker = &model.brokers[&self.1];
        Ok(vec![Space { free: broker.free, total: u64::MAX, sole_link: 0 }])
    }

    fn given_way(&self) -> Result<Vec<GivenWay>, HostError> {
        Ok(std::mem::take(&mut self.0.lock().unwrap().brokers.get_mut(&self.1).unwrap().given_way))
    }

    fn remember(&self, witnesses: &[Witness]) -> Result<(), HostError> {
        self.0.lock().unwrap().brokers.get_mut(&self.1).unwrap().witnesses = witnesses.to_vec();
        Ok(())
    }

    fn forget(&self, _: &[TopicIdPartition]) -> Result<(), HostError> {
        self.0.lock().unwrap().brokers.get_mut(&self.1).unwrap().witnesses.clear();
        Ok(())
    }

    fn witnesses(&self) -> Result<Vec<Witness>, HostError> {
        Ok(self.0.lock().unwrap().brokers[&self.1].witnesses.clone())
    }
}
