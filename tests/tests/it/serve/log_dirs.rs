//! `--log-dir`: what stopped brokers still have on their disks, by real clients.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use firnline_tests::firnline::Run;
use firnline_tests::kafka::{
    Cluster, ClusterOptions, Codec, Isolation, Ledger, Message, Producer, Transactions, VERSIONS,
    assert_same_records, consume_all, workload,
};
use firnline_tests::logs::{PartitionLog, batches};
use firnline_tests::tier::Tier;
use tokio::time::Instant;

use super::raw::Raw;
use super::server::Serving;
use crate::sources::Source;

const KAFKA_STORAGE_ERROR: i16 = 56;
const PATIENCE: Duration = Duration::from_secs(30);

/// Files below a directory, with the time of the last change of each.
fn files(path: &Path) -> BTreeMap<PathBuf, (u64, SystemTime)> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(path).expect("list") {
        let entry = entry.expect("an entry");
        let metadata = entry.metadata().expect("look at");
        if metadata.is_dir() {
            all.extend(files(&entry.path()));
        } else {
            all.insert(entry.path(), (metadata.len(), metadata.modified().expect("a time")));
        }
    }
    all
}

fn log_dir(path: &Path) -> String {
    path.to_str().expect("a path of ours is text").to_owned()
}

/// All of a partition's bytes from an offset on, as a client gets them.
fn raw_bytes(serving: &Serving, topic: &str, partition: i32) -> (Vec<u8>, i64) {
    let mut raw = Raw::connect(&serving.address);
    let (mut all, mut offset) = (Vec::new(), 0);
    loop {
        let fetched = raw.fetch(topic, partition, offset);
        assert_eq!(fetched.error, 0, "{topic}/{partition} at {offset}");
        if offset >= fetched.high_watermark {
            return (all, offset);
        }
        let Some(last) = batches(&fetched.records).pop() else { continue };
        let number = |at: usize| -> [u8; 4] { fetched.records[at..at + 4].try_into().expect("four bytes") };
        let base: [u8; 8] = fetched.records[last.start..last.start + 8].try_into().expect("eight bytes");
        offset = i64::from_be_bytes(base) + i64::from(i32::from_be_bytes(number(last.start + 23))) + 1;
        all.extend(fetched.records);
    }
}

fn all_is_there(source: &Source, serving: &Serving) {
    for (topic, partitions) in source.ledger.topics() {
        for isolation in Isolation::ALL {
            for (partition, content) in consume_all(&serving.address, &topic, partitions, isolation) {
                let what = format!("{topic}/{partition} {isolation:?}");
                let (_, end) = source.logs[&(topic.clone(), partition)].all();
                let decided = source.ledger.first_undecided(&topic, partition, end);
                assert_eq!(content.start, 0, "{what}");
                match isolation {
                    Isolation::ReadUncommitted => assert_eq!(content.end, end, "{what}"),
                    Isolation::ReadCommitted => {
                        assert!((decided..=end).contains(&content.end), "{what}: {}", content.end);
                    }
                }
                let expected = source.ledger.visible(&topic, partition, content.end, isolation);
                assert!(!expected.is_empty(), "{what}");
                assert_same_records(&what, &expected, &content.records);
            }
        }
        for partition in 0..partitions {
            let (expected, end) = source.logs[&(topic.clone(), partition)].all();
            let (found, to) = raw_bytes(serving, &topic, partition);
            assert!(found == expected && to == end, "{topic}/{partition}: {to} of {end}");
        }
    }
}

#[test]
fn a_stopped_brokers_directory_is_served_alone_and_behind_a_tier() {
    for version in [VERSIONS[0], VERSIONS[VERSIONS.len() - 1]] {
        let source = Source::of(version);
        let dir = log_dir(&source.cluster.log_dir());
        let before = files(&source.cluster.log_dir());
        let mut alone = Serving::start_without_a_tier(&["--topic", ".*", "--log-dir", &dir]);
        all_is_there(source, &alone);
        assert!(alone.log().contains("the log directories are served alone"), "{}", alone.log());
        assert_eq!(alone.server.terminate(PATIENCE).code(), Some(143));

        let tier = Tier::directory();
        source.offload(&tier).finish().expect_code(0);
        let mut both = Serving::start(&tier, &["--topic", ".*", "--log-dir", &dir], "");
        all_is_there(source, &both);
        let seen = both.java("4.3.1", workload::PAYMENTS, Isolation::ReadUncommitted.name(), "");
        assert!(seen.iter().filter(|fact| fact.starts_with("record ")).count() > 100);
        assert_eq!(both.server.terminate(PATIENCE).code(), Some(143));
        assert!(!both.log().contains("\"ERROR\""), "{}", both.log());
        assert!(files(&source.cluster.log_dir()) == before, "{version}: nothing is written there");
    }
}

fn write(cluster: &Cluster, topic: &str, numbers: std::ops::Range<i64>, ledger: &mut Ledger) {
    let producer = Producer::new(&cluster.bootstrap(), Codec::Zstd, &Transactions::Off);
    for number in numbers {
        let value = format!("{number} ").repeat(200).into_bytes();
        producer.send(&Message {
            topic: topic.to_owned(),
            partition: 0,
            timestamp_ms: 1_700_000_000_000 + number,
            key: None,
            value: Some(value),
            headers: Vec::new(),
        });
    }
    producer.flush_into(ledger);
}

