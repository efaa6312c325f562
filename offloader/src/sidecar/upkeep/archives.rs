//! Archives of deleted topics: kept for ever, or for the time after their tombstone that the topic's object in the bucket
//! states; a config file may lengthen it.
//!
//! One sidecar does it for the cluster, the one with the smallest node id of those that have told of themselves lately: a
//! deleted topic has no leader, and the share that one run takes is to hold for the tier. Nothing is taken on the word of a
//! tombstone alone: two brokers must not know the topic's id then, still.

use std::collections::VecDeque;
use std::time::Duration;

use firnline_index::TopicIdPartition;
use firnline_tier::KnownTopic;
use firnline_tier::cluster::Clocks;
use firnline_tier::retention::{Limits, RetentionRequest};
use tokio::time::Instant;

use super::duties::Memory;
use crate::chain_of;
use crate::cluster::TopicState;
use crate::sidecar::core::Core;
use crate::sidecar::round::WITNESSES;

/// Topics that have their turn between two looks at the clocks.
const AT_ONCE: usize = 8;
/// Nothing of a deleted topic is to stay.
const NOTHING: Limits = Limits { ms: Some(0), bytes: Some(0) };

/// What is still to be looked at.
#[derive(Debug, Default)]
pub(super) struct Archives {
    topics: VecDeque<KnownTopic>,
    next_look: Option<Instant>,
}

impl Core {
    /// Whether there may be an archive to retire now.
    pub(super) fn archives_due(&self, memory: &Memory) -> bool {
        let Archives { topics, next_look } = &memory.archives;
        self.state().smallest_node && (!topics.is_empty() || next_look.is_none_or(|at| at <= Instant::now()))
    }

    /// Retires what is due of the archives of deleted topics.
    pub(super) async fn expire_archives(&self, clocks: Clocks, memory: &mut Memory) {
        let settings = self.settings();
        if !self.archives_due(memory) {
            return;
        }
        if memory.archives.topics.is_empty() {
            memory.archives.next_look = Some(Instant::now() + settings.duty_interval);
            memory.archives.topics = self.unknown_topics().await.into();
        }
        for _ in 0..AT_ONCE {
            let Some(topic) = memory.archives.topics.pop_front() else { return };
            self.expire_archive(&topic, settings.deleted_topic_retention, clocks, memory).await;
        }
    }

    /// Topics of the tier whose ids two brokers do not know.
    async fn unknown_topics(&self) -> Vec<KnownTopic> {
        let topics = match self.parts.tier.topics().await {
            Ok(topics) => topics,
            Err(error) => {
                tracing::warn!(error = %chain_of(&error), "topics cannot be listed; no archive is retired");
                return Vec::new();
            }
        };
        let ids: Vec<_> = topics.iter().map(|topic| topic.topic_id).collect();
        // One broker first: it knows nearly all of them, and the second is asked for what is left.
        let Ok(told) = self.parts.cluster.topics(&ids).await else { return Vec::new() };
        let left = topics.into_iter().zip(told).filter(|(_, told)| *told == TopicState::UnknownId);
        let left: Vec<KnownTopic> = left.map(|(topic, _)| topic).collect();
        if left.is_empty() {
            return left;
        }
        let ids: Vec<_> = left.iter().map(|topic| topic.topic_id).collect();
        let Ok(answers) = self.parts.cluster.topics_by_several(&ids, WITNESSES).await else {
            return Vec::new();
        };
        let unknown = |at: usize| {
            answers.len() >= WITNESSES
                && answers.iter().all(|told| told.get(at) == Some(&TopicState::UnknownId))
        };
        left.into_iter().enumerate().filter(|(at, _)| unknown(*at)).map(|(_, topic)| topic).collect()
    }

    async fn expire_archive(
        &self,
        topic: &KnownTopic,
        at_least: Option<Duration>,
        clocks: Clocks,
        memory: &mut Memory,
    ) {
        let object = match self.parts.tier.topic_object(topic).await {
            Ok(object) => object,
            Err(error) => {
                tracing::warn!(topic = %topic.topic, error = %chain_of(&error), "an archive is not retired");
                return;
            }
        };
        // A file on one machine never lets anything go by itself.
        let stated =
            object.as_ref().and_then(|object| object.deleted_retention_ms).map(Duration::from_millis);
        let Some(kept) = stated.map(|stated| stated.max(at_least.unwrap_or_default())) else { return };
        let paused = object.is_some_and(|object| object.paused.is_some());
        let partitions = match self.parts.tier.partitions(topic).await {
            Ok(partitions) => partitions,
            Err(error) => {
                tracing::warn!(topic = %topic.topic, error = %chain_of(&error), "an archive is not retired");
                return;
            }
        };
        for tip in partitions.iter().filter(|_| !paused) {
            if self.is_over(tip, kept, clocks).await {
                let request = RetentionRequest { tip, limits: NOTHING, paused, clocks };
                let writer = self.parts.tier.writer(self.parts.node, None);
                self.retire_as(&request, writer, true, memory).await;
            }
        }
    }

    /// Whether the partition was marked as deleted so long ago, by the clock that says the least.
    async fn is_over(&self, tip: &TopicIdPartition, kept: Duration, clocks: Clocks) -> bool {
        let deleted = match self.parts.tier.manifest(tip).await {
            Ok(loaded) => loaded.and_then(|loaded| loaded.manifest.deleted),
            Err(error) => {
                tracing::warn!(%tip, error = %chain_of(&error), "an archive is not retired");
                None
            }
        };
        deleted.is_some_and(|deleted| {
            let age = clocks.earlier().get().saturating_sub(deleted.at.get());
            u64::try_from(age).is_ok_and(|age| u128::from(age) > kept.as_millis())
        })
    }
}
