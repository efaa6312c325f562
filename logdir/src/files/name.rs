//! What the names in a log directory mean.

use firnline_index::{Offset, PartitionIndex, TopicName};

/// A directory in a log directory, by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirName {
    /// `orders-3`.
    Partition(TopicName, PartitionIndex),
    /// `orders-3.<32 hexadecimal digits>-delete`: a deleted topic, waiting for its files to go.
    Deleted,
    /// `….-stray`: a partition that the cluster did not give to this broker.
    Stray,
    /// `….-future`: a copy being made in this directory while the original in another still serves.
    Future,
    /// `remote-log-index-cache`: copies of indexes that a KIP-405 broker fetched.
    RemoteIndexCache,
    /// `__cluster_metadata-0`: the cluster's own log, whose format is KRaft's affair.
    ClusterMetadata,
    /// Anything else.
    Foreign,
}

impl DirName {
    /// Reads a name. A partition's directory always ends in its number, so no topic's name can pass for a suffix.
    pub fn parse(name: &str) -> Self {
        if name == "remote-log-index-cache" {
            return Self::RemoteIndexCache;
        }
        if name == "__cluster_metadata-0" {
            return Self::ClusterMetadata;
        }
        let Some((topic, last)) = name.rsplit_once('-') else { return Self::Foreign };
        match last {
            "delete" => return Self::Deleted,
            "stray" => return Self::Stray,
            "future" => return Self::Future,
            _ => {}
        }
        let topic = TopicName::new(topic).ok();
        let partition = last.parse().ok().and_then(PartitionIndex::from_kafka);
        // Kafka writes the number without sign or leading zeros; `orders-03` is not a directory of its making.
        match (topic, partition.filter(|partition| partition.to_string() == last)) {
            (Some(topic), Some(partition)) => Self::Partition(topic, partition),
            _ => Self::Foreign,
        }
    }
}

/// Which file of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SegmentFileKind {
    /// The batches.
    Log,
    /// Offset to position.
    OffsetIndex,
    /// Time to offset.
    TimeIndex,
    /// Aborted transactions.
    TransactionIndex,
    /// Producer states up to an offset.
    ProducerSnapshot,
}

impl SegmentFileKind {
    /// The file's extension without the dot.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::OffsetIndex => "index",
            Self::TimeIndex => "timeindex",
            Self::TransactionIndex => "txnindex",
            Self::ProducerSnapshot => "snapshot",
        }
    }

    /// The name of this file for the segment at `base`.
    pub fn name(self, base: Offset) -> String {
        format!("{:020}.{}", base.get(), self.extension())
    }

    fn parse(extension: &str) -> Option<Self> {
        Some(match extension {
            "log" => Self::Log,
            "index" => Self::OffsetIndex,
            "timeindex" => Self::TimeIndex,
            "txnindex" => Self::TransactionIndex,
            "snapshot" => Self::ProducerSnapshot,
            _ => return None,
        })
    }
}

/// A file in a partition's directory, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileName {
    /// `00000000000000001500.log` and its companions.
    Segment(SegmentFileKind, Offset),
    /// A `.log` whose name is not an offset of 20 digits. A broker would not start over it.
    BadLog,
    /// `….deleted`: out of the log, waiting for its end.
    Deleted,
    /// `….cleaned`: the unfinished output of a cleaner; worth nothing.
    Cleaned,
    /// `….swap`: the finished output of a cleaner, about to replace segments. Until it has, the log is in two states.
    Swap,
    /// `leader-epoch-checkpoint`.
    LeaderEpochs,
    /// `partition.metadata`.
    PartitionMetadata,
    /// `….log.restoring` or the marker of a restore: ours, see [`crate::RestoreTarget`].
    Restoring,
    /// Temporary files that a broker leaves when it dies between writing and renaming one.
    Temporary,
    /// Anything else.
    Foreign,
}

impl FileName {
    /// The leader epochs of a log, as a broker keeps them.
    pub(crate) const LEADER_EPOCHS: &'static str = "leader-epoch-checkpoint";
    /// The file that stands in a directory while a restore is not finished.
    pub(crate) const RESTORE_MARKER: &'static str = "firnline-restore.unfinished";
    /// What a segment's name carries until the whole restore is on disk.
    pub(crate) const RESTORING: &'static str = ".restoring";

    /// Reads a name.
    pub fn parse(name: &str) -> Self {
        match name {
            Self::LEADER_EPOCHS => return Self::LeaderEpochs,
            "partition.metadata" => return Self::PartitionMetadata,
            Self::RESTORE_MARKER => return Self::Restoring,
            "leader-epoch-checkpoint.tmp" | "partition.metadata.tmp" => return Self::Temporary,
            _ => {}
        }
        let Some((stem, extension)) = name.rsplit_once('.') else { return Self::Foreign };
        match extension {
            "deleted" => return Self::Deleted,
            "cleaned" => return Self::Cleaned,
            "swap" => return Self::Swap,
            "restoring" => return Self::Restoring,
            _ => {}
        }
        match (SegmentFileKind::parse(extension), base(stem)) {
            (Some(kind), Some(base)) => Self::Segment(kind, base),
            (Some(SegmentFileKind::Log), None) => Self::BadLog,
            _ => Self::Foreign,
        }
    }
}

/// Twenty digits that are an offset.
fn base(stem: &str) -> Option<Offset> {
    let digits = stem.len() == 20 && stem.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| stem.parse().ok()).flatten().and_then(Offset::from_kafka)
}
