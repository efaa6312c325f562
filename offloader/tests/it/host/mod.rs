//! A host over log directories, beside something that treats them as a broker does.

mod after_restart;
mod chains;
mod pinning;
mod pressure;
mod scale;
mod watching;

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use firnline_index::batch::Compression;
use firnline_index::log_source::Finality;
use firnline_index::{LeaderEpoch, NodeId, Offset, PartitionIndex, TimestampMs, TopicId};
use firnline_index::{TopicIdPartition, TopicName};
use firnline_logdir::LogDirs;
use firnline_logdir::fixture::LogDirWriter;
use firnline_offloader::{DirectoryHost, DirectoryOptions, HeldChain, HeldPartition, Host as _};
use firnline_records::encode::{BatchBuilder, NewRecord};
use tempfile::TempDir;

use crate::world::cluster;

pub(crate) fn offset(value: i64) -> Offset {
    Offset::new(value).unwrap()
}

pub(crate) fn tip(topic: &str, partition: i32) -> TopicIdPartition {
    let sum = topic.bytes().fold(7_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
    TopicIdPartition {
        topic: TopicName::new(topic).unwrap(),
        topic_id: TopicId::from_bytes([sum | 1; 16]),
        partition: PartitionIndex::new(partition).unwrap(),
    }
}

/// A batch of ten records.
pub(crate) fn batch(base: i64, epoch: i32) -> Vec<u8> {
    batch_of(base, epoch, 20)
}

pub(crate) fn batch_of(base: i64, epoch: i32, value_bytes: usize) -> Vec<u8> {
    let mut builder = BatchBuilder::new(offset(base))
        .leader_epoch(LeaderEpoch::from_kafka(epoch))
        .compression(Compression::None);
    let value = vec![0xab; value_bytes];
    for n in 0..10 {
        let timestamp = TimestampMs::new(1_700_000_000_000 + base + n).unwrap();
        builder
            .push(NewRecord { timestamp: Some(timestamp), value: Some(&value), ..NewRecord::default() })
            .unwrap();
    }
    builder.build().unwrap()
}

/// Log dirs of one broker.
pub(crate) struct Machine {
    pub(crate) temp: TempDir,
    pub(crate) dirs: Vec<PathBuf>,
}

impl Machine {
    pub(crate) fn new() -> Self {
        Self::with_dirs(1)
    }

    pub(crate) fn with_dirs(count: usize) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let dirs = (0..count).map(|n| make_log_dir(&temp.path().join(format!("data{n}")))).collect();
        Self { temp, dirs }
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dirs[0]
    }

    pub(crate) fn partition(&self, tip: &TopicIdPartition) -> Broker {
        Broker::create(self.dir(), tip, true)
    }

    pub(crate) fn host(&self) -> DirectoryHost {
        self.host_with(|_| {})
    }

    pub(crate) fn host_with(&self, change: impl FnOnce(&mut DirectoryOptions)) -> DirectoryHost {
        open_host(&self.dirs, change)
    }
}

pub(crate) fn open_host(dirs: &[PathBuf], change: impl FnOnce(&mut DirectoryOptions)) -> DirectoryHost {
    let mut options = DirectoryOptions::new(Arc::new(|_| true));
    change(&mut options);
    DirectoryHost::open(&LogDirs::open(dirs).unwrap(), options).unwrap()
}

pub(crate) fn make_log_dir(path: &Path) -> PathBuf {
    LogDirWriter::create(path, &cluster(), NodeId::new(1).unwrap()).unwrap();
    path.to_owned()
}

/// What a broker does to one partition's directory.
pub(crate) struct Broker {
    pub(crate) path: PathBuf,
    pub(crate) bases: Vec<i64>,
    pub(crate) end: i64,
    pub(crate) epoch: i32,
}

impl Broker {
    pub(crate) fn create(log_dir: &Path, tip: &TopicIdPartition, metadata: bool) -> Self {
        let path = log_dir.join(format!("{}-{}", tip.topic, tip.partition));
        fs::create_dir(&path).unwrap();
        let broker = Self { path, bases: vec![0], end: 0, epoch: 1 };
        if metadata {
            broker.write_metadata(tip);
        }
        File::create_new(broker.file(0)).unwrap();
        broker
    }

    /// As a broker does: beside it, then renamed.
    pub(crate) fn write_metadata(&self, tip: &TopicIdPartition) {
        let beside = self.path.join("partition.metadata.tmp");
        fs::write(&beside, format!("version: 0\ntopic_id: {}", tip.topic_id)).unwrap();
        fs::rename(beside, self.path.join("partition.metadata")).unwrap();
    }

    pub(crate) fn file(&self, base: i64) -> PathBuf {
        self.path.join(format!("{base:020}.log"))
    }

