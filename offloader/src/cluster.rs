//! What a sidecar asks a Kafka cluster, and what the cluster tells. No Kafka client is named here: the simulation is one
//! answerer, real brokers are another.
//!
//! All calls are batched by the caller and sent as few requests as there are brokers to ask. An answer tells what was true
//! when the broker made it; whoever uses it as a bound asks after the last byte was read. Futures may be dropped at any
//! time without consequence: nothing here changes the cluster.

use std::error::Error;
use std::fmt;

use async_trait::async_trait;
use firnline_index::lineage::EpochEnd;
use firnline_index::{LeaderEpoch, NodeId, Offset, PartitionIndex, TopicId, TopicIdPartition, TopicName};

/// Who leads a partition, and under which epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Leader {
    /// The broker.
    pub node: NodeId,
    /// Its epoch.
    pub epoch: LeaderEpoch,
}

/// What the cluster says of one topic, asked by id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopicState {
    /// It exists.
    Known(TopicView),
    /// No topic has this id. Only an answer by id can say so: a lost right answers [`TopicState::Denied`].
    UnknownId,
    /// We may not describe it.
    Denied,
}

/// A topic as Metadata tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicView {
    /// Its name.
    pub name: TopicName,
    /// Its partitions, in no particular order.
    pub partitions: Vec<PartitionView>,
}

/// A partition as Metadata tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionView {
    /// The partition.
    pub partition: PartitionIndex,
    /// Its leader; `None` while there is none.
    pub leader: Option<Leader>,
    /// The brokers that hold it.
    pub replicas: Vec<NodeId>,
}

/// A question to the leader of a partition, fenced by its epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundAsk {
    /// The partition.
    pub tip: TopicIdPartition,
    /// Whom to ask, and the epoch it must still lead under (`current_leader_epoch`).
    pub leader: Leader,
    /// Whose end in the leader's own log is asked besides (OffsetForLeaderEpoch).
    pub epoch_end_of: Option<LeaderEpoch>,
}

/// How far a log is committed, as its leader tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// Who told it. The epoch is the one it was asked under, which still held.
    pub leader: Leader,
    /// Nothing at or above it is committed.
    pub high_watermark: Offset,
    /// The first offset that the leader still has or serves.
    pub log_start: Offset,
    /// Where the epoch asked for ends in the leader's log; `None` where none was asked for or the leader knows none that
    /// is not above it.
    pub epoch_end: Option<EpochEnd>,
}

/// Why a partition's leader told nothing.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// It does not lead, or leads under another epoch (Kafka's NOT_LEADER_OR_FOLLOWER, FENCED_LEADER_EPOCH,
    /// UNKNOWN_LEADER_EPOCH): look up the leader again.
    #[error("{asked:?} does not lead the partition under this epoch")]
    Fenced {
        /// Who was asked.
        asked: Leader,
    },
    /// The topic or partition is not known there.
    #[error("the broker does not know the partition")]
    Unknown,
    /// We may not ask this of this topic.
    #[error("the broker refuses: {missing} is missing")]
    Denied {
        /// The right, in Kafka's words, e.g. `DESCRIBE on TOPIC orders`.
        missing: String,
    },
    /// No answer in time, or one that says to try again.
    #[error("the broker gave no answer")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

/// No answer from the cluster as a whole.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// No broker could be reached, or none answered in time.
    #[error("no broker answered")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// The brokers do not accept who we are.
    #[error("the brokers refuse this login")]
    Unauthenticated(#[source] Box<dyn Error + Send + Sync>),
    /// The brokers belong to another cluster than the log dirs.
    #[error("the brokers belong to cluster {found}, the log dirs to {expected}")]
    OtherCluster {
        /// The cluster of the log dirs.
        expected: String,
        /// The cluster of the brokers.
        found: String,
    },
}

/// Topic settings that decide whether and how a topic is offloaded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TopicConfigs {
    /// Every setting the broker tells that is not a default, name to value, for the topic's object and a restore.
    pub set: std::collections::BTreeMap<String, String>,
    /// Whether `cleanup.policy` contains `compact`.
    pub compacted: bool,
    /// `remote.storage.enable`: the plugin's topic, not ours.
    pub remote_storage: bool,
}

/// A producer with a transaction open at the leader (DescribeProducers).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenProducer {
    /// The producer.
    pub producer_id: i64,
    /// Its epoch.
    pub producer_epoch: i32,
    /// The epoch of the coordinator that wrote its last marker; −1 where there was none.
    pub coordinator_epoch: i32,
    /// First offset of the open transaction.
    pub start_offset: Offset,
    /// When it last wrote, milliseconds since 1970 by the producer's or broker's clock.
    pub last_timestamp_ms: i64,
}

/// A Kafka cluster, as far as an offloader needs one.
#[async_trait]
pub trait Cluster: fmt::Debug + Send + Sync {
    /// The state of each topic, in the order asked. One Metadata request in all, by id, to any broker.
    async fn topics(&self, ids: &[TopicId]) -> Result<Vec<TopicState>, ClusterError>;

    /// The same, asked of `brokers` different brokers at once, for the few topics that may be deleted: the answers of
    /// each broker that answered.
    async fn topics_by_several(
        &self,
        ids: &[TopicId],
        brokers: usize,
    ) -> Result<Vec<Vec<TopicState>>, ClusterError>;

    /// The bound of each partition, in the order asked. Per leader: two ListOffsets (latest, earliest), and one
    /// OffsetForLeaderEpoch where an epoch's end is asked.
    async fn bounds(&self, asks: &[BoundAsk]) -> Vec<Result<Bound, AskError>>;

    /// The last stable offset of each partition, in the order asked. One ListOffsets per leader.
    async fn stable_offsets(&self, asks: &[BoundAsk]) -> Vec<Result<Offset, AskError>>;

    /// The producers with an open transaction. One DescribeProducers.
    async fn open_producers(
        &self,
        tip: &TopicIdPartition,
        leader: Leader,
    ) -> Result<Vec<OpenProducer>, AskError>;

    /// The settings of each topic, in the order asked; `None` where the topic is gone. One DescribeConfigs in all.
    async fn configs(&self, topics: &[TopicName]) -> Result<Vec<Option<TopicConfigs>>, ClusterError>;
}
