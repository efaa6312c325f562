//! One partition's directory.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use firnline_index::{Offset, PartitionIndex, TopicIdPartition, TopicName};

use super::{PartitionDir, RefusedReason, SegmentFile};
use crate::IoProblem;
use crate::files::{self, CheckpointError, FileName, LeaderEpochEntry, SegmentFileKind, partition_metadata};
use crate::open::read_small;

impl PartitionDir {
    /// Reads the partition's `leader-epoch-checkpoint`: a hint, as a crash or a move may leave it behind the log.
    /// `Ok(None)` where there is none.
    pub fn leader_epochs(&self) -> Result<Option<Result<Vec<LeaderEpochEntry>, CheckpointError>>, IoProblem> {
        match read_small(&self.path.join("leader-epoch-checkpoint")) {
            Ok(text) => Ok(Some(files::leader_epochs(&text))),
            Err(problem) if problem.is_not_found() => Ok(None),
            Err(problem) => Err(problem),
        }
    }

    /// Reads the directory at `path`, known by its name to be of this topic and partition. Costs one listing, one `stat`
    /// per segment, and the reading of `partition.metadata`.
    pub fn read(path: &Path, topic: &TopicName, partition: PartitionIndex) -> Result<Self, RefusedReason> {
        read(path, topic, partition)
    }

    /// The bytes of all `.log` files together.
    pub fn log_bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.len).sum()
    }
}

pub(super) fn read(
    path: &Path,
    topic: &TopicName,
    partition: PartitionIndex,
) -> Result<PartitionDir, RefusedReason> {
    let mut segments = Vec::new();
    let mut foreign = Vec::new();
    for entry in fs::read_dir(path).map_err(IoProblem::at("read directory", path))? {
        let entry = entry.map_err(IoProblem::at("read directory", path))?;
        let raw_name = entry.file_name();
        match raw_name.to_str().map_or(FileName::Foreign, FileName::parse) {
            FileName::Segment(SegmentFileKind::Log, base) => segments.extend(segment(&entry, base)?),
            FileName::BadLog => return Err(RefusedReason::BadLogName { name: raw_name }),
            FileName::Swap => return Err(RefusedReason::UnfinishedCleaning { name: raw_name }),
            FileName::Restoring => return Err(RefusedReason::UnfinishedRestore { name: raw_name }),
            FileName::Foreign => foreign.push(raw_name),
            FileName::Segment(..)
            | FileName::Deleted
            | FileName::Cleaned
            | FileName::LeaderEpochs
            | FileName::PartitionMetadata
            | FileName::Temporary => {}
        }
    }
    let metadata = match read_small(&path.join("partition.metadata")) {
        Ok(text) => text,
        Err(problem) if problem.is_not_found() && path.exists() => {
            return Err(RefusedReason::NoPartitionMetadata);
        }
        Err(problem) => return Err(problem.into()),
    };
    let topic_id = partition_metadata(&metadata).map_err(RefusedReason::PartitionMetadata)?;
    link(&mut segments);
    foreign.sort();
    Ok(PartitionDir {
        tip: TopicIdPartition { topic: topic.clone(), topic_id, partition },
        path: path.to_owned(),
        segments,
        foreign,
    })
}

/// `None` where the broker has removed the file since the listing: retention takes the oldest, and a hole that this
/// leaves elsewhere is found when the segments are read.
fn segment(entry: &fs::DirEntry, base: Offset) -> Result<Option<SegmentFile>, RefusedReason> {
    let path = entry.path();
    let metadata = match path.symlink_metadata() {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(IoProblem::new("look at", &path, error).into()),
    };
    if metadata.is_symlink() {
        let target = fs::read_link(&path).unwrap_or_default();
        return Err(RefusedReason::SymbolicLink { name: path, target });
    }
    if !metadata.is_file() {
        return Err(RefusedReason::BadLogName { name: entry.file_name() });
    }
    Ok(Some(SegmentFile::new(base, &path, &metadata)))
}

impl SegmentFile {
    /// As found; whether it is active is told by its neighbours.
    fn new(base: Offset, path: &Path, metadata: &fs::Metadata) -> Self {
        Self {
            base,
            path: path.to_owned(),
            len: metadata.len(),
            mtime_ns: mtime_ns(metadata),
            inode: metadata.ino(),
            active: true,
            next_base: None,
            torn: 0,
        }
    }
}

/// Sorts the segments and tells each where the next one begins.
fn link(segments: &mut [SegmentFile]) {
    segments.sort_by_key(|segment| segment.base);
    let next_bases: Vec<Offset> = segments.iter().skip(1).map(|segment| segment.base).collect();
    for (segment, next_base) in segments.iter_mut().zip(next_bases) {
        segment.active = false;
        segment.next_base = Some(next_base);
    }
}

pub(crate) fn mtime_ns(metadata: &fs::Metadata) -> i128 {
    i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec())
}
