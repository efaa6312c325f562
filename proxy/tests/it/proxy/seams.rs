//! Readers of committed records where transactions are open at the tier's end.

use std::sync::atomic::Ordering;

use kafka_protocol::messages::ListOffsetsRequest;
use kafka_protocol::messages::fetch_response::PartitionData;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};

use super::broker::Client;
use super::filling::{records, request};
use super::scene::{Scene, text};
use crate::serve::log::Log;

/// Producer 1's transaction begins at 400 and 2's at 600; both go on behind the tier's end at 800.
fn log() -> Log {
    let mut log = Log::from(100);
    let data = |log: &mut Log, until: i64| {
        while log.end() < until {
            log.data(5, 200);
        }
    };
    data(&mut log, 400);
    log.in_transaction(1, 5);
    data(&mut log, 600);
    log.in_transaction(2, 5);
    data(&mut log, 800);
    log.in_transaction(1, 5).in_transaction(2, 5).end_transaction(1, false).end_transaction(2, true);
    data(&mut log, 1000);
    log
}

/// The same, with so much data behind the tier's end that a walk takes steps, and then an aborted transaction of producer 1
/// that hides in the broker's list how the one before it ended.
fn hidden(first_committed: bool) -> (Log, i64) {
    let mut log = Log::from(100);
    let data = |log: &mut Log, until: i64| {
        while log.end() < until {
            log.data(5, 1000);
        }
    };
    data(&mut log, 400);
    log.in_transaction(1, 5);
    data(&mut log, 600);
    log.in_transaction(2, 5);
    data(&mut log, 3000);
    log.end_transaction(1, first_committed).end_transaction(2, false);
    data(&mut log, 3100);
    let later = log.end();
    log.in_transaction(1, 5).end_transaction(1, false);
    data(&mut log, 3200);
    (log, later)
}

async fn committed(client: &mut Client, version: i16, offset: i64) -> PartitionData {
    let request = request(&[(0, offset)]).with_isolation_level(1);
    client.ask(version, &request).await.responses.remove(0).partitions.remove(0)
}

/// Reads on from an offset while anything comes; gives the offset behind the last batch, and the aborted transactions told.
async fn read(scene: &Scene, version: i16, from: i64) -> (i64, Vec<(i64, i64)>) {
    let mut client = scene.proxy.client().await;
    let (mut next, mut aborted, mut nothing) = (from, Vec::new(), 0);
    while nothing < 4 {
        let entry = committed(&mut client, version, next).await;
        assert_eq!(entry.error_code, 0, "at {next}");
        let bytes = records(&entry).len();
        nothing = if bytes == 0 { nothing + 1 } else { 0 };
        assert!(scene.log.bytes_from(next).starts_with(records(&entry)));
        if let Some(told) = &entry.aborted_transactions {
            aborted.extend(told.iter().map(|aborted| (aborted.producer_id.0, aborted.first_offset)));
        }
        let mut seen = 0;
        for batch in scene.log.between(next, i64::MAX) {
            seen += batch.bytes.len();
            if seen > bytes {
                break;
            }
            next = batch.next;
        }
        if bytes > 0 {
            assert!(entry.last_stable_offset >= next, "{} for {next}", entry.last_stable_offset);
        }
    }
    aborted.sort_unstable();
    aborted.dedup();
    (next, aborted)
}

#[tokio::test]
async fn how_they_ended_is_asked_of_the_broker_in_the_clients_stead() {
    for version in [4, 11, 12, 13, 18] {
        let scene = Scene::with(log(), 800, 700, |_, _| {}).await;
        *scene.brokers.aborted.lock().unwrap() = vec![(1, 400)];
        let end = scene.log.end();
        assert_eq!(read(&scene, version, 100).await, (end, vec![(1, 400)]), "version {version}");
    }
}

#[tokio::test]
async fn records_of_the_tier_come_with_the_tiers_aborted_transactions() {
    for version in [4, 13, 18] {
        let scene = Scene::with(log(), 800, 700, |_, _| {}).await;
        *scene.brokers.aborted.lock().unwrap() = vec![(1, 400)];
        let mut client = scene.proxy.client().await;
        // The broker's log begins at 700: nothing of this answer can be its own.
        let mut entry = committed(&mut client, version, 400).await;
        for _ in 0..20 {
            if !records(&entry).is_empty() {
                break;
            }
            entry = committed(&mut client, version, 400).await;
        }
        assert!(!records(&entry).is_empty() && scene.log.bytes_from(400).starts_with(records(&entry)));
        let told = entry.aborted_transactions.unwrap_or_default();
        let told: Vec<_> = told.iter().map(|told| (told.producer_id.0, told.first_offset)).collect();
        assert_eq!(told, [(1, 400)], "version {version}");
    }
}

