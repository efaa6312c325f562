//! Topics as they stood: what the log of the scene was before the record at 500 was written.

use std::sync::atomic::Ordering;

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::PartitionData;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::MetadataResponseTopic;
use kafka_protocol::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use kafka_protocol::messages::{
    FetchRequest, ListOffsetsRequest, MetadataRequest, OffsetForLeaderEpochRequest,
};
use uuid::Uuid;

use super::broker::Client;
use super::filling::{fetch_on, records, request};
use super::merging::deletion;
use super::scene::{OUT_OF_RANGE, Scene, log, text};

/// The record at offset N has the timestamp 1,000,000 + N.
const PAST: &str = "orders@1970-01-01T00:16:40.500Z";
const END: i64 = 500;

async fn scene() -> Scene {
    Scene::with(log(), 800, 700, |settings, _| settings.time_travel = true).await
}

async fn metadata(client: &mut Client, version: i16, names: &[&str]) -> Vec<MetadataResponseTopic> {
    let topic = |name: &&str| MetadataRequestTopic::default().with_name(Some(text(name).into()));
    let request = MetadataRequest::default().with_topics(Some(names.iter().map(topic).collect()));
    client.ask(version, &request.with_allow_auto_topic_creation(true)).await.topics
}

/// What the client learns first.
async fn learn(client: &mut Client) -> Uuid {
    let topic = metadata(client, 12, &[PAST]).await.remove(0);
    assert_eq!((topic.error_code, topic.name.as_ref().map(|name| name.0.as_str())), (0, Some(PAST)));
    topic.topic_id
}

fn past(id: Uuid, partition: i32, offset: i64) -> FetchTopic {
    let asked = FetchPartition::default().with_partition(partition).with_fetch_offset(offset);
    let topic = FetchTopic::default().with_topic(text(PAST).into()).with_topic_id(id);
    topic.with_partitions(vec![asked.with_partition_max_bytes(1 << 20)])
}

async fn fetch(client: &mut Client, version: i16, id: Uuid, offset: i64) -> PartitionData {
    let request = FetchRequest::default().with_max_bytes(10 << 20).with_max_wait_ms(500).with_min_bytes(1);
    let answer = client.ask(version, &request.with_topics(vec![past(id, 0, offset)])).await;
    assert_eq!((answer.error_code, answer.session_id, answer.responses.len()), (0, 0, 1));
    answer.responses[0].partitions[0].clone()
}

async fn offset(client: &mut Client, timestamp: i64) -> (i16, i64) {
    let asked = ListOffsetsPartition::default().with_partition_index(0).with_timestamp(timestamp);
    let topic = ListOffsetsTopic::default().with_name(text(PAST).into()).with_partitions(vec![asked]);
    let request = ListOffsetsRequest::default().with_replica_id((-1).into()).with_topics(vec![topic]);
    let told = client.ask(7, &request).await.topics.remove(0).partitions.remove(0);
    (told.error_code, told.offset)
}

#[tokio::test]
async fn a_log_is_read_as_it_stood_and_no_further() {
    let scene = scene().await;
    for version in [4, 11, 12, 13, 18] {
        let mut client = scene.proxy.client().await;
        let id = learn(&mut client).await;
        assert_eq!(id.get_version_num(), 8, "no broker draws such an id");
        let (mut next, mut nothing) = (100, 0);
        while next < END && nothing < 5 {
            let entry = fetch(&mut client, version, id, next).await;
            assert_eq!(entry.error_code, 0, "version {version}, {next}");
            nothing = if records(&entry).is_empty() { nothing + 1 } else { 0 };
            let mut seen = 0;
            for batch in scene.log.between(next, END) {
                seen += batch.bytes.len();
                if seen > records(&entry).len() {
                    break;
                }
                next = batch.next;
            }
            assert!(scene.log.bytes_from(next - 5).len() >= records(&entry).len().min(1));
            assert!(entry.high_watermark <= END, "version {version}: {}", entry.high_watermark);
        }
        assert_eq!(next, END, "version {version}");
        let entry = fetch(&mut client, version, id, END).await;
        assert_eq!((entry.error_code, records(&entry).len()), (0, 0), "version {version}");
        assert_eq!(fetch(&mut client, version, id, END + 1).await.error_code, OUT_OF_RANGE);
        assert_eq!(fetch(&mut client, version, id, 99).await.error_code, OUT_OF_RANGE);
    }
}

#[tokio::test]
async fn its_bytes_are_those_of_the_log() {
    let scene = scene().await;
    let mut client = scene.proxy.client().await;
    let id = learn(&mut client).await;
    let mut entry = fetch(&mut client, 13, id, 100).await;
    while records(&entry).is_empty() {
        entry = fetch(&mut client, 13, id, 100).await;
    }
    assert!(scene.log.bytes_from(100).starts_with(records(&entry)));
}

