//! What to list.

use std::fmt;

use super::dir::{PartitionDir, TopicDir};
use crate::ids::{TopicId, TopicIdPartition, TopicName};

/// The beginning that a kind of keys shares. A whole directory ends with `/`, so that `orders.<id>/1/` never lists
/// partition 10.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum KeyPrefix {
    /// All topic objects: `topics/`.
    Topics,
    /// What the sidecars of all nodes tell: `cluster/nodes/`.
    Nodes,
    /// All hints of floors: `cluster/floors/`.
    FloorHints,
    /// All cluster state: `cluster/state/`.
    ClusterState,
    /// All consumer groups of servers without brokers: `cluster/groups/`.
    Groups,
    /// All wrapped keys: `keys/`.
    WrappedKeys,
    /// All partitions of one incarnation of a topic: `<topic>.<topic id>/`.
    Topic {
        /// The topic's name.
        topic: TopicName,
        /// The topic's id.
        topic_id: TopicId,
    },
    /// All objects of one partition: `<topic>.<topic id>/<partition>/`.
    Partition(TopicIdPartition),
    /// All floors of one partition: `<topic>.<topic id>/<partition>/floor-`.
    Floors(TopicIdPartition),
}

impl fmt::Display for KeyPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Topics => f.write_str("topics/"),
            Self::Nodes => f.write_str("cluster/nodes/"),
            Self::FloorHints => f.write_str("cluster/floors/"),
            Self::ClusterState => f.write_str("cluster/state/"),
            Self::Groups => f.write_str("cluster/groups/"),
            Self::WrappedKeys => f.write_str("keys/"),
            Self::Topic { topic, topic_id } => write!(f, "{}/", TopicDir { topic, topic_id: *topic_id }),
            Self::Partition(tip) => PartitionDir(tip).fmt(f),
            Self::Floors(tip) => write!(f, "{}floor-", PartitionDir(tip)),
        }
    }
}
