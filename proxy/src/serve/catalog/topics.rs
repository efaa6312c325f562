//! The topics of a tier at one time: by name, by id, and in order.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use firnline_index::topic::TopicObject;
use firnline_index::{PartitionIndex, TopicId, TopicIdPartition, TopicName};
use firnline_reader::DiskTopic;

/// One incarnation of a topic.
#[derive(Debug, Clone, PartialEq)]
pub struct Topic {
    /// Its name.
    pub name: TopicName,
    /// Its id.
    pub id: TopicId,
    /// How many partitions; some of them may have nothing in the tier.
    pub partitions: u32,
    /// Whether the cluster had deleted it.
    pub deleted: bool,
    /// Its configuration, as its cluster told it last.
    pub configs: BTreeMap<String, String>,
}

/// What a tier holds.
#[derive(Debug, Default)]
pub struct Topics {
    /// Of each name all that bear it.
    by_name: BTreeMap<TopicName, Vec<Arc<Topic>>>,
    by_id: HashMap<TopicId, Arc<Topic>>,
}

impl Topic {
    /// What a topic object says.
    #[must_use]
    pub fn of(object: &TopicObject) -> Self {
        Self {
            name: object.topic.clone(),
            id: object.topic_id,
            partitions: object.partitions,
            deleted: object.deleted_at.is_some(),
            configs: object.configs.clone(),
        }
    }

    /// One that stopped brokers have on their disks; they tell no configuration.
    #[must_use]
    pub fn on_disk(found: &DiskTopic) -> Self {
        let DiskTopic { name, id, partitions } = found.clone();
        Self { name, id, partitions, deleted: false, configs: BTreeMap::new() }
    }

    /// A partition by Kafka's number, if there is one.
    #[must_use]
    pub fn partition(&self, number: i32) -> Option<TopicIdPartition> {
        let below = u32::try_from(number).is_ok_and(|number| number < self.partitions);
        let partition = PartitionIndex::new(number).ok().filter(|_| below)?;
        Some(TopicIdPartition { topic: self.name.clone(), topic_id: self.id, partition })
    }

    /// Whether it is one of Kafka's own.
    #[must_use]
    pub fn is_internal(&self) -> bool {
        matches!(self.name.as_str(), "__consumer_offsets" | "__transaction_state" | "__share_group_state")
    }
}

impl Topics {
    /// These topics.
    pub fn new(all: impl IntoIterator<Item = Topic>) -> Self {
        let mut topics = Self::default();
        for topic in all.into_iter().map(Arc::new) {
            topics.by_id.insert(topic.id, Arc::clone(&topic));
            topics.by_name.entry(topic.name.clone()).or_default().push(topic);
        }
        topics
    }

    /// The topic that a plain name means: the only one that bears it, else the only one that the cluster had not deleted.
    #[must_use]
    pub fn named(&self, name: &TopicName) -> Option<&Arc<Topic>> {
        plain(self.by_name.get(name)?)
    }

    /// The topic of this name and id.
    #[must_use]
    pub fn incarnation(&self, name: &TopicName, id: TopicId) -> Option<&Arc<Topic>> {
        self.by_id.get(&id).filter(|topic| topic.name == *name)
    }

    /// The topic with this id.
    #[must_use]
    pub fn with_id(&self, id: TopicId) -> Option<&Arc<Topic>> {
        self.by_id.get(&id)
    }

    /// Every topic that a plain name means, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Topic>> {
        self.by_name.values().filter_map(|incarnations| plain(incarnations))
    }

    /// Every incarnation of every topic.
    pub fn incarnations(&self) -> impl Iterator<Item = &Arc<Topic>> {
        self.by_id.values()
    }

    /// Names that mean none of the several topics that bear them.
    pub fn unclear(&self) -> impl Iterator<Item = &TopicName> {
        self.by_name.iter().filter(|(_, all)| plain(all).is_none()).map(|(name, _)| name)
    }

    /// How many incarnations there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }
}

fn plain(incarnations: &[Arc<Topic>]) -> Option<&Arc<Topic>> {
    if let [only] = incarnations {
        return Some(only);
    }
    let mut alive = incarnations.iter().filter(|topic| !topic.deleted);
    alive.next().filter(|_| alive.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(name: &str, id: u8, deleted: bool) -> Topic {
        let name = TopicName::new(name).expect("a name");
        Topic { name, id: TopicId::from_bytes([id; 16]), partitions: 2, deleted, configs: BTreeMap::new() }
    }

    #[test]
    fn a_plain_name_means_the_only_or_the_only_live_one() {
        let id = |topics: &Topics, name: &str| {
            topics.named(&TopicName::new(name).expect("a name")).map(|topic| topic.id.as_bytes()[0])
        };
        let topics = Topics::new([
            topic("alone", 1, false),
            topic("gone", 2, true),
            topic("again", 3, true),
            topic("again", 4, false),
            topic("twice", 5, false),
            topic("twice", 6, false),
            topic("never", 7, true),
            topic("never", 8, true),
        ]);
        let names = ["alone", "gone", "again", "twice", "never", "other"];
        assert_eq!(names.map(|name| id(&topics, name)), [Some(1), Some(2), Some(4), None, None, None]);
        assert_eq!(topics.iter().map(|topic| topic.id.as_bytes()[0]).collect::<Vec<_>>(), [4, 1, 2]);
        assert_eq!(topics.unclear().map(TopicName::as_str).collect::<Vec<_>>(), ["never", "twice"]);
        let name = TopicName::new("twice").expect("a name");
        assert!(topics.incarnation(&name, TopicId::from_bytes([6; 16])).is_some());
        assert!(topics.incarnation(&name, TopicId::from_bytes([4; 16])).is_none(), "another topic's id");
    }

    #[test]
    fn a_partition_is_one_of_those_told() {
        let topic = topic("alone", 1, false);
        assert_eq!(topic.partition(1).map(|tip| tip.partition.get()), Some(1));
        for none in [-1, 2, i32::MAX, i32::MIN] {
            assert_eq!(topic.partition(none), None, "{none}");
        }
    }
}
