//! A small world: a simulated store, a tier over it, and logs in memory.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use firnline_index::batch::{BatchLimits, Batches, ProducerInfo};
use firnline_index::ids::{
    ClusterId, LeaderEpoch, Offset, OffsetRange, PartitionIndex, ProducerId, RawPosition, TimestampMs,
    TopicId, TopicIdPartition, TopicName,
};
use firnline_index::log_source::{Finality, LogSource, Run, SourceError};
use firnline_index::manifest::{EntryKind, Manifest};
use firnline_records::encode::{BatchBuilder, ControlMarker, NewRecord, control_batch};
use firnline_store::sim::Simulation;
use firnline_store::{Env, Store};
use firnline_tier::{
    Basis, CommitOutcome, CommitRequest, LoadedManifest, NoFaults, SegmentPlan, Tier, TierParts,
    TierSettings, UploadError, UploadOutcome, UploadedSegment, Workers,
};

pub(crate) const START_MS: i64 = 1_700_000_000_000;

pub(crate) fn offset(n: i64) -> Offset {
    Offset::new(n).unwrap()
}

pub(crate) fn range(start: i64, end: i64) -> OffsetRange {
    OffsetRange::new(offset(start), offset(end)).unwrap()
}

pub(crate) fn epoch(n: i32) -> LeaderEpoch {
    LeaderEpoch::new(n).unwrap()
}

pub(crate) fn cluster() -> ClusterId {
    ClusterId::new("cluster-a").unwrap()
}

pub(crate) fn tip(partition: i32) -> TopicIdPartition {
    TopicIdPartition {
        topic: TopicName::new("orders").unwrap(),
        topic_id: TopicId::from_bytes([1; 16]),
        partition: PartitionIndex::new(partition).unwrap(),
    }
}

/// A simulated store and what its processes share.
pub(crate) struct World {
    pub(crate) sim: Simulation,
    pub(crate) env: Env,
}

impl World {
    /// Must be called in a runtime whose time is paused.
    pub(crate) fn new(seed: u64) -> Self {
        let env = Env::seeded(seed, START_MS);
        Self { sim: Simulation::new(seed, &env), env }
    }

    pub(crate) fn parts(&self) -> TierParts {
        parts(self.sim.connect(&self.env), &self.env)
    }

    /// A tier as a new process opens it.
    pub(crate) async fn tier(&self) -> Tier {
        let parts = self.parts();
        let settings = settings(&parts.store);
        Tier::open_for_writing(parts, settings, &cluster()).await.unwrap()
    }

    /// The same over a store that fails now and then: tried until it is open.
    pub(crate) async fn tier_until_open(&self) -> Tier {
        loop {
            let parts = self.parts();
            let settings = settings(&parts.store);
            if let Ok(tier) = Tier::open_for_writing(parts, settings, &cluster()).await {
                return tier;
            }
        }
    }

    /// All keys but the marker's and the topics'.
    pub(crate) fn data_keys(&self) -> Vec<String> {
        let mut keys = self.sim.keys();
        keys.retain(|key| key != "firnline.json" && !key.starts_with("topics/"));
        keys
    }
}

pub(crate) fn parts(store: Store, env: &Env) -> TierParts {
    TierParts { store, env: env.clone(), workers: Workers::Inline, faults: Arc::new(NoFaults) }
}

/// Small blocks, so that small logs have several.
pub(crate) fn settings(store: &Store) -> TierSettings {
    TierSettings { block_bytes: 1024, ..TierSettings::for_store(store.settings()) }
}

/// A log being written: batches end to end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log {
    pub(crate) batches: Vec<Bytes>,
    pub(crate) next: i64,
    pub(crate) epoch: i32,
}

impl Log {
    pub(crate) fn starting_at(next: i64) -> Self {
        Self { next, ..Self::default() }
    }

    /// A log of `batches` batches of three records, each about `value` bytes.
    pub(crate) fn plain(batches: usize, value: usize) -> Self {
        let mut log = Self::default();
        for _ in 0..batches {
            log.append(3, value, None);
        }
        log
    }

    /// Appends a batch of `records` records; of a transaction where a producer is given.
    pub(crate) fn append(&mut self, records: usize, value: usize, producer: Option<i64>) -> &mut Self {
        let mut batch = BatchBuilder::new(offset(self.next)).leader_epoch(Some(epoch(self.epoch)));
        if let Some(id) = producer {
            let id = ProducerId::new(id).unwrap();
            batch = batch.producer(ProducerInfo { id, epoch: 0, base_sequence: 0 }).transactional();
        }
        for n in 0..records {
            let seed = self.next + i64::try_from(n).unwrap();
            let byte = |i: usize| u8::try_from((i as u64 * 31 + seed.unsigned_abs() * 7) % 251).unwrap();
            let value: Vec<u8> = (0..value).map(byte).collect();
            let timestamp = TimestampMs::new(START_MS + seed).ok();
            batch
                .push(NewRecord { timestamp, key: Some(b"key"), value: Some(&value), headers: &[] })
                .unwrap();
        }
        self.next = batch.next_offset().get();
        self.batches.push(batch.build().unwrap().into());
        self
    }