#[tokio::test]
async fn offsets_and_epochs_are_those_of_then() {
    let scene = scene().await;
    let mut client = scene.proxy.client().await;
    learn(&mut client).await;
    assert_eq!(offset(&mut client, -2).await, (0, 100));
    assert_eq!(offset(&mut client, -1).await, (0, END));
    assert_eq!(offset(&mut client, 1_000_300).await, (0, 300));
    assert_eq!(offset(&mut client, 1_000_600).await, (0, -1), "it was not written yet");
    let asked = OffsetForLeaderPartition::default().with_partition(0).with_leader_epoch(0);
    let topic = OffsetForLeaderTopic::default().with_topic(text(PAST).into()).with_partitions(vec![asked]);
    let request = OffsetForLeaderEpochRequest::default().with_replica_id((-1).into());
    let told = client.ask(4, &request.with_topics(vec![topic])).await.topics.remove(0).partitions.remove(0);
    assert_eq!((told.error_code, told.end_offset), (0, END));
}

#[tokio::test]
async fn the_id_is_the_same_everywhere_and_another_one_for_each_name() {
    let (one, other) = (scene().await, scene().await);
    let (mut first, mut second) = (one.proxy.client().await, other.proxy.client().await);
    assert_eq!(learn(&mut first).await, learn(&mut second).await);
    let ids: Vec<_> = metadata(&mut first, 12, &[PAST, "orders@-2h", "orders"])
        .await
        .into_iter()
        .map(|topic| topic.topic_id)
        .collect();
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
}

#[tokio::test]
async fn who_may_not_read_the_topic_behind_is_told_what_the_broker_says() {
    let scene = scene().await;
    let mut client = scene.proxy.client().await;
    let id = learn(&mut client).await;
    let gets = scene.gets();
    for code in [29, 6, 74, 3] {
        scene.brokers.error.store(code, Ordering::SeqCst);
        for version in [12, 13] {
            let entry = fetch(&mut client, version, id, 100).await;
            assert_eq!((entry.error_code, records(&entry).len()), (code, 0), "version {version}");
        }
    }
    assert_eq!(scene.gets(), gets, "and nothing is read for it");
    scene.brokers.error.store(0, Ordering::SeqCst);
    assert_eq!(fetch(&mut client, 13, id, 100).await.error_code, 0);
    scene.brokers.leads.store(false, Ordering::SeqCst);
    assert_eq!(offset(&mut client, -1).await, (6, -1));
}

#[tokio::test]
async fn bytes_of_a_topic_that_the_name_does_not_mean_any_more_are_not_served() {
    let scene = scene().await;
    let mut client = scene.proxy.client().await;
    let id = learn(&mut client).await;
    scene.brokers.id.store(8, Ordering::SeqCst);
    let mut other = scene.proxy.client().await;
    assert_eq!(metadata(&mut other, 12, &[PAST]).await[0].error_code, 3);
    assert_eq!(fetch(&mut other, 12, id, 100).await.error_code, 3);
    assert_eq!(offset(&mut other, -1).await, (3, -1));
}

#[tokio::test]
async fn they_stand_beside_other_topics_in_one_request() {
    let scene = scene().await;
    let mut client = scene.proxy.client().await;
    let names: Vec<_> = metadata(&mut client, 12, &["orders", PAST])
        .await
        .into_iter()
        .filter_map(|topic| topic.name)
        .collect();
    assert_eq!(names.len(), 2);
    let id = learn(&mut client).await;
    fetch_on(&mut client, 13, 100).await;
    let mut both = request(&[(0, 100), (1, 750)]);
    both.topics.push(past(id, 1, 200));
    for _ in 0..20 {
        let answer = client.ask(13, &both).await;
        let entries: Vec<_> = answer.responses.iter().flat_map(|topic| &topic.partitions).collect();
        assert_eq!(entries.len(), 3);
        assert!(entries.iter().all(|entry| entry.error_code == 0));
        assert_eq!(records(entries[1]), scene.log.bytes_from(750));
        assert!(scene.log.bytes_from(100).starts_with(records(entries[0])));
        if !records(entries[2]).is_empty() {
            let until = scene.log.bytes_from(200).len() - scene.log.bytes_from(END).len();
            assert!(scene.log.bytes_from(200)[..until].starts_with(records(entries[2])));
            return;
        }
    }
    panic!("nothing of the past comes");
}

