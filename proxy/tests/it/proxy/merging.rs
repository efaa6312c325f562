//! Offsets, epochs and deletions, merged with what the tier has.

use std::sync::atomic::Ordering;
use std::time::Duration;

use firnline_index::floor::FloorObject;
use firnline_index::keys::ObjectKey;
use kafka_protocol::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::list_offsets_response::ListOffsetsPartitionResponse;
use kafka_protocol::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use kafka_protocol::messages::{DeleteRecordsRequest, ListOffsetsRequest, OffsetForLeaderEpochRequest};

use super::broker::Client;
use super::filling::fetch_on;
use super::scene::{ID, OUT_OF_RANGE, Scene, log, text};
use crate::serve::log::Log;
use crate::serve::tier::tip;

/// What is told of a partition for a time or one of Kafka's words.
async fn listed(
    client: &mut Client,
    version: i16,
    partition: i32,
    timestamp: i64,
) -> ListOffsetsPartitionResponse {
    let asked = ListOffsetsPartition::default().with_partition_index(partition).with_timestamp(timestamp);
    let topic = ListOffsetsTopic::default().with_name(text("orders").into()).with_partitions(vec![asked]);
    let request = ListOffsetsRequest::default().with_replica_id((-1).into()).with_topics(vec![topic]);
    client.ask(version, &request).await.topics.remove(0).partitions.remove(0)
}

async fn offset(client: &mut Client, version: i16, timestamp: i64) -> (i64, i64) {
    let told = listed(client, version, 0, timestamp).await;
    assert_eq!(told.error_code, 0, "version {version}, {timestamp}");
    (told.timestamp, told.offset)
}

#[tokio::test]
async fn a_topic_that_has_come_to_the_tier_since_begins_where_the_tier_does() {
    let scene = Scene::new(800, 700).await;
    scene.brokers.id.store(9, Ordering::SeqCst);
    scene.world.topic("fresh", 9, 1);
    let mut part = scene.world.part(tip("fresh", 9, 0), 100);
    part.upload(&scene.log, 800);
    part.commit();
    // What was read when the proxy began is young for a few seconds.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let mut client = scene.proxy.client().await;
    let asked = ListOffsetsPartition::default().with_partition_index(0).with_timestamp(-2);
    let topic = ListOffsetsTopic::default().with_name(text("fresh").into()).with_partitions(vec![asked]);
    let request = ListOffsetsRequest::default().with_replica_id((-1).into()).with_topics(vec![topic]);
    let mut told = Vec::new();
    for _ in 0..5 {
        let answer = client.ask(7, &request).await.topics.remove(0).partitions.remove(0);
        told.push((answer.error_code, answer.offset));
    }
    assert!(told.contains(&(0, 100)), "{told:?}");
    assert!(!told.contains(&(0, 700)), "its history was hidden: {told:?}");
}

#[tokio::test]
async fn a_partition_that_has_come_to_the_tier_since_begins_where_the_tier_does() {
    let scene = Scene::new(800, 700).await;
    let mut client = scene.proxy.client().await;
    assert_eq!(listed(&mut client, 7, 2, -2).await.offset, 700, "nothing of it is in the tier");
    assert_eq!(listed(&mut client, 7, 2, 0).await.offset, 700);
    let mut part = scene.world.part(tip("orders", ID, 2), 100);
    part.upload(&scene.log, 800);
    part.commit();
    assert_eq!(listed(&mut client, 7, 2, -2).await.offset, 100, "its history was hidden");
    assert_eq!(listed(&mut client, 7, 2, 0).await.offset, 100);
}

#[tokio::test]
async fn a_log_begins_where_the_tier_does_and_times_are_found_in_both() {
    let scene = Scene::new(800, 700).await;
    let mut client = scene.proxy.client().await;
    let end = scene.log.end();
    for version in 1..=10 {
        assert_eq!(offset(&mut client, version, -2).await, (-1, 100), "version {version}");
        assert_eq!(offset(&mut client, version, -1).await, (-1, end));
        assert_eq!(offset(&mut client, version, 0).await, (1_000_100, 100));
        assert_eq!(offset(&mut client, version, 1_000_333).await, (1_000_333, 333), "within a batch");
        assert_eq!(offset(&mut client, version, 1_000_750).await, (1_000_750, 750), "both have it");
        assert_eq!(offset(&mut client, version, 1_000_900).await, (1_000_900, 900), "the broker's alone");
        assert_eq!(offset(&mut client, version, 2_000_000).await, (-1, -1));
    }
    for version in 8..=10 {
        assert_eq!(offset(&mut client, version, -3).await, (1_000_000 + end - 1, end - 1));
        assert_eq!(offset(&mut client, version, -4).await, (-1, 700), "that is its meaning");
    }
    assert_eq!(offset(&mut client, 9, -5).await, (-1, 799));
    let told = listed(&mut client, 9, 2, -2).await;
    assert_eq!(
        (told.error_code, told.offset, told.leader_epoch),
        (0, 700, 9),
        "nothing of it is in the tier"
    );
    let told = listed(&mut client, 9, 0, -2).await;
    assert_eq!(told.leader_epoch, 0, "the one that wrote it");
}

