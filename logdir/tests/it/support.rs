//! Log directories for the tests.

use std::path::{Path, PathBuf};

use firnline_index::batch::Compression;
use firnline_index::log_source::{LogSource, Run, SourceError};
use firnline_index::{ClusterId, LeaderEpoch, NodeId, Offset, PartitionIndex, TimestampMs, TopicId};
use firnline_index::{TopicIdPartition, TopicName};
use firnline_logdir::fixture::{LogDirWriter, PartitionOptions};
use firnline_logdir::{Found, LogDir, PartitionDir};
use firnline_records::encode::{BatchBuilder, NewRecord};
use tempfile::TempDir;

pub(crate) fn offset(value: i64) -> Offset {
    Offset::new(value).unwrap()
}

pub(crate) fn tip(topic: &str, partition: i32) -> TopicIdPartition {
    TopicIdPartition {
        topic: TopicName::new(topic).unwrap(),
        topic_id: TopicId::from_bytes([7; 16]),
        partition: PartitionIndex::new(partition).unwrap(),
    }
}

/// A batch of `count` records at `base`, about `bytes` long, at times that follow the offsets.
pub(crate) fn batch(base: i64, count: i64, bytes: usize) -> Vec<u8> {
    batch_of_epoch(base, count, bytes, 4)
}

pub(crate) fn batch_of_epoch(base: i64, count: i64, bytes: usize, epoch: i32) -> Vec<u8> {
    let mut builder = BatchBuilder::new(offset(base))
        .leader_epoch(LeaderEpoch::from_kafka(epoch))
        .compression(Compression::None);
    let value = vec![0xab; (bytes / usize::try_from(count).unwrap()).saturating_sub(20)];
    for n in 0..count {
        let timestamp = TimestampMs::new(1_700_000_000_000 + base + n).unwrap();
        builder
            .push(NewRecord { timestamp: Some(timestamp), value: Some(&value), ..NewRecord::default() })
            .unwrap();
    }
    builder.build().unwrap()
}

/// A log directory with one partition, `orders-3`.
pub(crate) struct Fixture {
    pub(crate) temp: TempDir,
    pub(crate) log_dir: PathBuf,
    pub(crate) dir: PathBuf,
    /// All batches, end to end.
    pub(crate) bytes: Vec<u8>,
    /// The base offset of each batch.
    pub(crate) bases: Vec<i64>,
}

impl Fixture {
    /// `batches` batches of ten records and about `batch_bytes`, in segments of `segment_bytes`.
    pub(crate) fn new(batches: i64, batch_bytes: usize, segment_bytes: u64) -> Self {
        Self::of((0..batches).map(|n| batch(n * 10, 10, batch_bytes)).collect(), segment_bytes)
    }

    pub(crate) fn of(batches: Vec<Vec<u8>>, segment_bytes: u64) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let log_dir = temp.path().join("data");
        let mut writer = log_dir_writer(&log_dir);
        let options = PartitionOptions { segment_bytes };
        let mut partition = writer.partition(&tip("orders", 3), Offset::ZERO, options).unwrap();
        let mut bases = Vec::new();
        for batch in &batches {
            partition.append(batch).unwrap();
            bases.push(i64::from_be_bytes(batch[..8].try_into().unwrap()));
        }
        let dir = partition.finish().unwrap();
        writer.shut_down_cleanly().unwrap();
        Self { temp, log_dir, dir, bytes: batches.concat(), bases }
    }

    /// The partition as it is now.
    pub(crate) fn scan(&self) -> PartitionDir {
        scan(&self.log_dir)
    }

    /// The path of the segment at `base`.
    pub(crate) fn segment(&self, base: i64) -> PathBuf {
        self.dir.join(format!("{base:020}.log"))
    }
}

pub(crate) fn log_dir_writer(path: &Path) -> LogDirWriter {
    let cluster = ClusterId::new("J8nB1x9RTGqN3oGQx5Lk2A").unwrap();
    LogDirWriter::create(path, &cluster, NodeId::new(1).unwrap()).unwrap()
}

/// The only partition in `log_dir`.
pub(crate) fn scan(log_dir: &Path) -> PartitionDir {
    let mut found = LogDir::open(log_dir).unwrap().partitions().unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    match found.pop() {
        Some(Found::Partition(partition)) => partition,
        other => panic!("{other:?}"),
    }
}

/// Everything that a source gives.
pub(crate) fn drain(source: &mut dyn LogSource, max_bytes: usize) -> Result<Vec<Run>, SourceError> {
    let mut runs = Vec::new();
    while let Some(run) = source.next_run(max_bytes)? {
        runs.push(run);
    }
    Ok(runs)
}

pub(crate) fn concat(runs: &[Run]) -> Vec<u8> {
    runs.iter().flat_map(|run| run.bytes.to_vec()).collect()
}

/// The chain of messages, as an operator would see it.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
