//! Log directories of the tests' own, with as many sealed segments as a test wants.

use std::fs;
use std::path::{Path, PathBuf};

use firnline_index::{ClusterId, NodeId, Offset, PartitionIndex, TimestampMs, TopicId};
use firnline_index::{TopicIdPartition, TopicName};
use firnline_logdir::fixture::{LogDirWriter, PartitionOptions};
use firnline_records::encode::{BatchBuilder, NewRecord};
use tempfile::TempDir;

use crate::rig::{Ran, finish, firnline};

/// A batch of `count` records of one byte pattern each, `bytes` long, at these times.
pub(crate) fn batch(base: i64, count: usize, bytes: usize, timestamp: Option<i64>) -> Vec<u8> {
    let mut batch = BatchBuilder::new(Offset::new(base).unwrap());
    let timestamp = timestamp.map(|at| TimestampMs::new(at).unwrap());
    let value = vec![b'v'; bytes];
    for _ in 0..count {
        batch.push(NewRecord { timestamp, value: Some(&value), ..NewRecord::default() }).unwrap();
    }
    batch.build().unwrap()
}

/// `segments` files of three batches of two records; the last file is the one still written.
pub(crate) fn plain(segments: i64, bytes: usize) -> Vec<Vec<Vec<u8>>> {
    let one =
        |file: i64| (0..3).map(|n| batch(file * 6 + n * 2, 2, bytes, Some(1_700_000_000_000))).collect();
    (0..segments).map(one).collect()
}

/// A broker's log directory, and a place for a tier beside it.
pub(crate) struct Logs {
    pub(crate) temp: TempDir,
    writer: LogDirWriter,
}

impl Logs {
    pub(crate) fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let cluster = ClusterId::new("test-cluster").unwrap();
        let writer =
            LogDirWriter::create(temp.path().join("kafka"), &cluster, NodeId::new(1).unwrap()).unwrap();
        Self { temp, writer }
    }

    /// With partitions of three sealed files each.
    pub(crate) fn of(partitions: &[&str]) -> Self {
        let mut logs = Self::new();
        for name in partitions {
            logs.write(name, &plain(4, 100));
        }
        logs
    }

    pub(crate) fn path(&self) -> &Path {
        self.writer.path()
    }

    pub(crate) fn tier(&self) -> PathBuf {
        self.temp.path().join("tier")
    }

    /// Writes the partition named as its directory is, and gives that directory.
    pub(crate) fn write(&mut self, name: &str, files: &[Vec<Vec<u8>>]) -> PathBuf {
        let (topic, partition) = name.rsplit_once('-').unwrap();
        let sum = topic.bytes().fold(0_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
        let tip = TopicIdPartition {
            topic: TopicName::new(topic).unwrap(),
            topic_id: TopicId::from_bytes([sum | 1; 16]),
            partition: PartitionIndex::new(partition.parse().unwrap()).unwrap(),
        };
        let options = PartitionOptions { segment_bytes: 1 << 30 };
        let mut writer = self.writer.partition(&tip, Offset::ZERO, options).unwrap();
        for (number, file) in files.iter().enumerate() {
            if number > 0 {
                writer.roll().unwrap();
            }
            file.iter().for_each(|batch| writer.append(batch).unwrap());
        }
        let path = writer.finish().unwrap();
        self.writer.shut_down_cleanly().unwrap();
        path
    }

    /// The arguments of an offload of it all, in segments as small as they can be.
    pub(crate) fn offload_args(&self) -> Vec<String> {
        let config = self.temp.path().join("firnline.toml");
        fs::write(&config, "[offload]\ntarget_size = \"1MiB\"\n").unwrap();
        let text = |path: &Path| path.display().to_string();
        let mut args: Vec<String> =
            ["offload", "--once", "--assume-committed", "--json"].map(String::from).into();
        args.extend(["--config".to_owned(), text(&config), "--log-dir".to_owned(), text(self.path())]);
        args.extend(["--store".to_owned(), text(&self.tier())]);
        args
    }

    pub(crate) fn offload(&self, more: &[&str]) -> Ran {
        let mut command = firnline(self.offload_args());
        command.args(more);
        finish(command)
    }

    /// A command on the tier.
    pub(crate) fn on(&self, args: &[&str]) -> Ran {
        let mut command = firnline(args);
        command.env("FIRNLINE_STORE", self.tier());
        finish(command)
    }

    /// The exact bytes that the tier has of a partition.
    pub(crate) fn raw(&self, partition: &str) -> Vec<u8> {
        let mut command = firnline(["cat", partition, "--raw"]);
        let ran = command.env("FIRNLINE_STORE", self.tier()).output().unwrap();
        assert!(ran.status.success(), "{ran:?}");
        ran.stdout
    }
}

/// The file of a partition at an offset.
pub(crate) fn segment(dir: &Path, base: i64) -> PathBuf {
    dir.join(format!("{base:020}.log"))
}

/// The bytes of all files but the last, end to end.
pub(crate) fn sealed(files: &[Vec<Vec<u8>>]) -> Vec<u8> {
    files[..files.len() - 1].concat().concat()
}

/// Every file below `dir` with its content, sorted.
pub(crate) fn tree(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            files.extend(tree(&entry));
        } else {
            files.push((entry.clone(), fs::read(&entry).unwrap()));
        }
    }
    files.sort();
    files
}

/// The last line of a command's output, as JSON.
#[track_caller]
pub(crate) fn last_line(ran: &Ran) -> serde_json::Value {
    serde_json::from_str(ran.out.lines().last().unwrap()).unwrap()
}
