//! A broker's files of one segment, a store, and an engine over it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use firnline_index::batch::{Compression, ProducerInfo};
use firnline_index::keys::ObjectKey;
use firnline_index::lineage::EpochStart;
use firnline_index::manifest::Manifest;
use firnline_index::{
    ClusterId, Crc32c, LeaderEpoch, Offset, OffsetRange, PartitionIndex, ProducerId, SegmentUuid,
    TimestampMs, TopicId, TopicIdPartition, TopicName,
};
use firnline_plugin::engine::{
    Copy, CopyFiles, Engine, EngineDeadlines, EngineParts, EngineSettings, Failure, Segment,
};
use firnline_reader::ReaderSettings;
use firnline_records::encode::{BatchBuilder, NewRecord};
use firnline_store::sim::Simulation;
use firnline_store::{Env, Store, StoreSettings, StoreUrl};
use firnline_tier::{SegmentForm, Tier, TierParts, TierSettings};
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub(crate) fn cluster() -> ClusterId {
    ClusterId::new("a-cluster").unwrap()
}

pub(crate) fn offset(value: i64) -> Offset {
    Offset::new(value).unwrap()
}

fn start(epoch: i32, at: i64) -> EpochStart {
    EpochStart { epoch: LeaderEpoch::new(epoch).unwrap(), start: offset(at) }
}

/// What a broker has of a segment.
pub(crate) struct Local {
    pub(crate) segment: Segment,
    pub(crate) files: CopyFiles,
    pub(crate) log: Vec<u8>,
    dir: TempDir,
}

/// Numbers that are the same in every run.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// Batches of one record each, from `base` on; the first of a transaction where a producer is given.
pub(crate) fn log(base: i64, batches: usize, bytes: usize, producer: Option<i64>) -> Vec<u8> {
    let mut numbers = Numbers(base.unsigned_abs());
    let mut all = Vec::new();
    for at in 0..batches {
        let offset = offset(base + i64::try_from(at).unwrap());
        let mut batch =
            BatchBuilder::new(offset).compression(Compression::None).leader_epoch(LeaderEpoch::new(4).ok());
        if let (0, Some(id)) = (at, producer) {
            let id = ProducerId::new(id).unwrap();
            batch = batch.producer(ProducerInfo { id, epoch: 0, base_sequence: 0 }).transactional();
        }
        let value: Vec<u8> =
            (0..bytes.div_ceil(8)).flat_map(|_| numbers.next().to_le_bytes()).take(bytes).collect();
        let timestamp = TimestampMs::new(1_700_000_000_000 + offset.get()).ok();
        batch.push(NewRecord { timestamp, key: None, value: Some(&value), headers: &[] }).unwrap();
        all.extend(batch.build().unwrap());
    }
    all
}

/// A producer snapshot with these open transactions: producer and first offset.
pub(crate) fn snapshot(open: &[(i64, i64)]) -> Vec<u8> {
    let mut covered = i32::try_from(open.len()).unwrap().to_be_bytes().to_vec();
    for (id, first) in open {
        covered.extend(id.to_be_bytes());
        covered.extend([0; 2 + 4 + 8 + 4 + 8 + 4]);
        covered.extend(first.to_be_bytes());
    }
    let mut bytes = vec![0, 1];
    bytes.extend(Crc32c::of(&covered).get().to_be_bytes());
    bytes.extend(covered);
    bytes
}

impl Local {
    /// Offsets 1000.. in batches of about so many bytes.
    pub(crate) fn new(batches: usize, bytes: usize) -> Self {
        Self::of(log(1_000, batches, bytes, None), i64::try_from(batches).unwrap(), 7)
    }

    /// A segment of these bytes, with so many offsets from 1000 on.
    pub(crate) fn of(log: Vec<u8>, offsets: i64, id: u8) -> Self {
        Self::at(1_000, log, offsets, id)
    }

    /// The same from another offset on.
    pub(crate) fn at(base: i64, log: Vec<u8>, offsets: i64, id: u8) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let put = |name: &str, bytes: &[u8]| -> PathBuf {
            let path = dir.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        let mut numbers = Numbers(id.into());
        let mut noise =
            |length: usize| -> Vec<u8> { (0..length).map(|_| numbers.next().to_le_bytes()[3]).collect() };
        // Bytes of their own, with ends that a broker believes.
        let mut index = |entry: usize, entries: usize| -> Vec<u8> {
            let mut bytes = noise(entry * entries);
            let last = bytes.len() - entry;
            bytes[..entry].fill(0);
            bytes[last..].fill(0);
            bytes
        };
        let files = CopyFiles {
            log: put("00000000000000001000.log", &log),
            offset_index: put("00000000000000001000.index", &index(8, 500)),
            time_index: put("00000000000000001000.timeindex", &index(12, 300)),
            transaction_index: Some(put("00000000000000001000.txnindex", &index(34, 3))),
            snapshot: Some(put("00000000000000001100.snapshot", &snapshot(&[]))),
            leader_epochs: Bytes::from_static(b"0\n2\n2 900\n4 1000\n"),
        };
        let segment = Segment {
            tip: TopicIdPartition {
                topic: TopicName::new("orders").unwrap(),
                topic_id: TopicId::from_bytes([1; 16]),
                partition: PartitionIndex::new(3).unwrap(),
            },
            uuid: SegmentUuid::from_bytes([id; 16]),
            range: OffsetRange::new(offset(base), offset(base + offsets)).unwrap(),
            size: u32::try_from(log.len()).unwrap(),
            max_timestamp: TimestampMs::new(1_700_000_001_000).ok(),
            broker: 2,
            epochs: vec![start(2, 900), start(4, 1_000)],
            custom: None,
        };
        Self { segment, files, log, dir }
    }

