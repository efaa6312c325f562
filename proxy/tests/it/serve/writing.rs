//! What would write is refused in words that a client stops at.

use bytes::Bytes;
use firnline_store::RequestKind;
use firnline_store::sim::TraceEvent;
use kafka_protocol::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    DeleteRecordsRequest, InitProducerIdRequest, ProduceRequest, TransactionalId,
};
use uuid::Uuid;

use super::client::{name, text};
use super::tier::World;

fn produce(acks: i16) -> ProduceRequest {
    let data = |index| {
        PartitionProduceData::default().with_index(index).with_records(Some(Bytes::from(vec![7; 100_000])))
    };
    let topic = TopicProduceData::default()
        .with_name(name("orders"))
        .with_topic_id(Uuid::from_bytes([7; 16]))
        .with_partition_data(vec![data(0), data(3)]);
    ProduceRequest::default().with_acks(acks).with_topic_data(vec![topic])
}

#[tokio::test]
async fn records_are_refused_by_partition_in_every_version() {
    let world = World::new();
    world.topic("orders", 7, 1);
    let running = world.serve().await;
    let mut client = running.client().await;
    for version in 3..=13 {
        let response = client.ask(version, &produce(-1)).await;
        let [topic] = &response.responses[..] else { panic!("{} topics", response.responses.len()) };
        if version < 13 {
            assert_eq!(topic.name.0.as_str(), "orders");
        } else {
            assert_eq!(topic.topic_id, Uuid::from_bytes([7; 16]));
        }
        let refused = topic.partition_responses.iter();
        let refused: Vec<_> = refused.map(|one| (one.index, one.error_code, one.base_offset)).collect();
        assert_eq!(refused, [(0, 29, -1), (3, 29, -1)]);
    }
    let reads = |event: &TraceEvent| matches!(event.operation, RequestKind::Get | RequestKind::List);
    assert!(world.sim.trace().iter().all(reads), "nothing is written");
}

#[tokio::test]
async fn a_producer_that_wants_no_answer_loses_its_connection_and_not_its_records_unawares() {
    let world = World::new();
    let running = world.serve().await;
    for version in [3, 8, 9, 13] {
        let mut client = running.client().await;
        client.send(version, &produce(0)).await;
        assert_eq!(client.frame().await, None, "version {version}");
    }
}

#[tokio::test]
async fn nobody_gets_an_id_to_write_with_or_cuts_a_log_off() {
    let world = World::new();
    world.topic("orders", 7, 1);
    let running = world.serve().await;
    let mut client = running.client().await;
    for version in 0..=5 {
        let plain = client.ask(version, &InitProducerIdRequest::default().with_transactional_id(None)).await;
        assert_eq!((plain.error_code, plain.producer_id.0), (31, -1));
        let named =
            InitProducerIdRequest::default().with_transactional_id(Some(TransactionalId(text("mine"))));
        let response = client.ask(version, &named).await;
        assert_eq!((response.error_code, response.producer_id.0), (53, -1));
    }
    for version in 0..=2 {
        let cut = DeleteRecordsPartition::default().with_partition_index(0).with_offset(5);
        let topic = DeleteRecordsTopic::default().with_name(name("orders")).with_partitions(vec![cut]);
        let response = client.ask(version, &DeleteRecordsRequest::default().with_topics(vec![topic])).await;
        let answer = &response.topics[0].partitions[0];
        assert_eq!((answer.error_code, answer.low_watermark), (29, -1));
    }
}
