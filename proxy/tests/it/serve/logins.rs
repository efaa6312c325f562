//! Logins over the socket: what is answered before one, how one fails, and when one ends.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use firnline_proxy::serve::{
    Hash, Hashed, ITERATIONS, Limits, Principal, Rights, Rule, Security, TopicPattern, Users, Who,
};
use firnline_store::env::SeededRandom;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    ApiVersionsRequest, MetadataRequest, SaslAuthenticateRequest, SaslAuthenticateResponse,
    SaslHandshakeRequest,
};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::client::{Client, Running, name, settings, text};
use super::tier::World;

/// A server with users and a topic that only ann may read.
struct Guarded {
    running: Running,
    users: watch::Sender<Arc<Users>>,
}

fn users(named: &[(&str, &str)]) -> Arc<Users> {
    let random = SeededRandom::new(5);
    let mut lines = String::new();
    for (name, password) in named {
        for hash in Hash::ALL {
            lines += &Hashed::new(hash, &(*password).into(), ITERATIONS, &random).line(name);
            lines.push('\n');
        }
    }
    Arc::new(Users::parse(&lines).unwrap())
}

async fn guarded(login_lifetime: Option<Duration>, arrival: Duration) -> Guarded {
    guarded_within(login_lifetime, Limits { arrival, ..Limits::default() }).await
}

async fn guarded_within(login_lifetime: Option<Duration>, limits: Limits) -> Guarded {
    let world = World::new();
    world.topic("orders", 7, 1);
    let (send, receive) = watch::channel(users(&[("ann", "secret"), ("ben", "other")]));
    let who = Who::Principal(Principal::User("ann".into()));
    let rights = Rights::new(vec![Rule { who, topics: TopicPattern::new("orders").unwrap() }]);
    let mut settings = settings();
    settings.limits = limits;
    let security = Security { users: Some(receive), login_lifetime, tls: None };
    Guarded { running: world.serve_behind(rights, settings, security).await, users: send }
}

const ARRIVAL: Duration = Duration::from_secs(10);

async fn choose(client: &mut Client, mechanism: &str, version: i16) -> i16 {
    let request = SaslHandshakeRequest::default().with_mechanism(text(mechanism));
    let response = client.ask(version, &request).await;
    let offered: Vec<&str> = response.mechanisms.iter().map(|mechanism| &**mechanism).collect();
    assert_eq!(offered, ["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"]);
    response.error_code
}

async fn token(client: &mut Client, version: i16, token: &[u8]) -> SaslAuthenticateResponse {
    let request = SaslAuthenticateRequest::default().with_auth_bytes(Bytes::copy_from_slice(token));
    client.ask(version, &request).await
}

async fn log_in(client: &mut Client, version: i16, plain: &[u8]) -> SaslAuthenticateResponse {
    assert_eq!(choose(client, "PLAIN", 1).await, 0);
    token(client, version, plain).await
}

/// The error of the topic, as this client sees it.
async fn orders(client: &mut Client) -> i16 {
    let topic = MetadataRequestTopic::default().with_name(Some(name("orders")));
    client.ask(5, &MetadataRequest::default().with_topics(Some(vec![topic]))).await.topics[0].error_code
}

async fn is_closed(client: &mut Client) -> bool {
    client.frame().await.is_none()
}

#[tokio::test]
async fn before_a_login_only_versions_are_told() {
    let Guarded { running, .. } = guarded(None, ARRIVAL).await;
    let mut client = running.client().await;
    assert_eq!(client.ask(0, &ApiVersionsRequest::default()).await.error_code, 0);
    client.send(5, &MetadataRequest::default()).await;
    assert!(is_closed(&mut client).await);
    // Nor is anything long taken.
    let mut client = running.client().await;
    client.send_bytes(&(16_385_i32).to_be_bytes()).await;
    assert!(is_closed(&mut client).await);
    // After one it is.
    let mut client = running.client().await;
    assert_eq!(log_in(&mut client, 2, b"\0ann\0secret").await.error_code, 0);
    assert_eq!(orders(&mut client).await, 0);
    let long = |number: usize| format!("{number}-{}", "x".repeat(200));
    let long = (0..200).map(|number| MetadataRequestTopic::default().with_name(Some(name(&long(number)))));
    let long = MetadataRequest::default().with_topics(Some(long.collect()));
    assert_eq!(client.ask(5, &long).await.topics.len(), 200);
}

