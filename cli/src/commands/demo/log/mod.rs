//! The log directory that the demo works on, and a ledger of what was put into it.
//!
//! The ledger is made from the batches as they are written, by a hash that no other part of Firnline computes, so that a
//! fault in reading or checksums cannot agree with itself.

mod stream;
mod topics;
mod words;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use firnline_index::batch::Compression;
use firnline_index::{ClusterId, NodeId, Offset, PartitionIndex, TopicId, TopicIdPartition, TopicName};
use firnline_logdir::fixture::{LogDirWriter, PartitionOptions, PartitionWriter};
use sha2::{Digest as _, Sha256};

use crate::failure::{Failure, Result, codes};
use crate::output::Progress;
use stream::{Adds, Stream};
use topics::{TOPICS, Topic};

/// Bytes of a segment at most. Kafka's default is 1 GiB; smaller ones show more of what happens.
const SEGMENT_BYTES_MAX: u64 = 8 << 20;
/// A segment has this part of the log, so that each partition of a smaller log has sealed ones, too.
const SEGMENTS_MIN: u64 = 32;
/// Every run writes the same log.
const SEED: u64 = 0x4649_524e;
/// Partitions are written by so many threads.
const WRITERS: usize = 2;

/// A hash of some batches, end to end.
pub type Hash = [u8; 32];

/// What was put into a log directory.
#[derive(Debug)]
pub struct Ledger {
    /// By partition, in order.
    pub partitions: Vec<PartitionLedger>,
}

/// What was put into one partition.
#[derive(Debug)]
pub struct PartitionLedger {
    /// The partition.
    pub tip: TopicIdPartition,
    /// The codec of its batches.
    pub codec: Compression,
    /// One past the last offset.
    pub end: Offset,
    /// Where the active segment begins: everything below is sealed.
    pub sealed_end: Offset,
    /// Records below `sealed_end`.
    pub sealed_records: u64,
    /// Hash of all batches below `sealed_end`.
    pub sealed_hash: Hash,
    /// Bytes of all batches.
    pub log_bytes: u64,
    /// Bytes of the batches below `sealed_end`.
    pub sealed_bytes: u64,
    /// Segments, the active one included.
    pub segments: u64,
    /// The largest batch, in bytes.
    pub largest_batch: u64,
    /// Transactions still open at the end.
    pub open: u64,
    /// What all batches hold.
    pub adds: Adds,
}

impl Ledger {
    /// Bytes by codec, by Kafka's name for it.
    pub fn by_codec(&self) -> BTreeMap<&'static str, u64> {
        let mut bytes = BTreeMap::new();
        for partition in &self.partitions {
            *bytes.entry(partition.codec.name()).or_insert(0) += partition.log_bytes;
        }
        bytes
    }

    /// The sum of something over all partitions.
    pub fn sum(&self, of: impl Fn(&PartitionLedger) -> u64) -> u64 {
        self.partitions.iter().map(of).sum()
    }
}

/// Bytes of a segment in a log of `bytes`.
pub const fn segment_bytes(bytes: u64) -> u64 {
    let part = bytes / SEGMENTS_MIN;
    if part < SEGMENT_BYTES_MAX { part } else { SEGMENT_BYTES_MAX }
}

/// Writes a log directory at `path`, which must not exist, of at least `bytes`. Blocks.
pub fn write(path: &Path, bytes: u64) -> Result<Ledger> {
    let progress = Progress::bytes("writing a log", bytes);
    let cluster = ClusterId::new("firnline-demo-cluster1").map_err(failed)?;
    let node = NodeId::new(1).map_err(failed)?;
    let mut dir = LogDirWriter::create(path, &cluster, node).map_err(failed)?;
    let mut jobs = Vec::new();
    for topic in TOPICS {
        for partition in 0..topic.partitions {
            let tip = tip(&topic, partition)?;
            let options = PartitionOptions { segment_bytes: segment_bytes(bytes) };
            let writer = dir.partition(&tip, Offset::ZERO, options).map_err(failed)?;
            let share = bytes * topic.share / 100 / u64::from(topic.partitions.unsigned_abs()) + 1;
            jobs.push(Job { topic, tip, writer, share, segment_bytes: segment_bytes(bytes) });
        }
    }
    let partitions = all(jobs, &progress)?;
    dir.shut_down_cleanly().map_err(failed)?;
    Ok(Ledger { partitions })
}

