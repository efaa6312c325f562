//! Connections: kept, bounded, given up, against brokers that misbehave.

mod fake;

use std::sync::Arc;
use std::time::Duration;

use firnline_index::NodeId;
use firnline_store::env::SeededRandom;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::*;
use crate::error::ConnectError;
use crate::wire::{Api, ProtocolError};
use fake::{Fake, Manner};

fn settings(fakes: &[Arc<Fake>]) -> ClientSettings {
    let mut settings = ClientSettings::new(vec![fakes[0].address.clone()]);
    settings.request_timeout = Duration::from_secs(1);
    settings.connect_timeout = Duration::from_secs(5);
    settings
}

fn client(settings: ClientSettings) -> Client {
    Client::new(settings, Arc::new(SeededRandom::new(1))).unwrap()
}

fn node(id: i32) -> NodeId {
    NodeId::new(id).unwrap()
}

async fn groups(client: &Client, id: i32) -> Result<(), RequestError> {
    client.lease(node(id)).await?.groups().await.map(drop)
}

#[tokio::test]
async fn one_connection_serves_all_requests_to_a_broker() {
    let mut tasks = JoinSet::new();
    let fakes = Fake::start(1, 12, &mut tasks).await;
    let client = client(settings(&fakes));
    let asked = (0..50).map(|_| groups(&client, 0));
    for answer in futures::future::join_all(asked).await {
        answer.unwrap();
    }
    assert_eq!(fakes[0].accepted(), 1);
    assert_eq!(client.counts().of(Api::ListGroups).requests, 50);
    assert!(client.counts().of(Api::ListGroups).received_bytes > 0);
}

#[tokio::test]
async fn a_misbehaving_broker_costs_its_connection_and_nothing_else() {
    let mut tasks = JoinSet::new();
    let fakes = Fake::start(1, 12, &mut tasks).await;
    let client = client(settings(&fakes));
    let mut connections = 0;
    for manner in [
        Manner::AnswersAnother,
        Manner::ClaimsTooMuch,
        Manner::AnswersGarbage,
        Manner::EndsInMidFrame,
        Manner::Hangs,
        Manner::Closes,
    ] {
        // A lease of its own connection, so that nothing is retried as stale.
        fakes[0].behave(Manner::Answers);
        let mut lease = client.lease(node(0)).await.unwrap();
        lease.groups().await.unwrap();
        fakes[0].behave(manner);
        let error = lease.groups().await.unwrap_err();
        match (manner, &error) {
            (
                Manner::AnswersAnother,
                RequestError::Protocol { source: ProtocolError::Correlation { .. }, .. },
            )
            | (Manner::ClaimsTooMuch, RequestError::Protocol { source: ProtocolError::Length { .. }, .. })
            | (Manner::AnswersGarbage, RequestError::Protocol { source: ProtocolError::Count { .. }, .. })
            | (Manner::EndsInMidFrame | Manner::Closes, RequestError::Broken { .. })
            | (Manner::Hangs, RequestError::TimedOut { .. }) => {}
            other => panic!("{other:?}"),
        }
        // The lease is over, and says so.
        assert!(matches!(lease.groups().await, Err(RequestError::Broken { .. })), "{manner:?}");
        drop(lease);
        connections += 1;
        assert_eq!(fakes[0].accepted(), connections, "{manner:?}");
    }
    fakes[0].behave(Manner::Answers);
    groups(&client, 0).await.unwrap();
}

#[tokio::test]
async fn a_request_on_a_connection_that_had_idled_is_asked_once_more() {
    let mut tasks = JoinSet::new();
    let fakes = Fake::start(1, 12, &mut tasks).await;
    let client = client(settings(&fakes));
    groups(&client, 0).await.unwrap();
    fakes[0].behave(Manner::Closes);
    let error = groups(&client, 0).await.unwrap_err();
    assert!(matches!(error, RequestError::Broken { .. }), "closed twice: {error:?}");
    assert_eq!(client.counts().of(Api::ListGroups).requests, 3, "once more, and only once");
}

#[tokio::test]
async fn a_dropped_request_leaves_no_half_frame_to_the_next() {
    let mut tasks = JoinSet::new();
    let fakes = Fake::start(1, 12, &mut tasks).await;
    let client = client(settings(&fakes));
    groups(&client, 0).await.unwrap();
    fakes[0].behave(Manner::Hangs);
    timeout(Duration::from_millis(50), groups(&client, 0)).await.expect_err("it hangs");
    fakes[0].behave(Manner::Answers);
    groups(&client, 0).await.unwrap();
    assert_eq!(fakes[0].accepted(), 2);
}

#[tokio::test]
async fn a_broker_that_cannot_be_reached_is_left_alone_for_a_while() {
    let mut tasks = JoinSet::new();
    let fakes = Fake::start(1, 11, &mut tasks).await;
    let mut settings = settings(&fakes);
    settings.max_backoff = Duration::from_millis(200);
    let client = client(settings);
    let error = client.refresh().await.unwrap_err();
    let words = "the broker speaks versions 0 to 11 of Metadata, this client 12; brokers from 3.3 to 4.4 are supported";
    let Some(ConnectError::Protocol { source, .. }) = error.connect_error() else { panic!("{error:?}") };
    assert_eq!(source.to_string(), words);
    for _ in 0..100 {
        client.refresh().await.unwrap_err();
    }
    assert_eq!(fakes[0].accepted(), 1, "the first failure answers meanwhile");
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(2) {
        client.refresh().await.unwrap_err();
        sleep(Duration::from_millis(5)).await;
    }
    // Waits of 50 to 100 ms, then 100 to 200 ms each.
    let attempts = fakes[0].accepted();
    assert!((8..=22).contains(&attempts), "{attempts}");
}

#[tokio::test]
async fn connections_are_bounded_by_closing_the_idlest() {
    let mut tasks = JoinSet::new();
    let fakes = Fake::start(3, 12, &mut tasks).await;
    let mut settings = settings(&fakes);
    settings.max_connections = 2;
    let client = client(settings);
    for _ in 0..3 {
        for id in 0..3 {
            groups(&client, id).await.unwrap();
        }
    }
    // Closing takes a moment to be seen at the other side.
    let mut open = usize::MAX;
    for _ in 0..100 {
        open = fakes.iter().map(|fake| fake.open()).sum();
        if open <= 2 {
            break;
        }
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(open, 2);
    // Both in use: a third waits, and is told so when the time is over.
    let held = [client.lease(node(0)).await.unwrap(), client.lease(node(1)).await.unwrap()];
    let error = client.lease(node(2)).await.unwrap_err();
    assert!(matches!(error, RequestError::Busy { .. }), "{error:?}");
    drop(held);
    groups(&client, 2).await.unwrap();
}

#[tokio::test]
async fn another_broker_answers_where_one_hangs() {
    let mut tasks = JoinSet::new();
    let fakes = Fake::start(2, 12, &mut tasks).await;
    let client = client(settings(&fakes));
    client.refresh().await.unwrap();
    assert_eq!(client.brokers().len(), 2);
    // The first is gone: its port answers no more, and neither does its connection.
    fakes[0].behave(Manner::Hangs);
    let question = crate::requests::groups::ListGroups;
    client.ask_any(&question).await.unwrap();
    let all = client.ask_several(&question, 2).await.unwrap();
    assert_eq!(all.len(), 1, "who answered");
    assert!(matches!(client.lease(node(9)).await, Err(RequestError::NoSuchNode { .. })));
}