#[tokio::test]
async fn a_session_is_not_begun_with_them_nor_gone_on_with() {
    let scene = scene().await;
    let mut client = scene.proxy.client().await;
    let id = learn(&mut client).await;
    let mut first = request(&[(0, 750)]);
    first.session_epoch = 0;
    let session = client.ask(13, &first).await.session_id;
    assert_ne!(session, 0);
    let mut next = request(&[]);
    (next.session_id, next.session_epoch, next.topics) = (session, 1, vec![past(id, 0, 100)]);
    assert_eq!(client.ask(13, &next).await.error_code, 70, "all has to be named anew");
    (next.session_id, next.session_epoch) = (session, 0);
    let answer = client.ask(13, &next).await;
    assert_eq!((answer.error_code, answer.session_id, answer.responses.len()), (0, 0, 1));
}

#[tokio::test]
async fn where_it_is_off_a_name_is_a_name_like_others() {
    let scene = Scene::new(800, 700).await;
    let mut client = scene.proxy.client().await;
    metadata(&mut client, 12, &[PAST]).await;
    let asked: MetadataRequest = scene.broker.asked().pop().unwrap().body();
    assert_eq!(asked.topics.unwrap()[0].name.as_ref().unwrap().0.as_str(), PAST);
}

#[tokio::test]
async fn a_topic_behind_is_not_made_by_asking_for_its_past() {
    let scene = scene().await;
    let mut client = scene.proxy.client().await;
    learn(&mut client).await;
    let asked = scene.broker.asked().into_iter().filter(|asked| asked.key == 3);
    let asked = asked.map(|asked| asked.body::<MetadataRequest>());
    let mut count = 0;
    for asked in asked {
        let names = asked.topics.unwrap_or_default();
        assert!(names.is_empty() || !asked.allow_auto_topic_creation);
        count += 1;
    }
    assert!(count >= 2);
}

#[tokio::test]
async fn a_name_is_told_of_once_however_often_it_is_asked_for() {
    let scene = scene().await;
    let mut client = scene.proxy.client().await;
    let mut names = vec![PAST; 300];
    names.push("orders");
    let told = metadata(&mut client, 12, &names).await;
    assert_eq!(told.len(), 2, "each takes a few bytes in the request and any number in the answer");
}

#[tokio::test]
async fn what_is_deleted_now_is_not_in_the_past_either_and_the_past_still_ends() {
    let scene = scene().await;
    let mut client = scene.proxy.client().await;
    let id = learn(&mut client).await;
    assert_eq!(client.ask(2, &deletion(300)).await.topics[0].partitions[0].error_code, 0);
    assert_eq!(offset(&mut client, -2).await, (0, 300));
    assert_eq!(offset(&mut client, 1_000_200).await, (0, 300), "times are found in what is left");
    assert_eq!(fetch(&mut client, 13, id, 299).await.error_code, OUT_OF_RANGE);
    let mut entry = fetch(&mut client, 13, id, 300).await;
    while records(&entry).is_empty() {
        entry = fetch(&mut client, 13, id, 300).await;
    }
    assert_eq!((entry.error_code, entry.log_start_offset), (0, 300));
    assert!(scene.log.bytes_from(300).starts_with(records(&entry)));
    // All that was there then is gone by now: what is left is its end.
    assert_eq!(client.ask(2, &deletion(650)).await.topics[0].partitions[0].error_code, 0);
    assert_eq!((offset(&mut client, -2).await, offset(&mut client, -1).await), ((0, END), (0, END)));
    assert_eq!(fetch(&mut client, 13, id, END - 1).await.error_code, OUT_OF_RANGE);
    let entry = fetch(&mut client, 13, id, END).await;
    assert_eq!((entry.error_code, entry.high_watermark, records(&entry).len()), (0, END, 0));
}

#[tokio::test]
async fn nothing_is_read_of_what_the_broker_has_not_consented_to() {
    let scene = scene().await;
    let mut client = scene.proxy.client().await;
    learn(&mut client).await;
    scene.brokers.leads.store(false, Ordering::SeqCst);
    let gets = scene.gets();
    assert_eq!(offset(&mut client, -1).await, (6, -1));
    assert_eq!(scene.gets(), gets);
}

#[tokio::test]
async fn a_broker_that_has_had_enough_for_now_is_no_error() {
    let scene = scene().await;
    let mut client = scene.proxy.client().await;
    let id = learn(&mut client).await;
    scene.brokers.throttles.store(true, Ordering::SeqCst);
    for version in [4, 12, 13] {
        let entry = fetch(&mut client, version, id, 100).await;
        assert_eq!((entry.error_code, records(&entry).len()), (0, 0), "Java takes any other error for a bug");
    }
    // Clients know such an answer by having no partition at all.
    let mut both = request(&[(0, 750)]);
    both.topics.push(past(id, 1, 200));
    let answer = client.ask(13, &both).await;
    assert!(answer.responses.is_empty() && answer.throttle_time_ms > 0, "{answer:?}");
}
