//! What passes, what is rewritten, and how a connection ends.

use std::time::Duration;

use bytes::Bytes;
use firnline_proxy::proxy::ProxyLimits;
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use kafka_protocol::messages::fetch_response::NodeEndpoint;
use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::metadata_response::MetadataResponseBroker;
use kafka_protocol::messages::{
    ApiVersionsRequest, ApiVersionsResponse, DescribeClusterRequest, DescribeClusterResponse, FetchRequest,
    FetchResponse, FindCoordinatorRequest, FindCoordinatorResponse, MetadataRequest, MetadataResponse,
    ProduceRequest, ProduceResponse, SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest,
    SaslHandshakeResponse, produce_response,
};
use kafka_protocol::protocol::StrBytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::broker::{Broker, Running, settings};

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

/// OffsetCommit, which nobody reads, of so many bytes.
fn opaque(correlation: i32, bytes: usize) -> Vec<u8> {
    let mut frame = vec![0, 8, 0, 2];
    frame.extend(correlation.to_be_bytes());
    frame.extend([0, 1, b'c']);
    let letters = (0..bytes).map(|at| u8::try_from(at % 251).unwrap());
    frame.extend(letters);
    frame
}

fn brokers(port: u16) -> Vec<MetadataResponseBroker> {
    let broker = |node: i32| {
        let broker = MetadataResponseBroker::default().with_node_id(node.into());
        broker.with_host(text("127.0.0.1")).with_port(i32::from(port)).with_rack(Some(text("some rack")))
    };
    vec![broker(2), broker(5)]
}

/// A broker that is nodes 2 and 5 at once, and repeats whatever else it is asked.
async fn echoing() -> Broker {
    Broker::start(|asked| match asked.key {
        3 => {
            let port = asked.body::<MetadataRequest>().topics.map_or(0, |topics| topics.len());
            let port = u16::try_from(port).unwrap_or(0) + 9000;
            vec![asked.answer(&MetadataResponse::default().with_brokers(brokers(port)))]
        }
        _ => vec![asked.echo(&asked.frame)],
    })
    .await
}

#[tokio::test]
async fn frames_that_nobody_reads_pass_byte_for_byte_and_in_order() {
    let broker = echoing().await;
    let proxy = Running::before(&broker).await;
    let mut client = proxy.client().await;
    let sizes = [0, 1, 1000, 64 << 10, 300_000, 7, 3_000_000, 0];
    let sent: Vec<Vec<u8>> = (0..).zip(sizes).map(|(number, bytes)| opaque(number, bytes)).collect();
    let (mut reads, mut writes) = client.stream.split();
    let write = async {
        for frame in &sent {
            writes.write_u32(u32::try_from(frame.len()).unwrap()).await.unwrap();
            writes.write_all(frame).await.unwrap();
        }
    };
    let read = async {
        for frame in &sent {
            let mut answer = vec![0; reads.read_u32().await.unwrap() as usize];
            reads.read_exact(&mut answer).await.unwrap();
            assert_eq!(&answer[4..], frame);
        }
    };
    tokio::join!(write, read);
    let asked = broker.asked();
    assert_eq!(asked.len(), sent.len());
    assert!(asked.iter().zip(&sent).all(|(asked, sent)| asked.frame == sent[..]));
}

#[tokio::test]
async fn records_that_want_no_answer_get_none_and_the_next_request_gets_its_own() {
    let broker = Broker::start(|asked| match asked.key {
        0 if asked.body::<ProduceRequest>().acks == 0 => Vec::new(),
        _ => vec![asked.echo(b"answer")],
    })
    .await;
    let proxy = Running::before(&broker).await;
    for version in [3, 8, 9, 13] {
        let mut client = proxy.client().await;
        let request = ProduceRequest::default().with_transactional_id(Some(text("a transaction").into()));
        for _ in 0..3 {
            client.send(version, &request.clone().with_acks(0)).await;
        }
        client.send_frame(&opaque(77, 10)).await;
        assert_eq!(client.frame().await.unwrap(), [&77_i32.to_be_bytes()[..], b"answer"].concat());
    }
}

