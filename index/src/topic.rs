//! The topic object `topics/<topic>.<topic id>.json`: what is known of one incarnation of a topic.
//!
//! Replaced by conditional put, like a manifest. Members that this build does not know are kept as they are when it
//! writes the object again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::checked_json::{self, JsonObjectError};
use crate::ids::{ClusterId, Offset, PartitionIndex, TimestampMs, TopicId, TopicName};
use crate::said::{Said, SaidMembers};

/// What is known of a topic.
#[derive(Debug, Clone, PartialEq)]
pub struct TopicObject {
    /// The cluster.
    pub cluster_id: ClusterId,
    /// The topic's name.
    pub topic: TopicName,
    /// The topic's id.
    pub topic_id: TopicId,
    /// Raised by one with each write.
    pub generation: u64,
    /// One more than the highest partition known to have a manifest; partitions below may still have none.
    pub partitions: u32,
    /// The topic's configuration as the broker told it last, for a restore.
    pub configs: BTreeMap<String, String>,
    /// The tier's retention in force; `None` keeps everything.
    pub retention: Option<TierRetention>,
    /// Set while uploads of the topic are paused: nothing is uploaded, retired or collected; pins are kept.
    pub paused: Option<Said>,
    /// Whether a segment of it was ever sealed: then nothing of it is written in the clear unless somebody says so.
    pub encrypted: bool,
    /// How long after its deletion the topic's archive is kept, in milliseconds; `None` for ever.
    pub deleted_retention_ms: Option<u64>,
    /// When the topic was found deleted in the cluster, by the finder's clock. What was tiered stays.
    pub deleted_at: Option<TimestampMs>,
    /// Where its segments were attached to: the cluster in which they belong to a topic of the same name, and are deleted.
    pub attached: Option<Attached>,
    /// Members that this build does not know.
    pub unknown: Map<String, Value>,
}

/// A topic of another cluster to which the segments of this one were attached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// The cluster, by its own id.
    pub cluster_id: ClusterId,
    /// The topic's id there.
    pub topic_id: TopicId,
    /// When the brokers there had been told of all segments, by the clock of the machine that told them.
    pub at: TimestampMs,
    /// Of each partition that has any, one past the last offset of its attached segments.
    pub ends: BTreeMap<PartitionIndex, Offset>,
}

/// How long and how much the tier keeps. At least one limit is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TierRetention {
    /// Milliseconds after which a segment may go; `None` for no limit by time.
    pub ms: Option<u64>,
    /// Bytes per partition above which the oldest segments may go; `None` for no limit by size.
    pub bytes: Option<u64>,
    /// When an operator set it, by the clock of the machine it was set on.
    pub set_at: TimestampMs,
}

