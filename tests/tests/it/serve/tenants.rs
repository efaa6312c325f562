//! Two tenants: what one may read does not reach the other, byte for byte.

use std::time::Duration;

use firnline_tests::kafka::{
    Cluster, ClusterOptions, Codec, Isolation, Ledger, Message, Producer, Transactions, VERSIONS, consumer_as,
};
use firnline_tests::relay::Relay;
use firnline_tests::tier::Tier;
use rdkafka::consumer::Consumer as _;
use rdkafka::{Offset, TopicPartitionList};
use tokio::time::Instant;

use super::doors::{hashed, rule};
use super::server::Serving;

const CANARIES: [&str; 2] = ["canary-of-tenant-a", "canary-of-tenant-b"];
const TOPICS: [&str; 2] = ["tenant-a", "tenant-b"];

fn tier() -> Tier {
    let mut cluster = Cluster::start(&ClusterOptions::single(VERSIONS[0]));
    let mut ledger = Ledger::default();
    for (topic, canary) in TOPICS.iter().zip(CANARIES) {
        cluster.create_topic(topic, 1, &[("segment.bytes", "1048576")]);
        // Not compressed: every copy of it can be seen on the wire.
        let producer = Producer::new(&cluster.bootstrap(), Codec::None, &Transactions::Off);
        for number in 0..4000 {
            producer.send(&Message {
                topic: (*topic).to_owned(),
                partition: 0,
                timestamp_ms: 1_700_000_000_000 + number,
                key: Some(format!("{canary} {number}").into_bytes()),
                value: Some(format!("{canary} ").repeat(30).into_bytes()),
                headers: Vec::new(),
            });
        }
        producer.flush_into(&mut ledger);
    }
    cluster.stop();
    let tier = Tier::directory();
    let dir = cluster.log_dir();
    let dir = dir.to_str().expect("text");
    tier.run(&["offload", "--once", "--assume-committed", "--log-dir", dir]).finish().expect_code(0);
    tier
}

/// Everything that a client may try with a topic.
fn try_all(address: &str, settings: &[(&str, &str)], topic: &str) {
    let consumer = consumer_as(address, settings, Isolation::ReadUncommitted);
    let _ = consumer.fetch_metadata(None, Duration::from_secs(5));
    let _ = consumer.fetch_metadata(Some(topic), Duration::from_secs(5));
    let _ = consumer.fetch_watermarks(topic, 0, Duration::from_secs(5));
    let mut times = TopicPartitionList::new();
    times.add_partition_offset(topic, 0, Offset::Offset(1_700_000_000_500)).expect("a time");
    let _ = consumer.offsets_for_times(times, Duration::from_secs(5));
    for offset in [0, 1000] {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, 0, Offset::Offset(offset)).expect("a position");
        consumer.assign(&list).expect("assign");
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(3) {
            let _ = consumer.poll(Duration::from_millis(100));
        }
    }
}

#[test]
fn no_byte_of_one_tenant_reaches_the_other_and_a_right_that_goes_takes_its_bytes_along() {
    let tier = tier();
    let home = firnline_tests::scratch::directory("tenants");
    let users = home.path().join("users");
    std::fs::write(&users, hashed("ann", "a") + &hashed("ben", "b")).expect("write the users");
    std::fs::set_permissions(&users, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("chmod");
    // The client is led to where it listens by the address that it is told: the relay's.
    let port = firnline_tests::ports::free();
    let relay = Relay::before(port, true);
    let listen = format!("127.0.0.1:{port}");
    let advertise = format!("127.0.0.1:{}", relay.port());
    let config = format!("users_file = '{}'\n", users.display());
    let rules = |[a, b]: [&str; 2]| rule(a, TOPICS[0]) + &rule(b, TOPICS[1]);
    let arguments = ["--listen", &listen, "--advertise", &advertise];
    let mut serving =
        Serving::start_at(&tier, &arguments, &(config.clone() + &rules(["User:ann", "User:ben"])));
    let login = |user: &'static str, password: &'static str| {
        [
            ("security.protocol", "SASL_PLAINTEXT"),
            ("sasl.mechanism", "SCRAM-SHA-256"),
            ("sasl.username", user),
            ("sasl.password", password),
        ]
    };
    let ann = login("ann", "a");
    for topic in TOPICS {
        try_all(&advertise, &ann, topic);
    }
    let own = relay.count(CANARIES[0].as_bytes());
    assert!(own > 2000, "her own records came: {own}");
    assert_eq!(relay.count(CANARIES[1].as_bytes()), 0, "ben's did not");
    // The rights change places while the server runs.
    serving.configure(&(config + &rules(["User:ben", "User:ann"])));
    relay.forget();
    for topic in TOPICS {
        try_all(&advertise, &ann, topic);
    }
    assert_eq!(relay.count(CANARIES[0].as_bytes()), 0, "what she may not read any more");
    assert!(relay.count(CANARIES[1].as_bytes()) > 2000);
}
