//! The members of a group's object in JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{GroupObject, GroupOwner, Position, SavedLook, TopicPositions};
use crate::checked_json::{self, JsonObjectError, value};
use crate::ids::{
    ClusterId, GroupName, LeaderEpoch, NodeId, Offset, PartitionIndex, TimestampMs, TopicId, TopicName,
};

#[derive(Serialize, Deserialize)]
pub(super) struct Members {
    v: u64,
    cluster_id: String,
    group: String,
    owner: OwnerMembers,
    write: String,
    generation: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    saved: Option<SavedMembers>,
    topics: Vec<TopicMembers>,
}

#[derive(Serialize, Deserialize)]
struct OwnerMembers {
    incarnation: String,
    node: i32,
    host: String,
    port: u16,
}

#[derive(Serialize, Deserialize)]
struct SavedMembers {
    looked_at_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    taken_at_ms: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct TopicMembers {
    topic: String,
    topic_id: String,
    partitions: Vec<PositionMembers>,
}

#[derive(Serialize, Deserialize)]
struct PositionMembers {
    partition: i32,
    offset: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    leader_epoch: Option<i32>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    metadata: String,
    at_ms: i64,
}

impl Members {
    pub(super) fn of(group: &GroupObject) -> Self {
        let GroupObject { cluster_id, group, owner, write, generation, saved, topics } = group;
        let topic = |(id, positions): (&TopicId, &TopicPositions)| TopicMembers {
            topic: positions.topic.to_string(),
            topic_id: id.to_string(),
            partitions: positions.partitions.iter().map(position_members).collect(),
        };
        Self {
            v: checked_json::LAYOUT,
            cluster_id: cluster_id.to_string(),
            group: group.to_string(),
            owner: OwnerMembers {
                incarnation: owner.incarnation.to_string(),
                node: owner.node.get(),
                host: owner.host.clone(),
                port: owner.port,
            },
            write: write.to_string(),
            generation: *generation,
            saved: saved.map(|look| SavedMembers {
                looked_at_ms: look.looked_at.get(),
                taken_at_ms: look.taken_at.map(TimestampMs::get),
            }),
            topics: topics.iter().map(topic).collect(),
        }
    }

    pub(super) fn read(self) -> Result<GroupObject, JsonObjectError> {
        checked_json::refuse_newer("layout of the group", self.v, checked_json::LAYOUT)?;
        if self.generation < 0 {
            let found = u64::from(self.generation.unsigned_abs());
            return Err(JsonObjectError::OutOfRange {
                member: "generation",
                found,
                limits: "not below zero",
            });
        }
        let mut topics = BTreeMap::new();
        for TopicMembers { topic, topic_id, partitions } in self.topics {
            let mut positions = TopicPositions {
                topic: value("topic", TopicName::new(&topic))?,
                partitions: BTreeMap::new(),
            };
            for members in partitions {
                let (partition, position) = position(members)?;
                if positions.partitions.insert(partition, position).is_some() {
                    return Err(twice("partition", partition.get().unsigned_abs().into()));
                }
            }
            if topics.insert(value("topic_id", topic_id.parse())?, positions).is_some() {
                return Err(twice("topic_id", topics.len() as u64));
            }
        }
        let saved = self.saved.map(saved).transpose()?;
        Ok(GroupObject {
            cluster_id: value("cluster_id", ClusterId::new(&self.cluster_id))?,
            group: value("group", GroupName::new(&self.group))?,
            owner: GroupOwner {
                incarnation: value("incarnation", self.owner.incarnation.parse())?,
                node: value("node", NodeId::new(self.owner.node))?,
                host: self.owner.host,
                port: self.owner.port,
            },
            write: value("write", self.write.parse())?,
            generation: self.generation,
            saved,
            topics,
        })
    }
}

fn twice(member: &'static str, found: u64) -> JsonObjectError {
    JsonObjectError::OutOfRange { member, found, limits: "what stands there once" }
}

fn saved(members: SavedMembers) -> Result<SavedLook, JsonObjectError> {
    let taken_at = members.taken_at_ms.map(|ms| value("taken_at_ms", TimestampMs::new(ms))).transpose()?;
    Ok(SavedLook { looked_at: value("looked_at_ms", TimestampMs::new(members.looked_at_ms))?, taken_at })
}

fn position_members((partition, position): (&PartitionIndex, &Position)) -> PositionMembers {
    PositionMembers {
        partition: partition.get(),
        offset: position.offset.get(),
        leader_epoch: position.leader_epoch.map(LeaderEpoch::get),
        metadata: position.metadata.clone(),
        at_ms: position.at.get(),
    }
}

fn position(members: PositionMembers) -> Result<(PartitionIndex, Position), JsonObjectError> {
    let epoch = members.leader_epoch.map(|epoch| value("leader_epoch", LeaderEpoch::new(epoch)));
    let position = Position {
        offset: value("offset", Offset::new(members.offset))?,
        leader_epoch: epoch.transpose()?,
        metadata: members.metadata,
        at: value("at_ms", TimestampMs::new(members.at_ms))?,
    };
    Ok((value("partition", PartitionIndex::new(members.partition))?, position))
}
