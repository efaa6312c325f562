//! The directories that a topic and a partition have.

use std::fmt;

use crate::ids::{PartitionIndex, TopicId, TopicIdPartition, TopicName};

/// How many characters of a topic's name stand in one part of a key. With the id behind it, the rest of the longest
/// name stays far below the 255 bytes that a part may have.
const SPLIT: usize = 200;

/// `<topic>.<topic id>`, or `<first 200>~/<rest>.<topic id>`.
pub(super) struct TopicDir<'a> {
    pub(super) topic: &'a TopicName,
    pub(super) topic_id: TopicId,
}

impl fmt::Display for TopicDir<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.topic.as_str().split_at_checked(SPLIT) {
            Some((first, rest)) if !rest.is_empty() => write!(f, "{first}~/{rest}.{}", self.topic_id),
            _ => write!(f, "{}.{}", self.topic, self.topic_id),
        }
    }
}

/// `<topic>.<topic id>/<partition>/`.
pub(super) struct PartitionDir<'a>(pub(super) &'a TopicIdPartition);

impl fmt::Display for PartitionDir<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TopicIdPartition { topic, topic_id, partition } = self.0;
        write!(f, "{}/{partition}/", TopicDir { topic, topic_id: *topic_id })
    }
}

/// Takes `<topic>.<topic id>` apart, split or not. Topic names contain dots, ids do not: the last dot parts them.
pub(super) fn topic_dir(text: &str) -> Option<(TopicName, TopicId)> {
    let (topic, id) = text.rsplit_once('.')?;
    let topic = match topic.split_once("~/") {
        Some((first, rest)) => format!("{first}{rest}").parse(),
        None => topic.parse(),
    };
    Some((topic.ok()?, id.parse().ok()?))
}

/// Takes `<topic>.<topic id>/<partition>/<name>` apart.
pub(super) fn partition_dir(text: &str) -> Option<(TopicIdPartition, &str)> {
    let mut from_the_end = text.rsplitn(3, '/');
    let (name, partition) = (from_the_end.next()?, from_the_end.next()?);
    let (topic, topic_id) = topic_dir(from_the_end.next()?)?;
    let partition = PartitionIndex::new(partition.parse().ok()?).ok()?;
    Some((TopicIdPartition { topic, topic_id, partition }, name))
}
