//! Fetch sessions: what is named once, and what is told again.

use std::sync::Arc;
use std::time::Duration;

use firnline_index::TopicName;
use kafka_protocol::messages::fetch_request::ForgottenTopic;
use kafka_protocol::messages::{FetchRequest, FetchResponse};
use tokio::time::Instant;
use uuid::Uuid;

use super::client::{Client, anonymous_reads, name, settings};
use super::log::Log;
use super::reading::{fetch, records, wanted};
use super::tier::{World, tip, topic_id};

const ALL: i32 = 1 << 20;

/// Three partitions with a batch of ten records each.
fn world() -> (World, Log) {
    let world = World::new();
    world.topic("orders", 7, 3);
    let mut log = Log::from(0);
    log.data(10, 50);
    for partition in 0..3 {
        world.put(tip("orders", 7, partition), &log, &[]);
    }
    (world, log)
}

fn turn(id: i32, epoch: i32) -> FetchRequest {
    fetch(ALL).with_session_id(id).with_session_epoch(epoch)
}

/// Partition, error and bytes of all that is told, in its order.
fn told(response: &FetchResponse) -> Vec<(i32, i16, usize)> {
    assert_eq!(response.error_code, 0);
    let partitions = response.responses.iter().flat_map(|topic| &topic.partitions);
    partitions.map(|told| (told.partition_index, told.error_code, records(told).len())).collect()
}

/// A session over all three partitions from an offset on.
async fn begun(client: &mut Client, version: i16, offset: i64) -> i32 {
    let all = wanted("orders", 7, &[(0, offset, ALL), (1, offset, ALL), (2, offset, ALL)]);
    let response = client.ask(version, &turn(0, 0).with_topics(vec![all])).await;
    assert_eq!(told(&response).len(), 3, "a full answer names all");
    assert!(response.session_id > 0);
    response.session_id
}

#[tokio::test]
async fn what_has_not_changed_is_named_by_nobody() {
    let (world, log) = world();
    let batch = log.batches[0].bytes.len();
    let running = world.serve().await;
    let mut client = running.client().await;
    for version in [7, 11, 12, 13, 17] {
        let id = begun(&mut client, version, 10).await;
        let response = client.ask(version, &turn(id, 1)).await;
        assert_eq!((response.session_id, told(&response)), (id, vec![]));
        // Its records are read from where the client says, as long as it says nothing else.
        let from_start = wanted("orders", 7, &[(1, 0, ALL)]);
        let response = client.ask(version, &turn(id, 2).with_topics(vec![from_start])).await;
        assert_eq!(told(&response), [(1, 0, batch)]);
        let response = client.ask(version, &turn(id, 3)).await;
        assert_eq!(told(&response), [(1, 0, batch)]);
        let at_end = wanted("orders", 7, &[(1, 10, ALL)]);
        let response = client.ask(version, &turn(id, 4).with_topics(vec![at_end])).await;
        assert_eq!((response.session_id, told(&response)), (id, vec![]));
    }
}

#[tokio::test]
async fn an_error_is_told_each_time_and_what_follows_it_once() {
    let (world, _) = world();
    let running = world.serve().await;
    let mut client = running.client().await;
    let id = begun(&mut client, 12, 10).await;
    let beyond = wanted("orders", 7, &[(2, 99, ALL)]);
    let response = client.ask(12, &turn(id, 1).with_topics(vec![beyond])).await;
    assert_eq!(told(&response), [(2, 1, 0)]);
    assert_eq!(told(&client.ask(12, &turn(id, 2)).await), [(2, 1, 0)]);
    let at_end = wanted("orders", 7, &[(2, 10, ALL)]);
    let response = client.ask(12, &turn(id, 3).with_topics(vec![at_end])).await;
    assert_eq!(told(&response), [(2, 0, 0)]);
    assert!(told(&client.ask(12, &turn(id, 4)).await).is_empty());
}

#[tokio::test]
async fn partitions_come_and_go_and_with_the_last_the_session() {
    let (world, log) = world();
    let batch = log.batches[0].bytes.len();
    let running = world.serve().await;
    let mut client = running.client().await;
    for version in [12, 13] {
        let response =
            client.ask(version, &turn(0, 0).with_topics(vec![wanted("orders", 7, &[(0, 10, ALL)])])).await;
        let id = response.session_id;
        let more = wanted("orders", 7, &[(2, 0, ALL)]);
        let response = client.ask(version, &turn(id, 1).with_topics(vec![more])).await;
        assert_eq!(told(&response), [(2, 0, batch)]);
        let forgotten = |partitions: &[i32]| {
            ForgottenTopic::default()
                .with_topic(name("orders"))
                .with_topic_id(Uuid::from_bytes(*topic_id(7).as_bytes()))
                .with_partitions(partitions.to_vec())
        };
        let response =
            client.ask(version, &turn(id, 2).with_forgotten_topics_data(vec![forgotten(&[2])])).await;
        assert_eq!((response.session_id, told(&response)), (id, vec![]));
        let response =
            client.ask(version, &turn(id, 3).with_forgotten_topics_data(vec![forgotten(&[0, 1])])).await;
        assert_eq!((response.session_id, told(&response)), (0, vec![]));
        assert_eq!(client.ask(version, &turn(id, 4)).await.error_code, 70);
    }
}

