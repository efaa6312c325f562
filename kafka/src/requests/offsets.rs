//! ListOffsets: high watermarks, log starts and last stable offsets, fenced by the leader epoch.
//!
//! Asked of the leader, "latest" is the high watermark to those who read uncommitted transactions and the last stable
//! offset to those who do not. A fresh leader that does not know its high watermark yet answers OFFSET_NOT_AVAILABLE.

use firnline_index::{LeaderEpoch, Offset, PartitionIndex, TopicName};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::list_offsets_response::ListOffsetsPartitionResponse;
use kafka_protocol::messages::{BrokerId, ListOffsetsRequest, ListOffsetsResponse};

use super::asked::{Asked, by_topic};
use super::{Question, ReadFault, text};
use crate::client::Lease;
use crate::error::RequestError;
use crate::wire::{Code, ProtocolError};

/// Partitions in one request. The answer has some 30 bytes for each.
pub const PARTITIONS_PER_REQUEST: usize = 10_000;

/// A partition, asked of its leader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaderAsk {
    /// The topic.
    pub topic: TopicName,
    /// The partition.
    pub partition: PartitionIndex,
    /// The epoch that the broker must lead it under, or else it refuses to answer.
    pub epoch: LeaderEpoch,
}

/// Which offset is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Position {
    /// The high watermark.
    HighWatermark,
    /// The last stable offset.
    LastStable,
    /// The log start offset.
    LogStart,
}

impl Lease {
    /// One offset of each partition, in the order asked; the error code where the leader tells none. No partition may be
    /// asked twice. One ListOffsets for [`PARTITIONS_PER_REQUEST`] partitions.
    ///
    /// # Errors
    /// Where the broker does not answer, or answers something else.
    pub async fn offsets(
        &mut self,
        position: Position,
        asks: &[LeaderAsk],
    ) -> Result<Vec<Result<Offset, Code>>, RequestError> {
        let mut offsets = Vec::with_capacity(asks.len());
        for asks in asks.chunks(PARTITIONS_PER_REQUEST) {
            offsets.extend(self.ask(&ListOffsets { position, asks }).await?);
        }
        Ok(offsets)
    }
}

pub(crate) struct ListOffsets<'a> {
    pub(crate) position: Position,
    pub(crate) asks: &'a [LeaderAsk],
}

impl Question for ListOffsets<'_> {
    type Request = ListOffsetsRequest;
    type Answer = Vec<Result<Offset, Code>>;

    fn request(&self) -> ListOffsetsRequest {
        let timestamp = match self.position {
            Position::HighWatermark | Position::LastStable => -1,
            Position::LogStart => -2,
        };
        let partition = |ask: &&LeaderAsk| {
            ListOffsetsPartition::default()
                .with_partition_index(ask.partition.get())
                .with_current_leader_epoch(ask.epoch.get())
                .with_timestamp(timestamp)
        };
        let topics = by_topic(self.asks, |ask| &ask.topic).into_iter().map(|(topic, asks)| {
            ListOffsetsTopic::default()
                .with_name(text(topic).into())
                .with_partitions(asks.iter().map(partition).collect())
        });
        ListOffsetsRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_isolation_level(i8::from(self.position == Position::LastStable))
            .with_topics(topics.collect())
    }

    fn read(&self, answer: ListOffsetsResponse) -> Result<Self::Answer, ReadFault> {
        let mut asked = Asked::new(self.asks.iter().map(|ask| (&ask.topic, ask.partition)));
        for topic in &answer.topics {
            for told in &topic.partitions {
                asked.put(&topic.name, told.partition_index, told)?;
            }
        }
        let told = asked.finish()?;
        Ok(self.asks.iter().zip(told).map(|(ask, told)| self.offset(ask, told)).collect::<Result<_, _>>()?)
    }
}

impl ListOffsets<'_> {
    fn offset(
        &self,
        ask: &LeaderAsk,
        told: &ListOffsetsPartitionResponse,
    ) -> Result<Result<Offset, Code>, ProtocolError> {
        if let Some(code) = Code::of(told.error_code) {
            return Ok(Err(code));
        }
        // For "latest" the leader names the epoch it answers under, which must be the one it was asked under.
        if self.position != Position::LogStart && told.leader_epoch != ask.epoch.get() {
            return Ok(Err(Code::FENCED_LEADER_EPOCH));
        }
        match Offset::new(told.offset) {
            Ok(offset) => Ok(Ok(offset)),
            Err(error) => {
                let what = format!("{error} for {}/{}", ask.topic, ask.partition);
                Err(ProtocolError::Value { what })
            }
        }
    }
}
