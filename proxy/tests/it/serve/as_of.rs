//! Logs as they stood, held against logs that really ended there.

use std::collections::BTreeMap;
use std::time::Duration;

use firnline_index::PartitionIndex;
use firnline_proxy::serve::{AsOf, ServeSettings};
use firnline_store::RequestKind;
use firnline_store::sim::{Rule, SimFault, When};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use kafka_protocol::messages::{ListOffsetsRequest, OffsetForLeaderEpochRequest};

use super::client::{Client, Running, anonymous_reads, name, settings};
use super::log::{Log, at, ms};
use super::reading::{fetch, wanted};
use super::tier::{World, tip, topic_id};

/// Where segments are cut.
const CUTS: [i64; 3] = [120, 135, 160];

fn as_of(as_of: AsOf) -> ServeSettings {
    ServeSettings { as_of: Some(as_of), ..settings() }
}

fn ends_at(end: i64) -> AsOf {
    let partition = PartitionIndex::new(0).unwrap();
    AsOf::Offsets(BTreeMap::from([((topic_id(7), partition), at(end))]))
}

/// Three transactions over the borders of segments: one that is committed, two that are aborted, one of them late.
fn log() -> Log {
    let mut log = Log::from(100);
    log.epoch(1).data(10, 50).in_transaction(1, 5).data(5, 30);
    log.in_transaction(2, 5).epoch(3).in_transaction(1, 5).data(5, 30);
    log.end_transaction(1, true).in_transaction(3, 4).data(5, 10).end_transaction(2, false);
    log.epoch(4).data(9, 30).in_transaction(3, 5).data(10, 30).end_transaction(3, false).data(5, 10);
    log
}

/// A tier with all of a log, or with what it held when it ended at `end`.
fn world(log: &Log, end: i64) -> World {
    let world = World::new();
    world.topic("orders", 7, 2);
    let mut part = world.part(tip("orders", 7, 0), 100);
    for cut in CUTS.into_iter().filter(|cut| *cut < end) {
        part.upload(log, cut);
    }
    if end > 100 {
        part.upload(log, end);
    }
    part.commit();
    world
}

/// All that clients can learn of the log.
async fn learned(client: &mut Client, offsets: &[i64]) -> Vec<String> {
    let mut learned = Vec::new();
    for offset in offsets {
        for (isolation, bytes) in [(0, 1 << 20), (1, 1 << 20), (0, 1), (1, 700)] {
            let request = fetch(1 << 20).with_isolation_level(isolation).with_topics(vec![wanted(
                "orders",
                7,
                &[(0, *offset, bytes)],
            )]);
            let response = client.ask(12, &request).await;
            learned.push(format!("{offset} {isolation} {bytes} {:?}", response.responses));
        }
    }
    for time in [-2, -1, -5, 1_000_000, 1_000_112, 1_000_131, 1_000_150, 1_000_170, 2_000_000] {
        for isolation in [0, 1] {
            let partition = ListOffsetsPartition::default().with_partition_index(0).with_timestamp(time);
            let topic =
                ListOffsetsTopic::default().with_name(name("orders")).with_partitions(vec![partition]);
            let request = ListOffsetsRequest::default()
                .with_replica_id((-1).into())
                .with_isolation_level(isolation)
                .with_topics(vec![topic]);
            learned.push(format!("{time} {isolation} {:?}", client.ask(9, &request).await.topics));
        }
    }
    for epoch in 0..6 {
        let partition = OffsetForLeaderPartition::default()
            .with_partition(0)
            .with_current_leader_epoch(-1)
            .with_leader_epoch(epoch);
        let topic =
            OffsetForLeaderTopic::default().with_topic(name("orders")).with_partitions(vec![partition]);
        let request =
            OffsetForLeaderEpochRequest::default().with_replica_id((-1).into()).with_topics(vec![topic]);
        learned.push(format!("{epoch} {:?}", client.ask(4, &request).await.topics));
    }
    learned
}

async fn serve(world: &World, settings: ServeSettings) -> (Running, Client) {
    let running = world.serve_with(anonymous_reads(".*"), settings).await;
    let client = running.client().await;
    (running, client)
}

#[tokio::test]
async fn a_log_as_it_stood_is_that_which_ended_there() {
    let log = log();
    let offsets: Vec<i64> = (99..log.end() + 3).collect();
    let whole = world(&log, log.end());
    let ends = log.batches.iter().map(|batch| batch.next).chain([100]);
    for end in ends {
        let then = world(&log, end);
        let (_then, mut then) = serve(&then, settings()).await;
        let (_now, mut now) = serve(&whole, as_of(ends_at(end))).await;
        let (then, now) = (learned(&mut then, &offsets).await, learned(&mut now, &offsets).await);
        for (then, now) in then.iter().zip(&now) {
            assert_eq!(now, then, "as of {end}");
        }
    }
}

