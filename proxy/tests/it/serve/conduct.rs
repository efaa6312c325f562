//! How connections begin, are limited and end.

use std::time::Duration;

use firnline_proxy::serve::{Anonymous, ByConnecting, Catalog, Rights, Security, ServeError, Served, Server};
use firnline_reader::{Reader, ReaderSettings};
use kafka_protocol::messages::{ApiVersionsRequest, FetchRequest};
use tokio::sync::watch;
use tokio::time::Instant;

use super::client::{anonymous_reads, settings};
use super::log::Log;
use super::reading::{fetch, wanted};
use super::tier::{World, cluster, tip};

#[tokio::test]
async fn a_server_without_a_login_is_open_to_its_own_machine_alone() {
    let world = World::new();
    for (listen, anonymous, wrong) in [
        ("127.0.0.1:0", Anonymous::Nobody, Some("closed")),
        ("127.0.0.1:0", Anonymous::Loopback, None),
        ("0.0.0.0:0", Anonymous::Loopback, Some("open")),
        ("192.0.2.1:0", Anonymous::Loopback, Some("open")),
        ("[::]:0", Anonymous::Loopback, Some("open")),
        ("127.0.0.1:0", Anonymous::Anybody, None),
        ("0.0.0.0:0", Anonymous::Anybody, Some("nowhere")),
    ] {
        let mut settings = settings();
        settings.listen = listen.parse().unwrap();
        settings.anonymous = anonymous;
        let catalog = Catalog::load(world.store(), world.env.clock.clone()).await.unwrap();
        let served = Served {
            cluster_id: cluster(),
            catalog: catalog.into(),
            reader: Reader::new(world.store(), ReaderSettings::default()),
            disks: None,
            max_manifest_age: Duration::from_secs(30),
            rights: watch::channel(Rights::default().into()).1,
            security: Security::default(),
            store: world.store(),
            clock: world.env.clock.clone(),
            random: world.env.random.clone(),
            reach: std::sync::Arc::new(ByConnecting),
        };
        let said = match Server::bind(settings, served).await {
            Ok(server) => {
                assert!(server.address().ip().is_loopback());
                None
            }
            Err(ServeError::Open { .. }) => Some("open"),
            Err(ServeError::Closed) => Some("closed"),
            Err(ServeError::Nowhere { .. }) => Some("nowhere"),
            Err(error) => panic!("{error}"),
        };
        assert_eq!(said, wrong, "{listen} {anonymous:?}");
    }
}

#[tokio::test]
async fn requests_sent_ahead_are_answered_in_their_order() {
    let world = World::new();
    let running = world.serve().await;
    let mut client = running.client().await;
    let mut frames = Vec::new();
    for correlation in 0..50_i32 {
        let api = if correlation % 2 == 0 { 18_i16 } else { 60 };
        let body: &[u8] = if api == 18 { &[] } else { &[0, 0, 0] };
        let frame =
            [&api.to_be_bytes()[..], &[0, 0], &correlation.to_be_bytes(), &[0xff, 0xff], body].concat();
        frames.extend_from_slice(&i32::try_from(frame.len()).unwrap().to_be_bytes());
        frames.extend_from_slice(&frame);
    }
    client.send_bytes(&frames).await;
    for correlation in 0..50_i32 {
        let answer = client.frame().await.expect("an answer");
        assert_eq!(answer[..4], correlation.to_be_bytes());
    }
}

