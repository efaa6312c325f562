//! What consumer groups have committed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ClusterState, wire};
use crate::checked_json::{JsonObjectError, value};
use crate::ids::{LeaderEpoch, Offset, PartitionIndex, TopicId, TopicName};

/// The committed offsets of all groups.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupOffsets {
    /// By the group's name, in order of topic and partition.
    pub groups: BTreeMap<String, Vec<CommittedOffset>>,
}

/// What one group has committed for one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommittedOffset {
    /// The topic's name, which is all that Kafka keeps beside the offset.
    pub topic: TopicName,
    /// The id that the name had when this was asked; `None` where it was not known.
    pub topic_id: Option<TopicId>,
    /// The partition.
    pub partition: PartitionIndex,
    /// The next offset that the group reads.
    pub offset: Offset,
    /// The epoch of the record before, where the client told it.
    pub leader_epoch: Option<LeaderEpoch>,
    /// What the client put beside it.
    pub metadata: String,
}

#[derive(Serialize, Deserialize)]
#[doc(hidden)]
pub struct CommittedMembers {
    topic: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    topic_id: Option<String>,
    partition: i32,
    offset: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    leader_epoch: Option<i32>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    metadata: String,
}

impl ClusterState for GroupOffsets {
    const NAME: &'static str = "groups";
}

impl wire::Wire for GroupOffsets {
    type Members = BTreeMap<String, Vec<CommittedMembers>>;

    fn to_wire(&self) -> Self::Members {
        let one = |c: &CommittedOffset| CommittedMembers {
            topic: c.topic.to_string(),
            topic_id: c.topic_id.map(|id| id.to_string()),
            partition: c.partition.get(),
            offset: c.offset.get(),
            leader_epoch: c.leader_epoch.map(LeaderEpoch::get),
            metadata: c.metadata.clone(),
        };
        self.groups.iter().map(|(group, all)| (group.clone(), all.iter().map(one).collect())).collect()
    }

    fn from_wire(members: Self::Members) -> Result<Self, JsonObjectError> {
        let one = |c: CommittedMembers| -> Result<CommittedOffset, JsonObjectError> {
            Ok(CommittedOffset {
                topic: value("topic", TopicName::new(&c.topic))?,
                topic_id: c.topic_id.map(|id| value("topic_id", id.parse())).transpose()?,
                partition: value("partition", PartitionIndex::new(c.partition))?,
                offset: value("offset", Offset::new(c.offset))?,
                leader_epoch: c
                    .leader_epoch
                    .map(|e| value("leader_epoch", LeaderEpoch::new(e)))
                    .transpose()?,
                metadata: c.metadata,
            })
        };
        let group = |(group, all): (String, Vec<CommittedMembers>)| {
            all.into_iter().map(one).collect::<Result<Vec<_>, _>>().map(|all| (group, all))
        };
        Ok(Self { groups: members.into_iter().map(group).collect::<Result<_, _>>()? })
    }
}
