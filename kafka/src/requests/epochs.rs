//! OffsetForLeaderEpoch: where an epoch ends in the leader's own log.
//!
//! The answer names the largest epoch the leader knows that is not above the one asked. Below all that it knows it names
//! the one asked, with the start of the oldest: that is no evidence that it ever had it.

use firnline_index::lineage::EpochEnd;
use firnline_index::{LeaderEpoch, Offset};
use kafka_protocol::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use kafka_protocol::messages::{BrokerId, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse};

use super::asked::{Asked, by_topic};
use super::offsets::{LeaderAsk, PARTITIONS_PER_REQUEST};
use super::{Question, ReadFault, text};
use crate::client::Lease;
use crate::error::RequestError;
use crate::wire::{Code, ProtocolError};

/// A partition, and the epoch whose end is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpochAsk {
    /// The partition and the epoch its leader must lead under.
    pub of: LeaderAsk,
    /// The epoch asked about.
    pub end_of: LeaderEpoch,
}

impl Lease {
    /// The end of an epoch for each partition, in the order asked: `None` where the epoch lies above all that the leader
    /// knows; the error code where it tells none. No partition may be asked twice. One OffsetForLeaderEpoch for
    /// [`PARTITIONS_PER_REQUEST`] partitions.
    ///
    /// # Errors
    /// Where the broker does not answer, or answers something else.
    pub async fn epoch_ends(
        &mut self,
        asks: &[EpochAsk],
    ) -> Result<Vec<Result<Option<EpochEnd>, Code>>, RequestError> {
        let mut ends = Vec::with_capacity(asks.len());
        for asks in asks.chunks(PARTITIONS_PER_REQUEST) {
            ends.extend(self.ask(&EpochEnds(asks)).await?);
        }
        Ok(ends)
    }
}

pub(crate) struct EpochEnds<'a>(pub(crate) &'a [EpochAsk]);

impl Question for EpochEnds<'_> {
    type Request = OffsetForLeaderEpochRequest;
    type Answer = Vec<Result<Option<EpochEnd>, Code>>;

    fn request(&self) -> OffsetForLeaderEpochRequest {
        let partition = |ask: &&EpochAsk| {
            OffsetForLeaderPartition::default()
                .with_partition(ask.of.partition.get())
                .with_current_leader_epoch(ask.of.epoch.get())
                .with_leader_epoch(ask.end_of.get())
        };
        let topics = by_topic(self.0, |ask| &ask.of.topic).into_iter().map(|(topic, asks)| {
            OffsetForLeaderTopic::default()
                .with_topic(text(topic).into())
                .with_partitions(asks.iter().map(partition).collect())
        });
        // As a consumer asks: a replica's id would need rights over the whole cluster.
        OffsetForLeaderEpochRequest::default().with_replica_id(BrokerId(-1)).with_topics(topics.collect())
    }

    fn read(&self, answer: OffsetForLeaderEpochResponse) -> Result<Self::Answer, ReadFault> {
        let mut asked = Asked::new(self.0.iter().map(|ask| (&ask.of.topic, ask.of.partition)));
        for topic in &answer.topics {
            for told in &topic.partitions {
                let end = (Code::of(told.error_code), told.leader_epoch, told.end_offset);
                asked.put(&topic.topic, told.partition, end)?;
            }
        }
        let told = asked.finish()?;
        let end = |(ask, (code, epoch, end)): (&EpochAsk, _)| match code {
            Some(code) => Ok(Err(code)),
            None => match (LeaderEpoch::from_kafka(epoch), Offset::from_kafka(end)) {
                (None, None) => Ok(Ok(None)),
                (Some(epoch), Some(end)) if epoch <= ask.end_of => Ok(Ok(Some(EpochEnd { epoch, end }))),
                _ => {
                    let what = format!("epoch {epoch} with end {end} where epoch {} was asked", ask.end_of);
                    Err(ProtocolError::Value { what })
                }
            },
        };
        Ok(self.0.iter().zip(told).map(end).collect::<Result<_, _>>()?)
    }
}
