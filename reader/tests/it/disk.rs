//! The disk cache, from outside: what it saves, and that it is never believed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use firnline_index::segment::BlockCompression;
use firnline_reader::{DiskSettings, DiskStats, Reader, ReaderSettings, Workers};
use firnline_store::Store;
use tempfile::TempDir;

use crate::holder::Holder;
use crate::log::{Log, at, joined};
use crate::reads::{ALL, batches};
use crate::tier::{TestTier, gets, tip};

/// Segments of 1 MiB in blocks of 64 KiB, and one short one.
fn tier(compression: BlockCompression) -> (Log, TestTier) {
    let mut log = Log::from(0);
    let mut tier = TestTier::starting_at(at(0));
    tier.block_size = 64 << 10;
    tier.compression = compression;
    for batches in [64, 64, 3] {
        for _ in 0..batches {
            log.data(10, 16 << 10);
        }
        tier.upload(&log, log.end());
    }
    tier.commit();
    (log, tier)
}

/// A tier, and a directory for what is kept of it.
pub(crate) struct Rig {
    pub(crate) log: Log,
    pub(crate) tier: TestTier,
    temp: TempDir,
}

impl Rig {
    pub(crate) fn new() -> Self {
        let (log, tier) = tier(BlockCompression::None);
        Self { log, tier, temp: tempfile::tempdir().expect("a directory") }
    }

    fn dir(&self) -> PathBuf {
        self.temp.path().join("cache")
    }

    /// A process that begins: nothing in memory.
    fn start(&self) -> (Reader, Store) {
        start(&self.tier, &self.dir(), 64 << 20)
    }

    async fn filled() -> Self {
        let rig = Self::new();
        let (reader, _) = rig.start();
        on(&reader).await;
        read_all(&reader, &rig.log).await;
        assert!(reader.disk_stats().records > 32, "{:?}", reader.disk_stats());
        reader.shutdown().await;
        rig
    }
}

pub(crate) fn start(tier: &TestTier, dir: &Path, max_bytes: u64) -> (Reader, Store) {
    tier.reader_with(ReaderSettings {
        disk: Some(DiskSettings { dir: dir.to_owned(), max_bytes }),
        workers: Workers::Inline,
        ..ReaderSettings::default()
    })
}

