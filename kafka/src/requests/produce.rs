//! Produce: values for a topic that the brokers keep for themselves. Nothing else is ever written.
//!
//! Appended without idempotence: where the outcome is not known the same values may stand there twice, so only what may be
//! said twice is said this way.

use bytes::{Bytes, BytesMut};
use firnline_index::{Offset, PartitionIndex, TimestampMs, TopicName};
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{ProduceRequest, ProduceResponse};
use kafka_protocol::records::{
    Compression, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, Record, RecordBatchEncoder, RecordEncodeOptions,
    TimestampType,
};

use super::asked::Asked;
use super::{Question, ReadFault, text};
use crate::client::Lease;
use crate::error::RequestError;
use crate::wire::{Api, Code, ProtocolError};

/// Values in one batch: of 200 bytes each, a fifth of what brokers take by default (`message.max.bytes`).
pub const VALUES_PER_REQUEST: usize = 1_000;
/// All replicas in sync have it.
const ACKS_ALL: i16 = -1;
const NO_EPOCH: i32 = -1;
const TIMEOUT_MS: i32 = 10_000;

impl Lease {
    /// Appends one batch of values without keys, at most [`VALUES_PER_REQUEST`], and waits until all replicas in sync have it:
    /// the offset of the first, or the error code. One Produce to the leader, which may be sent twice.
    ///
    /// # Errors
    /// Where the broker does not answer, or answers something else: the values may be there then.
    pub async fn append(
        &mut self,
        topic: &TopicName,
        partition: PartitionIndex,
        values: &[Bytes],
        at: TimestampMs,
    ) -> Result<Result<Offset, Code>, RequestError> {
        let batch = batch(values, at).map_err(|why| {
            let source = ProtocolError::Encode { why };
            RequestError::Protocol { address: self.address().clone(), api: Api::Produce, source }
        })?;
        self.ask(&Produce { topic, partition, batch }).await
    }
}

/// Values as a batch of magic 2.
fn batch(values: &[Bytes], at: TimestampMs) -> Result<Bytes, String> {
    let record = |(number, value): (usize, &Bytes)| {
        let number = i32::try_from(number).map_err(|error| error.to_string())?;
        Ok(Record {
            transactional: false,
            control: false,
            delete_horizon: false,
            partition_leader_epoch: NO_EPOCH,
            producer_id: NO_PRODUCER_ID,
            producer_epoch: NO_PRODUCER_EPOCH,
            timestamp_type: TimestampType::Creation,
            offset: number.into(),
            // As far from the offset in each record as in the first: one batch.
            sequence: number - 1,
            timestamp: at.get(),
            key: None,
            value: Some(value.clone()),
            headers: IndexMap::new(),
        })
    };
    let records = values.iter().enumerate().map(record).collect::<Result<Vec<Record>, String>>()?;
    let options = RecordEncodeOptions { version: 2, compression: Compression::None };
    let mut out = BytesMut::new();
    RecordBatchEncoder::encode(&mut out, &records, &options).map_err(|error| error.to_string())?;
    Ok(out.freeze())
}

struct Produce<'a> {
    topic: &'a TopicName,
    partition: PartitionIndex,
    batch: Bytes,
}

impl Question for Produce<'_> {
    type Request = ProduceRequest;
    type Answer = Result<Offset, Code>;

    fn request(&self) -> ProduceRequest {
        let partition = PartitionProduceData::default()
            .with_index(self.partition.get())
            .with_records(Some(self.batch.clone()));
        let topic = TopicProduceData::default()
            .with_name(text(self.topic.as_str()).into())
            .with_partition_data(vec![partition]);
        ProduceRequest::default()
            .with_transactional_id(None)
            .with_acks(ACKS_ALL)
            .with_timeout_ms(TIMEOUT_MS)
            .with_topic_data(vec![topic])
    }

    fn read(&self, answer: ProduceResponse) -> Result<Self::Answer, ReadFault> {
        let mut asked = Asked::new(std::iter::once((self.topic, self.partition)));
        for topic in &answer.responses {
            for told in &topic.partition_responses {
                asked.put(&topic.name, told.index, (told.error_code, told.base_offset))?;
            }
        }
        let told = asked.finish()?;
        let Some(&(code, offset)) = told.first() else {
            return Err(ProtocolError::Missing { what: self.topic.to_string() }.into());
        };
        if let Some(code) = Code::of(code) {
            return Ok(Err(code));
        }
        Offset::new(offset).map(Ok).map_err(|error| ProtocolError::Value { what: error.to_string() }.into())
    }
}

#[cfg(test)]
mod tests {
    use firnline_index::RawPosition;
    use firnline_index::batch::{BatchLimits, Batches, verify_crc};
    use kafka_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};

    use super::*;

    #[test]
    fn values_are_one_batch() {
        let values: Vec<Bytes> = (0..VALUES_PER_REQUEST).map(|_| Bytes::from(vec![7; 200])).collect();
        let bytes = batch(&values, TimestampMs::new(1_700_000_000_000).unwrap()).unwrap();
        let found: Vec<_> = Batches::new(&bytes, RawPosition::ZERO, Offset::ZERO, BatchLimits::default())
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(found.len(), 1);
        let header = &found[0].header;
        verify_crc(header, found[0].bytes).unwrap();
        assert_eq!(header.record_count, Some(1_000));
        assert_eq!(header.last_offset.get(), 999);
        assert!(header.producer.is_none() && !header.transactional && !header.control);
        assert!(bytes.len() < 1 << 20, "{}", bytes.len());
    }

    #[test]
    fn an_answer_is_of_the_partition_asked() {
        let topic = TopicName::new("t").unwrap();
        let ask = Produce { topic: &topic, partition: PartitionIndex::new(3).unwrap(), batch: Bytes::new() };
        let answer = |index: i32, code: i16| {
            let partition = PartitionProduceResponse::default()
                .with_index(index)
                .with_error_code(code)
                .with_base_offset(5);
            let topic = TopicProduceResponse::default()
                .with_name(text("t").into())
                .with_partition_responses(vec![partition]);
            ask.read(ProduceResponse::default().with_responses(vec![topic]))
        };
        assert_eq!(answer(3, 0).unwrap(), Ok(Offset::new(5).unwrap()));
        assert_eq!(answer(3, 6).unwrap(), Err(Code::NOT_LEADER_OR_FOLLOWER));
        assert!(matches!(answer(2, 0), Err(ReadFault::Protocol(ProtocolError::Unasked { .. }))));
        assert!(ask.read(ProduceResponse::default()).is_err());
    }
}
