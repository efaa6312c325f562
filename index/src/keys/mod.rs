//! Object keys: the only place that knows how a bucket is laid out.
//!
//! All keys are relative to the tier's prefix and made of `A-Z a-z 0-9 . _ - ~ /` alone, so that no store has to
//! escape one, none can leave the prefix, and their order by bytes depends on no locale. Offsets have 20 digits: the
//! segments of a partition sort by name as they sort by offset. One key has one text: what parses prints as it was.
//!
//! | object | template | a real one |
//! |---|---|---|
//! | marker | `firnline.json` | `firnline.json` |
//! | topic | `topics/<topic>.<topic id>.json` | `topics/orders.eu.J8nB1x9RTGqN3oGQx5Lk2A.json` |
//! | a node's summary | `cluster/nodes/<node>/summary` | `cluster/nodes/3/summary` |
//! | a node's lease | `cluster/nodes/<node>/lease` | `cluster/nodes/3/lease` |
//! | hint of a floor | `cluster/floors/<topic id>.<partition>` | `cluster/floors/J8nB1x9RTGqN3oGQx5Lk2A.3` |
//! | cluster state | `cluster/state/<name>` | `cluster/state/groups` |
//! | consumer group | `cluster/groups/<group>.json` | `cluster/groups/orders~20app.json` |
//! | wrapped key | `keys/<id>` | `keys/6f9619ff-8b86-d011-b42d-00c04fc964ff` |
//! | segment | `<topic>.<topic id>/<partition>/<base>-<leader epoch>-<uuid>.seg` | `orders.eu.J8nB1x9RTGqN3oGQx5Lk2A/3/00000000000000170045-12-6f9619ff-8b86-d011-b42d-00c04fc964ff.seg` |
//! | manifest | `<topic>.<topic id>/<partition>/manifest` | `orders.eu.J8nB1x9RTGqN3oGQx5Lk2A/3/manifest` |
//! | page | `<topic>.<topic id>/<partition>/manifest-<first base>-<uuid>.page` | `orders.eu.J8nB1x9RTGqN3oGQx5Lk2A/3/manifest-00000000000000000000-6f9619ff-8b86-d011-b42d-00c04fc964ff.page` |
//! | floor | `<topic>.<topic id>/<partition>/floor-<offset>-<uuid>` | `orders.eu.J8nB1x9RTGqN3oGQx5Lk2A/3/floor-00000000000000170000-6f9619ff-8b86-d011-b42d-00c04fc964ff` |
//!
//! A segment of batches without leader epoch (magic 0 and 1) has `none` in the epoch's place.
//!
//! File systems and several stores refuse a part of more than 255 bytes, and Kafka takes topic names of 249. So
//! a name of more than 200 characters is split after its 200th: `<first 200>~/<rest>.<topic id>/…` and
//! `topics/<first 200>~/<rest>.<topic id>.json`. No topic name contains `~`.
//!
//! Groups have any name: each byte outside `A-Z a-z 0-9 . _ -` is written as `~` and two hexadecimal digits.

mod cluster;
mod dir;
mod parse;
mod prefix;
mod relative;

use std::fmt;

pub use prefix::KeyPrefix;
pub use relative::RelativeKey;

use dir::{PartitionDir, TopicDir};

use crate::ids::{
    GroupName, KeyId, LeaderEpoch, NodeId, ObjectUuid, Offset, PartitionIndex, SegmentUuid, TopicId,
    TopicIdPartition, TopicName,
};