/// Waits until it is open. Time is paused in all of these tests, and files are touched by the one thread there is.
pub(crate) async fn on(reader: &Reader) {
    for _ in 0..5000 {
        if reader.disk_stats().on {
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    panic!("the cache is not on: {:?}", reader.disk_stats());
}

/// Reads everything, compares it, and lets what is to be written be written.
pub(crate) async fn read_all(reader: &Reader, log: &Log) {
    let mut offset = log.batches[0].base;
    while offset < log.end() {
        let read =
            batches(reader.read(&tip(), offset, 300 << 10, ALL).await.expect("no error is the cache's"));
        assert_eq!(read.chain.to_bytes(), joined(log.between(offset, read.range.end())), "{offset}");
        offset = read.range.end();
    }
    tokio::time::sleep(Duration::from_millis(1)).await;
}

fn slabs(dir: &Path) -> Vec<PathBuf> {
    let all = fs::read_dir(dir).expect("there").map(|entry| entry.expect("an entry").path());
    let mut slabs: Vec<_> = all.filter(|path| path.extension().is_some_and(|end| end == "slab")).collect();
    slabs.sort();
    slabs
}

#[tokio::test(start_paused = true)]
async fn what_was_read_once_costs_a_manifest_after_a_restart() {
    let rig = Rig::filled().await;
    for _ in 0..2 {
        let (reader, store) = rig.start();
        on(&reader).await;
        read_all(&reader, &rig.log).await;
        assert_eq!(gets(&store.counters()), 1, "the manifest");
        let stats = reader.stats();
        assert_eq!((stats.block_loads, stats.tail_loads, stats.disk_tails), (0, 0, 3));
        assert!(stats.disk_blocks > 32, "{stats:?}");
        let disk = reader.disk_stats();
        assert_eq!((disk.written_bytes, disk.damaged, disk.evicted), (0, 0, 0));
        assert!(disk.read_bytes > 2 << 20, "{disk:?}");
        reader.shutdown().await;
    }
}

#[tokio::test(start_paused = true)]
async fn blocks_lie_there_as_they_are_stored() {
    let (log, tier) = tier(BlockCompression::Zstd { level: 3 });
    let temp = tempfile::tempdir().expect("a directory");
    let (reader, _) = start(&tier, temp.path(), 64 << 20);
    on(&reader).await;
    read_all(&reader, &log).await;
    let cached: Vec<u8> =
        slabs(temp.path()).iter().flat_map(|path| fs::read(path).expect("a slab")).collect();
    for entry in &tier.manifest.entries {
        let object = tier.sim.peek(&entry.object_key(&tip())).expect("there");
        let tail = usize::try_from(entry.tail_position.get()).expect("short");
        for part in [&object[..200], &object[tail - 200..tail], &object[tail..]] {
            assert!(cached.windows(part.len()).any(|window| window == part));
        }
    }
    reader.shutdown().await;
    let (reader, store) = start(&tier, temp.path(), 64 << 20);
    on(&reader).await;
    read_all(&reader, &log).await;
    assert_eq!(gets(&store.counters()), 1);
}

#[tokio::test(start_paused = true)]
async fn a_run_of_which_the_disk_has_a_part_is_one_request_and_no_longer_one() {
    let rig = Rig::new();
    let (reader, _) = rig.start();
    on(&reader).await;
    for offset in [80, 320] {
        batches(reader.read(&tip(), at(offset), 1, ALL).await.expect("reads"));
    }
    tokio::time::sleep(Duration::from_millis(1)).await;
    reader.shutdown().await;
    let (reader, store) = rig.start();
    on(&reader).await;
    let plain = rig.tier.reader();
    for (reader, tail) in [(&reader, 0), (&plain.0, 1)] {
        let store = if tail == 0 { &store } else { &plain.1 };
        batches(reader.read(&tip(), at(80), 600 << 10, ALL).await.expect("reads"));
        assert_eq!(gets(&store.counters()), 2 + tail, "manifest, one run");
    }
    assert!(store.counters().bytes_in < plain.1.counters().bytes_in);
    assert_eq!(reader.stats().disk_blocks, 1, "the other lies between blocks that are missing");
}

#[tokio::test(start_paused = true)]
async fn scans_read_from_it_and_write_nothing() {
    let rig = Rig::new();
    let range = firnline_index::OffsetRange::new(at(0), rig.log.end()).expect("rises");
    let scan = async |reader: &Reader| {
        let mut scan = reader.scan(&tip(), range, ALL);
        while scan.next().await.expect("scans").is_some() {}
        tokio::time::sleep(Duration::from_millis(1)).await;
    };
    let (reader, _) = rig.start();
    on(&reader).await;
    scan(&reader).await;
    assert_eq!((reader.disk_stats().records, reader.disk_stats().written_bytes), (0, 0));
    read_all(&reader, &rig.log).await;
    reader.shutdown().await;
    let (reader, store) = rig.start();
    on(&reader).await;
    scan(&reader).await;
    assert_eq!(gets(&store.counters()), 1, "the manifest");
}

/// Changes every slab, one after the other, and reads everything each time: the same bytes, no error.
async fn spoiled(change: impl Fn(&mut Vec<u8>)) -> DiskStats {
    let rig = Rig::filled().await;
    for slab in slabs(&rig.dir()) {
        let mut bytes = fs::read(&slab).expect("a slab");
        change(&mut bytes);
        fs::write(&slab, bytes).expect("writes");
    }
    let (reader, store) = rig.start();
    on(&reader).await;
    read_all(&reader, &rig.log).await;
    assert!(gets(&store.counters()) > 1, "the store was asked for what is damaged");
    let disk = reader.disk_stats();
    reader.shutdown().await;
    let (reader, store) = rig.start();
    on(&reader).await;
    read_all(&reader, &rig.log).await;
    assert_eq!(gets(&store.counters()), 1, "what came instead was kept: {:?}", reader.disk_stats());
    disk
}

#[tokio::test(start_paused = true)]
async fn flipped_bits_are_never_served_and_are_mended() {
    let flip = |from: usize, step: usize| {
        move |bytes: &mut Vec<u8>| bytes.iter_mut().skip(from).step_by(step).for_each(|byte| *byte ^= 0x20)
    };
    let disk = spoiled(flip(30_000, 70_000)).await;
    assert!(disk.damaged > 10, "{disk:?}");
    spoiled(flip(0, usize::MAX)).await;
    let disk = spoiled(flip(520, usize::MAX)).await;
    assert_eq!(
        disk.damaged, 2,
        "the first record of each slab with a table; the last slab is not gone through: {disk:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn files_that_were_cut_short_or_emptied_are_mended() {
    spoiled(|bytes| bytes.truncate(bytes.len() / 2)).await;
    spoiled(|bytes| bytes.truncate(100)).await;
    spoiled(Vec::clear).await;
    spoiled(|bytes| bytes.iter_mut().for_each(|byte| *byte = 0)).await;
}

#[tokio::test(start_paused = true)]
async fn a_topic_with_other_bytes_under_the_same_ids_gets_its_own() {
    let rig = Rig::filled().await;
    // The ids of a test tier are counted: the same offsets and uploads, other records. No real tier does this.
    let mut log = Log::from(0);
    let mut other = TestTier::starting_at(at(0));
    other.block_size = 64 << 10;
    for batches in [64, 64, 3] {
        for _ in 0..batches {
            log.data(10, 17 << 10);
        }
        other.upload(&log, log.end());
    }
    other.commit();
    assert_eq!(other.manifest.entries[0].uuid, rig.tier.manifest.entries[0].uuid);
    let (reader, _) = start(&other, &rig.dir(), 64 << 20);
    on(&reader).await;
    read_all(&reader, &log).await;
    assert_eq!(reader.stats().disk_blocks + reader.stats().disk_tails, 0);
}

#[tokio::test(start_paused = true)]
async fn a_directory_that_is_taken_away_while_it_is_in_use_is_made_anew() {
    let rig = Rig::filled().await;
    let (reader, _) = rig.start();
    on(&reader).await;
    // Each in a segment of its own, so that none is in memory.
    let read = async |offset: i64| {
        let read = batches(reader.read(&tip(), at(offset), 1, ALL).await.expect("no error is the cache's"));
        assert_eq!(read.chain.to_bytes(), joined(rig.log.between(at(offset), read.range.end())), "{offset}");
        tokio::time::sleep(Duration::from_secs(5)).await;
        let stats = reader.stats();
        (stats.disk_tails, stats.disk_blocks, stats.tail_loads + stats.block_loads)
    };
    assert_eq!(read(0).await, (1, 1, 0));
    fs::remove_dir_all(rig.dir()).expect("removed");
    assert_eq!(read(700).await, (1, 1, 2));
    assert!(reader.disk_stats().on && rig.dir().join("lock").exists(), "{:?}", reader.disk_stats());
    assert_eq!((reader.disk_stats().records, reader.disk_stats().damaged), (0, 0));
    assert_eq!(read(1290).await, (1, 1, 3));
    reader.shutdown().await;
    let (reader, _) = rig.start();
    on(&reader).await;
    assert!(reader.disk_stats().records > 1, "what was written since: {:?}", reader.disk_stats());
}

#[tokio::test(start_paused = true)]
async fn of_two_processes_the_second_goes_without_until_the_first_has_ended() {
    let rig = Rig::filled().await;
    let holder = Holder::of(&rig.dir().join("lock"), "flock");
    let (reader, store) = rig.start();
    tokio::time::sleep(Duration::from_secs(5)).await;
    read_all(&reader, &rig.log).await;
    assert!(!reader.disk_stats().on && gets(&store.counters()) > 3);
    assert_eq!(reader.stats().disk_blocks, 0);
    drop(holder);
    on(&reader).await;
    assert!(reader.disk_stats().records > 32, "what the first has left is there");
}

#[tokio::test(start_paused = true)]
async fn nobody_else_may_read_it_and_where_others_may_write_it_is_off() {
    let rig = Rig::filled().await;
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&rig.dir()), 0o700);
    for file in slabs(&rig.dir()).into_iter().chain([rig.dir().join("lock")]) {
        assert_eq!(mode(&file), 0o600, "{file:?}");
    }
    for (bits, on) in [(0o770, false), (0o702, false), (0o1777, false), (0o755, true)] {
        fs::set_permissions(rig.dir(), fs::Permissions::from_mode(bits)).expect("changed");
        let (reader, _) = rig.start();
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(reader.disk_stats().on, on, "{bits:o}");
        read_all(&reader, &rig.log).await;
        reader.shutdown().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_path_that_is_none_is_a_cache_that_is_off() {
    let rig = Rig::new();
    let file = rig.temp.path().join("file");
    fs::write(&file, "").expect("writes");
    for dir in [file.clone(), file.join("below"), rig.temp.path().join("not/there")] {
        let (reader, _) = start(&rig.tier, &dir, 64 << 20);
        tokio::time::sleep(Duration::from_secs(60)).await;
        read_all(&reader, &rig.log).await;
        assert_eq!(reader.disk_stats(), DiskStats::default(), "{dir:?}");
    }
}
