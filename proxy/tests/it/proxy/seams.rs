//! Readers of committed records where transactions are open at the tier's end.

use std::sync::atomic::Ordering;

use kafka_protocol::messages::fetch_response::PartitionData;

use super::broker::Client;
use super::filling::{records, request};
use super::scene::Scene;
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
    assert!(scene.keys().iter().all(|key| *key == 1 || *key == 3));
}
