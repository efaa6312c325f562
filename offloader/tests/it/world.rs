//! Logs in memory, and a tier to bring them into.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use firnline_index::batch::{BatchHeader, BatchLimits, Parsed, ProducerInfo};
use firnline_index::ids::{
    ClusterId, LeaderEpoch, NodeId, Offset, OffsetRange, PartitionIndex, ProducerId, TimestampMs, TopicId,
    TopicIdPartition, TopicName,
};
use firnline_index::log_source::{Finality, LogSource, Run, SourceError, SourceErrorKind};
use firnline_index::manifest::Manifest;
use firnline_offloader::{
    CommitBound, Extent, Holes, PartitionJob, PartitionLog, PartitionReport, PlanPolicy, Problem, Silent,
};
use firnline_records::encode::{BatchBuilder, ControlMarker, NewRecord, control_batch};
use firnline_store::{Env, Store};
use firnline_tier::{FaultPoint, NoFaults, Tier, TierParts, TierSettings, Workers};

pub(crate) const START_MS: i64 = 1_700_000_000_000;

pub(crate) fn offset(n: i64) -> Offset {
    Offset::new(n).unwrap()
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

pub(crate) fn range_of(batch: &Bytes) -> OffsetRange {
    match BatchHeader::parse(batch, Offset::ZERO, &BatchLimits::default()).unwrap() {
        Parsed::Header(header) => OffsetRange::new(header.base_offset, header.next_offset()).unwrap(),
        Parsed::NeedMore(_) => panic!("whole batches only"),
    }
}

/// Writes batches one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    pub(crate) next: i64,
    pub(crate) epoch: i32,
}

impl Writer {
    pub(crate) fn data(&mut self, records: usize, value: usize, producer: Option<i64>) -> Bytes {
        let epoch = LeaderEpoch::new(self.epoch).ok();
        let mut batch = BatchBuilder::new(offset(self.next)).leader_epoch(epoch);
        if let Some(id) = producer {
            let id = ProducerId::new(id).unwrap();
            batch = batch.producer(ProducerInfo { id, epoch: 0, base_sequence: 0 }).transactional();
        }
        for _ in 0..records {
            let value = vec![u8::try_from(self.next % 251).unwrap(); value];
            let timestamp = TimestampMs::new(START_MS + self.next).ok();
            batch.push(NewRecord { timestamp, key: None, value: Some(&value), headers: &[] }).unwrap();
        }
        self.next = batch.next_offset().get();
        batch.build().unwrap().into()
    }

    pub(crate) fn marker(&mut self, producer: i64, committed: bool) -> Bytes {
        let marker = ControlMarker {
            offset: offset(self.next),
            leader_epoch: LeaderEpoch::new(self.epoch).ok(),
            producer: ProducerId::new(producer).unwrap(),
            producer_epoch: 0,
            coordinator_epoch: 0,
            timestamp: None,
            committed,
        };
        self.next += 1;
        control_batch(&marker).unwrap().into()
    }
}

/// One replica's log in memory: files of batches, the last one still written.
#[derive(Debug, Clone)]
pub(crate) struct MemoryLog {
    pub(crate) tip: TopicIdPartition,
    pub(crate) files: Vec<Vec<Bytes>>,
    /// What goes wrong when it is read next; shared by its sources.
    pub(crate) trouble: Arc<Mutex<VecDeque<Trouble>>>,
}

/// What goes wrong with one reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Nothing.
    None,
    /// The bytes cannot be had.
    Unavailable,
    /// Other records are handed out than the log has, and it turns out at the end that it changed.
    Changed,
}

impl MemoryLog {
    pub(crate) fn new(partition: i32, files: Vec<Vec<Bytes>>) -> Self {
        Self { tip: tip(partition), files, trouble: Arc::default() }
    }

    /// A log of `files` files with `batches` batches of three records each.
    pub(crate) fn plain(files: usize, batches: usize) -> Self {
        let mut writer = Writer { next: 0, epoch: 0 };
        let file = |writer: &mut Writer| (0..batches).map(|_| writer.data(3, 50, None)).collect();
        Self::new(0, (0..files).map(|_| file(&mut writer)).collect())
    }

    fn base(&self, file: usize) -> Offset {
        range_of(&self.files[file][0]).start()
    }

    /// The batches of all files but the last, end to end.
    pub(crate) fn sealed_bytes(&self) -> Vec<u8> {
        self.files[..self.files.len() - 1].concat().concat()
    }

    /// Where the last file begins.
    pub(crate) fn sealed_end(&self) -> Offset {
        self.base(self.files.len() - 1)
    }
}

