//! Metadata: topics, partitions, leaders; by id or all that we may see.
//!
//! Asked by id, a topic that is not there answers UNKNOWN_TOPIC_ID and one that we may not describe
//! TOPIC_AUTHORIZATION_FAILED. Asked by name, both look the same, so nothing here asks by name.

use std::collections::HashMap;

use firnline_index::{LeaderEpoch, NodeId, PartitionIndex, TopicId, TopicName};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::{MetadataResponsePartition, MetadataResponseTopic};
use kafka_protocol::messages::{MetadataRequest, MetadataResponse};
use uuid::Uuid;

use super::cluster::{ClusterView, brokers_of};
use super::{Question, ReadFault};
use crate::client::{Client, Lease};
use crate::error::RequestError;
use crate::wire::{Code, ProtocolError};

/// Topics in one request. With 100 partitions each the answer has some 5 MiB.
pub const TOPICS_PER_REQUEST: usize = 1_000;

/// A topic and its partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: TopicName,
    /// Its id.
    pub id: TopicId,
    /// Whether Kafka keeps it for itself.
    pub internal: bool,
    /// Its partitions, in no particular order.
    pub partitions: Vec<Partition>,
}

/// A partition and who leads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Its number.
    pub partition: PartitionIndex,
    /// The broker that leads it and its epoch; `None` while none does, or none that this port's clients can reach.
    pub leader: Option<(NodeId, LeaderEpoch)>,
    /// The brokers that hold it.
    pub replicas: Vec<NodeId>,
}

impl Client {
    /// What the cluster says of each topic, in the order asked; the error code where it says none. One Metadata to any
    /// broker for [`TOPICS_PER_REQUEST`] topics.
    ///
    /// # Errors
    /// Where no broker answers, or answers something else.
    pub async fn topics_by_id(&self, ids: &[TopicId]) -> Result<Vec<Result<Topic, Code>>, RequestError> {
        let mut topics = Vec::with_capacity(ids.len());
        for ids in ids.chunks(TOPICS_PER_REQUEST) {
            let (view, told) = self.ask_any(&TopicsById(ids)).await?;
            self.learn(view);
            topics.extend(told);
        }
        Ok(topics)
    }

    /// The same, told by at most so many different brokers: the answers of those that answered. One Metadata to each for
    /// [`TOPICS_PER_REQUEST`] topics.
    ///
    /// # Errors
    /// Where none answers.
    pub async fn topics_by_id_of_several(
        &self,
        ids: &[TopicId],
        brokers: usize,
    ) -> Result<Vec<Vec<Result<Topic, Code>>>, RequestError> {
        // Few topics are ever asked this way: those that may be deleted.
        let ids = &ids[..ids.len().min(TOPICS_PER_REQUEST)];
        let told = self.ask_several(&TopicsById(ids), brokers).await?;
        Ok(told.into_iter().map(|(_, topics)| topics).collect())
    }

    /// All topics that we may describe. One Metadata to any broker.
    ///
    /// # Errors
    /// Where no broker answers, or the answer is longer than the client takes.
    pub async fn all_topics(&self) -> Result<Vec<Result<Topic, Code>>, RequestError> {
        let (view, told) = self.ask_any(&AllTopics).await?;
        self.learn(view);
        Ok(told)
    }
}

impl Lease {
    /// What this broker says of each topic, in the order asked; the error code where it says none. One Metadata for
    /// [`TOPICS_PER_REQUEST`] topics.
    ///
    /// # Errors
    /// Where the broker does not answer, or answers something else.
    pub async fn topics_by_id(&mut self, ids: &[TopicId]) -> Result<Vec<Result<Topic, Code>>, RequestError> {
        let mut topics = Vec::with_capacity(ids.len());
        for ids in ids.chunks(TOPICS_PER_REQUEST) {
            let (view, told) = self.ask(&TopicsById(ids)).await?;
            self.client().learn(view);
            topics.extend(told);
        }
        Ok(topics)
    }
}

pub(crate) struct TopicsById<'a>(pub(crate) &'a [TopicId]);

