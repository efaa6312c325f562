//! Fetch.

use std::time::Duration;

use firnline_index::batch::Compression;
use firnline_store::RequestKind;
use firnline_store::sim::{Rule, SimFault, When};
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::PartitionData;
use kafka_protocol::messages::{FetchRequest, FetchResponse};
use tokio::time::Instant;
use uuid::Uuid;

use super::client::{Client, anonymous_reads, name, settings};
use super::log::Log;
use super::tier::{World, tip, topic_id};

/// A fetch that waits for nothing.
pub(super) fn fetch(max_bytes: i32) -> FetchRequest {
    FetchRequest::default().with_max_wait_ms(0).with_min_bytes(1).with_max_bytes(max_bytes)
}

/// Partitions of a topic, each with the offset to begin at and the most bytes.
pub(super) fn wanted(topic: &str, id: u8, partitions: &[(i32, i64, i32)]) -> FetchTopic {
    let partition = |(partition, offset, bytes): &(i32, i64, i32)| {
        FetchPartition::default()
            .with_partition(*partition)
            .with_fetch_offset(*offset)
            .with_partition_max_bytes(*bytes)
    };
    FetchTopic::default()
        .with_topic(name(topic))
        .with_topic_id(Uuid::from_bytes(*topic_id(id).as_bytes()))
        .with_partitions(partitions.iter().map(partition).collect())
}

/// The only partition of an answer.
fn only(response: &FetchResponse) -> &PartitionData {
    assert_eq!(response.error_code, 0);
    let [topic] = &response.responses[..] else { panic!("{} topics", response.responses.len()) };
    let [partition] = &topic.partitions[..] else { panic!("{} partitions", topic.partitions.len()) };
    partition
}

pub(super) fn records(partition: &PartitionData) -> &[u8] {
    partition.records.as_deref().expect("records, or none of them, but never an absence")
}

async fn one(client: &mut Client, version: i16, offset: i64, bytes: i32) -> PartitionData {
    let request = fetch(1 << 20).with_topics(vec![wanted("orders", 7, &[(0, offset, bytes)])]);
    only(&client.ask(version, &request).await).clone()
}

fn committed(offset: i64) -> FetchRequest {
    fetch(1 << 20).with_isolation_level(1).with_topics(vec![wanted("orders", 7, &[(0, offset, 1 << 20)])])
}

/// One that is refused has no bounds and no bytes, as a broker answers it.
fn assert_refused(partition: &PartitionData, code: i16) {
    assert_eq!(partition.error_code, code);
    let bounds = [partition.high_watermark, partition.last_stable_offset, partition.log_start_offset];
    assert_eq!(bounds, [-1; 3]);
    assert!(records(partition).is_empty());
}

fn orders() -> Log {
    let mut log = Log::from(100);
    for _ in 0..30 {
        log.data(10, 100);
    }
    log
}

fn world(log: &Log) -> World {
    let world = World::new();
    world.topic("orders", 7, 1);
    world.put(tip("orders", 7, 0), log, &[150, 260]);
    world
}

#[tokio::test]
async fn every_version_gives_the_bytes_of_the_log_from_any_offset_to_its_end() {
    let log = orders();
    let world = world(&log);
    let running = world.serve().await;
    let mut client = running.client().await;
    for version in 4..=18 {
        for start in [100, 104, 149, 150, 155, 399] {
            let (mut at, mut all) = (start, Vec::new());
            while at < log.end() {
                let partition = one(&mut client, version, at, 3000).await;
                assert_eq!(partition.error_code, 0);
                assert_eq!(partition.high_watermark, log.end());
                assert_eq!(partition.last_stable_offset, log.end());
                assert_eq!(partition.log_start_offset, if version < 5 { -1 } else { 100 });
                assert_eq!(partition.preferred_read_replica.0, -1);
                let bytes = records(&partition);
                assert!(!bytes.is_empty() && bytes.len() <= 3000, "{} bytes", bytes.len());
                all.extend_from_slice(bytes);
                at = log
                    .batches
                    .iter()
                    .find(|batch| all.len() + log.bytes_from(batch.base).len() == log.bytes_from(start).len())
                    .map_or(log.end(), |batch| batch.base);
            }
            assert_eq!(all, log.bytes_from(start), "version {version} from {start}");
        }
    }
}

