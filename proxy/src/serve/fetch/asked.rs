//! Partitions as requests and sessions name them, before anybody has looked whether they are there.

use std::sync::Arc;

use crate::serve::catalog::Topic;
use crate::serve::kafka_error::KafkaError;
use crate::serve::view::View;
use crate::wire::messages::fetch::FetchRequest;

/// From here on topics go by their ids.
const BY_ID_FROM: i16 = 13;

/// A topic as clients name it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TopicKey {
    /// By whatever text stood there.
    Name(Arc<str>),
    /// By whatever id.
    Id([u8; 16]),
}

/// What is wanted of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) topic: TopicKey,
    /// By its number, which may be any.
    pub(crate) partition: i32,
    /// Where to begin; clients may say anything.
    pub(crate) offset: i64,
    /// The most record bytes of it.
    pub(crate) max_bytes: usize,
}

/// Whether topics go by their ids in a version.
pub(crate) const fn by_id(version: i16) -> bool {
    version >= BY_ID_FROM
}

impl TopicKey {
    /// The one that stands in a request or an answer.
    pub(crate) fn of(name: &str, id: [u8; 16], version: i16) -> Self {
        if by_id(version) { Self::Id(id) } else { Self::Name(name.into()) }
    }

    /// The topic, if it is there to be read.
    pub(crate) fn find<'v>(&self, view: &'v View) -> Result<&'v Arc<Topic>, KafkaError> {
        match self {
            Self::Name(name) => view.named(name),
            Self::Id(id) => view.with_id(*id),
        }
    }

    /// The name, where it goes by one.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Name(name) => name,
            Self::Id(_) => "",
        }
    }

    /// The id, where it goes by one.
    pub(crate) const fn id(&self) -> [u8; 16] {
        match self {
            Self::Name(_) => [0; 16],
            Self::Id(id) => *id,
        }
    }
}

/// All partitions that a request names, in its order.
pub(crate) fn asks(request: &FetchRequest<'_>, version: i16) -> Vec<Ask> {
    let mut asks = Vec::new();
    for topic in &request.topics {
        let key = TopicKey::of(topic.topic, topic.topic_id, version);
        for asked in &topic.partitions {
            asks.push(Ask {
                topic: key.clone(),
                partition: asked.partition,
                offset: asked.fetch_offset,
                max_bytes: size(asked.partition_max_bytes),
            });
        }
    }
    asks
}

/// All partitions that a request takes out of its session.
pub(crate) fn forgotten(request: &FetchRequest<'_>, version: i16) -> Vec<(TopicKey, i32)> {
    let mut forgotten = Vec::new();
    for topic in &request.forgotten_topics_data {
        let key = TopicKey::of(topic.topic, topic.topic_id, version);
        for partition in &topic.partitions {
            forgotten.push((key.clone(), *partition.value));
        }
    }
    forgotten
}

/// A number of bytes; below zero there is none.
pub(crate) fn size(bytes: i32) -> usize {
    usize::try_from(bytes).unwrap_or(0)
}
