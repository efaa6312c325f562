//! Fetch, of the one topic in which brokers with KIP-405 keep what they know of remote segments: whoever is to delete an
//! object that no broker owns must have read all of it.
//!
//! Batches are handed on as they come, none of them checked.

use bytes::Bytes;
use firnline_index::{LeaderEpoch, Offset, PartitionIndex, TopicId};
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::{BrokerId, FetchRequest, FetchResponse};
use uuid::Uuid;

use super::{Question, ReadFault};
use crate::client::Lease;
use crate::error::RequestError;
use crate::wire::{Code, ProtocolError};

/// The longest answer asked for; a single larger batch comes all the same.
const MAX_BYTES: i32 = 4 << 20;
/// How long a broker may wait for more, in milliseconds.
const MAX_WAIT_MS: i32 = 500;

/// A place in a partition, asked of its leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchAsk {
    /// The topic's id.
    pub topic_id: TopicId,
    /// The partition.
    pub partition: PartitionIndex,
    /// The epoch that the broker must lead it under, or else it refuses to answer.
    pub epoch: LeaderEpoch,
    /// The first offset wanted.
    pub from: Offset,
}

/// What a leader has there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Whole batches, of which the first may begin below the offset asked for, and the last may be cut off.
    pub batches: Bytes,
    /// Where the log begins.
    pub log_start: Offset,
}

impl Lease {
    /// Batches from an offset on; the error code where the leader gives none. One Fetch.
    ///
    /// # Errors
    /// Where the broker does not answer, or answers something else.
    pub async fn fetch(&mut self, ask: &FetchAsk) -> Result<Result<Fetched, Code>, RequestError> {
        self.ask(ask).await
    }
}

impl Question for FetchAsk {
    type Request = FetchRequest;
    type Answer = Result<Fetched, Code>;

    fn request(&self) -> FetchRequest {
        let partition = FetchPartition::default()
            .with_partition(self.partition.get())
            .with_current_leader_epoch(self.epoch.get())
            .with_fetch_offset(self.from.get())
            .with_partition_max_bytes(MAX_BYTES);
        let topic = FetchTopic::default()
            .with_topic_id(Uuid::from_bytes(*self.topic_id.as_bytes()))
            .with_partitions(vec![partition]);
        FetchRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_max_wait_ms(MAX_WAIT_MS)
            .with_min_bytes(1)
            .with_max_bytes(MAX_BYTES)
            .with_session_epoch(-1)
            .with_topics(vec![topic])
    }

    fn read(&self, answer: FetchResponse) -> Result<Self::Answer, ReadFault> {
        ReadFault::of(answer.error_code)?;
        let mut told = answer.responses.into_iter().flat_map(|topic| {
            let id = topic.topic_id.into_bytes();
            topic.partitions.into_iter().map(move |partition| (id, partition))
        });
        let what = || format!("partition {} of topic {}", self.partition, self.topic_id);
        let (Some((id, partition)), None) = (told.next(), told.next()) else {
            return Err(ProtocolError::Missing { what: what() }.into());
        };
        if id != *self.topic_id.as_bytes() || partition.partition_index != self.partition.get() {
            return Err(ProtocolError::Missing { what: what() }.into());
        }
        if let Some(code) = Code::of(partition.error_code) {
            return Ok(Err(code));
        }
        let log_start = Offset::new(partition.log_start_offset);
        let log_start = log_start.map_err(|error| ProtocolError::Value { what: error.to_string() })?;
        Ok(Ok(Fetched { batches: partition.records.unwrap_or_default(), log_start }))
    }
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};

    use super::*;

    fn ask() -> FetchAsk {
        FetchAsk {
            topic_id: TopicId::from_bytes([3; 16]),
            partition: PartitionIndex::new(5).unwrap(),
            epoch: LeaderEpoch::new(2).unwrap(),
            from: Offset::new(70).unwrap(),
        }
    }

    fn answer(id: u8, partition: i32, code: i16) -> FetchResponse {
        let data = PartitionData::default()
            .with_partition_index(partition)
            .with_error_code(code)
            .with_log_start_offset(3)
            .with_records(Some(Bytes::from_static(b"batches")));
        let topic = FetchableTopicResponse::default()
            .with_topic_id(Uuid::from_bytes([id; 16]))
            .with_partitions(vec![data]);
        FetchResponse::default().with_responses(vec![topic])
    }

    #[test]
    fn the_partition_asked_for_is_read_and_no_other() {
        let fetched = ask().read(answer(3, 5, 0)).unwrap().unwrap();
        assert_eq!((&fetched.batches[..], fetched.log_start.get()), (&b"batches"[..], 3));
        assert_eq!(ask().read(answer(3, 5, 74)).unwrap().unwrap_err(), Code::FENCED_LEADER_EPOCH);
        for other in [answer(4, 5, 0), answer(3, 6, 0), FetchResponse::default()] {
            assert!(matches!(ask().read(other), Err(ReadFault::Protocol(ProtocolError::Missing { .. }))));
        }
    }
}