#[tokio::test]
async fn topics_go_by_name_up_to_version_12_and_by_id_from_there() {
    let log = orders();
    let world = world(&log);
    let running = world.serve().await;
    let mut client = running.client().await;
    let by_name = fetch(1 << 20).with_topics(vec![wanted("orders", 99, &[(0, 100, 1 << 20)])]);
    assert_eq!(only(&client.ask(12, &by_name).await).error_code, 0);
    assert_refused(only(&client.ask(13, &by_name).await), 100);
    let by_id = fetch(1 << 20).with_topics(vec![wanted("", 7, &[(0, 100, 1 << 20)])]);
    assert_eq!(only(&client.ask(13, &by_id).await).error_code, 0);
    let other = fetch(1 << 20).with_topics(vec![wanted("others", 7, &[(0, 100, 1 << 20)])]);
    assert_refused(only(&client.ask(12, &other).await), 3);
    let beyond = fetch(1 << 20).with_topics(vec![wanted("orders", 7, &[(1, 100, 1 << 20)])]);
    assert_refused(only(&client.ask(12, &beyond).await), 3);
    assert_refused(only(&client.ask(13, &beyond).await), 3);
}

#[tokio::test]
async fn only_the_first_batch_of_an_answer_may_exceed_its_limits() {
    let world = World::new();
    world.topic("orders", 7, 3);
    let mut log = Log::from(0);
    log.data(10, 500).data(10, 500).data(10, 500);
    for partition in 0..3 {
        world.put(tip("orders", 7, partition), &log, &[]);
    }
    let running = world.serve().await;
    let mut client = running.client().await;
    let batch = log.batches[0].bytes.len();

    // Each partition may have less than a batch.
    let all = |bytes| vec![wanted("orders", 7, &[(0, 0, bytes), (1, 0, bytes), (2, 0, bytes)])];
    let lengths = |response: &FetchResponse| {
        let partitions = response.responses.iter().flat_map(|topic| &topic.partitions);
        let lengths = partitions.map(|partition| {
            assert_eq!((partition.error_code, partition.high_watermark), (0, log.end()));
            records(partition).len()
        });
        lengths.collect::<Vec<_>>()
    };
    let response = client.ask(12, &fetch(1 << 20).with_topics(all(10))).await;
    assert_eq!(lengths(&response), [batch, 0, 0]);

    // The answer may have less than a batch, or just one.
    for max in [1, i32::try_from(batch).unwrap()] {
        let response = client.ask(12, &fetch(max).with_topics(all(1 << 20))).await;
        assert_eq!(lengths(&response), [batch, 0, 0], "{max}");
    }

    // The first of those that have anything.
    let some = wanted("orders", 7, &[(0, log.end(), 10), (1, 20, 10), (2, 0, 10)]);
    let response = client.ask(12, &fetch(1 << 20).with_topics(vec![some])).await;
    assert_eq!(lengths(&response), [0, batch, 0]);

    // Room for all.
    let response = client.ask(12, &fetch(1 << 20).with_topics(all(1 << 20))).await;
    assert_eq!(lengths(&response), [3 * batch; 3]);
}

#[tokio::test]
async fn an_answer_goes_on_over_the_borders_of_segments() {
    let log = orders();
    let world = world(&log);
    let running = world.serve().await;
    let mut client = running.client().await;
    // The last of a segment, and more than a segment ahead.
    let partition = one(&mut client, 12, 140, 5000).await;
    let all = log.bytes_from(140);
    let bytes = records(&partition);
    assert!(bytes.len() > log.batches[0].bytes.len(), "{} bytes", bytes.len());
    assert_eq!(bytes, &all[..bytes.len()]);
}

#[tokio::test]
async fn who_reads_committed_records_is_told_what_was_aborted_and_gets_nothing_undecided() {
    let mut log = Log::from(0);
    log.in_transaction(1, 5).in_transaction(2, 5).end_transaction(1, false);
    let cut = log.end();
    log.data(4, 50).end_transaction(2, false).in_transaction(3, 5).end_transaction(3, true);
    let open = log.end();
    log.in_transaction(4, 5).data(5, 50);
    let world = World::new();
    world.topic("orders", 7, 1);
    world.put(tip("orders", 7, 0), &log, &[cut]);
    let running = world.serve().await;
    let mut client = running.client().await;
    for version in [4, 11, 12, 17] {
        let response = client.ask(version, &committed(0)).await;
        let partition = only(&response);
        let aborted = partition.aborted_transactions.as_deref().expect("a list");
        let aborted: Vec<_> = aborted.iter().map(|one| (one.producer_id.0, one.first_offset)).collect();
        assert_eq!(aborted, [(1, 0), (2, 5)], "version {version}");
        let whole = log.bytes_from(0);
        assert_eq!(records(partition), &whole[..whole.len() - log.bytes_from(open).len()]);
        assert_eq!((partition.high_watermark, partition.last_stable_offset), (log.end(), open));

        // What was aborted before is not told again.
        let response = client.ask(version, &committed(17)).await;
        assert_eq!(only(&response).aborted_transactions.as_deref().map(<[_]>::len), Some(0));

        let response = client.ask(version, &committed(open)).await;
        assert_eq!(only(&response).error_code, 0);
        assert!(records(only(&response)).is_empty());
        assert_eq!(only(&response).last_stable_offset, open);

        // Who reads all is told of no transactions.
        let partition = one(&mut client, version, 0, 1 << 20).await;
        assert_eq!(partition.aborted_transactions, None);
        assert_eq!(records(&partition), log.bytes_from(0));
    }
}

