//! What a fetch wants, held against what there is for its client.

use std::sync::Arc;
use std::time::Duration;

use firnline_index::TopicIdPartition;
use firnline_reader::{Decided, Isolation};

use super::asked::{Ask, TopicKey, size};
use crate::serve::catalog::Topic;
use crate::serve::kafka_error::KafkaError;
use crate::serve::settings::Limits;
use crate::serve::view::View;
use crate::wire::messages::fetch::FetchRequest;

const READ_COMMITTED: i8 = 1;

/// A fetch as it was understood.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) topics: Vec<TopicPlan>,
    pub(crate) isolation: Isolation,
    /// The most record bytes of the answer.
    pub(crate) max_bytes: usize,
    /// As few record bytes are not worth an answer yet.
    pub(crate) min_bytes: usize,
    /// How long the client waits for them.
    pub(crate) max_wait: Duration,
}

/// Partitions of a topic that follow each other. The same topic may come again.
#[derive(Debug)]
pub(crate) struct TopicPlan {
    pub(crate) key: TopicKey,
    pub(crate) wishes: Vec<Wish>,
}

/// A partition, and what is wanted of it.
#[derive(Debug)]
pub(crate) struct Wish {
    /// By its number in the request, which may be any.
    pub(crate) partition: i32,
    /// The partition, or why it is not served.
    pub(crate) target: Result<TopicIdPartition, KafkaError>,
    /// Where to begin; clients may say anything.
    pub(crate) offset: i64,
    /// The most record bytes of it.
    pub(crate) max_bytes: usize,
    /// What is known of transactions that are open at the tier's end.
    pub(crate) decided: Option<Arc<Decided>>,
}

impl Plan {
    /// The plan for these partitions, in their order, under the terms of a request.
    pub(crate) fn of(asks: Vec<Ask>, request: &FetchRequest<'_>, view: &View, limits: &Limits) -> Self {
        let max_bytes = size(request.max_bytes.value).min(limits.answer_bytes);
        let replica = request.replica_state.as_ref().map_or(request.replica_id, |state| state.replica_id);
        let mut topics: Vec<TopicPlan> = Vec::new();
        let mut found: Result<&Arc<Topic>, KafkaError> = Err(KafkaError::UnknownTopicOrPartition);
        for Ask { topic, partition, offset, max_bytes } in asks {
            if topics.last().is_none_or(|last| last.key != topic) {
                found = topic.find(view);
                topics.push(TopicPlan { key: topic, wishes: Vec::new() });
            }
            let target = match found {
                // A follower would take what it reads for the log of a leader.
                _ if replica >= 0 => Err(KafkaError::TopicAuthorizationFailed),
                Ok(topic) => topic.partition(partition).ok_or(KafkaError::UnknownTopicOrPartition),
                Err(error) => Err(error),
            };
            if let Some(last) = topics.last_mut() {
                last.wishes.push(Wish { partition, target, offset, max_bytes, decided: None });
            }
        }
        Self {
            topics,
            isolation: isolation(request.isolation_level),
            max_bytes,
            min_bytes: size(request.min_bytes).min(max_bytes),
            max_wait: wait(request.max_wait_ms).min(limits.held),
        }
    }

    /// All wishes in their order.
    pub(crate) fn wishes(&self) -> impl Iterator<Item = &Wish> {
        self.topics.iter().flat_map(|topic| &topic.wishes)
    }
}

/// The most record bytes that a request's answer can have, told before anything is made of it. One that goes on with a
/// session does not name all that it wants.
pub(crate) fn most_bytes(request: &FetchRequest<'_>, limits: &Limits) -> usize {
    let mut all = 0_usize;
    for topic in &request.topics {
        for asked in &topic.partitions {
            all = all.saturating_add(size(asked.partition_max_bytes));
        }
    }
    if request.session_epoch.value > 0 {
        all = usize::MAX;
    }
    all.min(size(request.max_bytes.value)).min(limits.answer_bytes)
}

/// Which records a client may see; Kafka takes anything but its own name of committed ones for all.
pub(crate) fn isolation(level: i8) -> Isolation {
    if level == READ_COMMITTED { Isolation::ReadCommitted } else { Isolation::ReadUncommitted }
}

fn wait(ms: i32) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}
