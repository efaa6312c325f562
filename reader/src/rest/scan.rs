//! What lies in the log directories: the replicas of each partition, with what their brokers wrote down of them.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use firnline_index::{Offset, TopicIdPartition, TopicName};
use firnline_logdir::files::CheckpointError;
use firnline_logdir::{LogDir, LogDirError, LogDirs, OffsetCheckpoint, Offsets, PartitionDir};

/// A replica of a partition.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) partition: PartitionDir,
    pub(super) checkpoint: Option<Offset>,
    pub(super) log_start: Option<Offset>,
    pub(super) cleaned_to: Option<Offset>,
}

pub(super) type Candidates = HashMap<TopicIdPartition, Vec<Candidate>>;

/// The replicas of each partition, in directories that no broker holds.
pub(super) fn scan(brokers: &[LogDirs], held: &HashSet<PathBuf>) -> Result<Candidates, LogDirError> {
    let mut all = Candidates::new();
    for broker in brokers {
        let inventory = broker.scan()?;
        for refused in &inventory.refused {
            tracing::warn!(path = ?refused.path, why = &refused.why as &dyn std::error::Error,
                "a partition on the disk is not served");
        }
        let mut told = HashMap::new();
        for dir in broker.dirs() {
            told.insert(dir.path.as_path(), Checkpoints::of(dir));
        }
        for partition in inventory.partitions {
            let home = partition.path.parent().unwrap_or(Path::new(""));
            if held.contains(home) || partition.segments.is_empty() || is_internal(&partition.tip.topic) {
                continue;
            }
            let name = (partition.tip.topic.clone(), partition.tip.partition);
            let told = told.get(home);
            let of =
                |which: fn(&Checkpoints) -> &Offsets| told.and_then(|told| which(told).get(&name).copied());
            let candidate = Candidate {
                checkpoint: of(|told| &told.watermarks),
                log_start: of(|told| &told.starts),
                cleaned_to: of(|told| &told.cleaned),
                partition,
            };
            all.entry(candidate.partition.tip.clone()).or_default().push(candidate);
        }
    }
    Ok(all)
}

/// Whether a topic holds what brokers, and tools beside them, keep for themselves: whoever may read all topics does not mean the
/// names of groups and producers, and on a disk no setting says that they were meant to be kept.
fn is_internal(topic: &TopicName) -> bool {
    topic.as_str().starts_with("__")
}

/// What a broker wrote down of a directory's partitions.
#[derive(Debug, Default)]
struct Checkpoints {
    watermarks: Offsets,
    starts: Offsets,
    cleaned: Offsets,
}

impl Checkpoints {
    fn of(dir: &LogDir) -> Self {
        let read = |which: OffsetCheckpoint| match dir.offsets(which) {
            Ok(None) => Offsets::new(),
            Ok(Some(Ok(offsets))) => offsets,
            // A cleaner that has never had anything to do leaves an empty file.
            Ok(Some(Err(CheckpointError::Version { version }))) if version.is_empty() => Offsets::new(),
            Ok(Some(Err(error))) => {
                tracing::warn!(path = ?dir.path, file = which.file_name(),
                    error = &error as &dyn std::error::Error, "a checkpoint cannot be understood and is left out");
                Offsets::new()
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a checkpoint is left out");
                Offsets::new()
            }
        };
        Self {
            watermarks: read(OffsetCheckpoint::HighWatermark),
            starts: read(OffsetCheckpoint::LogStart),
            cleaned: read(OffsetCheckpoint::Cleaned),
        }
    }
}