#[tokio::test]
async fn an_offset_is_out_of_range_where_nothing_is_and_never_was() {
    let mut log = Log::from(100);
    log.data(10, 10).data(10, 10);
    let world = World::new();
    world.topic("orders", 7, 1);
    let mut part = world.part(tip("orders", 7, 0), 100);
    part.upload(&log, log.end());
    part.gap(200);
    let mut newer = Log::from(200);
    newer.data(10, 10);
    part.upload(&newer, newer.end());
    part.commit();
    let running = world.serve().await;
    let mut client = running.client().await;
    for offset in [-1, 0, 99, 120, 199, 211, i64::MAX, i64::MIN] {
        assert_refused(&one(&mut client, 12, offset, 1000).await, 1);
    }
    // Older spans are reached by whoever asks for them; the newest is told as the log.
    let partition = one(&mut client, 12, 105, 1000).await;
    assert_eq!((partition.error_code, partition.log_start_offset), (0, 200));
    assert_eq!(records(&partition), log.bytes_from(100));
    let partition = one(&mut client, 12, 210, 1000).await;
    assert_eq!((partition.error_code, records(&partition).len()), (0, 0));
}

#[tokio::test]
async fn a_log_that_has_grown_meanwhile_is_looked_at_again_before_an_offset_is_out_of_range() {
    let log = orders();
    let world = World::new();
    world.topic("orders", 7, 1);
    let mut part = world.part(tip("orders", 7, 0), 100);
    part.upload(&log, 200);
    part.commit();
    let running = world.serve().await;
    let mut client = running.client().await;
    assert_eq!(one(&mut client, 12, 200, 1000).await.high_watermark, 200);
    // Another server has served what was offloaded since.
    part.upload(&log, 300);
    part.commit();
    let partition = one(&mut client, 12, 250, 1 << 20).await;
    assert_eq!((partition.error_code, partition.high_watermark), (0, 300));
    let (all, rest) = (log.bytes_from(250), log.bytes_from(300));
    assert_eq!(records(&partition), &all[..all.len() - rest.len()]);
}

#[tokio::test]
async fn what_cannot_be_read_is_never_out_of_range_and_hides_nothing() {
    let log = orders();
    let world = world(&log);
    let running = world.serve().await;
    let mut client = running.client().await;
    world
        .sim
        .rule(Rule::new(SimFault::Denied, When::Always).on(&[RequestKind::Get]).key_contains("manifest"));
    for (version, code) in [(4, 6), (5, 6), (6, 56), (12, 56), (17, 56)] {
        for offset in [0, 100, 399, 1000] {
            assert_refused(&one(&mut client, version, offset, 1000).await, code);
        }
    }
    world.sim.heal();
    assert_eq!(records(&one(&mut client, 12, 100, 1 << 20).await), log.bytes_from(100));
}

#[tokio::test]
async fn a_store_that_hangs_is_answered_for_in_time_and_with_no_numbers() {
    let log = orders();
    let world = world(&log);
    let running = world.serve().await;
    let mut client = running.client().await;
    world.sim.rule(Rule::new(SimFault::Hang, When::Always).on(&[RequestKind::Get]));
    let began = Instant::now();
    let partition = one(&mut client, 12, 100, 1000).await;
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert_eq!(partition.error_code, 0);
    assert_eq!([partition.high_watermark, partition.last_stable_offset, partition.log_start_offset], [-1; 3]);
    assert!(records(&partition).is_empty());
}

#[tokio::test]
async fn a_damaged_block_is_an_error_and_not_a_byte_of_it_goes_out() {
    let log = orders();
    let world = world(&log);
    let key = world.sim.keys().into_iter().find(|key| key.contains(&format!("{:020}", 100))).unwrap();
    let mut bytes = world.sim.peek(&key).unwrap().to_vec();
    bytes[200] ^= 1;
    world.sim.plant(&key, bytes);
    let running = world.serve().await;
    let mut client = running.client().await;
    assert_refused(&one(&mut client, 12, 100, 1 << 20).await, 56);
    assert_eq!(one(&mut client, 12, 150, 1 << 20).await.error_code, 0);
}