#[tokio::test]
async fn an_answer_to_another_request_ends_the_connection() {
    let broker = Broker::start(|_| vec![Bytes::from_static(b"\0\0\0\x09other")]).await;
    let proxy = Running::before(&broker).await;
    let mut client = proxy.client().await;
    client.send_frame(&opaque(3, 10)).await;
    assert_eq!(client.frame().await, None);
}

#[tokio::test]
async fn every_address_is_the_proxys_own() {
    let here = "127.0.0.1";
    let broker = Broker::start(|asked| {
        let (host, port) = (text("broker.example"), 9092);
        vec![match asked.key {
            0 => {
                let node = produce_response::NodeEndpoint::default().with_node_id(3.into());
                let nodes = vec![node.with_host(host).with_port(port).with_rack(Some(text("r")))];
                asked.answer(&ProduceResponse::default().with_node_endpoints(nodes).with_throttle_time_ms(7))
            }
            1 => {
                let node = NodeEndpoint::default().with_node_id(3.into()).with_host(host).with_port(port);
                asked.answer(
                    &FetchResponse::default().with_node_endpoints(vec![node]).with_throttle_time_ms(7),
                )
            }
            3 => asked.answer(&MetadataResponse::default().with_brokers(brokers(9092))),
            10 if asked.version >= 4 => {
                let found = Coordinator::default().with_node_id(3.into()).with_host(host).with_port(port);
                let none = Coordinator::default().with_node_id((-1).into()).with_port(-1).with_error_code(15);
                asked.answer(&FindCoordinatorResponse::default().with_coordinators(vec![found, none]))
            }
            10 => {
                let answer = FindCoordinatorResponse::default().with_node_id(3.into()).with_host(host);
                asked.answer(&answer.with_port(port))
            }
            _ => {
                let node = DescribeClusterBroker::default().with_broker_id(3.into()).with_host(host);
                let kind =
                    if asked.version >= 1 { asked.body::<DescribeClusterRequest>().endpoint_type } else { 1 };
                let answer = DescribeClusterResponse::default().with_brokers(vec![node.with_port(port)]);
                asked.answer(&answer.with_endpoint_type(kind))
            }
        }]
    })
    .await;
    let proxy = Running::before(&broker).await;
    let base = i32::from(proxy.base);
    let mut client = proxy.client().await;
    for version in 0..=13 {
        let answer = client.ask(version, &MetadataRequest::default()).await;
        let seen: Vec<_> =
            answer.brokers.iter().map(|node| (node.node_id.0, &*node.host, node.port)).collect();
        assert_eq!(seen, [(2, here, base + 2), (5, here, base + 5)], "version {version}");
        assert!(version == 0 || answer.brokers.iter().all(|node| node.rack == Some(text("some rack"))));
    }
    for version in 0..=6 {
        let answer = client.ask(version, &FindCoordinatorRequest::default()).await;
        if version < 4 {
            assert_eq!((&*answer.host, answer.port), (here, base + 3), "version {version}");
        } else {
            let seen: Vec<_> = answer.coordinators.iter().map(|one| (&*one.host, one.port)).collect();
            assert_eq!(seen, [(here, base + 3), ("", -1)], "an error has no address");
        }
    }
    for version in 0..=2 {
        let answer = client.ask(version, &DescribeClusterRequest::default().with_endpoint_type(1)).await;
        assert_eq!((&*answer.brokers[0].host, answer.brokers[0].port), (here, base + 3));
    }
    let answer = client.ask(1, &DescribeClusterRequest::default().with_endpoint_type(2)).await;
    assert_eq!(answer.brokers[0].port, 9092, "controllers are not reached through the proxy");
    for version in [10, 13] {
        let answer = client.ask(version, &ProduceRequest::default().with_acks(-1)).await;
        let node = &answer.node_endpoints[0];
        assert_eq!((node.node_id.0, &*node.host, node.port), (3, here, base + 3), "version {version}");
        assert_eq!((answer.throttle_time_ms, &node.rack), (7, &Some(text("r"))));
    }
    for version in [16, 18] {
        let answer = client.ask(version, &FetchRequest::default()).await;
        let node = &answer.node_endpoints[0];
        assert_eq!((node.node_id.0, &*node.host, node.port), (3, here, base + 3), "version {version}");
        assert_eq!(answer.throttle_time_ms, 7);
    }
}

