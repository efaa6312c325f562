//! What a tier holds: its topics, and their partitions.
//!
//! Topics have objects of their own (`topics/…`), written before a topic's first commit, so listing them costs one LIST
//! per thousand. Partitions are found by listing a topic's objects and skipping: once a partition was seen, the listing
//! is begun anew behind it, so that a partition with a million segments costs one LIST like any other.

mod nearest;
mod resolve;
mod topic_object;

use firnline_index::keys::{KeyPrefix, ObjectKey};
use firnline_index::{PartitionIndex, TopicIdPartition};
use firnline_store::StoreError;

pub use resolve::{KnownTopic, ResolveError, resolve};
pub use topic_object::TopicObjectError;

use crate::Tier;

/// The most topics that are listed.
pub const MAX_TOPICS: usize = 100_000;
/// The most partitions that are listed of one topic.
pub const MAX_PARTITIONS: usize = 1_000_000;

/// A tier that cannot be listed.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The store did not answer, or refused.
    #[error("list the tier")]
    Store(#[source] Box<StoreError>),
    /// More of something than is held in memory.
    #[error("the tier has more than {limit} {what}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many are listed.
        limit: usize,
    },
}

impl From<StoreError> for ListError {
    fn from(error: StoreError) -> Self {
        Self::Store(Box::new(error))
    }
}

impl Tier {
    /// All topics, by name and id. One LIST per thousand. Objects that are no topic's are passed over.
    pub async fn topics(&self) -> Result<Vec<KnownTopic>, ListError> {
        let mut topics = Vec::new();
        let mut listing = self.store().list(&KeyPrefix::Topics.to_string(), None);
        while let Some(page) = listing.next_page().await? {
            topics.extend(page.iter().filter_map(|object| match object.key.parse() {
                Ok(ObjectKey::Topic { topic, topic_id }) => Some(KnownTopic { topic, topic_id }),
                _ => None,
            }));
            if topics.len() > MAX_TOPICS {
                return Err(ListError::TooMany { what: "topics", limit: MAX_TOPICS });
            }
        }
        topics.sort();
        Ok(topics)
    }

    /// The partitions of a topic that have a manifest or any other object, in order. At most one LIST per partition, fewer
    /// where partitions have few objects.
    pub async fn partitions(&self, topic: &KnownTopic) -> Result<Vec<TopicIdPartition>, ListError> {
        let KnownTopic { topic, topic_id } = topic.clone();
        let prefix = KeyPrefix::Topic { topic: topic.clone(), topic_id }.to_string();
        let mut found: Vec<PartitionIndex> = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let mut listing = self.store().list(&prefix, after.as_deref());
            let Some(page) = listing.next_page().await? else { break };
            let Some(last) = page.last() else { break };
            let last = last.key.clone();
            for object in &page {
                let Ok(key) = object.key.parse::<ObjectKey>() else { continue };
                let Some(partition) = key.partition().map(|tip| tip.partition) else { continue };
                if found.last() != Some(&partition) {
                    found.push(partition);
                }
            }
            if found.len() > MAX_PARTITIONS {
                return Err(ListError::TooMany { what: "partitions", limit: MAX_PARTITIONS });
            }
            after = Some(match found.last() {
                // `~` sorts behind every character of a key, so this stands behind the whole partition.
                Some(partition) => format!("{prefix}{partition}/~").max(last),
                None => last,
            });
        }
        found.sort();
        found.dedup();
        let tip = |partition| TopicIdPartition { topic: topic.clone(), topic_id, partition };
        Ok(found.into_iter().map(tip).collect())
    }
}