#[tokio::test]
async fn a_partition_of_which_nothing_was_offloaded_is_an_empty_log() {
    let world = World::new();
    world.topic("orders", 7, 1);
    let running = world.serve().await;
    let mut client = running.client().await;
    for _ in 0..5 {
        let partition = one(&mut client, 12, 0, 1000).await;
        assert_eq!((partition.error_code, partition.high_watermark, partition.log_start_offset), (0, 0, 0));
    }
    assert_eq!(running.store.counters().of(RequestKind::Get), 1, "that it is not there is remembered");
    assert_refused(&one(&mut client, 12, 1, 1000).await, 1);
}

#[tokio::test]
async fn a_fetch_with_too_little_is_held_as_long_as_its_client_waits() {
    let log = orders();
    let world = world(&log);
    let running = world.serve().await;
    let mut client = running.client().await;
    let at = |offset, min, wait| {
        fetch(1 << 20).with_min_bytes(min).with_max_wait_ms(wait).with_topics(vec![wanted(
            "orders",
            7,
            &[(0, offset, 1 << 20)],
        )])
    };
    for (request, held) in [
        (at(log.end(), 1, 300), true),
        (at(390, 1 << 20, 300), true),
        (at(390, 1, 300), false),
        (at(log.end(), 0, 300), false),
        // What is wrong is told at once.
        (at(1000, 1, 300), false),
    ] {
        let began = Instant::now();
        client.ask(12, &request).await;
        let took = began.elapsed();
        assert_eq!(took >= Duration::from_millis(295), held, "{took:?}");
    }
}

#[tokio::test]
async fn who_is_too_old_for_a_codec_is_told_so() {
    let world = World::new();
    world.topic("orders", 7, 1);
    let mut log = Log::from(0);
    log.data(10, 50).codec(Compression::Zstd).data(10, 50);
    world.put(tip("orders", 7, 0), &log, &[10]);
    let running = world.serve().await;
    let mut client = running.client().await;
    for version in [4, 7, 9] {
        assert_refused(&one(&mut client, version, 0, 1 << 20).await, 76);
        assert_refused(&one(&mut client, version, 10, 1 << 20).await, 76);
        // Alone, what comes before can be read.
        let plain = log.batches[0].bytes.len();
        let partition = one(&mut client, version, 0, i32::try_from(plain).unwrap()).await;
        assert_eq!(records(&partition), &log.bytes_from(0)[..plain]);
    }
    assert_eq!(records(&one(&mut client, 10, 0, 1 << 20).await), log.bytes_from(0));
}

#[tokio::test]
async fn a_replica_is_fed_by_nobody() {
    let log = orders();
    let world = world(&log);
    let running = world.serve().await;
    let mut client = running.client().await;
    let topics = || vec![wanted("orders", 7, &[(0, 100, 1000)])];
    let old = fetch(1000).with_replica_id(3.into()).with_topics(topics());
    assert_refused(only(&client.ask(12, &old).await), 29);
    let state = kafka_protocol::messages::fetch_request::ReplicaState::default().with_replica_id(3.into());
    let new = fetch(1000).with_replica_state(state).with_topics(topics());
    assert_refused(only(&client.ask(17, &new).await), 29);
}

#[tokio::test]
async fn not_a_byte_without_a_right_and_none_after_it_was_taken() {
    let log = orders();
    let world = world(&log);
    world.topic("secrets", 8, 1);
    world.put(tip("secrets", 8, 0), &log, &[]);
    let running = world.serve_with(anonymous_reads("orders"), settings()).await;
    let mut client = running.client().await;
    let secrets = fetch(1 << 20).with_topics(vec![wanted("secrets", 8, &[(0, 100, 1 << 20)])]);
    // By name as if the right were missing, by id as if there were none: unknown topics are answered alike.
    assert_refused(only(&client.ask(12, &secrets).await), 29);
    assert_refused(only(&client.ask(13, &secrets).await), 100);
    let unknown = fetch(1 << 20).with_topics(vec![wanted("nothing", 9, &[(0, 100, 1 << 20)])]);
    assert_refused(only(&client.ask(12, &unknown).await), 29);
    assert_refused(only(&client.ask(13, &unknown).await), 100);
    assert_eq!(one(&mut client, 12, 100, 1 << 20).await.error_code, 0);
    running.rights.send_replace(std::sync::Arc::new(anonymous_reads("secrets")));
    assert_refused(&one(&mut client, 12, 100, 1 << 20).await, 29);
    assert_eq!(records(only(&client.ask(12, &secrets).await)), log.bytes_from(100));
}
