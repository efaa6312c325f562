//! Kafka's own consumer with its fetch session, over the border between what the broker has and what the tier has.

use std::path::Path;
use std::process::Command;

use firnline_tests::kafka::workload::PAYMENTS;
use firnline_tests::kafka::{Cluster, ClusterOptions, Isolation, VERSIONS, Workload};
use firnline_tests::tier::Tier;
use firnline_tests::tools;

use super::proxied::{Running, cut};

/// What a consumer of the newest release has read, and what it logs of its session.
fn consume(server: &str, topic: &str) -> (String, String) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proxy/tests/java/Consume.java");
    let output = Command::new("java")
        .arg("-XX:TieredStopAtLevel=1")
        .arg("-Dorg.slf4j.simpleLogger.log.org.apache.kafka.clients.FetchSessionHandler=debug")
        .args(["-cp", &tools::kafka_class_path(VERSIONS[0])])
        .arg(source)
        .args([server, topic, Isolation::ReadCommitted.name(), "0"])
        .output()
        .expect("run java");
    let logged = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "java ended with {}: {logged}", output.status);
    (String::from_utf8(output.stdout).expect("text"), logged)
}

#[test]
fn kafkas_consumer_keeps_its_session_over_the_border() {
    let mut cluster = Cluster::start(&ClusterOptions::single(VERSIONS[0]));
    let workload = Workload { bytes_per_partition: 400_000, rounds: 6, ..Workload::default() };
    let ledger = workload.produce(&cluster);
    cluster.stop();
    let tier = Tier::directory();
    let log_dir = cluster.log_dir();
    let log_dir = log_dir.to_str().expect("a path of ours is text");
    tier.run(&["offload", "--once", "--assume-committed", "--log-dir", log_dir]).finish().expect_code(0);
    cluster.restart();
    assert!(cut(&cluster, &ledger, &tier) > 100, "the brokers' logs have lost next to nothing");
    let proxy = Running::start(&cluster, &tier);
    let (said, logged) = consume(&proxy.address(), PAYMENTS);
    let count = |what: &str| logged.lines().filter(|line| line.contains(what)).count();
    assert!(
        count("Built incremental fetch") > 20,
        "it has no session: {} full fetches",
        count("Built full fetch")
    );
    assert!(count("Built full fetch") <= 3, "it begins anew {} times", count("Built full fetch"));
    assert_eq!(count("FETCH_SESSION_ID_NOT_FOUND") + count("INVALID_FETCH_SESSION_EPOCH"), 0);
    let mut expected = Vec::new();
    for partition in 0..ledger.topics()[PAYMENTS] {
        for record in ledger.visible(PAYMENTS, partition, i64::MAX, Isolation::ReadCommitted) {
            let bytes = record.message.value.as_ref().map_or(0, Vec::len);
            expected.push(format!(
                "record {partition} {} {} {bytes}",
                record.offset, record.message.timestamp_ms
            ));
        }
    }
    // It writes a record itself, at the very end.
    let mut seen: Vec<_> =
        said.lines().filter(|line| line.starts_with("record ") || *line == "stuck").collect();
    seen.retain(|line| *line == "stuck" || expected.iter().any(|expected| expected == line));
    seen.sort_unstable();
    expected.sort();
    assert_eq!(seen, expected);
}
