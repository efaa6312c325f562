//! What a fetch wants, taken out of its request.

use std::time::Duration;

use firnline_index::TopicIdPartition;
use firnline_reader::Isolation;

use crate::serve::kafka_error::KafkaError;
use crate::serve::settings::Limits;
use crate::serve::view::View;
use crate::wire::messages::fetch::{FetchRequest, FetchTopic};

/// From here on topics go by their ids.
const BY_ID_FROM: i16 = 13;
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

/// A topic, named as the request names it.
#[derive(Debug)]
pub(crate) struct TopicPlan {
    pub(crate) name: String,
    pub(crate) id: [u8; 16],
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
}

impl Plan {
    /// The plan of a request.
    pub(crate) fn of(request: &FetchRequest<'_>, version: i16, view: &View, limits: &Limits) -> Self {
        let max_bytes = size(request.max_bytes.value).min(limits.answer_bytes);
        let replica = request.replica_state.as_ref().map_or(request.replica_id, |state| state.replica_id);
        let topics = request.topics.iter().map(|topic| {
            let topic = &*topic.value;
            TopicPlan {
                name: topic.topic.to_owned(),
                id: topic.topic_id,
                wishes: wishes(topic, version, view, replica),
            }
        });
        Self {
            topics: topics.collect(),
            isolation: isolation(request.isolation_level),
            max_bytes,
            min_bytes: size(request.min_bytes).min(max_bytes),
            max_wait: wait(request.max_wait_ms).min(limits.held),
        }
    }

    /// All wishes in the order of the request.
    pub(crate) fn wishes(&self) -> impl Iterator<Item = &Wish> {
        self.topics.iter().flat_map(|topic| &topic.wishes)
    }
}

/// The most record bytes that a request's answer can have, told before anything is made of it.
pub(crate) fn most_bytes(request: &FetchRequest<'_>, limits: &Limits) -> usize {
    let mut all = 0_usize;
    for topic in &request.topics {
        for asked in &topic.partitions {
            all = all.saturating_add(size(asked.partition_max_bytes));
        }
    }
    all.min(size(request.max_bytes.value)).min(limits.answer_bytes)
}

fn wishes(topic: &FetchTopic<'_>, version: i16, view: &View, replica: i32) -> Vec<Wish> {
    let found = if version >= BY_ID_FROM { view.with_id(topic.topic_id) } else { view.named(topic.topic) };
    let target = |partition| match found {
        // A follower would take what it reads for the log of a leader.
        _ if replica >= 0 => Err(KafkaError::TopicAuthorizationFailed),
        Ok(topic) => topic.partition(partition).ok_or(KafkaError::UnknownTopicOrPartition),
        Err(error) => Err(error),
    };
    let wish = |partition: i32, offset: i64, max_bytes: i32| Wish {
        partition,
        target: target(partition),
        offset,
        max_bytes: size(max_bytes),
    };
    let asked = topic.partitions.iter();
    asked.map(|asked| wish(asked.partition, asked.fetch_offset, asked.partition_max_bytes)).collect()
}

/// Which records a client may see; Kafka takes anything but its own name of committed ones for all.
pub(crate) fn isolation(level: i8) -> Isolation {
    if level == READ_COMMITTED { Isolation::ReadCommitted } else { Isolation::ReadUncommitted }
}

fn size(bytes: i32) -> usize {
    usize::try_from(bytes).unwrap_or(0)
}

fn wait(ms: i32) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}