/// The key of one object, relative to the tier's prefix.
///
/// ```
/// use firnline_index::keys::ObjectKey;
/// let text = "orders.eu.J8nB1x9RTGqN3oGQx5Lk2A/3/manifest";
/// let key: ObjectKey = text.parse()?;
/// assert!(matches!(&key, ObjectKey::Manifest { tip } if tip.topic.as_str() == "orders.eu"));
/// assert_eq!(key.to_string(), text);
/// # Ok::<(), firnline_index::ValueError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ObjectKey {
    /// The marker that says whose tier this is: `firnline.json`.
    Marker,
    /// What is known of one incarnation of a topic: `topics/<topic>.<topic id>.json`.
    Topic {
        /// The topic's name.
        topic: TopicName,
        /// The topic's id.
        topic_id: TopicId,
    },
    /// What a node's sidecar tells the others: `cluster/nodes/<node>/summary`.
    NodeSummary {
        /// The broker's node id.
        node: NodeId,
    },
    /// Which run works as a node: `cluster/nodes/<node>/lease`.
    NodeLease {
        /// The broker's node id.
        node: NodeId,
    },
    /// Says that a floor waits to be folded into a partition's manifest: `cluster/floors/<topic id>.<partition>`.
    FloorHint {
        /// The topic's id.
        topic_id: TopicId,
        /// The partition.
        partition: PartitionIndex,
    },
    /// Disaster-recovery state of the cluster: `cluster/state/<name>`.
    ClusterState {
        /// The rest of the key; may have several parts.
        name: RelativeKey,
    },
    /// A consumer group of servers without brokers: `cluster/groups/<group>.json`.
    Group {
        /// The group's name.
        group: GroupName,
    },
    /// A wrapped topic key: `keys/<id>`.
    WrappedKey {
        /// The key's id.
        id: KeyId,
    },
    /// A remote segment: `<topic>.<topic id>/<partition>/<base>-<leader epoch>-<uuid>.seg`.
    Segment {
        /// The partition.
        tip: TopicIdPartition,
        /// The first offset of the segment's range.
        base: Offset,
        /// The leader epoch of its first batch; `None` (printed `none`) where that has none.
        leader_epoch: Option<LeaderEpoch>,
        /// The id of the upload.
        uuid: SegmentUuid,
    },
    /// A partition's manifest: `<topic>.<topic id>/<partition>/manifest`.
    Manifest {
        /// The partition.
        tip: TopicIdPartition,
    },
    /// A page of a manifest: `<topic>.<topic id>/<partition>/manifest-<first base>-<uuid>.page`.
    Page {
        /// The partition.
        tip: TopicIdPartition,
        /// The first offset that the page covers.
        first_base: Offset,
        /// The page's own id.
        uuid: ObjectUuid,
    },
    /// A floor that the leader has yet to fold into the manifest: `<topic>.<topic id>/<partition>/floor-<offset>-<uuid>`.
    Floor {
        /// The partition.
        tip: TopicIdPartition,
        /// The first offset left.
        offset: Offset,
        /// The object's own id.
        uuid: ObjectUuid,
    },
}

impl ObjectKey {
    /// The longest key that names a topic: a segment of one with 249 characters.
    pub const MAX_LEN: usize = TopicName::MAX_LEN + 2 + 1 + 22 + 1 + 10 + 1 + 20 + 1 + 10 + 1 + 36 + 4;

    /// The partition whose directory holds the object.
    pub fn partition(&self) -> Option<&TopicIdPartition> {
        match self {
            Self::Marker
            | Self::Topic { .. }
            | Self::NodeSummary { .. }
            | Self::NodeLease { .. }
            | Self::FloorHint { .. }
            | Self::ClusterState { .. }
            | Self::Group { .. }
            | Self::WrappedKey { .. } => None,
            Self::Segment { tip, .. }
            | Self::Manifest { tip }
            | Self::Page { tip, .. }
            | Self::Floor { tip, .. } => Some(tip),
        }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Marker => f.write_str("firnline.json"),
            Self::Topic { topic, topic_id } => {
                write!(f, "{}{}.json", KeyPrefix::Topics, TopicDir { topic, topic_id: *topic_id })
            }
            Self::NodeSummary { node } => write!(f, "{}{node}/{}", KeyPrefix::Nodes, cluster::SUMMARY),
            Self::NodeLease { node } => write!(f, "{}{node}/{}", KeyPrefix::Nodes, cluster::LEASE),
            Self::FloorHint { topic_id, partition } => {
                write!(f, "{}{topic_id}.{partition}", KeyPrefix::FloorHints)
            }
            Self::ClusterState { name } => write!(f, "{}{name}", KeyPrefix::ClusterState),
            Self::Group { group } => {
                write!(f, "{}{}{}", KeyPrefix::Groups, cluster::Escaped(group), cluster::GROUP)
            }
            Self::WrappedKey { id } => write!(f, "{}{id}", KeyPrefix::WrappedKeys),
            Self::Segment { tip, base, leader_epoch: Some(epoch), uuid } => {
                write!(f, "{}{base:020}-{epoch}-{uuid}.seg", PartitionDir(tip))
            }
            Self::Segment { tip, base, leader_epoch: None, uuid } => {
                write!(f, "{}{base:020}-none-{uuid}.seg", PartitionDir(tip))
            }
            Self::Manifest { tip } => write!(f, "{}manifest", PartitionDir(tip)),
            Self::Page { tip, first_base, uuid } => {
                write!(f, "{}manifest-{first_base:020}-{uuid}.page", PartitionDir(tip))
            }
            Self::Floor { tip, offset, uuid } => write!(f, "{}floor-{offset:020}-{uuid}", PartitionDir(tip)),
        }
    }
}
