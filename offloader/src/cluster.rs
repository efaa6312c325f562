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
    /// The broker gave no clear answer for this topic, as in the moment of its creation: ask again. One topic's trouble
    /// must not hide what was told of the others.
    Unclear,
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
    /// The first offset that the leader still has or serves. Told *after* `epoch_end`: an offset above it lay in the
    /// leader's log when that was told. A broker that is asked for an epoch below all it knows names that epoch itself,
    /// and this is how that is told apart from knowledge.
    pub log_start: Offset,
    /// Where the epoch asked for ends in the leader's log, as Kafka answers; `None` where none was asked for, or where it
    /// lies above every epoch the leader knows. Below every epoch that it knows the answer names the epoch itself and the
    /// start of the oldest: true as a limit (at and above that end the leader holds nothing of the epoch), but no evidence
    /// that the leader ever had it. [`Bound::vouches_for`] tells the two apart.
    pub epoch_end: Option<EpochEnd>,
}

impl Bound {
    /// Whether this answer proves that the leader holds, or held, the very records that a log has below `end`, where the
    /// batch that ends there is of `epoch`, and that they are committed.
    ///
    /// An end at or below the log start proves nothing: an epoch that the leader never had is answered with the start of
    /// the oldest one it knows, and that is never above the log start, which is asked later. Not so of the epoch under which
    /// it leads: all records of that are its own, also when retention has left none of them.
    #[must_use]
    pub fn vouches_for(&self, epoch: LeaderEpoch, end: Offset) -> bool {
        let its_own = epoch == self.leader.epoch;
        let named = self.epoch_end.is_some_and(|told| {
            told.epoch == epoch && end <= told.end && (its_own || self.log_start < told.end)
        });
        named && end <= self.high_watermark
    }
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
    /// Every setting made on the topic itself, name to value, for the topic's object and a restore. What it inherits from
    /// its brokers is not here: set on the topic, it would mean something else.
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

    /// The bound of each partition, in the order asked. Per leader, on one connection and in this order:
    /// OffsetForLeaderEpoch where an epoch's end is asked, ListOffsets latest, ListOffsets earliest, and Metadata by id,
    /// because the first three go by name and an older or newer topic may have borne it.
    async fn bounds(&self, asks: &[BoundAsk]) -> Vec<Result<Bound, AskError>>;

    /// The last stable offset of each partition, in the order asked. One ListOffsets and one Metadata per leader.
    async fn stable_offsets(&self, asks: &[BoundAsk]) -> Vec<Result<Offset, AskError>>;

    /// The producers with an open transaction. One DescribeProducers.
    async fn open_producers(
        &self,
        tip: &TopicIdPartition,
        leader: Leader,
    ) -> Result<Vec<OpenProducer>, AskError>;

    /// The settings of each topic, in the order asked; [`AskError::Unknown`] where the topic is gone, and
    /// [`AskError::Denied`] where we may not see them. One DescribeConfigs for 1,000 topics.
    async fn configs(&self, topics: &[TopicName]) -> Vec<Result<TopicConfigs, AskError>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_that_the_leader_never_had_is_not_vouched_for() {
        let (epoch, offset) = (|n| LeaderEpoch::new(n).unwrap(), |n| Offset::new(n).unwrap());
        let leader = Leader { node: NodeId::new(1).unwrap(), epoch: epoch(9) };
        let told =
            |epoch_end| Bound { leader, high_watermark: offset(100), log_start: offset(50), epoch_end };
        // The leader's log begins at 50 with epoch 5; asked for 3, it answers (3, 50).
        let below = told(Some(EpochEnd { epoch: epoch(3), end: offset(50) }));
        assert!(!below.vouches_for(epoch(3), offset(40)));
        let known = told(Some(EpochEnd { epoch: epoch(5), end: offset(80) }));
        assert!(known.vouches_for(epoch(5), offset(80)));
        assert!(known.vouches_for(epoch(5), offset(40)), "the leader had it before retention took it");
        assert!(!known.vouches_for(epoch(5), offset(81)));
        assert!(!known.vouches_for(epoch(4), offset(80)));
        let open = told(Some(EpochEnd { epoch: epoch(9), end: offset(200) }));
        assert!(open.vouches_for(epoch(9), offset(100)));
        assert!(!open.vouches_for(epoch(9), offset(101)), "not committed");
        assert!(!told(None).vouches_for(epoch(9), offset(60)));
        let empty = Bound { log_start: offset(100), ..open };
        assert!(
            empty.vouches_for(epoch(9), offset(100)),
            "it leads under that epoch, and retention took all"
        );
        assert!(!empty.vouches_for(epoch(9), offset(101)));
    }
}