/// One partition to be written.
struct Job {
    topic: Topic,
    tip: TopicIdPartition,
    writer: PartitionWriter,
    share: u64,
    segment_bytes: u64,
}

fn all(jobs: Vec<Job>, progress: &Progress) -> Result<Vec<PartitionLedger>> {
    let jobs: Vec<Mutex<Option<Job>>> = jobs.into_iter().map(|job| Mutex::new(Some(job))).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let job = job.lock().ok().and_then(|mut job| job.take());
            done.extend(job.map(|job| one(job, progress)));
        }
        done
    };
    let done = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..WRITERS).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect::<Result<Vec<_>>>()
    });
    let mut done = done?;
    done.sort_by(|a, b| a.tip.cmp(&b.tip));
    if done.len() != jobs.len() {
        return Err(Failure::new(&codes::INTERNAL, "a thread that wrote the demo's log ended early").into());
    }
    Ok(done)
}

fn one(job: Job, progress: &Progress) -> Result<PartitionLedger> {
    let Job { topic, tip, mut writer, share, segment_bytes } = job;
    let mut stream = Stream::new(topic, tip.partition.get(), SEED);
    let mut ledger = PartitionLedger {
        codec: topic.codec,
        end: Offset::ZERO,
        sealed_end: Offset::ZERO,
        sealed_records: 0,
        sealed_hash: Sha256::digest([]).into(),
        log_bytes: 0,
        sealed_bytes: 0,
        segments: 1,
        largest_batch: 0,
        open: 0,
        adds: Adds::default(),
        tip,
    };
    let mut hash = Sha256::new();
    let mut active = 0;
    while ledger.log_bytes < share {
        let made = stream.next().map_err(failed)?;
        let length = made.bytes.len() as u64;
        if active > 0 && active + length > segment_bytes {
            writer.roll().map_err(failed)?;
            ledger.sealed_end = ledger.end;
            ledger.sealed_records = ledger.adds.records;
            ledger.sealed_hash = hash.clone().finalize().into();
            ledger.sealed_bytes = ledger.log_bytes;
            ledger.segments += 1;
            active = 0;
        }
        writer.append(&made.bytes).map_err(failed)?;
        hash.update(&made.bytes);
        active += length;
        ledger.end = made.next_offset;
        ledger.log_bytes += length;
        ledger.largest_batch = ledger.largest_batch.max(length);
        ledger.adds.add(&made.adds);
        progress.add(length);
    }
    ledger.open = stream.open_transactions();
    writer.finish().map_err(failed)?;
    Ok(ledger)
}

fn tip(topic: &Topic, partition: i32) -> Result<TopicIdPartition> {
    let topic_name = TopicName::new(topic.name).map_err(failed)?;
    // An id that is the same in every run, as the rest of the log is.
    let id: Hash = Sha256::digest(topic.name.as_bytes()).into();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&id[..16]);
    let partition = PartitionIndex::new(partition).map_err(failed)?;
    Ok(TopicIdPartition { topic: topic_name, topic_id: TopicId::from_bytes(bytes), partition })
}

/// Removes the files of every sealed segment, as local retention does: all but the newest `.log` of each partition, with
/// its indexes. Gives the bytes of `.log` files removed. Blocks.
pub fn delete_sealed(log_dir: &Path, ledger: &Ledger) -> Result<u64> {
    let mut freed = 0;
    for partition in &ledger.partitions {
        let dir = log_dir.join(format!("{}-{}", partition.tip.topic, partition.tip.partition));
        let active = format!("{:020}", partition.sealed_end.get());
        for entry in fs::read_dir(&dir).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            let of_a_segment = stem.len() == 20 && stem.bytes().all(|b| b.is_ascii_digit());
            if of_a_segment && stem < active.as_str() {
                if path.extension().is_some_and(|extension| extension == "log") {
                    freed += fs::metadata(&path).map_err(failed)?.len();
                }
                fs::remove_file(&path).map_err(failed)?;
            }
        }
    }
    Ok(freed)
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::new(&codes::LOCAL_IO, "write the demo's log").caused_by(error)
}