    pub(crate) fn key(&self) -> String {
        let key = ObjectKey::Segment {
            tip: self.segment.tip.clone(),
            base: self.segment.range.start(),
            leader_epoch: LeaderEpoch::new(4).ok(),
            uuid: self.segment.uuid,
        };
        key.to_string()
    }

    /// The segment as the broker names it once it was copied.
    pub(crate) fn known(&self, custom: Vec<u8>) -> Segment {
        Segment { custom: Some(custom), ..self.segment.clone() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }
}

/// A simulated store and what an engine needs besides.
pub(crate) struct World {
    pub(crate) sim: Simulation,
    pub(crate) env: Env,
}

impl World {
    pub(crate) fn new() -> Self {
        let env = Env::seeded(1, 1_700_000_000_000);
        Self { sim: Simulation::new(1, &env), env }
    }

    pub(crate) fn parts(&self) -> EngineParts {
        let mut settings = StoreSettings::new(StoreUrl::Memory);
        settings.part_size = 5 << 20;
        settings.retry.base = Duration::from_millis(2);
        settings.retry.cap = Duration::from_millis(50);
        EngineParts { store: self.sim.connect_with(settings, &self.env), env: self.env.clone(), ring: None }
    }

    pub(crate) fn engine(&self) -> Engine {
        Engine::open(self.parts(), settings()).unwrap()
    }
}

/// Small blocks, so that short segments have many.
pub(crate) fn settings() -> EngineSettings {
    let store = StoreSettings::new(StoreUrl::Memory);
    EngineSettings {
        cluster_id: cluster(),
        tier: TierSettings { block_bytes: 4 << 10, ..TierSettings::for_store(&store) },
        reader: ReaderSettings { broker_file_cache_bytes: 8 << 20, ..ReaderSettings::default() },
        form: SegmentForm::default(),
        deadlines: EngineDeadlines { close: Duration::from_secs(5), ..EngineDeadlines::default() },
        threads: 2,
        broker: None,
        projection_interval: Duration::from_secs(3600),
        upload_rate: None,
        download_rate: None,
        scrub: None,
    }
}

/// An engine over a directory.
pub(crate) fn over_directory(dir: &Path) -> Engine {
    let env = Env::system();
    let url = StoreUrl::Directory { path: dir.to_owned() };
    let store = Store::open(StoreSettings::new(url), &Default::default(), env.clone()).unwrap();
    Engine::open(EngineParts { store, env, ring: None }, settings()).unwrap()
}

/// Waits for a copy in turns, as the shell does.
pub(crate) fn done(copy: &Copy) -> Result<Vec<u8>, Failure> {
    for _ in 0..600 {
        if let Some(custom) = copy.wait(Duration::from_millis(100))? {
            return Ok(custom);
        }
    }
    panic!("the copy takes longer than a minute");
}

pub(crate) fn copy(engine: &Engine, local: &Local) -> Result<Vec<u8>, Failure> {
    done(&engine.start_copy(local.segment.clone(), local.files.clone())?)
}

/// All that a stream gives, read in pieces of at most `max` bytes.
pub(crate) fn read_all(
    engine: &Engine,
    segment: &Segment,
    from: u32,
    last: Option<u32>,
    max: usize,
) -> Result<Vec<u8>, Failure> {
    let stream = engine.fetch(segment, from, last)?;
    let mut all = Vec::new();
    while let Some(piece) = stream.read(max)? {
        assert!(!piece.is_empty() && piece.len() <= max);
        all.extend_from_slice(&piece);
    }
    Ok(all)
}

/// A key ring with one key.
pub(crate) fn ring(env: &Env) -> Arc<dyn firnline_tier::keys::KeyRing> {
    let key = firnline_index::topic_key::RingKey::parse(&"07".repeat(32)).unwrap();
    let keys = std::collections::BTreeMap::from([("one".to_owned(), key)]);
    let ring = firnline_tier::keys::FileRing::new(keys, "one".to_owned(), Arc::clone(&env.random));
    Arc::new(ring.unwrap())
}

pub(crate) fn tier(world: &World, runtime: &Runtime) -> Tier {
    let (parts, cluster) = (world.parts(), cluster());
    let parts = TierParts::new(parts.store, parts.env);
    runtime.block_on(Tier::open_for_writing(parts, settings().tier, &cluster)).unwrap()
}

pub(crate) fn manifest(world: &World, local: &Local) -> Option<Manifest> {
    let runtime = Runtime::new().unwrap();
    let tier = tier(world, &runtime);
    runtime.block_on(tier.manifest(&local.segment.tip)).unwrap().map(|loaded| loaded.manifest)
}

pub(crate) fn wait(what: &str, mut ready: impl FnMut() -> bool) {
    for _ in 0..500 {
        if ready() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{what}: not within ten seconds");
}