    pub(crate) fn append(&mut self) -> Vec<u8> {
        let bytes = batch(self.end, self.epoch);
        self.append_bytes(&bytes);
        self.end += 10;
        bytes
    }

    pub(crate) fn append_bytes(&self, bytes: &[u8]) {
        let path = self.file(*self.bases.last().unwrap());
        OpenOptions::new().append(true).open(path).unwrap().write_all(bytes).unwrap();
    }

    pub(crate) fn roll(&mut self) {
        File::create_new(self.file(self.end)).unwrap();
        self.bases.push(self.end);
    }

    /// `files` more files of two batches each, the last of them sealed; gives their bytes.
    pub(crate) fn fill(&mut self, files: usize) -> Vec<Vec<u8>> {
        let one = |broker: &mut Self| {
            let bytes = [broker.append(), broker.append()].concat();
            broker.roll();
            bytes
        };
        (0..files).map(|_| one(self)).collect()
    }

    /// Takes the oldest file out of the log and removes it.
    pub(crate) fn retain(&mut self) {
        let base = self.bases.remove(0);
        self.delete(base);
    }

    fn delete(&self, base: i64) {
        let deleted = self.path.join(format!("{base:020}.log.deleted"));
        fs::rename(self.file(base), &deleted).unwrap();
        fs::remove_file(deleted).unwrap();
    }

    /// Cuts the log at `to`, a batch's border, and goes on under the next epoch.
    pub(crate) fn truncate(&mut self, to: i64) {
        while self.bases.len() > 1 && *self.bases.last().unwrap() >= to {
            let base = self.bases.pop().unwrap();
            self.delete(base);
        }
        let base = *self.bases.last().unwrap();
        let len = u64::try_from((to - base) / 10).unwrap() * batch(0, 1).len() as u64;
        OpenOptions::new().write(true).open(self.file(base)).unwrap().set_len(len).unwrap();
        (self.end, self.epoch) = (to, self.epoch + 1);
    }

    /// As after a truncation below all that it has: everything goes, and a file at `to` is begun.
    pub(crate) fn start_over(&mut self, to: i64) {
        for base in std::mem::take(&mut self.bases) {
            self.delete(base);
        }
        File::create_new(self.file(to)).unwrap();
        (self.bases, self.end, self.epoch) = (vec![to], to, self.epoch + 1);
    }
}

pub(crate) fn look(host: &DirectoryHost) -> Vec<Arc<HeldPartition>> {
    host.look().unwrap()
}

/// The only partition that is held.
pub(crate) fn look_one(host: &DirectoryHost) -> Arc<HeldPartition> {
    let held = look(host);
    assert_eq!(held.len(), 1, "{held:#?}");
    Arc::clone(&held[0])
}

/// Looks until the events so far have been taken in: nothing is new for a while.
pub(crate) fn settled(host: &DirectoryHost) -> Vec<Arc<HeldPartition>> {
    let mut before = look(host);
    let mut same = 0;
    eventually("nothing is new", || {
        let now = look(host);
        let unchanged = before.len() == now.len() && before.iter().zip(&now).all(|(a, b)| Arc::ptr_eq(a, b));
        same = if unchanged { same + 1 } else { 0 };
        before.clone_from(&now);
        same == 20
    });
    before
}

/// `base..end` of each file of a chain, with `*` where a pin alone keeps it, `+` where one does besides the broker.
pub(crate) fn shape(chain: &HeldChain) -> String {
    let files = chain.files.iter().map(|file| {
        let mark = match (&file.pin, file.sole_link) {
            (Some(_), true) => "*",
            (Some(_), false) => "+",
            (None, _) => "",
        };
        let end = file.end.map_or_else(String::new, |end| end.to_string());
        format!("{}..{end}{mark}", file.base)
    });
    files.collect::<Vec<_>>().join(" ")
}

pub(crate) fn shapes(held: &HeldPartition) -> Vec<String> {
    held.chains.iter().map(shape).collect()
}

/// All batches of a chain, read as an upload reads them.
pub(crate) fn read(chain: &HeldChain) -> Vec<u8> {
    let mut source = chain.log.open(chain.start, None).unwrap();
    let mut bytes = Vec::new();
    while let Some(run) = source.next_run(1 << 20).unwrap() {
        bytes.extend_from_slice(&run.bytes);
    }
    assert_eq!(source.finish().unwrap(), Finality::Stable);
    bytes
}

/// The names of the pins in a log dir.
pub(crate) fn pins(log_dir: &Path) -> Vec<String> {
    let names = fs::read_dir(log_dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.starts_with(".firnline-pin.")).collect();
    names.sort();
    names
}

pub(crate) fn links(path: &Path) -> u64 {
    fs::metadata(path).unwrap().nlink()
}

/// Waits until it holds, for ten seconds at most.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..5000 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    panic!("never: {what}");
}