    /// Appends the marker that ends a producer's transaction.
    pub(crate) fn end(&mut self, producer: i64, committed: bool) -> &mut Self {
        let marker = ControlMarker {
            offset: offset(self.next),
            leader_epoch: Some(epoch(self.epoch)),
            producer: ProducerId::new(producer).unwrap(),
            producer_epoch: 0,
            coordinator_epoch: 0,
            timestamp: TimestampMs::new(START_MS + self.next).ok(),
            committed,
        };
        self.batches.push(control_batch(&marker).unwrap().into());
        self.next += 1;
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.batches.concat()
    }

    /// Cuts the log after `batches` batches: what follows is a log of its own.
    pub(crate) fn split(&self, batches: usize) -> (Self, Self) {
        let (head, tail) = self.batches.split_at(batches);
        let middle = range_of(&tail[0]).start().get();
        let one = |part: &[Bytes], next| Self { batches: part.to_vec(), next, epoch: self.epoch };
        (one(head, middle), one(tail, self.next))
    }

    pub(crate) fn source(&self) -> Box<MemorySource> {
        let ready = self.batches.iter().cloned().collect();
        Box::new(MemorySource { ready, finality: Finality::Stable })
    }
}

pub(crate) fn range_of(batch: &Bytes) -> OffsetRange {
    let first = Batches::new(batch, RawPosition::ZERO, Offset::ZERO, BatchLimits::default()).next();
    let header = first.unwrap().unwrap().header;
    OffsetRange::new(header.base_offset, header.next_offset()).unwrap()
}

/// A source over batches in memory, one batch a run.
pub(crate) struct MemorySource {
    pub(crate) ready: VecDeque<Bytes>,
    pub(crate) finality: Finality,
}

impl LogSource for MemorySource {
    fn next_run(&mut self, _max_bytes: usize) -> Result<Option<Run>, SourceError> {
        Ok(self.ready.pop_front().map(|bytes| {
            let range = OffsetRange::new(Offset::ZERO, Offset::ZERO).unwrap();
            Run { bytes, range, batches: 1, hole_before: None, sealed: true }
        }))
    }

    fn finish(&mut self) -> Result<Finality, SourceError> {
        Ok(self.finality.clone())
    }
}

pub(crate) fn plan(tip: &TopicIdPartition, base: Offset, basis: &Basis, size_hint: u64) -> SegmentPlan {
    SegmentPlan {
        tip: tip.clone(),
        base,
        transactions: basis.transactions.clone(),
        last_epoch: basis.lineage.last().map(|start| start.epoch),
        size_hint,
        kind: EntryKind::Segment,
        replaces: Vec::new(),
        form: firnline_tier::SegmentForm::default(),
    }
}

pub(crate) async fn upload(
    tier: &Tier,
    tip: &TopicIdPartition,
    basis: &Basis,
    log: &Log,
) -> Result<UploadedSegment, UploadError> {
    let hint = log.batches.iter().map(|b| b.len() as u64).sum();
    match tier.upload_segment(log.source(), plan(tip, basis.base, basis, hint)).await? {
        UploadOutcome::Uploaded(segment) => Ok(*segment),
        UploadOutcome::Empty => panic!("the log is not empty"),
    }
}

pub(crate) fn request(
    tip: &TopicIdPartition,
    basis: &Basis,
    segments: Vec<UploadedSegment>,
) -> CommitRequest {
    CommitRequest {
        tip: tip.clone(),
        basis: basis.clone(),
        segments,
        node: None,
        bound_epoch: None,
        topic_partitions: 1,
    }
}

/// Uploads and commits a log that continues the tier.
pub(crate) async fn put(tier: &Tier, tip: &TopicIdPartition, log: &Log) -> LoadedManifest {
    let head = tier.manifest(tip).await.unwrap();
    let first = range_of(&log.batches[0]).start();
    let basis = Basis::of(head.as_ref().map(|h| &h.manifest), first);
    let segment = upload(tier, tip, &basis, log).await.unwrap();
    match tier.commit(&request(tip, &basis, vec![segment])).await.unwrap() {
        CommitOutcome::Committed(now) => *now,
        CommitOutcome::Lost(lost) => panic!("{lost}"),
    }
}

/// The raw bytes that the tier has of a partition, checked block by block.
pub(crate) async fn read_all(tier: &Tier, manifest: &Manifest) -> Vec<u8> {
    let mut all = Vec::new();
    let whole = OffsetRange::new(Offset::ZERO, Offset::MAX).unwrap();
    let mut entries = tier.entries(manifest, whole);
    while let Some(chunk) = entries.next_chunk().await.unwrap() {
        for entry in chunk {
            let tail = tier.segment_tail(&manifest.tip, &entry).await.unwrap();
            for number in 0..tail.index().len() {
                let block = tail.index().entry(number).unwrap();
                let key = entry.object_key(&manifest.tip);
                let stored = tier.store().get_range(&key, block.stored.clone()).await.unwrap();
                all.extend_from_slice(&firnline_index::segment::decode_block(&block, stored).unwrap());
            }
        }
    }
    all
}
