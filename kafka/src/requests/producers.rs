//! DescribeProducers: who has a transaction open in a partition. Needs READ on the topic.

use firnline_index::{Offset, PartitionIndex, TopicName};
use kafka_protocol::messages::describe_producers_request::TopicRequest;
use kafka_protocol::messages::{DescribeProducersRequest, DescribeProducersResponse};

use super::{Asked, Question, ReadFault, text};
use crate::client::Lease;
use crate::error::RequestError;
use crate::wire::Code;

/// A producer that the leader remembers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveProducer {
    /// Its id.
    pub producer_id: i64,
    /// Its epoch.
    pub producer_epoch: i32,
    /// The epoch of the coordinator that wrote its last marker; −1 where there was none.
    pub coordinator_epoch: i32,
    /// When it last wrote, milliseconds since 1970.
    pub last_timestamp_ms: i64,
    /// The first offset of its open transaction, where it has one.
    pub open_since: Option<Offset>,
}

impl Lease {
    /// The producers that the leader of a partition remembers, or the error code. One DescribeProducers.
    ///
    /// # Errors
    /// Where the broker does not answer, or answers something else.
    pub async fn producers(
        &mut self,
        topic: &TopicName,
        partition: PartitionIndex,
    ) -> Result<Result<Vec<ActiveProducer>, Code>, RequestError> {
        self.ask(&DescribeProducers { topic, partition }).await
    }
}

pub(crate) struct DescribeProducers<'a> {
    pub(crate) topic: &'a TopicName,
    pub(crate) partition: PartitionIndex,
}

impl Question for DescribeProducers<'_> {
    type Request = DescribeProducersRequest;
    type Answer = Result<Vec<ActiveProducer>, Code>;

    fn request(&self) -> DescribeProducersRequest {
        let topic = TopicRequest::default()
            .with_name(text(self.topic.as_str()).into())
            .with_partition_indexes(vec![self.partition.get()]);
        DescribeProducersRequest::default().with_topics(vec![topic])
    }

    fn read(&self, answer: DescribeProducersResponse) -> Result<Self::Answer, ReadFault> {
        let mut asked = Asked::new(std::iter::once((self.topic, self.partition)));
        for topic in answer.topics {
            for told in topic.partitions {
                let producers = told.active_producers.iter().map(|producer| ActiveProducer {
                    producer_id: producer.producer_id.0,
                    producer_epoch: producer.producer_epoch,
                    coordinator_epoch: producer.coordinator_epoch,
                    last_timestamp_ms: producer.last_timestamp,
                    open_since: Offset::from_kafka(producer.current_txn_start_offset),
                });
                let answer = Code::of(told.error_code).map_or_else(|| Ok(producers.collect()), Err);
                asked.put(&topic.name, told.partition_index, answer)?;
            }
        }
        Ok(asked.finish()?.pop().unwrap_or_else(|| Ok(Vec::new())))
    }
}