#[tokio::test]
async fn a_request_in_any_pieces_is_one_request() {
    let world = World::new();
    let running = world.serve().await;
    let mut client = running.client().await;
    for byte in [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 9, 0xff, 0xff] {
        client.send_bytes(&[byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(client.frame().await.expect("an answer")[..4], [0, 0, 0, 9]);
}

#[tokio::test]
async fn who_asks_nothing_or_never_ends_is_let_go() {
    let world = World::new();
    let mut settings = settings();
    settings.limits.idle = Duration::from_millis(100);
    settings.limits.arrival = Duration::from_millis(100);
    let running = world.serve_with(anonymous_reads(".*"), settings).await;
    let began = Instant::now();
    let mut idle = running.client().await;
    assert_eq!(idle.frame().await, None);
    let mut slow = running.client().await;
    slow.send_bytes(&[0, 0, 0, 10, 0]).await;
    assert_eq!(slow.frame().await, None);
    assert!(began.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn a_request_longer_than_is_taken_is_refused_by_its_length() {
    let world = World::new();
    let mut settings = settings();
    settings.limits.frame_bytes = 1000;
    let running = world.serve_with(anonymous_reads(".*"), settings).await;
    let mut client = running.client().await;
    client.send_bytes(&1001_i32.to_be_bytes()).await;
    assert_eq!(client.frame().await, None);
}

#[tokio::test]
async fn there_are_no_more_connections_than_there_may_be() {
    let world = World::new();
    let mut settings = settings();
    settings.limits.connections = 2;
    let running = world.serve_with(anonymous_reads(".*"), settings).await;
    let (mut one, mut two, mut three) =
        (running.client().await, running.client().await, running.client().await);
    assert_eq!(one.ask(0, &ApiVersionsRequest::default()).await.error_code, 0);
    assert_eq!(two.ask(0, &ApiVersionsRequest::default()).await.error_code, 0);
    three.send(0, &ApiVersionsRequest::default()).await;
    let waits = tokio::time::timeout(Duration::from_millis(200), three.frame()).await;
    assert!(waits.is_err(), "the third waits");
    drop(one);
    assert!(three.frame().await.is_some());
}

#[tokio::test]
async fn a_server_that_stops_answers_the_fetch_that_it_holds() {
    let mut log = Log::from(0);
    log.data(5, 10);
    let world = World::new();
    world.topic("orders", 7, 1);
    world.put(tip("orders", 7, 0), &log, &[]);
    let running = world.serve().await;
    let (mut client, _idle) = (running.client().await, running.client().await);
    let request =
        fetch(1000).with_max_wait_ms(20_000).with_topics(vec![wanted("orders", 7, &[(0, 5, 1000)])]);
    client.send(12, &request).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let began = Instant::now();
    running.stop().await;
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    let response = client.answer::<FetchRequest>(12).await;
    assert_eq!(response.responses[0].partitions[0].high_watermark, 5);
    assert_eq!(client.frame().await, None);
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_let_go() {
    let mut log = Log::from(0);
    for _ in 0..20 {
        log.data(1, 500_000);
    }
    let world = World::new();
    world.topic("orders", 7, 1);
    world.put(tip("orders", 7, 0), &log, &[]);
    let mut settings = settings();
    settings.limits.stall = Duration::from_millis(200);
    settings.limits.answers_bytes = 12 << 20;
    let running = world.serve_with(anonymous_reads(".*"), settings).await;
    let all = 10 << 20;
    let request = || fetch(all).with_topics(vec![wanted("orders", 7, &[(0, 0, all)])]);
    // Asks again and again, and reads not a byte: sooner or later no more fits between the two.
    let mut greedy = running.client().await;
    for _ in 0..10 {
        greedy.send(12, &request()).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    // Its memory is free again.
    let mut client = running.client().await;
    let response = client.ask(12, &request()).await;
    assert!(response.responses[0].partitions[0].records.as_ref().is_some_and(|records| !records.is_empty()));
}

#[tokio::test]
async fn who_waits_at_the_end_of_a_log_takes_no_memory_from_others() {
    let mut log = Log::from(0);
    log.data(5, 10);
    let world = World::new();
    world.topic("orders", 7, 1);
    world.put(tip("orders", 7, 0), &log, &[]);
    let mut settings = settings();
    // Room for one of them to be read, and for what is left of all.
    settings.limits.answers_bytes = 2 << 20;
    let running = world.serve_with(anonymous_reads(".*"), settings).await;
    let request =
        fetch(1 << 20).with_max_wait_ms(1000).with_topics(vec![wanted("orders", 7, &[(0, 5, 1 << 20)])]);
    let mut clients = Vec::new();
    let began = Instant::now();
    for _ in 0..20 {
        let mut client = running.client().await;
        client.send(12, &request).await;
        clients.push(client);
    }
    for client in &mut clients {
        assert_eq!(client.answer::<FetchRequest>(12).await.responses[0].partitions[0].error_code, 0);
    }
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}