impl Question for TopicsById<'_> {
    type Request = MetadataRequest;
    type Answer = (ClusterView, Vec<Result<Topic, Code>>);

    fn request(&self) -> MetadataRequest {
        let by_id = |id: &TopicId| {
            MetadataRequestTopic::default().with_topic_id(Uuid::from_bytes(*id.as_bytes())).with_name(None)
        };
        MetadataRequest::default()
            .with_topics(Some(self.0.iter().map(by_id).collect()))
            .with_allow_auto_topic_creation(false)
    }

    fn read(&self, answer: MetadataResponse) -> Result<Self::Answer, ReadFault> {
        let view = view(&answer)?;
        let mut told: HashMap<[u8; 16], Result<Topic, Code>> = HashMap::with_capacity(self.0.len());
        for topic in answer.topics {
            let id = topic.topic_id.into_bytes();
            if told.insert(id, topic_of(topic)?).is_some() {
                let what = format!("topic {}", Uuid::from_bytes(id));
                return Err(ProtocolError::Unasked { what, how: "twice" }.into());
            }
        }
        let mut topics = Vec::with_capacity(self.0.len());
        for id in self.0 {
            let topic = told.remove(id.as_bytes());
            topics.push(topic.ok_or_else(|| ProtocolError::Missing { what: format!("topic {id}") })?);
        }
        match told.keys().next() {
            None => Ok((view, topics)),
            Some(id) => {
                let what = format!("topic {}", Uuid::from_bytes(*id));
                Err(ProtocolError::Unasked { what, how: "unasked" }.into())
            }
        }
    }
}

struct AllTopics;

impl Question for AllTopics {
    type Request = MetadataRequest;
    type Answer = (ClusterView, Vec<Result<Topic, Code>>);

    fn request(&self) -> MetadataRequest {
        MetadataRequest::default().with_topics(None).with_allow_auto_topic_creation(false)
    }

    fn read(&self, answer: MetadataResponse) -> Result<Self::Answer, ReadFault> {
        let view = view(&answer)?;
        let topics = answer.topics.into_iter().map(topic_of).collect::<Result<_, _>>()?;
        Ok((view, topics))
    }
}

fn view(answer: &MetadataResponse) -> Result<ClusterView, ProtocolError> {
    let brokers = answer.brokers.iter().map(|broker| (broker.node_id, &*broker.host, broker.port));
    let cluster_id = answer.cluster_id.as_deref().unwrap_or_default().to_owned();
    Ok(ClusterView { cluster_id, brokers: brokers_of(brokers)? })
}

fn topic_of(topic: MetadataResponseTopic) -> Result<Result<Topic, Code>, ProtocolError> {
    if let Some(code) = Code::of(topic.error_code) {
        return Ok(Err(code));
    }
    let impossible = |what: &dyn std::fmt::Display| ProtocolError::Value { what: what.to_string() };
    let name = topic.name.ok_or_else(|| impossible(&"a topic without a name"))?;
    let name = TopicName::new(&name).map_err(|error| impossible(&error))?;
    if topic.topic_id.is_nil() {
        return Err(impossible(&"a topic without an id"));
    }
    let id = TopicId::from_bytes(topic.topic_id.into_bytes());
    let partitions = topic.partitions.iter().map(partition_of).collect::<Result<_, _>>()?;
    Ok(Ok(Topic { name, id, internal: topic.is_internal, partitions }))
}

fn partition_of(told: &MetadataResponsePartition) -> Result<Partition, ProtocolError> {
    let impossible = |error: firnline_index::ValueError| ProtocolError::Value { what: error.to_string() };
    let partition = PartitionIndex::new(told.partition_index).map_err(impossible)?;
    // A partition's error says why it has no leader (LEADER_NOT_AVAILABLE, LISTENER_NOT_FOUND); -1 stands there then.
    let leader = NodeId::from_kafka(told.leader_id.0).zip(LeaderEpoch::from_kafka(told.leader_epoch));
    let replicas = told
        .replica_nodes
        .iter()
        .map(|node| NodeId::new(node.0))
        .collect::<Result<_, _>>()
        .map_err(impossible)?;
    Ok(Partition { partition, leader, replicas })
}