#[tokio::test]
async fn silent_strangers_keep_nobody_out() {
    // Long enough that nobody is closed for his silence alone.
    let arrival = Duration::from_secs(600);
    let limits = Limits { connections: 2, strangers: 3, arrival, ..Limits::default() };
    let Guarded { running, .. } = guarded_within(None, limits).await;
    let mut ann = running.client().await;
    assert_eq!(log_in(&mut ann, 2, b"\0ann\0secret").await.error_code, 0);
    let mut silent = Vec::new();
    for _ in 0..40 {
        silent.push(running.client().await);
    }
    assert_eq!(orders(&mut ann).await, 0, "who is known is not touched");
    let mut again = running.client().await;
    assert_eq!(log_in(&mut again, 2, b"\0ann\0secret").await.error_code, 0);
    assert_eq!(orders(&mut again).await, 0);
    for stranger in &mut silent[..37] {
        assert!(is_closed(stranger).await, "who came first goes first");
    }
    // Both slots are taken: whoever logs in now waits for one.
    let mut last = silent.pop().unwrap();
    assert_eq!(log_in(&mut last, 2, b"\0ann\0secret").await.error_code, 0);
    let waits = tokio::time::timeout(Duration::from_millis(300), orders(&mut last)).await;
    assert!(waits.is_err());
    drop(ann);
    assert!(last.frame().await.is_some(), "the answer comes once somebody has gone");
}

#[tokio::test]
async fn a_login_that_fails_is_slow_and_tells_nothing() {
    let Guarded { running, .. } = guarded(None, ARRIVAL).await;
    let mut told = Vec::new();
    for plain in [&b"\0ann\0wrong"[..], b"\0nobody\0secret", b"\0ben\0secret"] {
        let mut client = running.client().await;
        let began = Instant::now();
        let response = log_in(&mut client, 2, plain).await;
        assert!(began.elapsed() >= Duration::from_secs(1));
        assert!(is_closed(&mut client).await);
        told.push((response.error_code, response.error_message, response.auth_bytes));
    }
    assert!(told.iter().all(|answer| *answer == told[0]) && told[0].0 == 58, "{told:?}");
    // A first message of SCRAM is answered alike whether the name is known, and for a name always in the same way.
    let mut salts = Vec::new();
    for user in ["nobody", "nobody", "ann"] {
        let mut client = running.client().await;
        assert_eq!(choose(&mut client, "SCRAM-SHA-256", 1).await, 0);
        let first = token(&mut client, 2, format!("n,,n={user},r=abc").as_bytes()).await;
        let text = String::from_utf8(first.auth_bytes.to_vec()).unwrap();
        let parts: Vec<&str> = text.split(',').collect();
        assert!(parts[0].starts_with("r=abc") && parts[0].len() > 20, "{text}");
        assert_eq!(parts[2], "i=16384");
        salts.push(parts[1].to_owned());
    }
    assert!(salts[0] == salts[1] && salts[0].len() == salts[2].len() && salts[0] != salts[2], "{salts:?}");
}

#[tokio::test]
async fn a_login_keeps_its_order() {
    let Guarded { running, .. } = guarded(None, ARRIVAL).await;
    let mut client = running.client().await;
    assert_eq!(token(&mut client, 2, b"\0ann\0secret").await.error_code, 34);
    assert!(is_closed(&mut client).await);
    let mut client = running.client().await;
    assert_eq!(choose(&mut client, "GSSAPI", 1).await, 33);
    assert!(is_closed(&mut client).await);
    let mut client = running.client().await;
    assert_eq!(choose(&mut client, "PLAIN", 1).await, 0);
    assert_eq!(choose(&mut client, "PLAIN", 1).await, 34);
    assert!(is_closed(&mut client).await);
    // In the middle of one nothing else is answered.
    let mut client = running.client().await;
    assert_eq!(log_in(&mut client, 2, b"\0ann\0secret").await.error_code, 0);
    assert_eq!(choose(&mut client, "PLAIN", 1).await, 0);
    client.send(5, &MetadataRequest::default()).await;
    assert!(is_closed(&mut client).await);
}

