//! Passes over log directories on disk, into a store in a local directory.

mod again;
mod choosing;
mod damage;
mod foreign;
mod strange;

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use firnline_index::{ClusterId, NodeId, PartitionIndex, TopicId, TopicIdPartition, TopicName};
use firnline_logdir::fixture::{LogDirWriter, PartitionOptions};
use firnline_logdir::{LogDirs, SourceOptions};
use firnline_offloader::{
    PassInputs, PassPolicy, PassReport, PlanPolicy, Problem, Progress, Silent, run_once,
};
use firnline_store::{Env, RequestCounts, RequestKind, Store};
use firnline_tier::{FaultPoint, Tier, TierParts, TierSettings};
use tempfile::TempDir;

use crate::world::{MemoryLog, cluster, no_faults, range_of, read_all};

/// A topic whose id follows from its name.
fn named(topic: &str, partition: i32) -> TopicIdPartition {
    let sum = topic.bytes().fold(0_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
    TopicIdPartition {
        topic: TopicName::new(topic).unwrap(),
        topic_id: TopicId::from_bytes([sum | 1; 16]),
        partition: PartitionIndex::new(partition).unwrap(),
    }
}

/// Files of three batches each; the last file is the one still written.
fn plain(files: usize) -> Vec<Vec<Bytes>> {
    MemoryLog::plain(files, 3).files
}

/// What of `files` belongs into the tier: all but the last, end to end.
fn sealed(files: &[Vec<Bytes>]) -> Vec<u8> {
    files[..files.len() - 1].concat().concat()
}

/// A broker's log directories, and a place for a tier beside them.
struct Disk {
    temp: TempDir,
    dirs: Vec<LogDirWriter>,
}

impl Disk {
    /// One log directory with nothing in it.
    fn new() -> Self {
        let mut disk = Self { temp: tempfile::tempdir().unwrap(), dirs: Vec::new() };
        disk.another("data");
        disk
    }

    /// One more log directory of the same broker; what is written from now on goes there.
    fn another(&mut self, name: &str) -> PathBuf {
        self.of_cluster(name, &cluster())
    }

    fn of_cluster(&mut self, name: &str, cluster: &ClusterId) -> PathBuf {
        let path = self.temp.path().join(name);
        self.dirs.push(LogDirWriter::create(&path, cluster, NodeId::new(1).unwrap()).unwrap());
        path
    }

    /// The newest log directory.
    fn log_dir(&self) -> PathBuf {
        self.dirs.last().unwrap().path().to_owned()
    }

    /// Writes a partition and gives its directory.
    fn write(&mut self, tip: &TopicIdPartition, files: &[Vec<Bytes>]) -> PathBuf {
        let start = range_of(&files[0][0]).start();
        let dir = self.dirs.last_mut().unwrap();
        let mut writer = dir.partition(tip, start, PartitionOptions::default()).unwrap();
        for (number, file) in files.iter().enumerate() {
            if number > 0 {
                writer.roll().unwrap();
            }
            file.iter().for_each(|batch| writer.append(batch).unwrap());
        }
        let path = writer.finish().unwrap();
        dir.shut_down_cleanly().unwrap();
        path
    }

    /// The partition `orders-0` with `files` files; gives its directory and the files' batches.
    fn orders(&mut self, files: usize) -> (PathBuf, Vec<Vec<Bytes>>) {
        let files = plain(files);
        (self.write(&named("orders", 0), &files), files)
    }

    fn tier_path(&self) -> PathBuf {
        self.temp.path().join("tier")
    }

    /// The tier as a process of its own opens it.
    async fn tier(&self) -> Tier {
        self.tier_with(no_faults()).await
    }

    async fn tier_with(&self, faults: Arc<dyn FaultPoint>) -> Tier {
        let env = Env::system();
        let store = Store::directory(self.tier_path(), env.clone());
        let settings = TierSettings { block_bytes: 1024, ..TierSettings::for_store(store.settings()) };
        let parts = TierParts { faults, ..TierParts::new(store, env) };
        Tier::open_for_writing(parts, settings, &cluster()).await.unwrap()
    }

    /// Every file a segment of its own.
    fn inputs(&self, tier: &Tier) -> PassInputs {
        PassInputs {
            log_dirs: LogDirs::open(self.dirs.iter().map(LogDirWriter::path)).unwrap(),
            tier: tier.clone(),
            policy: PassPolicy { plan: PlanPolicy { target_bytes: 1 }, ..PassPolicy::default() },
            source: SourceOptions::default(),
            progress: Arc::new(Silent),
        }
    }

    /// A pass by a process of its own.
    async fn pass(&self) -> PassReport {
        run_once(&self.inputs(&self.tier().await)).await.unwrap()
    }

    /// A pass that is told what happens meanwhile.
    async fn watched(&self, progress: impl Progress + 'static) -> PassReport {
        let inputs = self.inputs(&self.tier().await);
        run_once(&PassInputs { progress: Arc::new(progress), ..inputs }).await.unwrap()
    }

    /// The bytes that the tier has of a partition, each block checked.
    async fn stored(&self, tip: &TopicIdPartition) -> Vec<u8> {
        let tier = self.tier().await;
        match tier.manifest(tip).await.unwrap() {
            Some(loaded) => read_all(&tier, &loaded.manifest).await,
            None => Vec::new(),
        }
    }
}

/// Every file below `dir` with its content.
fn tree(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            files.extend(tree(&entry));
        } else {
            files.insert(entry.clone(), fs::read(&entry).unwrap());
        }
    }
    files
}

/// A file of the log.
fn segment(dir: &Path, base: i64) -> PathBuf {
    dir.join(format!("{base:020}.log"))
}

/// Requests that change something.
fn writes(counts: &RequestCounts) -> u64 {
    let reads = [RequestKind::Get, RequestKind::Head, RequestKind::List];
    RequestKind::ALL.into_iter().filter(|kind| !reads.contains(kind)).map(|kind| counts.of(kind)).sum()
}

/// The only problem of a pass.
fn problem(report: &PassReport) -> &Problem {
    let mut problems = report.partitions.iter().filter_map(|partition| partition.problem.as_ref());
    let problem = problems.next().expect("a partition has a problem");
    assert!(problems.next().is_none(), "{report:?}");
    problem
}

/// An error with its causes, as an operator reads it.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no {part:?} in {text:?}");
    }
}
