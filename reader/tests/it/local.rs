//! This machine's own log beside the store.

use firnline_index::NodeId;
use firnline_logdir::fixture::{LogDirWriter, PartitionOptions};
use firnline_logdir::{LocalLog, LogDirs, SourceOptions};

use crate::log::{Log, at, joined};
use crate::reads::{ALL, batches};
use crate::tier::{TestTier, cluster, gets, tip};

fn log() -> (Log, TestTier) {
    let mut log = Log::from(0);
    for _ in 0..64 {
        log.data(10, 16 << 10);
    }
    let mut tier = TestTier::starting_at(at(0));
    tier.block_size = 64 << 10;
    tier.upload(&log, at(320));
    tier.upload(&log, log.end());
    tier.commit();
    (log, tier)
}

/// A broker's directory with the batches from `from` on, rolled in the middle.
fn on_disk(log: &Log, from: i64) -> (tempfile::TempDir, LocalLog) {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("logs");
    let mut writer = LogDirWriter::create(&path, &cluster(), NodeId::ZERO).expect("made");
    let mut partition = writer.partition(&tip(), at(from), PartitionOptions::default()).expect("made");
    for (number, batch) in log.between(at(from), log.end()).iter().enumerate() {
        partition.append(&batch.bytes).expect("appended");
        if number == 21 {
            partition.roll().expect("rolled");
        }
    }
    partition.finish().expect("written");
    let found = LogDirs::open([&path]).expect("opened").scan().expect("scanned");
    let partition = found.partitions.into_iter().next().expect("one partition");
    (dir, LocalLog::new(partition, SourceOptions::default()))
}

#[tokio::test]
async fn blocks_that_are_on_this_machine_cost_no_request() {
    let (log, tier) = log();
    let (_dir, local) = on_disk(&log, 0);
    let (reader, store) = tier.reader();
    reader.set_local(tip(), Some(local));
    let mut offset = at(0);
    while offset < log.end() {
        let read = batches(reader.read(&tip(), offset, 100 << 10, ALL).await.expect("reads"));
        assert!(read.chain.to_bytes() == joined(log.between(offset, read.range.end())));
        offset = read.range.end();
        tokio::task::yield_now().await;
    }
    assert_eq!(reader.stats().block_loads, 0);
    assert!(gets(&store.counters()) <= 3, "a manifest and two tails");
}

#[tokio::test]
async fn what_this_machine_no_longer_has_comes_from_the_store() {
    let (log, tier) = log();
    let (_dir, local) = on_disk(&log, 400);
    let (reader, _) = tier.reader();
    reader.set_local(tip(), Some(local));
    for offset in [0, 330, 395, 400, 600] {
        let read = batches(reader.read(&tip(), at(offset), 1, ALL).await.expect("reads"));
        assert!(read.chain.to_bytes() == joined(log.between(at(offset), read.range.end())), "{offset}");
    }
    assert!(reader.stats().local_blocks > 0 && reader.stats().block_loads > 0);
}

#[tokio::test]
async fn another_lineage_on_this_machine_is_never_served() {
    let (log, tier) = log();
    // The same offsets and lengths, so that only the checksum can tell.
    let mut other = Log::from(0).with_noise(42);
    for _ in 0..64 {
        other.data(10, 16 << 10);
    }
    let (_dir, local) = on_disk(&other, 0);
    let (reader, _) = tier.reader();
    reader.set_local(tip(), Some(local));
    let read = batches(reader.read(&tip(), at(100), 1, ALL).await.expect("reads"));
    assert!(read.chain.to_bytes() == joined(log.between(at(100), read.range.end())));
    assert_eq!(reader.stats().local_blocks, 0);
}

#[tokio::test]
async fn a_log_that_vanishes_leaves_the_store() {
    let (log, tier) = log();
    let (dir, local) = on_disk(&log, 0);
    drop(dir);
    let (reader, _) = tier.reader();
    reader.set_local(tip(), Some(local));
    let read = batches(reader.read(&tip(), at(100), 1, ALL).await.expect("reads"));
    assert!(read.chain.to_bytes() == joined(log.between(at(100), read.range.end())));
    reader.set_local(tip(), None);
    batches(reader.read(&tip(), at(500), 1, ALL).await.expect("reads"));
}