#[tokio::test]
async fn tokens_without_a_request_around_them_are_taken_as_they_were_once_sent() {
    let Guarded { running, .. } = guarded(None, ARRIVAL).await;
    let mut client = running.client().await;
    assert_eq!(choose(&mut client, "PLAIN", 0).await, 0);
    client.send_frame(b"\0ann\0secret").await;
    assert_eq!(client.frame().await, Some(Bytes::new()));
    assert_eq!(orders(&mut client).await, 0);
    let mut client = running.client().await;
    assert_eq!(choose(&mut client, "PLAIN", 0).await, 0);
    client.send_frame(b"\0ann\0wrong").await;
    assert!(is_closed(&mut client).await);
}

#[tokio::test]
async fn a_login_ends_with_what_it_proved() {
    let Guarded { running, users: known } = guarded(None, ARRIVAL).await;
    let mut client = running.client().await;
    let mut ben = running.client().await;
    assert_eq!(log_in(&mut client, 0, b"\0ann\0secret").await.session_lifetime_ms, 0);
    assert_eq!(log_in(&mut ben, 1, b"\0ben\0other").await.error_code, 0);
    assert_eq!((orders(&mut client).await, orders(&mut ben).await), (0, 29));
    // Another salt is another password, as far as can be told.
    let random = SeededRandom::new(77);
    let line = Hashed::new(Hash::Sha512, &"secret".into(), ITERATIONS, &random).line("ann");
    known.send_replace(Arc::new(Users::parse(&line).unwrap()));
    for client in [&mut client, &mut ben] {
        client.send(5, &MetadataRequest::default()).await;
        assert!(is_closed(client).await);
    }
}

#[tokio::test]
async fn a_login_that_has_run_out_is_renewed_by_the_same_user_alone() {
    let lifetime = Duration::from_millis(1500);
    let Guarded { running, .. } = guarded(Some(lifetime), ARRIVAL).await;
    let mut renewed = running.client().await;
    let mut idle = running.client().await;
    let mut other = running.client().await;
    for client in [&mut renewed, &mut idle, &mut other] {
        assert_eq!(log_in(client, 1, b"\0ann\0secret").await.session_lifetime_ms, 1500);
    }
    assert_eq!(log_in(&mut renewed, 2, b"\0ann\0secret").await.error_code, 0);
    assert_eq!(log_in(&mut other, 2, b"\0ben\0other").await.error_code, 58);
    assert!(is_closed(&mut other).await);
    sleep(lifetime).await;
    idle.send(5, &MetadataRequest::default()).await;
    assert!(is_closed(&mut idle).await);
    // Too late to ask, and not to log in.
    assert_eq!(log_in(&mut renewed, 2, b"\0ann\0secret").await.error_code, 0);
    assert_eq!(orders(&mut renewed).await, 0);
    let mut client = running.client().await;
    assert_eq!(log_in(&mut client, 2, b"\0ann\0secret").await.error_code, 0);
    assert_eq!(choose(&mut client, "SCRAM-SHA-256", 1).await, 33);
    assert!(is_closed(&mut client).await);
}

#[tokio::test]
async fn who_does_not_log_in_is_let_go() {
    let Guarded { running, .. } = guarded(None, Duration::from_millis(300)).await;
    let mut client = running.client().await;
    // Asking again and again does not make it longer.
    let began = Instant::now();
    loop {
        client.send(0, &ApiVersionsRequest::default()).await;
        if is_closed(&mut client).await {
            break;
        }
        sleep(Duration::from_millis(50)).await;
        assert!(began.elapsed() < Duration::from_secs(5));
    }
    assert!(began.elapsed() >= Duration::from_millis(300));
}
