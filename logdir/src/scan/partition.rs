//! One partition's directory.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::{DirEntryExt as _, MetadataExt as _};
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

    /// Reads the directory at `path`, known by its name to be of this topic and partition. Costs two listings, one `stat`
    /// per segment, and the reading of `partition.metadata`; more where a broker is at work in it meanwhile.
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
    let Files { mut segments, mut foreign } = files(path)?;
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

/// How often a directory is listed until nothing changes meanwhile.
const ATTEMPTS: usize = 8;

/// What stands in a directory.
struct Files {
    segments: Vec<SegmentFile>,
    foreign: Vec<OsString>,
}

/// All files that stood there at one and the same moment. Names are listed before the files are looked at, and retention
/// may take several meanwhile, of which some were looked at already: what is left then has a hole that the log never had.
/// A file that is found before and after was there all the time, and one that is found neither time was not; so two equal
/// listings tell what there was between them.
fn files(path: &Path) -> Result<Files, RefusedReason> {
    for _ in 0..ATTEMPTS {
        let (files, before) = list(path)?;
        if before == names(path)? {
            return Ok(files);
        }
    }
    Err(RefusedReason::Changing)
}

/// Which files are segments, by base and inode.
type Names = BTreeSet<(Offset, u64)>;

fn list(path: &Path) -> Result<(Files, Names), RefusedReason> {
    let (mut files, mut listed) = (Files { segments: Vec::new(), foreign: Vec::new() }, Names::new());
    for entry in fs::read_dir(path).map_err(IoProblem::at("read directory", path))? {
        let entry = entry.map_err(IoProblem::at("read directory", path))?;
        let raw_name = entry.file_name();
        match raw_name.to_str().map_or(FileName::Foreign, FileName::parse) {
            FileName::Segment(SegmentFileKind::Log, base) => {
                listed.insert((base, entry.ino()));
                files.segments.extend(segment(&entry, base)?);
            }
            FileName::BadLog => return Err(RefusedReason::BadLogName { name: raw_name }),
            FileName::Swap => return Err(RefusedReason::UnfinishedCleaning { name: raw_name }),
            FileName::Restoring => return Err(RefusedReason::UnfinishedRestore { name: raw_name }),
            FileName::Foreign => files.foreign.push(raw_name),
            FileName::Segment(..)
            | FileName::Deleted
            | FileName::Cleaned
            | FileName::LeaderEpochs
            | FileName::PartitionMetadata
            | FileName::Temporary => {}
        }
    }
    Ok((files, listed))
}

fn names(path: &Path) -> Result<Names, RefusedReason> {
    let mut listed = Names::new();
    for entry in fs::read_dir(path).map_err(IoProblem::at("read directory", path))? {
        let entry = entry.map_err(IoProblem::at("read directory", path))?;
        if let Some(FileName::Segment(SegmentFileKind::Log, base)) =
            entry.file_name().to_str().map(FileName::parse)
        {
            listed.insert((base, entry.ino()));
        }
    }
    Ok(listed)
}

/// `None` where the broker has removed the file since the listing.
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
    /// A sealed segment that somebody else has found: where it is, and where the next one begins. Costs one `stat`.
    ///
    /// # Errors
    /// Where there is no such file.
    pub fn sealed(path: &Path, base: Offset, next_base: Offset) -> Result<Self, IoProblem> {
        let metadata = path.symlink_metadata().map_err(IoProblem::at("look at", path))?;
        Ok(Self { active: false, next_base: Some(next_base), ..Self::new(base, path, &metadata) })
    }

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