#[tokio::test]
async fn an_end_within_a_batch_or_a_time_in_it_is_its_beginning() {
    let log = log();
    let whole = world(&log, log.end());
    for batch in &log.batches {
        let (end, within) = (batch.base, (batch.base + batch.next) / 2);
        let (_then, mut then) = serve(&world(&log, end), settings()).await;
        let wanted = learned(&mut then, &[100, end, end + 1]).await;
        let of_time = AsOf::Time(ms(1_000_000 + within));
        for of in [ends_at(within), of_time] {
            let (_now, mut now) = serve(&whole, as_of(of.clone())).await;
            assert_eq!(learned(&mut now, &[100, end, end + 1]).await, wanted, "{of:?}");
        }
    }
}

#[tokio::test]
async fn a_time_is_translated_once_and_what_is_not_named_is_empty() {
    let mut log = log();
    let world = World::new();
    world.topic("orders", 7, 2);
    let mut part = world.put(tip("orders", 7, 0), &log, &CUTS);
    world.put(tip("orders", 7, 1), &log, &CUTS);
    let end = log.end();
    let (running, mut client) = serve(&world, as_of(AsOf::Time(ms(9_000_000)))).await;
    let before = learned(&mut client, &[100, end - 1, end]).await;
    log.data(10, 40);
    part.upload(&log, log.end());
    part.commit();
    let (_fresh, mut fresh) = serve(&world, settings()).await;
    assert_ne!(learned(&mut fresh, &[100, end - 1, end]).await, before, "the tier has grown");
    let asked = running.store.counters();
    assert_eq!(learned(&mut client, &[100, end - 1, end, end + 1]).await[..12], before[..12]);
    // Asking beyond the end has the manifest read anew: that the log has grown changes nothing.
    assert!(running.store.counters().since(&asked).total() > 0);
    assert_eq!(learned(&mut client, &[100, end - 1, end]).await, before);

    let (_named, mut named) = serve(&world, as_of(ends_at(120))).await;
    let request = fetch(1 << 20).with_topics(vec![wanted("orders", 7, &[(1, 0, 1 << 20)])]);
    let response = named.ask(12, &request).await;
    let other = &response.responses[0].partitions[0];
    assert_eq!((other.error_code, other.high_watermark, other.log_start_offset), (0, 0, 0));
    assert!(other.records.as_ref().is_some_and(|records| records.is_empty()));
}

#[tokio::test]
async fn what_is_gone_by_now_is_told_as_gone() {
    let log = log();
    let world = World::new();
    world.topic("orders", 7, 2);
    let mut part = world.put(tip("orders", 7, 0), &log, &CUTS);
    part.start_at(135);
    part.commit();
    for (end, offset, error) in [(150, 110, 1), (150, 135, 0), (120, 110, 1), (120, 120, 0)] {
        let (_running, mut client) = serve(&world, as_of(ends_at(end))).await;
        let request = fetch(1 << 20).with_topics(vec![wanted("orders", 7, &[(0, offset, 1 << 20)])]);
        let response = client.ask(12, &request).await;
        assert_eq!(response.responses[0].partitions[0].error_code, error, "{offset} as of {end}");
    }
}

#[tokio::test]
async fn an_end_that_takes_long_to_find_is_found_in_several_answers() {
    let mut log = Log::from(100);
    log.in_transaction(1, 5);
    for _ in 0..400 {
        log.data(10, 4 << 10);
    }
    log.end_transaction(1, false);
    let world = World::new();
    world.topic("orders", 7, 1);
    world.put(tip("orders", 7, 0), &log, &[]);
    // Nothing that was read is there the next time.
    let running = world.serve_forgetful(as_of(ends_at(log.end() - 20)), 16 << 10).await;
    let slow = SimFault::Slow(Duration::from_millis(50));
    world.sim.rule(Rule::new(slow, When::Always).on(&[RequestKind::Get]));
    let mut client = running.client().await;
    let request = fetch(1 << 20).with_topics(vec![wanted("orders", 7, &[(0, 100, 1000)])]);
    let mut asked = 0;
    while super::reading::records(&client.ask(12, &request).await.responses[0].partitions[0]).is_empty() {
        asked += 1;
        assert!(asked < 20, "it is never found");
    }
    assert!(asked > 1, "it is found within one answer");
}
