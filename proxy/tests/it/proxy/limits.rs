//! How much anybody may take: connections, time to get in, bytes of the tier a second.

use std::time::Duration;

use firnline_proxy::proxy::{Proxy, ProxyLimits};
use kafka_protocol::messages::{
    ApiVersionsRequest, ApiVersionsResponse, JoinGroupRequest, MetadataRequest, MetadataResponse,
    ProduceRequest,
};
use tokio::time::{Instant, sleep};

use super::broker::{Broker, Running, settings};
use super::filling::{fetch, records};
use super::scene::{Scene, log};

async fn polite() -> Broker {
    Broker::start(|asked| match asked.key {
        18 => vec![asked.answer(&ApiVersionsResponse::default())],
        _ => vec![asked.answer(&MetadataResponse::default())],
    })
    .await
}

async fn asks(client: &mut super::broker::Client) {
    client.ask(4, &MetadataRequest::default()).await;
}

#[tokio::test]
async fn an_address_has_so_many_connections_and_no_more() {
    let broker = polite().await;
    let mut settings = settings(broker.port);
    settings.limits.connections_of_address = 2;
    let proxy = Running::start(settings).await;
    let (mut first, mut second) = (proxy.client().await, proxy.client().await);
    asks(&mut first).await;
    asks(&mut second).await;
    assert_eq!(proxy.client().await.frame().await, None, "one too many");
    asks(&mut first).await;
    drop(second);
    // Its place is free once the proxy has seen it go.
    for _ in 0..100 {
        let mut next = proxy.client().await;
        let asked = tokio::time::timeout(Duration::from_millis(200), next.frame()).await;
        if asked.is_err() {
            return asks(&mut next).await;
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("the place of a connection that has gone is not given to another");
}

#[tokio::test]
async fn who_does_not_get_in_is_let_go_and_who_has_stays() {
    let broker = polite().await;
    let mut settings = settings(broker.port);
    let entry = Duration::from_millis(400);
    settings.limits = ProxyLimits { entry, entering: 1, ..settings.limits };
    let proxy = Running::start(settings).await;
    let mut inside = proxy.client().await;
    asks(&mut inside).await;
    // Asking for versions is nothing that only clients do.
    let mut outside = proxy.client().await;
    outside.ask(3, &ApiVersionsRequest::default()).await;
    let began = Instant::now();
    // There is one place for those: who comes meanwhile waits for it, and has it then.
    let mut waiting = proxy.client().await;
    asks(&mut waiting).await;
    assert!(began.elapsed() >= entry / 2, "it did not wait");
    assert_eq!(outside.frame().await, None);
    asks(&mut inside).await;
}

#[tokio::test]
async fn who_asks_for_what_is_answered_late_or_never_stays() {
    let broker = Broker::start(|asked| match asked.key {
        0 | 11 => Vec::new(),
        _ => vec![asked.answer(&MetadataResponse::default())],
    })
    .await;
    let mut settings = settings(broker.port);
    settings.limits.entry = Duration::from_millis(300);
    let proxy = Running::start(settings).await;
    let (mut producer, mut member) = (proxy.client().await, proxy.client().await);
    producer.send(9, &ProduceRequest::default().with_acks(0)).await;
    member.send(5, &JoinGroupRequest::default()).await;
    sleep(Duration::from_millis(700)).await;
    assert!(tokio::time::timeout(Duration::from_millis(50), member.frame()).await.is_err(), "it was cut");
    producer.send(9, &ProduceRequest::default().with_acks(0)).await;
    asks(&mut producer).await;
}

#[tokio::test]
async fn a_client_reads_the_tier_as_fast_as_it_may_and_others_do_not_pay() {
    let scene =
        Scene::with(log(), 800, 700, |settings, _| settings.limits.cold_rate_of_client = Some(1)).await;
    let mut client = scene.proxy.client().await;
    // A second's worth is a MiB at least; all of this log is less than that, so it is read until it is used up.
    let mut bytes = 0;
    let used_up = loop {
        let entry = fetch(&mut client, 13, &[(0, 100)]).await.remove(0);
        assert_eq!(entry.error_code, 0, "who has read enough is never refused");
        match records(&entry).len() {
            0 if bytes > 0 => break true,
            read => bytes += read,
        }
        if bytes > 8 << 20 {
            break false;
        }
    };
    assert!(used_up, "{bytes} bytes were read without an end");
    assert!(bytes >= 1 << 20, "{bytes}");
    // What is hot is not counted.
    let entry = fetch(&mut client, 13, &[(0, 750)]).await.remove(0);
    assert_eq!(records(&entry), scene.log.bytes_from(750));
}

#[tokio::test]
async fn nodes_by_name_need_tls() {
    let broker = polite().await;
    let mut settings = settings(broker.port);
    settings.node_names = firnline_proxy::proxy::NodeNames::new("broker-{id}.example");
    let refused = Proxy::bind(settings, None).await.unwrap_err();
    assert_eq!(refused.code().code, "FIRN-P205");
}