#[tokio::test]
async fn a_broker_whose_log_is_empty_still_has_the_times_of_the_tier() {
    let scene = Scene::new(1100, 1100).await;
    let mut client = scene.proxy.client().await;
    assert_eq!(offset(&mut client, 7, 0).await, (1_000_100, 100));
    assert_eq!(offset(&mut client, 7, -2).await, (-1, 100));
    assert_eq!(offset(&mut client, 7, -1).await, (-1, 1100));
}

#[tokio::test]
async fn errors_of_the_broker_pass_and_those_of_the_store_are_asked_again_after() {
    let scene = Scene::new(800, 700).await;
    let mut client = scene.proxy.client().await;
    scene.brokers.leads.store(false, Ordering::SeqCst);
    assert_eq!(listed(&mut client, 7, 0, -2).await.error_code, 6);
    scene.brokers.leads.store(true, Ordering::SeqCst);
    let key = ObjectKey::Manifest { tip: tip("orders", ID, 0) }.to_string();
    let good = scene.world.sim.peek(&key).unwrap();
    scene.world.sim.plant(&key, b"damaged".to_vec());
    for timestamp in [-2, 0, 1_000_333, -3] {
        let told = listed(&mut client, 7, 0, timestamp).await;
        assert_eq!((told.error_code, told.offset), (56, -1), "{timestamp}: never the broker's start");
    }
    assert_eq!(offset(&mut client, 7, -1).await, (-1, scene.log.end()), "the end is the broker's to tell");
    scene.world.sim.plant(&key, good);
    assert_eq!(offset(&mut client, 7, -2).await, (-1, 100));
}

#[tokio::test]
async fn offsets_of_another_topic_of_the_same_name_are_the_brokers() {
    let scene = Scene::new(800, 700).await;
    scene.brokers.id.store(8, Ordering::SeqCst);
    let mut client = scene.proxy.client().await;
    assert_eq!(offset(&mut client, 7, -2).await, (-1, 700));
    assert_eq!(offset(&mut client, 7, 0).await, (1_000_700, 700));
}

#[tokio::test]
async fn ends_of_old_epochs_come_from_the_tier() {
    let mut log = Log::from(100);
    for epoch in [0, 2, 5] {
        log.epoch(epoch);
        for _ in 0..60 {
            log.data(5, 200);
        }
    }
    let scene = Scene::with(log, 800, 750, |_, _| {}).await;
    let mut client = scene.proxy.client().await;
    for version in 2..=4 {
        for (epoch, expected) in
            [(0, (0, 400)), (1, (0, 400)), (2, (2, 700)), (4, (2, 700)), (5, (5, 1000)), (6, (-1, -1))]
        {
            let asked = OffsetForLeaderPartition::default().with_partition(0).with_leader_epoch(epoch);
            let topic = OffsetForLeaderTopic::default().with_topic(text("orders").into());
            let request = OffsetForLeaderEpochRequest::default().with_replica_id((-1).into());
            let request = request.with_topics(vec![topic.with_partitions(vec![asked])]);
            let told = client.ask(version, &request).await.topics.remove(0).partitions.remove(0);
            assert_eq!((told.leader_epoch, told.end_offset), expected, "version {version}, epoch {epoch}");
        }
    }
}

pub(super) fn deletion(offset: i64) -> DeleteRecordsRequest {
    deletion_of("orders", 0, offset)
}

fn deletion_of(topic: &str, partition: i32, offset: i64) -> DeleteRecordsRequest {
    let asked = DeleteRecordsPartition::default().with_partition_index(partition).with_offset(offset);
    let topic = DeleteRecordsTopic::default().with_name(text(topic).into()).with_partitions(vec![asked]);
    DeleteRecordsRequest::default().with_topics(vec![topic]).with_timeout_ms(1000)
}

#[tokio::test]
async fn what_is_deleted_is_deleted_in_the_tier_before_the_client_is_told() {
    let scene = Scene::new(800, 700).await;
    let mut client = scene.proxy.client().await;
    assert_eq!(fetch_on(&mut client, 13, 200).await.error_code, 0);
    for version in 0..=2 {
        let told = client.ask(version, &deletion(300)).await.topics.remove(0).partitions.remove(0);
        assert_eq!((told.error_code, told.low_watermark), (0, 300), "version {version}");
    }
    let floors = floors(&scene);
    assert_eq!(floors.len(), 3);
    let floor = FloorObject::decode(&scene.world.sim.peek(&floors[0]).unwrap()).unwrap();
    assert_eq!((floor.offset.get(), &floor.tip), (300, &tip("orders", ID, 0)));
    assert_eq!(floor.object_key().to_string(), floors[0]);
    assert!(
        scene.world.sim.keys().iter().any(|key| key.starts_with("cluster/floors/")),
        "a hint stands beside"
    );
    assert_eq!(
        fetch_on(&mut client, 13, 200).await.error_code,
        OUT_OF_RANGE,
        "and is not served from here on"
    );
    let entry = fetch_on(&mut client, 13, 300).await;
    assert_eq!((entry.error_code, entry.log_start_offset), (0, 300));
    assert_eq!(offset(&mut client, 7, -2).await, (-1, 300));
    assert_eq!(offset(&mut client, 7, 0).await, (1_000_300, 300));
    let told = client.ask(2, &deletion(-1)).await.topics.remove(0).partitions.remove(0);
    assert_eq!(told.low_watermark, scene.log.end());
}

