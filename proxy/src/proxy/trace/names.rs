//! What names mean, where the store is slow.

use std::time::Duration;

use tokio::time::advance;

use super::*;
use crate::wire::messages::list_offsets::{ListOffsetsPartition, ListOffsetsTopic};

#[tokio::test(start_paused = true)]
async fn where_a_topic_begins_that_is_none_of_the_tiers_is_for_the_broker_to_say() {
    let mut stage = Stage::new().await;
    // There is one of this name in the tier, and it is another one.
    stage.shared.tier.get().unwrap().known().named("orders").unwrap().note(topic_id(9));
    advance(Duration::from_millis(3900)).await;
    stage.world.sim.latency(Duration::from_secs(10)..Duration::from_secs(11));
    let partition =
        ListOffsetsPartition { partition_index: 0, timestamp: -2, ..ListOffsetsPartition::default() };
    let topics = vec![ListOffsetsTopic { name: "orders", partitions: vec![partition].into() }].into();
    let request = ListOffsetsRequest { replica_id: -1, topics, ..ListOffsetsRequest::default() };
    let mut frame = write_request(&request, 7, 5, Some(b"client")).unwrap();
    stage.client.write_all_buf(&mut frame).await.unwrap();
    let asked = read(&mut stage.broker).await;
    let (header, _) = RequestHeader::read(&asked).unwrap();
    assert_eq!(
        (header.api, header.version),
        (Api::LIST_OFFSETS, 7),
        "what the name means was told a moment ago"
    );
    advance(Duration::from_millis(500)).await;
    let told = ListOffsetsPartitionResponse {
        offset: At::new(BROKERS.0),
        ..ListOffsetsPartitionResponse::default()
    };
    let topics = vec![ListOffsetsTopicResponse { name: "orders", partitions: vec![told].into() }].into();
    let answer = ListOffsetsResponse { topics, ..ListOffsetsResponse::default() };
    let mut frame = write_response(&answer, 7, header.correlation_id).unwrap();
    stage.broker.write_all_buf(&mut frame).await.unwrap();
    // The tier is looked into once more for as long as a second: it may have come to it since.
    let answer = read(&mut stage.client).await;
    let answer: ListOffsetsResponse<'_> = read_response(&answer, 7).unwrap();
    let told = answer.topics.iter().next().unwrap().partitions.iter().next().unwrap().value.into_owned();
    assert_eq!((told.error_code.value, told.offset.value), (0, BROKERS.0));
}
