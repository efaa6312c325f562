//! May a partition be restored into this directory?

use std::fs;
use std::path::{Path, PathBuf};

use firnline_index::{Offset, PartitionIndex, TopicId, TopicName};

use super::{RestoreError, RestoreRefused, RestoreWriter};
use crate::files::{self, DirName, FileName, SegmentFileKind, partition_metadata};
use crate::open::read_small;
use crate::{BrokerLock, IoProblem, OffsetCheckpoint};

/// A directory that has been found fit to take a partition's segments: an empty one (or one not there yet, whose parent
/// is), or the directory of a partition without records in the log directory of a stopped broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreTarget {
    /// The directory.
    pub path: PathBuf,
    /// The topic id that its `partition.metadata` gives; it stays, as a broker would take another id for a stray.
    pub topic_id: Option<TopicId>,
    /// The first offset that the broker would show of this partition, where its checkpoint says one.
    pub log_start: Option<Offset>,
    /// Files that go before anything is written: an empty segment, indexes, snapshots and epochs of no records, and what
    /// is left of an earlier restore.
    pub leftovers: Vec<PathBuf>,
    /// The log directory it lies in, if it lies in one.
    pub log_dir: Option<PathBuf>,
}

impl RestoreTarget {
    /// Looks at `path` and changes nothing.
    pub fn check(path: impl AsRef<Path>) -> Result<Self, RestoreRefused> {
        let path = resolve(path.as_ref())?;
        let log_dir = path.parent().filter(|parent| is_log_dir(parent)).map(Path::to_owned);
        let name = path.file_name().and_then(|name| name.to_str()).map(DirName::parse);
        let mut target = Self { path, topic_id: None, log_start: None, leftovers: Vec::new(), log_dir };
        if is_log_dir(&target.path) {
            return Err(RestoreRefused::IsLogDir { path: target.path });
        }
        if let Some(log_dir) = target.log_dir.clone() {
            let Some(DirName::Partition(topic, partition)) = name else {
                return Err(RestoreRefused::NotAPartitionName { path: target.path });
            };
            ensure_stopped(&log_dir)?;
            target.log_start = log_start(&log_dir, topic, partition)?;
        }
        target.look_inside()?;
        if target.log_dir.is_some() && target.topic_id.is_none() {
            return Err(RestoreRefused::NoTopicId { path: target.path });
        }
        Ok(target)
    }

    /// Checks again, writes the marker, removes the leftovers and gives the writer. From here on an earlier broker's
    /// empty log is gone; what is written is seen by a broker only after [`RestoreWriter::commit`].
    pub fn begin(self) -> Result<RestoreWriter, RestoreError> {
        // Hours may have passed since the first look, in which other partitions were restored: a broker may have been
        // started, and what was an empty leftover then may hold records now.
        RestoreWriter::begin(Self::check(&self.path).map_err(RestoreError::Refused)?)
    }

    fn look_inside(&mut self) -> Result<(), RestoreRefused> {
        let entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {
                return Err(RestoreRefused::NotADirectory { path: self.path.clone() });
            }
            Err(error) => return Err(IoProblem::new("read directory", &self.path, error).into()),
        };
        let mut logs: Vec<(String, u64)> = Vec::new();
        let mut index = None;
        let mut restoring = false;
        for entry in entries {
            let entry = entry.map_err(IoProblem::at("read directory", &self.path))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let metadata = entry.metadata().map_err(IoProblem::at("look at", &entry.path()))?;
            let unknown = RestoreRefused::NotEmpty { path: self.path.clone(), name: name.clone() };
            match FileName::parse(&name) {
                _ if !metadata.is_file() => return Err(unknown),
                FileName::Segment(kind, _) => {
                    match kind {
                        SegmentFileKind::Log if metadata.len() > 0 => logs.push((name, metadata.len())),
                        SegmentFileKind::OffsetIndex | SegmentFileKind::TimeIndex => index = Some(name),
                        _ => {}
                    }
                    self.leftovers.push(entry.path());
                }
                FileName::PartitionMetadata => {
                    let text = read_small(&entry.path())?;
                    self.topic_id = Some(partition_metadata(&text).map_err(|_| unknown)?);
                }
                FileName::Restoring => {
                    restoring |= name == FileName::RESTORE_MARKER;
                    self.leftovers.push(entry.path());
                }
                // It would be believed before the batches. Each start of the empty partition's broker has raised the epoch
                // in it, so that epoch 0, in which restored batches stand, would seem to end where the log begins: a
                // consumer that asks after the next election is told that its records were truncated. Without it the
                // broker takes the epochs from the batches.
                FileName::LeaderEpochs => self.leftovers.push(entry.path()),
                FileName::Temporary => {}
                FileName::BadLog
                | FileName::Deleted
                | FileName::Cleaned
                | FileName::Swap
                | FileName::Foreign => return Err(unknown),
            }
        }
        self.leftovers.sort();
        logs.sort();
        match (logs.first(), restoring, index) {
            (None, ..) | (Some(_), true, None) => Ok(()),
            (Some(_), true, Some(index)) => {
                Err(RestoreRefused::OpenedUnfinished { path: self.path.clone(), index })
            }
            (Some((first, _)), false, _) => Err(RestoreRefused::HoldsRecords {
                path: self.path.clone(),
                segments: logs.len(),
                bytes: logs.iter().map(|(_, bytes)| bytes).sum(),
                first: first.clone(),
            }),
        }
    }
}

/// Makes sure that no broker holds the log directory.
pub(super) fn ensure_stopped(log_dir: &Path) -> Result<(), RestoreRefused> {
    let log_dir = log_dir.to_owned();
    match BrokerLock::probe(&log_dir) {
        BrokerLock::Free | BrokerLock::Absent => Ok(()),
        BrokerLock::Held { pid } => Err(RestoreRefused::BrokerRuns { log_dir, pid }),
        BrokerLock::Unknown(source) => Err(RestoreRefused::LockUnknown { log_dir, source }),
    }
}

/// The directory without symbolic links; one that is not there yet by its parent.
fn resolve(given: &Path) -> Result<PathBuf, RestoreRefused> {
    match given.canonicalize() {
        Ok(path) => Ok(path),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let (Some(parent), Some(name)) = (given.parent(), given.file_name()) else {
                return Err(IoProblem::new("find directory", given, error).into());
            };
            let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            let parent = parent.canonicalize().map_err(IoProblem::at("find directory", parent))?;
            Ok(parent.join(name))
        }
        Err(error) => Err(IoProblem::new("find directory", given, error).into()),
    }
}

fn is_log_dir(path: &Path) -> bool {
    [".lock", "meta.properties"].iter().any(|name| path.join(name).symlink_metadata().is_ok())
}

/// A checkpoint that cannot be read says nothing: the broker would not believe it either.
fn log_start(
    log_dir: &Path,
    topic: TopicName,
    partition: PartitionIndex,
) -> Result<Option<Offset>, RestoreRefused> {
    let text = match read_small(&log_dir.join(OffsetCheckpoint::LogStart.file_name())) {
        Ok(text) => text,
        Err(problem) if problem.is_not_found() => return Ok(None),
        Err(problem) => return Err(problem.into()),
    };
    let entries = files::offsets(&text).unwrap_or_default();
    let entry = entries.into_iter().find(|entry| entry.topic == topic && entry.partition == partition);
    Ok(entry.map(|entry| entry.offset))
}
