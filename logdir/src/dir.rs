//! One log directory.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use firnline_index::{ClusterId, NodeId, Offset, PartitionIndex, TopicName};

use crate::files::{self, CheckpointError, MetaProperties};
use crate::open::read_small;
use crate::{BrokerLock, Found, IoProblem, LogDirError, scan};

/// A directory that a broker's `log.dirs` lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogDir {
    /// Its path with all symbolic links resolved: the one link that is followed is the one the operator named.
    pub path: PathBuf,
    /// The cluster it belongs to; absent where version 0 of `meta.properties` names none.
    pub cluster_id: Option<ClusterId>,
    /// The broker it belongs to.
    pub node_id: Option<NodeId>,
    /// The directory's own id, from Kafka 3.7 on.
    pub directory_id: Option<String>,
    /// Whether the broker that used it last shut down cleanly. False while it runs, too. After an unclean end the tail
    /// of each active segment may be torn.
    pub clean_shutdown: bool,
}

/// The checkpoints that a broker keeps per log directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OffsetCheckpoint {
    /// The first offset that a consumer may read, where it is not the first segment's base.
    LogStart,
    /// Up to where the log was flushed.
    RecoveryPoint,
    /// The high watermark, as this replica last knew it.
    HighWatermark,
    /// Up to where a cleaner has compacted. Names only partitions that one has worked on.
    Cleaned,
}

impl OffsetCheckpoint {
    /// The file's name.
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::LogStart => "log-start-offset-checkpoint",
            Self::RecoveryPoint => "recovery-point-offset-checkpoint",
            Self::HighWatermark => "replication-offset-checkpoint",
            Self::Cleaned => "cleaner-offset-checkpoint",
        }
    }
}

impl LogDir {
    /// Opens the directory: reads `meta.properties` and nothing else.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, LogDirError> {
        let given = path.as_ref();
        let path = given.canonicalize().map_err(IoProblem::at("find directory", given))?;
        let meta_path = path.join("meta.properties");
        let text = match read_small(&meta_path) {
            Ok(text) => text,
            // The directory itself must be readable before its lack of a file says anything.
            Err(problem) if problem.is_not_found() => {
                std::fs::read_dir(&path).map_err(IoProblem::at("read directory", &path))?;
                return Err(LogDirError::NoMeta { path });
            }
            Err(problem) => return Err(problem.into()),
        };
        let meta = MetaProperties::parse(&text)
            .map_err(|source| LogDirError::Meta { path: path.clone(), source })?;
        let clean_shutdown = path.join(".kafka_cleanshutdown").symlink_metadata().is_ok();
        Ok(Self {
            path,
            cluster_id: meta.cluster_id,
            node_id: meta.node_id,
            directory_id: meta.directory_id,
            clean_shutdown,
        })
    }

    /// Makes sure that the directory belongs to `expected`.
    pub fn check_cluster(&self, expected: &ClusterId) -> Result<(), LogDirError> {
        match &self.cluster_id {
            Some(found) if found == expected => Ok(()),
            Some(found) => Err(LogDirError::OtherCluster {
                path: self.path.clone(),
                found: found.clone(),
                expected: expected.clone(),
            }),
            None => Err(LogDirError::NoCluster { path: self.path.clone() }),
        }
    }

    /// Everything in the directory that is or might be a partition, sorted by topic and partition. Costs one listing
    /// per partition and one `stat` per segment. A partition that vanishes meanwhile is left out.
    pub fn partitions(&self) -> Result<Vec<Found>, LogDirError> {
        Ok(scan::log_dir(&self.path)?)
    }

    /// Whether a running broker holds the directory.
    pub fn broker_lock(&self) -> BrokerLock {
        BrokerLock::probe(&self.path)
    }

    /// Reads one of the broker's checkpoints. `Ok(None)` where there is no such file.
    pub fn offsets(
        &self,
        checkpoint: OffsetCheckpoint,
    ) -> Result<Option<Result<Offsets, CheckpointError>>, IoProblem> {
        let text = match read_small(&self.path.join(checkpoint.file_name())) {
            Ok(text) => text,
            Err(problem) if problem.is_not_found() => return Ok(None),
            Err(problem) => return Err(problem),
        };
        Ok(Some(files::offsets(&text).map(|entries| {
            entries.into_iter().map(|entry| ((entry.topic, entry.partition), entry.offset)).collect()
        })))
    }
}

/// Offsets by topic and partition.
pub type Offsets = HashMap<(TopicName, PartitionIndex), Offset>;
