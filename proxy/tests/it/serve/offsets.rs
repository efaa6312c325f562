//! ListOffsets and OffsetForLeaderEpoch.

use firnline_index::batch::Compression;
use firnline_store::RequestKind;
use firnline_store::sim::{Rule, SimFault, When};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::list_offsets_response::ListOffsetsPartitionResponse;
use kafka_protocol::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use kafka_protocol::messages::{ListOffsetsRequest, OffsetForLeaderEpochRequest};

use super::client::{Client, anonymous_reads, name, settings};
use super::log::Log;
use super::tier::{World, tip};

fn request(topic: &str, asked: &[(i32, i64)]) -> ListOffsetsRequest {
    let partitions = asked.iter().map(|(partition, timestamp)| {
        ListOffsetsPartition::default().with_partition_index(*partition).with_timestamp(*timestamp)
    });
    let topic = ListOffsetsTopic::default().with_name(name(topic)).with_partitions(partitions.collect());
    ListOffsetsRequest::default().with_replica_id((-1).into()).with_topics(vec![topic])
}

async fn ask(
    client: &mut Client,
    version: i16,
    request: &ListOffsetsRequest,
) -> Vec<ListOffsetsPartitionResponse> {
    let response = client.ask(version, request).await;
    response.topics.into_iter().flat_map(|topic| topic.partitions).collect()
}

/// Error, offset, timestamp and epoch of the answer for partition 0 of `orders`.
async fn place(client: &mut Client, version: i16, timestamp: i64, isolation: i8) -> (i16, i64, i64, i32) {
    let request = request("orders", &[(0, timestamp)]);
    let request = if version < 2 { request } else { request.with_isolation_level(isolation) };
    let answer = &ask(client, version, &request).await[0];
    (answer.error_code, answer.offset, answer.timestamp, answer.leader_epoch)
}

/// Epoch 2 up to 120, epoch 5 from there; a transaction is open from 140 on.
fn log() -> Log {
    let mut log = Log::from(100);
    log.epoch(2).data(10, 30).codec(Compression::Gzip).data(10, 30);
    log.epoch(5).data(10, 30).codec(Compression::None).data(10, 30);
    log.in_transaction(1, 5).data(5, 30);
    log
}

fn world() -> World {
    let world = World::new();
    world.topic("orders", 7, 2);
    world.put(tip("orders", 7, 0), &log(), &[110, 130]);
    world
}

#[tokio::test]
async fn a_log_begins_and_ends_where_the_tier_does() {
    let world = world();
    let running = world.serve().await;
    let mut client = running.client().await;
    for version in 1..=10 {
        let epoch = |epoch| if version < 4 { -1 } else { epoch };
        assert_eq!(place(&mut client, version, -2, 0).await, (0, 100, -1, epoch(2)));
        assert_eq!(place(&mut client, version, -1, 0).await, (0, 150, -1, epoch(5)));
        if version >= 2 {
            assert_eq!(place(&mut client, version, -1, 1).await, (0, 140, -1, epoch(5)));
        }
    }
}

#[tokio::test]
async fn what_is_not_served_any_more_is_not_the_beginning() {
    let world = world();
    let mut part = world.put(tip("orders", 7, 0), &log(), &[110, 130]);
    part.start_at(125);
    part.commit();
    let running = world.serve().await;
    let mut client = running.client().await;
    assert_eq!(place(&mut client, 7, -2, 0).await, (0, 125, -1, 5));
    // Nor is a record there that is of the right time.
    assert_eq!(place(&mut client, 7, 0, 0).await, (0, 125, 1_000_125, 5));
}

#[tokio::test]
async fn each_word_is_known_from_its_version_on() {
    let world = world();
    let running = world.serve().await;
    let mut client = running.client().await;
    let unknown = (35, -1, -1, -1);
    for version in 4..=10 {
        let since = |first, place| if version < first { unknown } else { place };
        assert_eq!(place(&mut client, version, -3, 0).await, since(7, (0, 149, 1_000_149, 5)));
        assert_eq!(place(&mut client, version, -4, 0).await, since(8, (0, 100, -1, 2)));
        assert_eq!(place(&mut client, version, -5, 0).await, since(9, (0, 149, -1, 5)));
        assert_eq!(place(&mut client, version, -6, 0).await, unknown);
        assert_eq!(place(&mut client, version, -7, 0).await, unknown);
    }
}