#[test]
fn a_running_broker_is_refused_and_one_that_starts_ends_its_directory() {
    let mut cluster = Cluster::start(&ClusterOptions::single(VERSIONS[0]));
    let mut ledger = Ledger::default();
    cluster.create_topic("orders", 1, &[]);
    write(&cluster, "orders", 0..500, &mut ledger);
    let dir = log_dir(&cluster.log_dir());
    let refused = Run::new(&["serve", "--topic", ".*", "--log-dir", &dir]).finish();
    refused.expect_code(4).expect_stderr("FIRN-L011").expect_stderr(&dir);
    cluster.stop();

    let serving = Serving::start_without_a_tier(&["--topic", ".*", "--log-dir", &dir]);
    let read = |end: i64| {
        let content = consume_all(&serving.address, "orders", 1, Isolation::ReadUncommitted);
        let expected = ledger.visible("orders", 0, end, Isolation::ReadUncommitted);
        assert_same_records("orders", &expected, &content[&0].records);
    };
    read(500);
    cluster.restart();
    let began = Instant::now();
    while !serving.log().contains("a broker has come to life") {
        assert!(began.elapsed() < PATIENCE, "{}", serving.log());
        std::thread::sleep(Duration::from_millis(100));
    }
    // In the middle, at the end, and beyond what it had: never out of range.
    let mut raw = Raw::connect(&serving.address);
    for offset in [0, 250, 499] {
        let fetched = raw.fetch("orders", 0, offset);
        assert_eq!((fetched.error, fetched.records.len()), (KAFKA_STORAGE_ERROR, 0), "{offset}");
    }
    assert_eq!(raw.fetch("orders", 0, 500).error, 0, "the end stays where it was");
    let mut ledger = ledger.clone();
    write(&cluster, "orders", 500..700, &mut ledger);
    cluster.stop();
    let began = Instant::now();
    let mut raw = Raw::connect(&serving.address);
    while raw.fetch("orders", 0, 0).error != 0 {
        assert!(began.elapsed() < 2 * PATIENCE, "{}", serving.log());
        std::thread::sleep(Duration::from_millis(500));
    }
    let content = consume_all(&serving.address, "orders", 1, Isolation::ReadUncommitted);
    let expected = ledger.visible("orders", 0, 700, Isolation::ReadUncommitted);
    assert_same_records("orders, grown", &expected, &content[&0].records);
}

/// The high watermark of `orders-0` that a node wrote down last.
fn checkpoint(node: &Path) -> i64 {
    let text = fs::read_to_string(node.join("replication-offset-checkpoint")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("orders 0 "));
    line.map_or(0, |offset| offset.parse().expect("an offset"))
}

fn wait_for(what: &str, mut ready: impl FnMut() -> bool) {
    let began = Instant::now();
    while !ready() {
        assert!(began.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn of_a_killed_clusters_disks_all_that_was_acknowledged_is_served() {
    let mut options = ClusterOptions { nodes: 3, ..ClusterOptions::single(VERSIONS[0]) };
    options.properties = [("replica.high.watermark.checkpoint.interval.ms", "300")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .to_vec();
    let mut cluster = Cluster::start(&options);
    let mut ledger = Ledger::default();
    cluster.create_topic("orders", 1, &[("min.insync.replicas", "1")]);
    let dirs: Vec<PathBuf> = (0..3).map(|index| cluster.node(index).log_dir()).collect();
    write(&cluster, "orders", 0..1000, &mut ledger);
    wait_for("the third has it", || checkpoint(&dirs[2]) == 1000);
    cluster.node_mut(2).kill();
    write(&cluster, "orders", 1000..2500, &mut ledger);
    wait_for("two have it", || checkpoint(&dirs[0]) == 2500 && checkpoint(&dirs[1]) == 2500);
    cluster.node_mut(0).kill();
    cluster.node_mut(1).kill();

    let serve = |of: &[usize]| {
        let dirs: Vec<String> = of.iter().map(|index| log_dir(&dirs[*index])).collect();
        let mut arguments = vec!["--topic", "orders"];
        for dir in &dirs {
            arguments.extend(["--log-dir", dir]);
        }
        Serving::start_without_a_tier(&arguments)
    };
    for (of, end) in [(&[2][..], 1000), (&[0, 1, 2], 2500), (&[2, 1], 2500)] {
        let serving = serve(of);
        let content = consume_all(&serving.address, "orders", 1, Isolation::ReadUncommitted);
        let expected = ledger.visible("orders", 0, end, Isolation::ReadUncommitted);
        assert_eq!(expected.len(), usize::try_from(end).expect("positive"));
        assert_same_records(&format!("{of:?}"), &expected, &content[&0].records);
        let logs = of.iter().map(|index| PartitionLog::open(&dirs[*index].join("orders-0")).all());
        let (all, _) = logs.max_by_key(|(_, end)| *end).expect("one at least");
        let (found, to) = raw_bytes(&serving, "orders", 0);
        assert!(to == end && all.starts_with(&found), "{of:?}: {to}");
    }
    // One replica's end is torn off in a batch that the other has whole.
    let log = PartitionLog::open(&dirs[0].join("orders-0"));
    let last = log.file(log.sealed()).to_owned();
    let length = fs::metadata(&last).expect("look at").len();
    fs::File::options().write(true).open(&last).and_then(|file| file.set_len(length - 7)).expect("cut");
    let serving = serve(&[0, 1]);
    let content = consume_all(&serving.address, "orders", 1, Isolation::ReadUncommitted);
    assert_same_records(
        "torn",
        &ledger.visible("orders", 0, 2500, Isolation::ReadUncommitted),
        &content[&0].records,
    );
    let torn = serve(&[0]);
    let content = consume_all(&torn.address, "orders", 1, Isolation::ReadUncommitted);
    let whole = content[&0].end;
    assert!((1000..2500).contains(&whole), "{whole}");
    assert_same_records(
        "torn alone",
        &ledger.visible("orders", 0, whole, Isolation::ReadUncommitted),
        &content[&0].records,
    );
}
