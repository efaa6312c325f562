//! Fetches that are filled from the tier.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use firnline_proxy::serve::Catalog;
use firnline_store::sim::{Rule, SimFault, When};
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::PartitionData;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::{FetchRequest, ListOffsetsRequest};
use tokio::time::Instant;
use uuid::Uuid;

use super::broker::Client;
use super::scene::{ID, OUT_OF_RANGE, Scene, log, text};
use crate::serve::log::Log;
use crate::serve::tier::tip;

pub(super) fn request(offsets: &[(i32, i64)]) -> FetchRequest {
    let partition = |(partition, offset): &(i32, i64)| {
        let partition = FetchPartition::default().with_partition(*partition).with_fetch_offset(*offset);
        partition.with_partition_max_bytes(1 << 20)
    };
    let topic =
        FetchTopic::default().with_topic(text("orders").into()).with_topic_id(Uuid::from_bytes([ID; 16]));
    let topic = topic.with_partitions(offsets.iter().map(partition).collect());
    FetchRequest::default()
        .with_max_bytes(10 << 20)
        .with_max_wait_ms(500)
        .with_min_bytes(1)
        .with_topics(vec![topic])
}

/// The entries of a fetch, until each of those in `wait` has records or an error.
pub(super) async fn fetch(client: &mut Client, version: i16, offsets: &[(i32, i64)]) -> Vec<PartitionData> {
    let answer = client.ask(version, &request(offsets)).await;
    assert_eq!(answer.error_code, 0);
    answer.responses.into_iter().flat_map(|topic| topic.partitions).collect()
}

/// The only entry, asked for until it has records or an error.
pub(super) async fn fetch_on(client: &mut Client, version: i16, offset: i64) -> PartitionData {
    for _ in 0..20 {
        let entry = fetch(client, version, &[(0, offset)]).await.remove(0);
        if entry.error_code != 0 || entry.records.as_ref().is_some_and(|records| !records.is_empty()) {
            return entry;
        }
        assert!(entry.records.is_some(), "records that are absent break librdkafka");
    }
    panic!("nothing comes of offset {offset}");
}

pub(super) fn records(entry: &PartitionData) -> &[u8] {
    entry.records.as_deref().unwrap_or_default()
}

#[tokio::test]
async fn what_the_broker_has_lost_comes_from_the_tier_in_every_version() {
    let scene = Scene::new(800, 700).await;
    for version in 4..=18 {
        let mut client = scene.proxy.client().await;
        let mut offset = 100;
        while offset < scene.log.end() {
            let entry = fetch_on(&mut client, version, offset).await;
            assert_eq!(entry.error_code, 0, "version {version} offset {offset}");
            let expected = scene.log.bytes_from(offset);
            assert!(expected.starts_with(records(&entry)), "version {version} offset {offset}");
            let mut bytes = 0;
            let batches = scene.log.between(offset, i64::MAX).iter();
            let last = batches.take_while(|batch| {
                bytes += batch.bytes.len();
                bytes <= records(&entry).len()
            });
            let next = last.last().unwrap().next;
            assert!(entry.high_watermark >= next && entry.high_watermark != offset);
            if version >= 5 {
                assert_eq!(entry.log_start_offset, 100, "version {version} offset {offset}");
            }
            assert_eq!(entry.preferred_read_replica.0, -1);
            offset = next;
        }
    }
}

#[tokio::test]
async fn where_the_log_starts_is_told_as_the_tier_has_it_in_hot_answers_too() {
    let scene = Scene::new(800, 700).await;
    let mut client = scene.proxy.client().await;
    let entry = fetch_on(&mut client, 13, 750).await;
    assert_eq!(entry.log_start_offset, -1, "nobody has told yet: the client asks");
    assert_eq!(scene.gets(), 0, "for that the store is not asked");
    fetch_on(&mut client, 13, 100).await;
    for version in [5, 12, 13, 18] {
        let entry = fetch_on(&mut client, version, 750).await;
        assert_eq!(entry.log_start_offset, 100, "version {version}");
        assert_eq!(records(&entry), scene.log.bytes_from(750));
    }
    // An answer that is held, for a cold partition beside the hot one.
    for version in [5, 12, 13, 18] {
        let entries = fetch(&mut client, version, &[(1, 100), (0, 750)]).await;
        assert_eq!(entries[1].log_start_offset, 100, "version {version}, beside a cold one");
        assert_eq!(records(&entries[1]), scene.log.bytes_from(750));
    }
    // An answer that is passed and not held.
    let large: Vec<_> = std::iter::repeat_n((0, 700), 3).collect();
    for entry in fetch(&mut client, 13, &large).await {
        assert_eq!((entry.log_start_offset, entry.high_watermark), (100, scene.log.end()));
    }
}