#[tokio::test]
async fn who_is_out_of_step_begins_anew() {
    let (world, _) = world();
    let running = world.serve().await;
    let mut client = running.client().await;
    let id = begun(&mut client, 12, 10).await;
    for epoch in [2, 3, i32::MAX] {
        let response = client.ask(12, &turn(id, epoch)).await;
        assert_eq!((response.error_code, response.session_id, response.responses.len()), (71, 0, 0));
    }
    assert_eq!(client.ask(12, &turn(id, 1)).await.error_code, 0);
    assert_eq!(client.ask(12, &turn(id, 1)).await.error_code, 71, "an epoch is there once");
    assert_eq!(client.ask(13, &turn(id, 2)).await.error_code, 106, "names and ids do not mix");
    assert_eq!(client.ask(12, &turn(id, 2)).await.error_code, 0, "that has cost nothing");
    let unknown = if id == 5 { 6 } else { 5 };
    for none in [0, -1, unknown] {
        assert_eq!(client.ask(12, &turn(none, 1)).await.error_code, 70);
    }
    // Another connection of the same client goes on with it.
    let mut other = running.client().await;
    assert_eq!(other.ask(12, &turn(id, 3)).await.error_code, 0);
    // A full fetch gives it up.
    let all = || vec![wanted("orders", 7, &[(0, 10, ALL)])];
    let response = client.ask(12, &turn(id, -1).with_topics(all())).await;
    assert_eq!((response.session_id, told(&response).len()), (0, 1));
    assert_eq!(client.ask(12, &turn(id, 4)).await.error_code, 70);
}

#[tokio::test]
async fn a_right_taken_away_ends_a_session_s_reads_too() {
    let (world, log) = world();
    let running = world.serve().await;
    let mut client = running.client().await;
    let id = begun(&mut client, 12, 0).await;
    let batch = log.batches[0].bytes.len();
    assert_eq!(told(&client.ask(12, &turn(id, 1)).await), [(0, 0, batch), (1, 0, batch), (2, 0, batch)]);
    running.rights.send_replace(Arc::new(anonymous_reads("others")));
    assert_eq!(told(&client.ask(12, &turn(id, 2)).await), [(0, 29, 0), (1, 29, 0), (2, 29, 0)]);
    running.rights.send_replace(Arc::new(anonymous_reads(".*")));
    let told = told(&client.ask(12, &turn(id, 3)).await);
    assert!(told.iter().all(|told| (told.1, told.2) == (0, batch)), "{told:?}");
}

#[tokio::test]
async fn no_partition_starves_behind_the_limit_of_an_answer() {
    let (world, _) = world();
    let running = world.serve().await;
    let mut client = running.client().await;
    let id = begun(&mut client, 12, 0).await;
    let mut seen = Vec::new();
    for epoch in 1..=6 {
        // Room for one batch; and nobody goes on, so that all have records each time.
        let request = fetch(1).with_session_id(id).with_session_epoch(epoch);
        let told = told(&client.ask(12, &request).await);
        let with_records: Vec<_> = told.iter().filter(|told| told.2 > 0).map(|told| told.0).collect();
        assert_eq!(with_records.len(), 1, "{told:?}");
        seen.extend(with_records);
    }
    assert_eq!(seen[..3], seen[3..]);
    seen.sort_unstable();
    assert_eq!(seen, [0, 0, 1, 1, 2, 2]);
}

#[tokio::test]
async fn who_gets_no_session_is_answered_without() {
    let (world, _) = world();
    let mut few = settings();
    few.limits.sessions = 1;
    let running = world.serve_with(anonymous_reads(".*"), few).await;
    let mut client = running.client().await;
    let id = begun(&mut client, 12, 10).await;
    let all = || vec![wanted("orders", 7, &[(0, 10, ALL)])];
    let response = client.ask(12, &turn(0, 0).with_topics(all())).await;
    assert_eq!((response.session_id, told(&response).len()), (0, 1));
    // The one that there is stays, and its owner may begin another one in its place.
    assert_eq!(client.ask(12, &turn(id, 1)).await.error_code, 0);
    assert!(client.ask(12, &turn(id, 0).with_topics(all())).await.session_id > 0);
    assert_eq!(client.ask(12, &turn(id, 2)).await.error_code, 70);
}

#[tokio::test]
async fn a_session_that_grows_too_large_is_dropped() {
    let (world, _) = world();
    let mut few = settings();
    few.limits.session_partitions = 3;
    let running = world.serve_with(anonymous_reads(".*"), few).await;
    let mut client = running.client().await;
    let id = begun(&mut client, 12, 10).await;
    let more = wanted("orders", 7, &[(3, 0, ALL)]);
    assert_eq!(client.ask(12, &turn(id, 1).with_topics(vec![more])).await.error_code, 70);
    assert_eq!(client.ask(12, &turn(id, 2)).await.error_code, 70);
    let long = wanted(&"x".repeat(TopicName::MAX_LEN * 2), 7, &[(0, 0, ALL)]);
    let response = client.ask(12, &turn(0, 0).with_topics(vec![long])).await;
    assert_eq!((response.session_id, told(&response)), (0, vec![(0, 17, 0)]));
    begun(&mut client, 12, 10).await;
}

#[tokio::test]
async fn a_session_without_news_is_held() {
    let (world, _) = world();
    let running = world.serve().await;
    let mut client = running.client().await;
    let id = begun(&mut client, 12, 10).await;
    let began = Instant::now();
    let response = client.ask(12, &turn(id, 1).with_max_wait_ms(300)).await;
    assert!(began.elapsed() >= Duration::from_millis(295), "{:?}", began.elapsed());
    assert!(told(&response).is_empty());
}
