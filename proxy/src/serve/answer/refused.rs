//! Everything that would write: refused in the words that a client stops at.

use crate::serve::kafka_error::KafkaError;
use crate::wire::At;
use crate::wire::messages::delete_records::{
    DeleteRecordsPartitionResult, DeleteRecordsRequest, DeleteRecordsResponse, DeleteRecordsTopicResult,
};
use crate::wire::messages::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use crate::wire::messages::produce::{
    PartitionProduceResponse, ProduceRequest, ProduceResponse, TopicProduceResponse,
};

/// Refuses each partition of a write; `None` where the client wants no answer: it learns by its connection, which a broker
/// closes, too, or it would take all for written.
pub(crate) fn produce<'a>(request: &ProduceRequest<'a>) -> Option<ProduceResponse<'a>> {
    if request.acks == 0 {
        return None;
    }
    let partition = |index| PartitionProduceResponse {
        index,
        error_code: KafkaError::TopicAuthorizationFailed.code(),
        base_offset: -1,
        error_message: Some("this server only reads"),
        ..PartitionProduceResponse::default()
    };
    let topics = request.topic_data.iter().map(|topic| TopicProduceResponse {
        name: topic.name,
        topic_id: topic.topic_id,
        partition_responses: topic.partition_data.iter().map(|data| partition(data.index)).collect(),
    });
    Some(ProduceResponse { responses: topics.collect(), ..ProduceResponse::default() })
}

/// Refuses an id to write with.
pub(crate) fn init_producer_id(request: &InitProducerIdRequest<'_>) -> InitProducerIdResponse {
    let error = match request.transactional_id {
        Some(_) => KafkaError::TransactionalIdAuthorizationFailed,
        None => KafkaError::ClusterAuthorizationFailed,
    };
    InitProducerIdResponse {
        error_code: error.code(),
        producer_id: -1,
        producer_epoch: -1,
        ..InitProducerIdResponse::default()
    }
}

/// Refuses to cut off the beginning of any log.
pub(crate) fn delete_records<'a>(request: &DeleteRecordsRequest<'a>) -> DeleteRecordsResponse<'a> {
    let partition = |partition_index| DeleteRecordsPartitionResult {
        partition_index,
        low_watermark: At::new(-1),
        error_code: At::new(KafkaError::TopicAuthorizationFailed.code()),
    };
    let topics = request.topics.iter().map(|topic| DeleteRecordsTopicResult {
        name: topic.name,
        partitions: topic.partitions.iter().map(|asked| partition(asked.partition_index)).collect(),
    });
    DeleteRecordsResponse { topics: topics.collect(), ..DeleteRecordsResponse::default() }
}