#[tokio::test]
async fn a_nodes_port_is_open_before_the_client_hears_of_it_and_leads_to_the_node() {
    let node = Broker::start(|asked| vec![asked.echo(b"from node 2")]).await;
    let port = node.port;
    let broker = Broker::start(move |asked| {
        vec![asked.answer(&MetadataResponse::default().with_brokers(brokers(port)))]
    })
    .await;
    let proxy = Running::before(&broker).await;
    let mut client = proxy.client().await;
    let answer = client.ask(12, &MetadataRequest::default()).await;
    let port = u16::try_from(answer.brokers[0].port).unwrap();
    let mut client = proxy.client_at(port).await;
    client.send_frame(&opaque(1, 10)).await;
    assert_eq!(&client.frame().await.unwrap()[4..], b"from node 2");
}

#[tokio::test]
async fn a_client_that_comes_back_to_a_nodes_port_teaches_a_new_proxy_after_its_login() {
    let node = Broker::start(|asked| vec![asked.echo(b"from node 2")]).await;
    let port = node.port;
    // It tells strangers nothing.
    let broker = Broker::start(move |asked| match asked.key {
        3 if asked.correlation == 0 => Vec::new(),
        3 => vec![asked.answer(&MetadataResponse::default().with_brokers(brokers(port)))],
        17 => vec![asked.answer(&SaslHandshakeResponse::default())],
        36 => vec![
            asked.answer(&SaslAuthenticateResponse::default().with_auth_bytes(Bytes::from_static(b"in"))),
        ],
        _ => panic!("a request reached a node that it is not meant for"),
    })
    .await;
    let settings = settings(broker.port);
    let mut settings = firnline_proxy::proxy::ProxySettings { expected_nodes: Some(0..=4), ..settings };
    settings.limits.connect = Duration::from_millis(300);
    let proxy = Running::start(settings).await;
    let mut client = proxy.client_at(proxy.base + 2).await;
    let mechanism = SaslHandshakeRequest::default().with_mechanism(text("PLAIN"));
    client.ask(1, &mechanism).await;
    let secret = SaslAuthenticateRequest::default().with_auth_bytes(Bytes::from_static(b"\0user\0secret"));
    assert_eq!(client.ask(2, &secret).await.auth_bytes, b"in"[..]);
    client.send_frame(&opaque(9, 10)).await;
    assert_eq!(client.frame().await, None, "it is to come again");
    let mut client = proxy.client_at(proxy.base + 2).await;
    client.send_frame(&opaque(1, 10)).await;
    assert_eq!(&client.frame().await.unwrap()[4..], b"from node 2");
}

#[tokio::test]
async fn versions_are_those_that_both_speak() {
    let broker = Broker::start(|asked| {
        let key = |api_key, max| {
            ApiVersion::default().with_api_key(api_key).with_min_version(0).with_max_version(max)
        };
        let keys = vec![key(0, 20), key(1, 20), key(8, 20), key(18, 4), key(95, 0)];
        vec![asked.answer(&ApiVersionsResponse::default().with_api_keys(keys).with_throttle_time_ms(3))]
    })
    .await;
    let proxy = Running::before(&broker).await;
    let mut client = proxy.client().await;
    for version in 0..=4 {
        let answer = client.ask(version, &ApiVersionsRequest::default()).await;
        let keys: Vec<_> =
            answer.api_keys.iter().map(|key| (key.api_key, key.min_version, key.max_version)).collect();
        assert_eq!(keys, [(0, 0, 13), (1, 0, 18), (8, 0, 20), (18, 0, 4)], "version {version}");
        assert_eq!(answer.throttle_time_ms, if version == 0 { 0 } else { 3 });
    }
    // Version 6 of a client of tomorrow, answered in version 0.
    client.send_frame(&[0, 18, 0, 6, 0, 0, 0, 5, 0xff, 0xff, 0, 1, 2, 3]).await;
    let expected = [&[0, 0, 0, 5, 0, 35, 0, 0, 0, 1][..], &[0, 18, 0, 0, 0, 5]].concat();
    assert_eq!(client.frame().await.unwrap(), expected);
}