#[tokio::test]
async fn what_the_list_does_not_say_is_looked_for_in_the_brokers_log() {
    for (version, first_committed) in [(4, true), (13, false), (18, true)] {
        let (log, later) = hidden(first_committed);
        let scene = Scene::with(log, 800, 700, |_, _| {}).await;
        // As a broker says it that has forgotten where the first one began.
        *scene.brokers.aborted.lock().unwrap() = vec![(1, later), (2, 600)];
        let mut expected = vec![(1, later), (2, 600)];
        if !first_committed {
            expected.insert(0, (1, 400));
        }
        let mut client = scene.proxy.client().await;
        let began = tokio::time::Instant::now();
        let mut entry = committed(&mut client, version, 400).await;
        while records(&entry).is_empty() {
            entry = committed(&mut client, version, 400).await;
        }
        assert!(
            began.elapsed() < std::time::Duration::from_secs(1),
            "version {version}: {:?}",
            began.elapsed()
        );
        let (end, aborted) = read(&scene, version, 100).await;
        assert_eq!((end, aborted), (scene.log.end(), expected), "version {version}");
        let walks =
            scene.broker.asked().into_iter().filter(|asked| asked.key == 1 && asked.correlation == i32::MIN);
        let walks = walks.map(|asked| asked.body::<kafka_protocol::messages::FetchRequest>());
        let walks: Vec<_> = walks.filter(|asked| asked.isolation_level == 0).collect();
        assert!((3..=6).contains(&walks.len()), "{} steps", walks.len());
        let from = walks.iter().map(|asked| asked.topics[0].partitions[0].fetch_offset);
        assert!(from.is_sorted(), "nothing is looked at twice");
    }
}

#[tokio::test]
async fn what_lies_between_the_tier_and_the_log_is_waited_for() {
    // The broker's log begins behind the tier's end: an abort between the two is in no list any more.
    let scene = Scene::with(log(), 800, 805, |_, _| {}).await;
    assert_eq!(read(&scene, 13, 100).await.0, 400);
    let seams =
        scene.broker.asked().into_iter().filter(|asked| asked.key == 1 && asked.correlation == i32::MIN);
    for asked in seams.map(|asked| asked.body::<kafka_protocol::messages::FetchRequest>()) {
        assert_eq!(asked.topics[0].partitions[0].fetch_offset, 800, "nothing is asked behind the tier's end");
    }
}

#[tokio::test]
async fn a_reader_stops_before_what_nobody_has_decided_and_goes_on_once_somebody_has() {
    let scene = Scene::with(log(), 800, 700, |_, _| {}).await;
    scene.brokers.stable.store(600, Ordering::SeqCst);
    scene.brokers.end.store(810, Ordering::SeqCst);
    assert_eq!(read(&scene, 13, 100).await.0, 400, "the broker gives no list below its last stable offset");
    scene.brokers.stable.store(i64::MAX, Ordering::SeqCst);
    scene.brokers.end.store(scene.log.end(), Ordering::SeqCst);
    assert_eq!(read(&scene, 13, 400).await, (scene.log.end(), Vec::new()), "both were committed");
}

#[tokio::test]
async fn readers_of_all_records_are_not_held_up_and_ask_nothing() {
    let scene = Scene::with(log(), 800, 700, |_, _| {}).await;
    scene.brokers.stable.store(400, Ordering::SeqCst);
    let mut client = scene.proxy.client().await;
    let entry = super::filling::fetch_on(&mut client, 13, 400).await;
    assert!(!records(&entry).is_empty());
    let asked = scene.broker.asked();
    let is_seam = |asked: &super::broker::Asked| asked.key == 1 && asked.correlation == i32::MIN;
    assert!(!asked.iter().any(is_seam));
}

#[tokio::test]
async fn a_time_is_found_in_what_was_open_when_it_went_up_and_has_ended_since() {
    let scene = Scene::with(log(), 800, 700, |_, _| {}).await;
    let mut client = scene.proxy.client().await;
    let asked = ListOffsetsPartition::default().with_partition_index(0).with_timestamp(1_000_500);
    let topic = ListOffsetsTopic::default().with_name(text("orders").into()).with_partitions(vec![asked]);
    let request = ListOffsetsRequest::default().with_replica_id((-1).into()).with_isolation_level(1);
    let told = client.ask(7, &request.with_topics(vec![topic])).await;
    assert_eq!(
        told.topics[0].partitions[0].offset, 500,
        "the broker tells a later one, below its last stable offset"
    );
}
