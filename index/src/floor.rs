//! A floor object: that all records of a partition below an offset were deleted by an explicit act.
//!
//! Written once under a fresh id, before the act is answered; the partition's leader folds it into the manifest and
//! removes it. Beside it stands a hint ([`HINT`]) under one key for each partition, so that one listing finds them all.

use serde::{Deserialize, Serialize};

use crate::checked_json::{self, JsonObjectError};
use crate::ids::{ClusterId, ObjectUuid, Offset, PartitionIndex, TopicIdPartition, TopicName};
use crate::keys::ObjectKey;
use crate::said::{Said, SaidMembers};

/// What every hint holds; all that counts is its key.
pub const HINT: &[u8] = b"a floor waits to be folded into the manifest\n";

/// One act of deleting a partition's oldest records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FloorObject {
    /// The cluster.
    pub cluster_id: ClusterId,
    /// The partition.
    pub tip: TopicIdPartition,
    /// The first offset left.
    pub offset: Offset,
    /// The object's own id.
    pub uuid: ObjectUuid,
    /// Who deleted them.
    pub said: Said,
}

#[derive(Serialize, Deserialize)]
struct Members {
    v: u64,
    cluster_id: String,
    topic: String,
    topic_id: String,
    partition: i32,
    offset: i64,
    uuid: String,
    said: SaidMembers,
}

impl FloorObject {
    /// Its key.
    pub fn object_key(&self) -> ObjectKey {
        ObjectKey::Floor { tip: self.tip.clone(), offset: self.offset, uuid: self.uuid }
    }

    /// The object as text.
    ///
    /// # Errors
    /// Where [`FloorObject::decode`] would refuse it.
    pub fn encode(&self) -> Result<Vec<u8>, JsonObjectError> {
        let text = checked_json::write(&Members {
            v: checked_json::LAYOUT,
            cluster_id: self.cluster_id.to_string(),
            topic: self.tip.topic.to_string(),
            topic_id: self.tip.topic_id.to_string(),
            partition: self.tip.partition.get(),
            offset: self.offset.get(),
            uuid: self.uuid.to_string(),
            said: SaidMembers::from(&self.said),
        })?;
        Self::decode(&text)?;
        Ok(text)
    }

    /// Reads a floor object. Whether it is the one that its key names is for the caller to compare
    /// ([`FloorObject::object_key`]): it makes records unreadable, so a copy under another key must not count.
    ///
    /// # Errors
    /// For text that is damaged, cut short or foreign, and for a newer layout.
    pub fn decode(bytes: &[u8]) -> Result<Self, JsonObjectError> {
        let members: Members = checked_json::read(bytes)?;
        checked_json::refuse_newer("layout of the floor", members.v, checked_json::LAYOUT)?;
        Ok(Self {
            cluster_id: checked_json::value("cluster_id", ClusterId::new(&members.cluster_id))?,
            tip: TopicIdPartition {
                topic: checked_json::value("topic", TopicName::new(&members.topic))?,
                topic_id: checked_json::value("topic_id", members.topic_id.parse())?,
                partition: checked_json::value("partition", PartitionIndex::new(members.partition))?,
            },
            offset: checked_json::value("offset", Offset::new(members.offset))?,
            uuid: checked_json::value("uuid", members.uuid.parse())?,
            said: members.said.read()?,
        })
    }
}