#[derive(Serialize, Deserialize)]
struct Members {
    v: u64,
    cluster_id: String,
    topic: String,
    topic_id: String,
    generation: u64,
    partitions: u32,
    configs: BTreeMap<String, String>,
    retention: Option<Retention>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    paused: Option<SaidMembers>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    encrypted: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deleted_retention_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deleted_at_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attached: Option<AttachedMembers>,
    #[serde(flatten)]
    unknown: Map<String, Value>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Retention {
    #[serde(skip_serializing_if = "Option::is_none")]
    ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    set_at_ms: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AttachedMembers {
    cluster_id: String,
    topic_id: String,
    at_ms: i64,
    ends: BTreeMap<i32, i64>,
}

impl TopicObject {
    /// The object of a topic of which nothing is known but that it is there.
    pub fn new(cluster_id: ClusterId, topic: TopicName, topic_id: TopicId, partitions: u32) -> Self {
        Self {
            cluster_id,
            topic,
            topic_id,
            generation: 0,
            partitions,
            configs: BTreeMap::new(),
            retention: None,
            paused: None,
            encrypted: false,
            deleted_retention_ms: None,
            deleted_at: None,
            attached: None,
            unknown: Map::new(),
        }
    }

    /// The object as text.
    ///
    /// # Errors
    /// Where it is longer than [`crate::marker::MAX_JSON_BYTES`], a member stands among the unknown ones that this
    /// build knows, or the retention limits nothing.
    pub fn encode(&self) -> Result<Vec<u8>, JsonObjectError> {
        let retention =
            self.retention.map(|r| Retention { ms: r.ms, bytes: r.bytes, set_at_ms: r.set_at.get() });
        let text = checked_json::write(&Members {
            v: checked_json::LAYOUT,
            cluster_id: self.cluster_id.to_string(),
            topic: self.topic.to_string(),
            topic_id: self.topic_id.to_string(),
            generation: self.generation,
            partitions: self.partitions,
            configs: self.configs.clone(),
            retention,
            paused: self.paused.as_ref().map(SaidMembers::from),
            encrypted: self.encrypted,
            deleted_retention_ms: self.deleted_retention_ms,
            deleted_at_ms: self.deleted_at.map(TimestampMs::get),
            attached: self.attached.as_ref().map(AttachedMembers::from),
            unknown: self.unknown.clone(),
        })?;
        // An unknown member with a known name would stand there twice.
        Self::decode(&text)?;
        Ok(text)
    }

    /// Reads a topic object.
    ///
    /// # Errors
    /// For text that is damaged, cut short or foreign, and for a layout newer than this build knows, naming both.
    pub fn decode(bytes: &[u8]) -> Result<Self, JsonObjectError> {
        let mut members: Members = checked_json::read(bytes)?;
        checked_json::refuse_newer("layout of the topic object", members.v, checked_json::LAYOUT)?;
        members.unknown.remove(checked_json::CHECKSUM);
        Ok(Self {
            cluster_id: checked_json::value("cluster_id", ClusterId::new(&members.cluster_id))?,
            topic: checked_json::value("topic", TopicName::new(&members.topic))?,
            topic_id: checked_json::value("topic_id", members.topic_id.parse())?,
            generation: members.generation,
            partitions: members.partitions,
            configs: members.configs,
            retention: members.retention.map(retention).transpose()?,
            paused: members.paused.map(SaidMembers::read).transpose()?,
            encrypted: members.encrypted,
            deleted_retention_ms: members.deleted_retention_ms,
            deleted_at: members
                .deleted_at_ms
                .map(|ms| checked_json::value("deleted_at_ms", TimestampMs::new(ms)))
                .transpose()?,
            attached: members.attached.map(AttachedMembers::read).transpose()?,
            unknown: members.unknown,
        })
    }
}

impl From<&Attached> for AttachedMembers {
    fn from(attached: &Attached) -> Self {
        Self {
            cluster_id: attached.cluster_id.to_string(),
            topic_id: attached.topic_id.to_string(),
            at_ms: attached.at.get(),
            ends: attached.ends.iter().map(|(partition, end)| (partition.get(), end.get())).collect(),
        }
    }
}

impl AttachedMembers {
    fn read(self) -> Result<Attached, JsonObjectError> {
        let end = |(partition, end)| {
            let partition = checked_json::value("attached.ends", PartitionIndex::new(partition))?;
            Ok((partition, checked_json::value("attached.ends", Offset::new(end))?))
        };
        Ok(Attached {
            cluster_id: checked_json::value("attached.cluster_id", ClusterId::new(&self.cluster_id))?,
            topic_id: checked_json::value("attached.topic_id", self.topic_id.parse())?,
            at: checked_json::value("attached.at_ms", TimestampMs::new(self.at_ms))?,
            ends: self.ends.into_iter().map(end).collect::<Result<_, JsonObjectError>>()?,
        })
    }
}

fn retention(r: Retention) -> Result<TierRetention, JsonObjectError> {
    if r.ms.is_none() && r.bytes.is_none() {
        return Err(JsonObjectError::Missing { member: "retention.ms or retention.bytes" });
    }
    let set_at = checked_json::value("retention.set_at_ms", TimestampMs::new(r.set_at_ms))?;
    Ok(TierRetention { ms: r.ms, bytes: r.bytes, set_at })
}
