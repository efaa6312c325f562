//! Consumer groups of servers without brokers: whose a group is, and how far it has read.
//!
//! One JSON object a group, `cluster/groups/<group>.json`, checksummed, replaced only under a condition.

mod wire;

use std::collections::BTreeMap;

use crate::checked_json::{self, JsonObjectError};
use crate::ids::{
    ClusterId, CommitId, GroupName, Incarnation, LeaderEpoch, NodeId, Offset, PartitionIndex, TimestampMs,
    TopicId, TopicName,
};
use crate::keys::ObjectKey;

/// The longest object of a group.
pub const MAX_GROUP_BYTES: usize = 8 << 20;

/// A group as its object tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupObject {
    /// The cluster.
    pub cluster_id: ClusterId,
    /// The group's name.
    pub group: GroupName,
    /// The server that it belongs to.
    pub owner: GroupOwner,
    /// Fresh in each attempt to write it.
    pub write: CommitId,
    /// The group's generation, as Kafka counts them; not below zero.
    pub generation: i32,
    /// Whether positions were looked for that sidecars had saved; `None` for never.
    pub saved: Option<SavedLook>,
    /// How far the group has read, by topic.
    pub topics: BTreeMap<TopicId, TopicPositions>,
}

/// The run of a server that a group belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupOwner {
    /// The run.
    pub incarnation: Incarnation,
    /// Its node id.
    pub node: NodeId,
    /// The host that its clients are told to connect to.
    pub host: String,
    /// And the port.
    pub port: u16,
}

/// What came of looking for saved positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SavedLook {
    /// When.
    pub looked_at: TimestampMs,
    /// From when those were that were taken; `None` where there were none.
    pub taken_at: Option<TimestampMs>,
}

/// How far a group has read a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicPositions {
    /// The topic's name, for people.
    pub topic: TopicName,
    /// By partition.
    pub partitions: BTreeMap<PartitionIndex, Position>,
}

/// How far a group has read a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The next offset that it reads.
    pub offset: Offset,
    /// The epoch of the record before, where the client told it.
    pub leader_epoch: Option<LeaderEpoch>,
    /// What the client put beside it.
    pub metadata: String,
    /// When it was committed.
    pub at: TimestampMs,
}

impl GroupObject {
    /// Its key.
    #[must_use]
    pub fn object_key(&self) -> ObjectKey {
        ObjectKey::Group { group: self.group.clone() }
    }

    /// The group as an object.
    ///
    /// # Errors
    /// Where it is longer than [`MAX_GROUP_BYTES`].
    pub fn encode(&self) -> Result<Vec<u8>, JsonObjectError> {
        checked_json::write_within(&wire::Members::of(self), MAX_GROUP_BYTES)
    }

    /// Reads a group.
    ///
    /// # Errors
    /// For text that is damaged, cut short or foreign, and for a newer layout.
    pub fn decode(bytes: &[u8]) -> Result<Self, JsonObjectError> {
        checked_json::read_within::<wire::Members>(bytes, MAX_GROUP_BYTES)?.read()
    }
}