impl PartitionLog for MemoryLog {
    fn tip(&self) -> &TopicIdPartition {
        &self.tip
    }

    fn extents(&self) -> Vec<Extent> {
        let last = self.files.len() - 1;
        let bytes = |file: &Vec<Bytes>| file.iter().map(|batch| batch.len() as u64).sum();
        let files = self.files.iter().enumerate();
        files.map(|(n, file)| Extent { base: self.base(n), bytes: bytes(file), sealed: n != last }).collect()
    }

    fn open(&self, from: Offset, until: Option<Offset>) -> Result<Box<dyn LogSource>, SourceError> {
        let trouble = self.trouble.lock().unwrap().pop_front().unwrap_or(Trouble::None);
        let inside =
            |range: OffsetRange| range.end() > from && until.is_none_or(|until| range.end() <= until);
        let mut batches: VecDeque<Bytes> =
            self.files.concat().into_iter().filter(|batch| inside(range_of(batch))).collect();
        if trouble == Trouble::Changed {
            batches.iter_mut().for_each(|batch| *batch = replaced(batch));
        }
        Ok(Box::new(MemorySource { batches, from, trouble }))
    }
}

/// A sound batch of the same offsets, epoch and producer with other records; markers stay as they are.
fn replaced(batch: &Bytes) -> Bytes {
    let Parsed::Header(header) = BatchHeader::parse(batch, Offset::ZERO, &BatchLimits::default()).unwrap()
    else {
        panic!("whole batches only")
    };
    if header.control {
        return batch.clone();
    }
    let epoch = header.leader_epoch.map_or(0, LeaderEpoch::get);
    let mut writer = Writer { next: header.base_offset.get(), epoch };
    let records = usize::try_from(range_of(batch).span()).unwrap();
    writer.data(records, 7, header.producer.map(|producer| producer.id.get()))
}

struct MemorySource {
    batches: VecDeque<Bytes>,
    from: Offset,
    trouble: Trouble,
}

impl LogSource for MemorySource {
    fn next_run(&mut self, _max_bytes: usize) -> Result<Option<Run>, SourceError> {
        let Some(bytes) = self.batches.pop_front() else { return Ok(None) };
        let range = range_of(&bytes);
        let fail = |kind, why: &str| Err(SourceError { kind, cause: why.to_owned().into() });
        if range.start() < self.from {
            return fail(SourceErrorKind::Diverged, "the offset lies inside a batch");
        }
        if self.trouble == Trouble::Unavailable {
            return fail(SourceErrorKind::Unavailable, "the disk hums");
        }
        Ok(Some(Run { bytes, range, batches: 1, hole_before: None, sealed: true }))
    }

    fn finish(&mut self) -> Result<Finality, SourceError> {
        Ok(match self.trouble {
            Trouble::Changed => Finality::Changed { what: "a file shrank".into() },
            _ => Finality::Stable,
        })
    }
}

pub(crate) async fn open_tier(store: Store, env: &Env, faults: Arc<dyn FaultPoint>) -> Tier {
    try_open_tier(store, env, faults).await.unwrap()
}

pub(crate) async fn try_open_tier(
    store: Store,
    env: &Env,
    faults: Arc<dyn FaultPoint>,
) -> Result<Tier, firnline_tier::OpenTierError> {
    let settings = TierSettings { block_bytes: 1024, ..TierSettings::for_store(store.settings()) };
    let parts = TierParts { store, env: env.clone(), workers: Workers::Inline, faults };
    Tier::open_for_writing(parts, settings, &cluster()).await
}

pub(crate) fn no_faults() -> Arc<dyn FaultPoint> {
    Arc::new(NoFaults)
}

/// A job that uploads each file by itself, unless told otherwise.
pub(crate) fn job(tier: &Tier, target_bytes: u64) -> PartitionJob {
    PartitionJob {
        form: firnline_tier::SegmentForm::default(),
        tier: tier.clone(),
        node: NodeId::new(1).ok(),
        bound: CommitBound::AssumeLogEnd,
        plan: PlanPolicy { target_bytes },
        holes: Holes::Refuse,
        topic_partitions: 1,
        progress: Arc::new(Silent),
    }
}

pub(crate) async fn run(job: &PartitionJob, log: &MemoryLog) -> PartitionReport {
    let log: Arc<dyn PartitionLog> = Arc::new(log.clone());
    job.run(&log, &always).await
}

pub(crate) fn always() -> Result<(), Problem> {
    Ok(())
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