fn floors(scene: &Scene) -> Vec<String> {
    scene.world.sim.keys().into_iter().filter(|key| key.contains("/floor-")).collect()
}

#[tokio::test]
async fn a_deletion_meets_the_topic_that_its_name_means_now() {
    let scene = Scene::new(800, 700).await;
    let mut client = scene.proxy.client().await;
    assert_eq!(offset(&mut client, 7, -2).await, (-1, 100), "the name was told a moment ago");
    scene.brokers.id.store(8, Ordering::SeqCst);
    let told = client.ask(2, &deletion(300)).await.topics.remove(0).partitions.remove(0);
    assert_eq!((told.error_code, told.low_watermark), (0, 700));
    assert_eq!(floors(&scene), Vec::<String>::new(), "of the one that bore it before nothing is deleted");
}

#[tokio::test]
async fn a_deletion_holds_for_what_has_come_to_the_tier_since_and_for_what_is_on_its_way() {
    let scene = Scene::new(800, 700).await;
    let mut client = scene.proxy.client().await;
    // Partitions were added, and nothing of them is in the tier yet.
    let told = client.ask(2, &deletion_of("orders", 5, 30)).await.topics.remove(0).partitions.remove(0);
    assert_eq!((told.error_code, told.low_watermark), (0, 30));
    assert_eq!(floors(&scene).len(), 1);
    scene.brokers.id.store(9, Ordering::SeqCst);
    scene.world.topic("fresh", 9, 1);
    // What was read when the proxy began is young for a few seconds.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let told = client.ask(2, &deletion_of("fresh", 0, 750)).await.topics.remove(0).partitions.remove(0);
    assert_eq!(told.error_code, 0);
    assert_eq!(floors(&scene).len(), 2);
}

#[tokio::test]
async fn without_the_right_to_delete_in_the_tier_nothing_is_deleted_anywhere() {
    let scene = Scene::with(log(), 800, 700, |_, archive| archive.may_delete = false).await;
    let mut client = scene.proxy.client().await;
    for version in 0..=2 {
        let told = client.ask(version, &deletion(300)).await.topics.remove(0).partitions.remove(0);
        assert_eq!((told.error_code, told.low_watermark), (29, -1), "version {version}");
    }
    assert_eq!(scene.brokers.deletions.load(Ordering::SeqCst), 0);
    // Whoever may not delete at the broker is told by the broker, whether the topic is in the tier or not.
    for error in [3, 42] {
        scene.brokers.error.store(error, Ordering::SeqCst);
        let told = client.ask(2, &deletion(300)).await.topics.remove(0).partitions.remove(0);
        assert_eq!(told.error_code, error);
    }
    scene.brokers.error.store(0, Ordering::SeqCst);
    let mut both = deletion(300);
    both.topics.extend(deletion_of("elsewhere", 0, 20).topics);
    let told = client.ask(2, &both).await.topics;
    let errors = told.iter().map(|topic| topic.partitions[0].error_code).collect::<Vec<_>>();
    assert_eq!(errors, [29, 0], "of what is not in the tier the broker decides");
    assert_eq!(scene.brokers.deletions.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn the_earliest_lies_behind_the_last_gap() {
    let scene = Scene::new(800, 700).await;
    let mut part = scene.world.part(tip("orders", ID, 0), 100);
    part.upload(&scene.log, 300);
    part.gap(400);
    part.upload(&scene.log, 800);
    part.commit();
    let mut client = scene.proxy.client().await;
    // Else a client that begins at the earliest offset comes to the gap, is told that it is out of range, and begins anew.
    assert_eq!(offset(&mut client, 7, -2).await, (-1, 400));
    let entry = fetch_on(&mut client, 13, 400).await;
    assert_eq!((entry.error_code, entry.log_start_offset), (0, 400));
    assert_eq!(fetch_on(&mut client, 13, 350).await.error_code, OUT_OF_RANGE, "it is lost, truly");
    assert_eq!(
        fetch_on(&mut client, 13, 200).await.error_code,
        0,
        "what lies before it is there for whoever seeks"
    );
}

#[tokio::test]
async fn of_a_partition_with_nothing_in_the_tier_each_word_is_answered_as_the_broker_does() {
    let scene = Scene::new(800, 700).await;
    let mut client = scene.proxy.client().await;
    for version in 1..=10 {
        for (timestamp, offset) in
            [(-1, scene.log.end()), (-2, 700), (-3, scene.log.end() - 1), (-4, 700), (-5, -1), (-6, -1)]
        {
            let told = listed(&mut client, version, 2, timestamp).await;
            assert_eq!((told.error_code, told.offset), (0, offset), "version {version}, {timestamp}");
        }
    }
}
