//! Copy, fetch and delete, by brokers of each release that `make install` brings and has tiered storage.

use std::ops::Range;

use firnline_tests::kafka::{Cluster, Codec, Ledger, Message, Producer, Transactions, VERSIONS, workload};
use firnline_tests::stores::Minio;

use crate::rig::{Directory, TIERED, broker, offset_at, reads_all, wait, wait_until_let_go};

pub(crate) const TOPIC: &str = "orders";
pub(crate) const PARTITIONS: i32 = 2;

/// Records of a KiB in both partitions, some of them in transactions that end either way, over several segments.
pub(crate) fn produce(cluster: &Cluster, topic: &str, from: i64, count: i64, ledger: &mut Ledger) {
    produce_to(cluster, topic, 0..PARTITIONS, from, count, ledger);
}

/// The same in these partitions.
pub(crate) fn produce_to(
    cluster: &Cluster,
    topic: &str,
    partitions: Range<i32>,
    from: i64,
    count: i64,
    ledger: &mut Ledger,
) {
    let plain = Producer::new(&cluster.bootstrap_of_those_up(), Codec::Zstd, &Transactions::Off);
    let id = format!("{topic}-{from}");
    let paid = Producer::new(&cluster.bootstrap_of_those_up(), Codec::None, &Transactions::Id(id));
    for chunk in 0..count / 100 {
        let send = |producer: &Producer| {
            for number in 0..100 {
                for partition in partitions.clone() {
                    producer.send(&message(topic, partition, from + chunk * 100 + number));
                }
            }
        };
        match chunk % 3 {
            0 => {
                send(&plain);
                plain.flush_into(ledger);
            }
            kind => {
                paid.begin();
                send(&paid);
                if kind == 1 { paid.commit_into(ledger) } else { paid.abort_into(ledger) }
            }
        }
    }
}

/// Records of a KiB in the first partition, outside of transactions. For replicas that begin anew from the tier: brokers (4.3.1)
/// throw away the producer snapshot that they fetch for it, and so forget which transaction is open where they begin.
pub(crate) fn produce_plain(cluster: &Cluster, topic: &str, from: i64, count: i64, ledger: &mut Ledger) {
    let plain = Producer::new(&cluster.bootstrap_of_those_up(), Codec::None, &Transactions::Off);
    (from..from + count).for_each(|number| plain.send(&message(topic, 0, number)));
    plain.flush_into(ledger);
}

/// The record of this number: a KiB, at a time of its own.
pub(crate) fn message(topic: &str, partition: i32, number: i64) -> Message {
    Message {
        topic: topic.to_owned(),
        partition,
        timestamp_ms: workload::FIRST_TIMESTAMP_MS + number,
        key: Some(format!("{topic}-{partition}-{number}").into_bytes()),
        value: Some(noise(number).repeat(64)),
        headers: Vec::new(),
    }
}

/// Sixteen bytes that no codec makes shorter.
fn noise(number: i64) -> Vec<u8> {
    let one = number.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    [one.to_be_bytes(), one.rotate_left(29).wrapping_mul(0xbf58_476d_1ce4_e5b9).to_be_bytes()].concat()
}

pub(crate) fn copies_fetches_and_deletes(version: &'static str, tier: &Directory) {
    let url = tier.url();
    let mut cluster = broker(version, &[("store.url", &url), ("cluster.id", "plugin-tests")]);
    cluster.create_topic(TOPIC, PARTITIONS, &TIERED);
    let mut ledger = Ledger::default();
    produce(&cluster, TOPIC, 0, 3000, &mut ledger);
    wait_until_let_go(&cluster, TOPIC, PARTITIONS);
    reads_all(&cluster, TOPIC, PARTITIONS, &ledger, version);
    for partition in 0..PARTITIONS {
        // Before the first marker of a transaction, which bears the time when it was written.
        let found = offset_at(&cluster, TOPIC, partition, workload::FIRST_TIMESTAMP_MS + 57);
        assert_eq!(found, 57, "{version}: by its time");
    }
    // A broker that begins again reads what it wrote before, and goes on.
    cluster.node_mut(0).kill();
    cluster.restart();
    produce(&cluster, TOPIC, 3000, 1200, &mut ledger);
    reads_all(&cluster, TOPIC, PARTITIONS, &ledger, "after the broker was killed");
    assert!(tier.segments(TOPIC).len() >= 4, "{:?}", tier.segments(TOPIC));
    cluster.delete_topic(TOPIC);
    wait("the segments of the deleted topic go", || tier.segments(TOPIC).is_empty());
}

#[test]
#[ignore = "scripts/plugin builds the jar first"]
fn the_newest_broker_copies_fetches_and_deletes() {
    copies_fetches_and_deletes(VERSIONS[0], &Directory::new());
}

#[test]
#[ignore = "scripts/plugin builds the jar first"]
fn the_oldest_broker_copies_fetches_and_deletes() {
    copies_fetches_and_deletes(VERSIONS[1], &Directory::new());
}

#[test]
#[ignore = "scripts/plugin builds the jar first"]
fn a_broker_reads_back_over_s3() {
    let minio = Minio::shared();
    let url = format!("s3://{}/some/prefix", minio.bucket("plugin"));
    let user = Minio::root();
    let home = firnline_tests::scratch::directory("plugin-secret");
    let secret = home.path().join("secret");
    std::fs::write(&secret, &user.secret_key).expect("write the secret");
    let keys = [
        ("store.url", url.as_str()),
        ("store.endpoint", &minio.endpoint()),
        ("store.region", "us-east-1"),
        ("store.aws.access.key.id", &user.access_key),
        ("store.aws.secret.access.key", &format!("file:{}", secret.display())),
        ("cluster.id", "plugin-tests"),
    ];
    let cluster = broker(VERSIONS[0], &keys);
    cluster.create_topic(TOPIC, PARTITIONS, &TIERED);
    let mut ledger = Ledger::default();
    produce(&cluster, TOPIC, 0, 3000, &mut ledger);
    wait_until_let_go(&cluster, TOPIC, PARTITIONS);
    reads_all(&cluster, TOPIC, PARTITIONS, &ledger, "from S3");
}
