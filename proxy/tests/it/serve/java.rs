//! Kafka's own consumer and producer, of three releases.

use std::path::Path;
use std::process::Command;

use firnline_index::batch::Compression;

use super::client::{anonymous_reads, settings};
use super::log::Log;
use super::tier::{World, tip};
use crate::schemas::tools::kafka_class_path;

/// What the consumer sees of `orders`, line by line.
async fn seen(release: &str, port: i32, isolation: &'static str) -> Vec<String> {
    let class_path = kafka_class_path(release);
    let run = move || {
        let address = format!("127.0.0.1:{port}");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/java/Consume.java");
        Command::new("java")
            .args(["-XX:TieredStopAtLevel=1", "-cp", &class_path])
            .arg(source)
            .args([&*address, "orders", isolation, "1000123"])
            .output()
            .unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{release}: java ended with {}: {errors}", output.status);
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// Records of a partition, as the consumer tells them.
fn told(partition: i32, offsets: std::ops::Range<i64>, bytes: usize) -> impl Iterator<Item = String> {
    offsets.map(move |offset| format!("record {partition} {offset} {} {bytes}", 1_000_000 + offset))
}

async fn reads_all(release: &str) {
    let world = World::new();
    world.topic("orders", 7, 3);
    world.topic("secrets", 8, 1);
    let mut log = Log::from(100);
    for _ in 0..50 {
        log.data(10, 50);
    }
    log.in_transaction(1, 5).end_transaction(1, false).in_transaction(2, 5).end_transaction(2, true);
    world.put(tip("orders", 7, 0), &log, &[130, 400]);
    let mut packed = Log::from(0);
    packed.codec(Compression::Gzip).data(10, 40).data(10, 40).data(10, 40);
    world.put(tip("orders", 7, 1), &packed, &[20]);
    let running = world.serve_with(anonymous_reads("orders"), settings()).await;
    for isolation in ["read_uncommitted", "read_committed"] {
        let mut expected = vec![
            "topics [orders]".to_owned(),
            "bounds 0 100 612 123".to_owned(),
            "bounds 1 0 30 none".to_owned(),
            "bounds 2 0 0 none".to_owned(),
            "produce ClusterAuthorizationException".to_owned(),
            "produce TopicAuthorizationException".to_owned(),
        ];
        expected.extend(told(0, 100..600, 50));
        if isolation == "read_uncommitted" {
            expected.extend(told(0, 600..605, 20));
        }
        expected.extend(told(0, 606..611, 20));
        expected.extend(told(1, 0..30, 40));
        expected.sort();
        let mut seen = seen(release, running.port(), isolation).await;
        seen.sort();
        assert_eq!(seen, expected, "{release} {isolation}");
    }
}

#[tokio::test]
async fn kafkas_own_client_reads_all_and_writes_nothing() {
    reads_all("4.3.1").await;
}

#[tokio::test]
async fn those_of_older_releases_do_so_too() {
    for release in ["3.9.1", "3.3.2"] {
        reads_all(release).await;
    }
}