#[tokio::test]
async fn a_time_finds_its_record_within_any_batch() {
    let world = world();
    let running = world.serve().await;
    let mut client = running.client().await;
    for offset in 100..150 {
        let epoch = if offset < 120 { 2 } else { 5 };
        let time = 1_000_000 + offset;
        assert_eq!(place(&mut client, 7, time, 0).await, (0, offset, time, epoch));
        // A reader of committed records finds none that it may not see.
        let committed = place(&mut client, 7, time, 1).await;
        assert_eq!(committed, if offset < 140 { (0, offset, time, epoch) } else { (0, -1, -1, -1) });
    }
    assert_eq!(place(&mut client, 7, 0, 0).await, (0, 100, 1_000_100, 2));
    assert_eq!(place(&mut client, 7, 1_000_150, 0).await, (0, -1, -1, -1));
    assert_eq!(place(&mut client, 7, i64::MAX, 0).await, (0, -1, -1, -1));
}

#[tokio::test]
async fn a_partition_without_anything_begins_and_ends_at_0() {
    let world = world();
    let running = world.serve().await;
    let mut client = running.client().await;
    for (timestamp, offset) in [(-1, 0), (-2, 0), (-3, -1), (-4, 0), (-5, -1), (5, -1)] {
        let answer = &ask(&mut client, 9, &request("orders", &[(1, timestamp)])).await[0];
        assert_eq!((answer.error_code, answer.offset, answer.timestamp), (0, offset, -1), "{timestamp}");
    }
}

#[tokio::test]
async fn a_partition_that_is_asked_for_twice_is_refused_twice() {
    let world = world();
    let running = world.serve().await;
    let mut client = running.client().await;
    let answers = ask(&mut client, 7, &request("orders", &[(0, -1), (1, -1), (0, -2)])).await;
    let codes: Vec<_> = answers.iter().map(|answer| (answer.partition_index, answer.error_code)).collect();
    assert_eq!(codes, [(0, 42), (1, 0), (0, 42)]);
}

#[tokio::test]
async fn topics_without_a_right_and_without_a_trace_are_refused() {
    let world = world();
    world.topic("secrets", 8, 1);
    let running = world.serve_with(anonymous_reads("orders.*"), settings()).await;
    let mut client = running.client().await;
    for (topic, partition, code) in [
        ("orders", 0, 0),
        ("orders", 2, 3),
        ("orders", -1, 3),
        ("orders-2", 0, 3),
        ("secrets", 0, 29),
        ("nothing", 0, 29),
    ] {
        let answer = &ask(&mut client, 7, &request(topic, &[(partition, -1)])).await[0];
        assert_eq!(answer.error_code, code, "{topic}/{partition}");
        if code != 0 {
            assert_eq!((answer.offset, answer.timestamp, answer.leader_epoch), (-1, -1, -1));
        }
        let asked = OffsetForLeaderPartition::default().with_partition(partition).with_leader_epoch(5);
        let asked = OffsetForLeaderTopic::default().with_topic(name(topic)).with_partitions(vec![asked]);
        let response = client.ask(4, &OffsetForLeaderEpochRequest::default().with_topics(vec![asked])).await;
        assert_eq!(response.topics[0].partitions[0].error_code, code, "{topic}/{partition}");
    }
}

#[tokio::test]
async fn a_store_that_fails_is_no_empty_log() {
    let world = world();
    let running = world.serve().await;
    let mut client = running.client().await;
    world.sim.rule(Rule::new(SimFault::Denied, When::Always).on(&[RequestKind::Get]));
    for timestamp in [-1, -2, -3, 0] {
        assert_eq!(place(&mut client, 7, timestamp, 0).await, (56, -1, -1, -1));
    }
    world.sim.heal();
    assert_eq!(place(&mut client, 7, -1, 0).await, (0, 150, -1, 5));
    // The manifest is here; the batches are not.
    world.sim.rule(Rule::new(SimFault::Denied, When::Always).on(&[RequestKind::Get]));
    assert_eq!(place(&mut client, 7, -2, 0).await, (0, 100, -1, 2));
    assert_eq!(place(&mut client, 7, 1_000_105, 0).await, (56, -1, -1, -1));
}

#[tokio::test]
async fn an_epoch_ends_where_the_next_begins() {
    let world = world();
    let running = world.serve().await;
    let mut client = running.client().await;
    for version in 2..=4 {
        for (epoch, end) in [
            (2, (2, 120)),
            (3, (2, 120)),
            (4, (2, 120)),
            (5, (5, 150)),
            (6, (-1, -1)),
            (-1, (-1, -1)),
            (1, (1, 100)),
        ] {
            let asked = OffsetForLeaderPartition::default().with_partition(0).with_leader_epoch(epoch);
            let asked =
                OffsetForLeaderTopic::default().with_topic(name("orders")).with_partitions(vec![asked]);
            let response =
                client.ask(version, &OffsetForLeaderEpochRequest::default().with_topics(vec![asked])).await;
            let answer = &response.topics[0].partitions[0];
            assert_eq!((answer.error_code, answer.partition), (0, 0));
            assert_eq!((answer.leader_epoch, answer.end_offset), end, "epoch {epoch}, version {version}");
        }
    }
}