#[tokio::test]
async fn bare_tokens_of_an_old_login_pass_and_requests_follow() {
    let broker = Broker::start(|asked| match (asked.key, &asked.frame[..]) {
        (_, b"client first") => vec![Bytes::from_static(b"server first")],
        (_, b"client last") => vec![Bytes::from_static(b"server last")],
        (17, _) => vec![asked.answer(&SaslHandshakeResponse::default())],
        _ => vec![asked.echo(b"answer")],
    })
    .await;
    let proxy = Running::before(&broker).await;
    let mut client = proxy.client().await;
    let mechanism = |name| SaslHandshakeRequest::default().with_mechanism(text(name));
    client.ask(0, &mechanism("SCRAM-SHA-512")).await;
    client.send_frame(b"client first").await;
    assert_eq!(client.frame().await.unwrap(), b"server first"[..]);
    client.send_frame(b"client last").await;
    assert_eq!(client.frame().await.unwrap(), b"server last"[..]);
    client.send_frame(&opaque(4, 10)).await;
    assert_eq!(&client.frame().await.unwrap()[4..], b"answer");
    let mut client = proxy.client().await;
    let refused = client.ask(0, &mechanism("GSSAPI")).await;
    assert_eq!(refused.error_code, 33, "its tokens cannot be counted");
    assert_eq!(broker.asked().iter().filter(|asked| asked.key == 17).count(), 1);
}

#[tokio::test]
async fn a_request_that_may_carry_addresses_past_the_proxy_ends_its_connection() {
    let broker = echoing().await;
    let proxy = Running::before(&broker).await;
    for frame in [[0, 3, 0, 14], [0, 95, 0, 0]] {
        let mut client = proxy.client().await;
        client.send_frame(&[&frame[..], &[0, 0, 0, 1, 0xff, 0xff, 0, 0]].concat()).await;
        assert_eq!(client.frame().await, None);
    }
    assert!(broker.asked().is_empty());
}

#[tokio::test]
async fn what_is_asked_before_the_end_is_answered() {
    let broker = Broker::start(|asked| {
        std::thread::sleep(Duration::from_millis(500));
        vec![asked.echo(b"late")]
    })
    .await;
    let mut proxy = Running::before(&broker).await;
    let mut client = proxy.client().await;
    client.send_frame(&opaque(1, 10)).await;
    while broker.asked().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    proxy.stop();
    assert_eq!(&client.frame().await.unwrap()[4..], b"late");
    assert_eq!(client.frame().await, None);
    proxy.ended().await;
}

#[tokio::test]
async fn who_stands_still_in_a_frame_or_asks_nothing_is_let_go() {
    let broker = echoing().await;
    let mut settings = settings(broker.port);
    let (idle, stall) = (Duration::from_millis(300), Duration::from_millis(200));
    settings.limits = ProxyLimits { idle, stall, ..settings.limits };
    let proxy = Running::start(settings).await;
    let mut silent = proxy.client().await;
    assert_eq!(silent.frame().await, None);
    let mut stuck = proxy.client().await;
    stuck.stream.write_all(&[0, 0, 1, 0, 0, 8]).await.unwrap();
    assert_eq!(stuck.frame().await, None);
}

#[tokio::test]
async fn a_slow_client_holds_up_its_broker_and_not_the_memory() {
    let broker = Broker::start(|asked| vec![asked.echo(&vec![7; 8 << 20]); 1]).await;
    let proxy = Running::before(&broker).await;
    let mut client = proxy.client().await;
    for number in 0..40 {
        client.send_frame(&opaque(number, 10)).await;
    }
    // 320 MiB are asked for; they come as fast as they are taken.
    let mut taken = 0;
    for _ in 0..40 {
        taken += client.frame().await.unwrap().len();
    }
    assert_eq!(taken, 40 * ((8 << 20) + 4));
}
