//! Real brokers as a [`Cluster`]: the one place of this crate that names the Kafka client.
//!
//! What is asked by name is believed only where the same broker says afterwards that the name still belongs to the topic
//! id, and that it still leads the partition under the epoch asked: names are given again, ids never are, and a new topic
//! begins with the same low epochs. A topic that is there after the answers was there before them, too.

mod bounds;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use firnline_index::{Offset, TopicId, TopicIdPartition, TopicName};
use firnline_kafka::requests::configs::TopicSettings;
use firnline_kafka::requests::metadata::Topic;
use firnline_kafka::{Client, Code, ConnectError, RequestError};

use crate::cluster::{
    AskError, Bound, BoundAsk, Cluster, ClusterError, Leader, OpenProducer, PartitionView, TopicConfigs,
    TopicState, TopicView,
};

/// A Kafka cluster behind its own protocol.
#[derive(Debug, Clone)]
pub struct KafkaCluster {
    client: Client,
}

impl KafkaCluster {
    /// Asks through `client`, which should be told the cluster id of the log dirs.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// The client, for what is asked besides.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }
}

#[async_trait]
impl Cluster for KafkaCluster {
    async fn topics(&self, ids: &[TopicId]) -> Result<Vec<TopicState>, ClusterError> {
        let told = self.client.topics_by_id(ids).await.map_err(cluster_error)?;
        Ok(told.into_iter().map(topic_state).collect())
    }

    async fn topics_by_several(
        &self,
        ids: &[TopicId],
        brokers: usize,
    ) -> Result<Vec<Vec<TopicState>>, ClusterError> {
        let told = self.client.topics_by_id_of_several(ids, brokers).await.map_err(cluster_error)?;
        Ok(told.into_iter().map(|topics| topics.into_iter().map(topic_state).collect()).collect())
    }

    async fn bounds(&self, asks: &[BoundAsk]) -> Vec<Result<Bound, AskError>> {
        bounds::bounds(&self.client, asks).await
    }

    async fn stable_offsets(&self, asks: &[BoundAsk]) -> Vec<Result<Offset, AskError>> {
        bounds::stable_offsets(&self.client, asks).await
    }

    async fn open_producers(
        &self,
        tip: &TopicIdPartition,
        leader: Leader,
    ) -> Result<Vec<OpenProducer>, AskError> {
        let mut lease = self.client.lease(leader.node).await.map_err(unavailable)?;
        let told = lease.producers(&tip.topic, tip.partition).await.map_err(unavailable)?;
        let right = || format!("READ on TOPIC {}", tip.topic);
        let producers = told.map_err(|code| ask_error(code, leader, right))?;
        let open = producers.into_iter().filter_map(|producer| {
            Some(OpenProducer {
                producer_id: producer.producer_id,
                producer_epoch: producer.producer_epoch,
                coordinator_epoch: producer.coordinator_epoch,
                start_offset: producer.open_since?,
                last_timestamp_ms: producer.last_timestamp_ms,
            })
        });
        Ok(open.collect())
    }

    async fn configs(&self, topics: &[TopicName]) -> Vec<Result<TopicConfigs, AskError>> {
        match self.client.topic_settings(topics).await {
            Ok(told) => {
                let each = topics.iter().zip(told);
                each.map(|(topic, told)| told.map(configs).map_err(|code| config_error(code, topic)))
                    .collect()
            }
            Err(error) => topics.iter().map(|_| Err(unavailable(error.clone()))).collect(),
        }
    }
}

fn topic_state(told: Result<Topic, Code>) -> TopicState {
    match told {
        Ok(topic) => TopicState::Known(TopicView {
            name: topic.name,
            partitions: topic
                .partitions
                .into_iter()
                .map(|partition| PartitionView {
                    partition: partition.partition,
                    leader: partition.leader.map(|(node, epoch)| Leader { node, epoch }),
                    replicas: partition.replicas,
                })
                .collect(),
        }),
        Err(Code::UNKNOWN_TOPIC_ID) => TopicState::UnknownId,
        Err(Code::TOPIC_AUTHORIZATION_FAILED) => TopicState::Denied,
        Err(_) => TopicState::Unclear,
    }
}

fn configs(told: TopicSettings) -> TopicConfigs {
    let in_force = |name: &str| told.effective.get(name).map(String::as_str);
    TopicConfigs {
        compacted: in_force("cleanup.policy")
            .is_some_and(|policy| policy.split(',').any(|word| word.trim() == "compact")),
        remote_storage: in_force("remote.storage.enable") == Some("true"),
        set: told.set,
    }
}

fn config_error(code: Code, topic: &TopicName) -> AskError {
    match code {
        Code::UNKNOWN_TOPIC_OR_PARTITION => AskError::Unknown,
        code if code.is_denied() => {
            AskError::Denied { missing: format!("DESCRIBE_CONFIGS on TOPIC {topic}") }
        }
        code => AskError::Unavailable(Box::new(Answered(code))),
    }
}

/// What an error code means to whoever asked a leader.
fn ask_error(code: Code, asked: Leader, right: impl FnOnce() -> String) -> AskError {
    match code {
        code if code.is_fenced() => AskError::Fenced { asked },
        code if code.is_denied() => AskError::Denied { missing: right() },
        Code::UNKNOWN_TOPIC_OR_PARTITION | Code::UNKNOWN_TOPIC_ID => AskError::Unknown,
        code => AskError::Unavailable(Box::new(Answered(code))),
    }
}

fn unavailable(error: RequestError) -> AskError {
    AskError::Unavailable(Box::new(error))
}

fn cluster_error(error: RequestError) -> ClusterError {
    match error.connect_error() {
        Some(ConnectError::OtherCluster { expected, found, .. }) => {
            ClusterError::OtherCluster { expected: expected.to_string(), found: found.clone() }
        }
        Some(refused) if refused.is_unauthenticated() => ClusterError::Unauthenticated(Box::new(error)),
        _ => ClusterError::Unavailable(Box::new(error)),
    }
}

/// An error code that says to try again, or that no one expects here.
#[derive(Debug, thiserror::Error)]
#[error("the broker answered {0}")]
struct Answered(Code);