#[tokio::test]
async fn an_answer_with_records_of_the_broker_makes_no_request_before_it_goes() {
    let scene = Scene::new(800, 700).await;
    let mut client = scene.proxy.client().await;
    let both = [(0, 100), (1, 750)];
    scene.world.sim.latency(Duration::from_secs(3)..Duration::from_secs(4));
    let began = Instant::now();
    let entries = fetch(&mut client, 13, &both).await;
    assert!(began.elapsed() < Duration::from_secs(2), "it waited for the store");
    scene.world.sim.latency(Duration::ZERO..Duration::ZERO);
    assert_eq!(records(&entries[1]), scene.log.bytes_from(750), "the hot one");
    assert_eq!(
        (entries[0].error_code, records(&entries[0])),
        (0, &b""[..]),
        "the cold one is not waited for"
    );
    let mut cold = Vec::new();
    for _ in 0..2000 {
        let entries = fetch(&mut client, 13, &both).await;
        cold = records(&entries[0]).to_vec();
        if !cold.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(!cold.is_empty(), "it was read behind the answer");
    assert!(scene.log.bytes_from(100).starts_with(&cold));
}

#[tokio::test]
async fn what_is_nowhere_is_out_of_range_truly() {
    let scene = Scene::new(800, 700).await;
    let mut client = scene.proxy.client().await;
    for offset in [0, 99] {
        assert_eq!(fetch_on(&mut client, 13, offset).await.error_code, OUT_OF_RANGE, "below the tier");
    }
    for offset in [scene.log.end() + 1, i64::MAX] {
        assert_eq!(fetch_on(&mut client, 13, offset).await.error_code, OUT_OF_RANGE, "beyond the log");
    }
    assert_eq!(fetch_on(&mut client, 13, -5).await.error_code, OUT_OF_RANGE);
    let entry = fetch_on(&mut client, 13, 99).await;
    assert_eq!((entry.high_watermark, entry.log_start_offset), (-1, -1), "as the broker said it");
}

#[tokio::test]
async fn a_partition_without_a_tier_is_the_brokers_alone() {
    let scene = Scene::new(800, 700).await;
    let mut client = scene.proxy.client().await;
    let entry = fetch(&mut client, 13, &[(2, 750)]).await.remove(0);
    assert_eq!((entry.log_start_offset, records(&entry).is_empty()), (-1, false));
}

#[tokio::test]
async fn what_is_on_its_way_to_the_tier_is_waited_for() {
    let scene = Scene::new(600, 700).await;
    let mut client = scene.proxy.client().await;
    // Where the log ends is asked ahead of the second.
    assert_eq!(fetch(&mut client, 13, &[(0, 650)]).await[0].error_code, 0);
    for _ in 0..3 {
        let began = Instant::now();
        let entry = fetch(&mut client, 13, &[(0, 650)]).await.remove(0);
        let none = Some(&b""[..]);
        assert_eq!((entry.error_code, entry.records.as_deref()), (0, none), "none, which is not absent ones");
        assert!(began.elapsed() >= Duration::from_millis(400), "it does not spin");
    }
    let mut part = scene.world.part(tip("orders", ID, 0), 100);
    for cut in [300, 500, 600, 800] {
        part.upload(&scene.log, cut);
    }
    part.commit();
    let entry = fetch_on(&mut client, 13, 650).await;
    assert!(scene.log.bytes_from(650).starts_with(records(&entry)));
}

#[tokio::test]
async fn what_one_partition_was_asked_for_says_nothing_of_another() {
    let scene = Scene::new(600, 700).await;
    let start = &scene.brokers.starts[1];
    start.store(600, Ordering::SeqCst);
    let mut client = scene.proxy.client().await;
    let both = [(0, 650), (1, 650)];
    let entries = fetch(&mut client, 13, &both).await;
    assert_eq!((entries[0].error_code, entries[1].error_code), (0, 0));
    assert!(!records(&entries[1]).is_empty(), "it is hot");
    // Retention takes what is not in the tier yet, and nobody has foreseen it.
    start.store(700, Ordering::SeqCst);
    for _ in 0..3 {
        for entry in fetch(&mut client, 13, &both).await {
            assert_eq!((entry.error_code, records(&entry)), (0, &b""[..]), "it is on its way");
        }
    }
}

#[tokio::test]
async fn a_leader_that_cannot_tell_its_end_yet_makes_nothing_out_of_range() {
    let scene = Scene::new(600, 700).await;
    scene.brokers.offsets_error.store(78, Ordering::SeqCst);
    let mut client = scene.proxy.client().await;
    for offset in [650, 650, 550, 550] {
        let entry = fetch(&mut client, 13, &[(0, offset)]).await.remove(0);
        assert_eq!((entry.error_code, records(&entry)), (0, &b""[..]), "{offset}");
    }
    scene.brokers.offsets_error.store(0, Ordering::SeqCst);
    assert!(!records(&fetch_on(&mut client, 13, 550).await).is_empty());
}

#[tokio::test]
async fn what_a_follower_tells_whoever_looks_into_replicas_ends_no_log() {
    let scene = Scene::new(800, 700).await;
    let mut client = scene.proxy.client().await;
    assert!(!records(&fetch_on(&mut client, 13, 600).await).is_empty());
    let (mut curious, end) = (scene.proxy.client().await, scene.log.end());
    for _ in 0..3 {
        scene.brokers.leads.store(false, Ordering::SeqCst);
        scene.brokers.end.store(500, Ordering::SeqCst);
        let asked = ListOffsetsPartition::default().with_partition_index(0).with_timestamp(-1);
        let topic = ListOffsetsTopic::default().with_name(text("orders").into()).with_partitions(vec![asked]);
        let asked = ListOffsetsRequest::default().with_replica_id((-2).into()).with_topics(vec![topic]);
        let told = curious.ask(7, &asked).await.topics.remove(0).partitions.remove(0);
        assert_eq!((told.error_code, told.offset), (0, 500), "as the follower says");
        scene.brokers.leads.store(true, Ordering::SeqCst);
        scene.brokers.end.store(end, Ordering::SeqCst);
        let entry = fetch_on(&mut client, 13, 600).await;
        assert_eq!((entry.error_code, records(&entry).is_empty()), (0, false));
    }
}

#[tokio::test]
async fn what_was_cut_off_the_log_is_not_served() {
    let scene = Scene::new(800, 640).await;
    let mut client = scene.proxy.client().await;
    scene.brokers.end.store(650, Ordering::SeqCst);
    for _ in 0..2 {
        let entry = fetch_on(&mut client, 13, 700).await;
        assert_eq!(
            (entry.error_code, records(&entry)),
            (OUT_OF_RANGE, &b""[..]),
            "the leader has no such record"
        );
    }
    // Nor is what lies beside it in the same piece of the tier.
    for _ in 0..3 {
        let entry = fetch(&mut client, 13, &[(0, 600)]).await.remove(0);
        assert_eq!((entry.error_code, records(&entry)), (0, &b""[..]));
    }
}

#[tokio::test]
async fn the_first_upload_of_a_partition_is_waited_for() {
    let mut log = Log::from(0);
    for _ in 0..200 {
        log.data(5, 200);
    }
    let scene = Scene::with(log, 800, 700, |_, _| {}).await;
    let mut client = scene.proxy.client().await;
    for offset in [0, 0, 100, 100] {
        let began = Instant::now();
        let entry = fetch(&mut client, 13, &[(2, offset)]).await.remove(0);
        assert_eq!((entry.error_code, records(&entry)), (0, &b""[..]), "{offset}");
        assert_eq!(entry.log_start_offset, -1, "nothing is known to begin at 0");
        assert!(began.elapsed() < Duration::from_secs(2));
    }
    let entry = fetch(&mut client, 13, &[(2, 750)]).await.remove(0);
    assert_eq!(entry.log_start_offset, -1);
    let mut part = scene.world.part(tip("orders", ID, 2), 0);
    part.upload(&scene.log, 800);
    part.commit();
    for offset in [0, 100] {
        let mut found = None;
        for _ in 0..20 {
            let entry = fetch(&mut client, 13, &[(2, offset)]).await.remove(0);
            assert_eq!(entry.error_code, 0, "{offset}");
            found = Some(records(&entry).to_vec()).filter(|records| !records.is_empty());
            if found.is_some() {
                break;
            }
        }
        assert!(scene.log.bytes_from(offset).starts_with(&found.expect("it is in the tier")));
    }
}

#[tokio::test]
async fn a_topic_that_is_not_known_may_have_come_to_the_tier() {
    let scene = Scene::new(800, 700).await;
    scene.world.topic("fresh", 9, 1);
    let mut part = scene.world.part(tip("fresh", 9, 0), 100);
    part.upload(&scene.log, 800);
    part.commit();
    let mut client = scene.proxy.client().await;
    for (version, topic, id, expected) in
        [(13, "fresh", 9, 0), (13, "others", 10, OUT_OF_RANGE), (12, "more", 11, OUT_OF_RANGE)]
    {
        let mut request = request(&[(0, 100)]);
        request.topics[0].topic = text(topic).into();
        request.topics[0].topic_id = Uuid::from_bytes([id; 16]);
        let mut told = Vec::new();
        for _ in 0..40 {
            let entry = client.ask(version, &request).await.responses.remove(0).partitions.remove(0);
            told.push((entry.error_code, !records(&entry).is_empty()));
            if told.last() != Some(&(0, false)) {
                break;
            }
        }
        assert_eq!(told.pop(), Some((expected, expected == 0)), "{topic}");
        assert!(!told.is_empty(), "{topic}: it was refused before it was looked for");
    }
}

/// The same while the tier cannot be read: what came to it just before cannot be told from what never did.
#[tokio::test]
async fn a_topic_that_is_not_known_is_never_out_of_range_while_the_tier_cannot_be_read() {
    let scene = Scene::new(800, 700).await;
    scene.world.topic("fresh", 9, 1);
    let mut part = scene.world.part(tip("fresh", 9, 0), 100);
    part.upload(&scene.log, 800);
    part.commit();
    scene.world.sim.rule(Rule::new(SimFault::Denied, When::Always));
    let mut client = scene.proxy.client().await;
    let mut request = request(&[(0, 100)]);
    request.topics[0].topic = text("fresh").into();
    request.topics[0].topic_id = Uuid::from_bytes([9; 16]);
    // Long enough for it to be read twice.
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(8) {
        let entry = client.ask(13, &request).await.responses.remove(0).partitions.remove(0);
        assert_ne!(entry.error_code, OUT_OF_RANGE, "after {:?}", began.elapsed());
    }
    scene.world.sim.heal();
    for _ in 0..40 {
        let entry = client.ask(13, &request).await.responses.remove(0).partitions.remove(0);
        assert_eq!(entry.error_code, 0);
        if !records(&entry).is_empty() {
            return;
        }
    }
    panic!("it is never filled");
}

#[tokio::test]
async fn a_name_that_means_one_of_several_is_asked_for() {
    let scene = Scene::with(log(), 800, 700, |_, _| {}).await;
    scene.world.topic("orders", 6, 3);
    let catalog = Catalog::load(scene.world.store(), Arc::clone(&scene.world.env.clock)).await.unwrap();
    let proxy = scene.anew(catalog).await;
    let mut client = proxy.client().await;
    let entry = fetch_on(&mut client, 12, 600).await;
    assert_eq!((entry.error_code, records(&entry).is_empty()), (0, false));
}

#[tokio::test]
async fn a_hot_partition_beside_cold_ones_does_not_wait_for_the_store() {
    let scene = Scene::new(800, 700).await;
    let (mut client, end) = (scene.proxy.client().await, scene.log.end());
    scene.world.sim.latency(Duration::from_secs(3)..Duration::from_secs(4));
    for _ in 0..3 {
        let began = Instant::now();
        let entries = fetch(&mut client, 13, &[(0, 100), (1, end)]).await;
        assert!(entries.iter().all(|entry| entry.error_code == 0 && records(entry).is_empty()));
        assert!(began.elapsed() < Duration::from_millis(400), "what comes meanwhile is late by that");
    }
}

#[tokio::test]
async fn other_errors_pass_and_nothing_is_read_for_them() {
    let scene = Scene::new(800, 700).await;
    let mut client = scene.proxy.client().await;
    for code in [3, 6, 29, 56, 74, 75, 100] {
        scene.brokers.error.store(code, Ordering::SeqCst);
        for offset in [100, 750] {
            let entry = fetch(&mut client, 13, &[(0, offset)]).await.remove(0);
            assert_eq!((entry.error_code, records(&entry)), (code, &b""[..]));
        }
    }
    assert_eq!(scene.gets(), 0, "who may not read gets nothing, and costs nothing");
}

#[tokio::test]
async fn bytes_are_not_served_by_a_name_that_means_another_topic_now() {
    let scene = Scene::new(800, 700).await;
    scene.brokers.id.store(8, Ordering::SeqCst);
    let mut client = scene.proxy.client().await;
    assert_eq!(fetch_on(&mut client, 12, 100).await.error_code, OUT_OF_RANGE);
    assert_eq!(scene.gets(), 0);
    assert!(scene.keys().contains(&3), "the broker was asked which topic it is");
}

#[tokio::test]
async fn limits_of_a_fetch_hold_over_hot_and_cold() {
    let scene = Scene::new(800, 700).await;
    let mut client = scene.proxy.client().await;
    fetch_on(&mut client, 13, 100).await;
    while records(&fetch(&mut client, 13, &[(1, 100)]).await[0]).is_empty() {}
    let batch = scene.log.batches[0].bytes.len();
    for (max_bytes, most) in [(0, 1), (3 * batch, 3), (10 * batch, 10)] {
        let mut request = request(&[(0, 100), (1, 100)]);
        request.max_bytes = i32::try_from(max_bytes).unwrap();
        let answer = client.ask(13, &request).await;
        let bytes: usize = answer.responses[0].partitions.iter().map(|entry| records(entry).len()).sum();
        assert!(bytes > 0 && bytes <= most * batch, "{bytes} for {max_bytes}");
    }
}

#[tokio::test]
async fn a_store_that_fails_is_told_as_a_failure_and_comes_back() {
    let scene = Scene::new(800, 700).await;
    let mut client = scene.proxy.client().await;
    let key = firnline_index::keys::ObjectKey::Manifest { tip: tip("orders", ID, 0) }.to_string();
    let good = scene.world.sim.peek(&key).unwrap();
    scene.world.sim.plant(&key, b"damaged".to_vec());
    assert_eq!(fetch_on(&mut client, 13, 100).await.error_code, 56);
    assert_eq!(fetch_on(&mut client, 5, 100).await.error_code, 6, "in the words of the time");
    scene.world.sim.plant(&key, good);
    assert_eq!(fetch_on(&mut client, 13, 100).await.error_code, 0);
}

#[tokio::test]
async fn a_fetch_by_a_replica_passes_untouched() {
    let scene = Scene::new(800, 700).await;
    let mut client = scene.proxy.client().await;
    let mut request = request(&[(0, 100)]);
    request.replica_id = 2.into();
    let answer = client.ask(11, &request).await;
    assert_eq!(answer.responses[0].partitions[0].error_code, OUT_OF_RANGE);
    assert_eq!(scene.gets(), 0);
}
