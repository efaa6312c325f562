//! Broker → tier → broker: what was produced comes back byte for byte and record for record, in every kind of store and
//! for every supported version.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use firnline_tests::kafka::{
    Cluster, ClusterOptions, Codec, Fate, Isolation, Message, VERSIONS, Workload, assert_same_records,
    consume_all, workload,
};
use firnline_tests::logs::batches;
use firnline_tests::tier::Tier;
use serde_json::Value;

use crate::sources::Source;

#[test]
fn sealed_segments_of_the_newest_broker_come_back_from_every_store() {
    round_trip(VERSIONS[0]);
}

#[test]
fn sealed_segments_of_the_oldest_broker_come_back_from_every_store() {
    round_trip(VERSIONS[1]);
}

fn round_trip(version: &'static str) {
    let source = Source::of(version);
    assert_workload_is_worth_it(source);
    for tier in Tier::every_kind("round-trip") {
        source.offload(&tier).finish().expect_code(0);
        let segments = segments(&tier);
        assert_tier_covers_the_sealed_log(source, &segments);

        source.offload(&tier).finish().expect_code(0);
        assert_eq!(self::segments(&tier), segments, "{}: a second run adds nothing", tier.url());

        assert_bytes_come_back(source, &tier);
        tier.run(&["verify", "--deep"]).finish().expect_code(0);
        assert_records_come_back(source, &tier, &workload::codec_topic(Codec::Zstd));
        assert_records_come_back(source, &tier, workload::PAYMENTS);
        restore_and_consume(source, &tier);
    }
}

#[test]
fn sealed_segments_come_back_from_an_s3_server_of_other_authors() {
    let source = Source::of(VERSIONS[0]);
    let tier = Tier::seaweedfs("round-trip");
    source.offload(&tier).finish().expect_code(0);
    let segments = segments(&tier);
    assert_tier_covers_the_sealed_log(source, &segments);
    source.offload(&tier).finish().expect_code(0);
    assert_eq!(self::segments(&tier), segments, "a second run adds nothing");
    assert_bytes_come_back(source, &tier);
    tier.run(&["verify", "--deep"]).finish().expect_code(0);
}

#[test]
fn an_open_transaction_ends_what_committed_readers_get_and_what_a_restored_broker_holds() {
    let workload =
        Workload { leave_open: true, bytes_per_partition: 2_500_000, rounds: 6, ..Workload::default() };
    let source = Source::make(VERSIONS[0], &workload);
    assert!(source.ledger.count(workload::PAYMENTS, Fate::Open) > 0, "the transaction was left open");
    let tier = Tier::directory();
    source.offload(&tier).finish().expect_code(0);

    for partition in 0..workload.partitions {
        let end = source.logs[&(workload::PAYMENTS.to_owned(), partition)].sealed_end();
        let all = source.ledger.visible(workload::PAYMENTS, partition, end, Isolation::ReadUncommitted);
        let first_open = (0..end)
            .find(|&offset| source.ledger.fate(workload::PAYMENTS, partition, offset) == Some(Fate::Open))
            .expect("the open transaction lies in a sealed segment");
        let committed =
            source.ledger.visible(workload::PAYMENTS, partition, first_open, Isolation::ReadCommitted);
        let name = format!("{}/{partition}", workload::PAYMENTS);
        assert_eq!(
            offsets(&tier, &name, Isolation::ReadUncommitted),
            all.iter().map(|r| r.offset).collect::<Vec<_>>()
        );
        assert_eq!(
            offsets(&tier, &name, Isolation::ReadCommitted),
            committed.iter().map(|r| r.offset).collect::<Vec<_>>()
        );
        let run = tier.run(&["cat", &name, "--isolation", "read_committed"]).finish().expect_code(0);
        run.expect_stderr(&format!("offset {first_open}: the transaction that begins there is not decided"));
    }
    restore_and_consume(&source, &tier);
}

/// The workload must have in it what the promises are about, else the test shows nothing.
fn assert_workload_is_worth_it(source: &Source) {
    for ((topic, partition), log) in &source.logs {
        assert!(log.sealed() >= 2, "{topic}/{partition} has {} sealed segments", log.sealed());
    }
    for (number, codec) in Codec::ALL.into_iter().enumerate() {
        let topic = workload::codec_topic(codec);
        let bytes = source.logs[&(topic.clone(), 0)].sealed_bytes();
        let batches = batches(&bytes);
        let of_codec = batches.iter().filter(|batch| usize::from(batch.codec) == number).count();
        // A client leaves a batch as it is where compression does not pay.
        assert!(of_codec * 10 >= batches.len() * 9, "{topic}: {of_codec} of {} batches", batches.len());
        assert!(batches.iter().all(|batch| batch.producer_id >= 0), "{topic}: idempotent");
        let sealed_end = source.logs[&(topic.clone(), 0)].sealed_end();
        let records = source.ledger.visible(&topic, 0, sealed_end, Isolation::ReadUncommitted);
        let has = |what: &dyn Fn(&Message) -> bool| records.iter().any(|record| what(&record.message));
        assert!(
            has(&|m| m.value.is_none()) && has(&|m| m.value.as_deref() == Some(&[])),
            "{topic}: tombstones"
        );
        assert!(has(&|m| m.key.is_none()) && has(&|m| m.headers.len() == 2), "{topic}: keys and headers");
    }
    let payments = source.logs[&(workload::PAYMENTS.to_owned(), 0)].sealed_bytes();
    let payments = batches(&payments);
    assert!(payments.iter().all(|batch| batch.transactional), "transactional producers");
    assert!(payments.iter().filter(|batch| batch.control).count() > 20, "markers");
    assert!(source.ledger.count(workload::PAYMENTS, Fate::Aborted) > 100, "aborted records");
    assert!(source.ledger.count(workload::PAYMENTS, Fate::Committed) > 100, "committed records");
}

type Segments = BTreeMap<(String, i32), Vec<(i64, i64, String)>>;

/// What `ls` says: base offset, next offset and object key of each segment.
fn segments(tier: &Tier) -> Segments {
    let mut segments = Segments::new();
    for line in tier.run(&["ls", "--segments", "--json"]).finish().expect_code(0).json_lines() {
        assert_eq!(line["v"], 1, "{line}");
        let number = |field: &str| line[field].as_i64().unwrap_or_else(|| panic!("{field} in {line}"));
        let text =
            |field: &str| line[field].as_str().unwrap_or_else(|| panic!("{field} in {line}")).to_owned();
        let partition = i32::try_from(number("partition")).expect("a partition number");
        segments.entry((text("topic"), partition)).or_default().push((
            number("base_offset"),
            number("next_offset"),
            text("object_key"),
        ));
    }
    segments
}

fn assert_tier_covers_the_sealed_log(source: &Source, segments: &Segments) {
    for (name, log) in &source.logs {
        let found = segments.get(name).unwrap_or_else(|| panic!("{name:?} is not in the tier"));
        let mut next = 0;
        for (base, end, _) in found {
            assert_eq!(*base, next, "{name:?}: no gap and no overlap");
            next = *end;
        }
        assert_eq!(next, log.sealed_end(), "{name:?}: the tier ends where the active segment begins");
    }
}

fn assert_bytes_come_back(source: &Source, tier: &Tier) {
    for ((topic, partition), log) in &source.logs {
        let name = format!("{topic}/{partition}");
        let raw = tier.run(&["cat", &name, "--raw"]).finish().expect_code(0);
        assert!(
            raw.stdout() == log.sealed_bytes(),
            "{} {name}: other bytes than in the log files",
            tier.url()
        );
    }
}

/// `cat` as JSON against the ledger: offset, time, key, value and headers of each record.
fn assert_records_come_back(source: &Source, tier: &Tier, topic: &str) {
    for isolation in Isolation::ALL {
        let name = format!("{topic}/0");
        let end = source.logs[&(topic.to_owned(), 0)].sealed_end();
        let lines = cat(tier, &name, isolation);
        // Transactions that are open where the sealed log ends hold a committed reader back.
        let end = if isolation == Isolation::ReadCommitted && topic == workload::PAYMENTS {
            let last = lines.last().expect("some record is committed");
            last["offset"].as_i64().expect("an offset") + 1
        } else {
            end
        };
        let expected = source.ledger.visible(topic, 0, end, isolation);
        assert!(expected.len() > 100, "{name}: {} records", expected.len());
        assert_eq!(lines.len(), expected.len(), "{} {name} {isolation:?}: records", tier.url());
        for (line, record) in lines.iter().zip(&expected) {
            assert_eq!(line["offset"], record.offset, "{line}");
            assert_eq!(line["timestamp_ms"], record.message.timestamp_ms, "{line}");
            assert_eq!(
                bytes(&line["key"], &line["key_base64"]),
                record.message.key,
                "{name} {}",
                record.offset
            );
            let value = bytes(&line["value"], &line["value_base64"]);
            assert!(value == record.message.value, "{name} {}: other value", record.offset);
            let headers: Vec<_> = line["headers"].as_array().expect("headers are a list").iter().collect();
            let headers = headers.iter().map(|pair| {
                let name = pair[0].as_str().expect("a header's name").to_owned();
                (name, bytes(&pair[1], &pair[1]["base64"]))
            });
            assert_eq!(headers.collect::<Vec<_>>(), record.message.headers, "{name} {}", record.offset);
        }
    }
}

/// What stands in JSON as text where it is text, as base64 where not, and as null where it is absent.
fn bytes(text: &Value, base64: &Value) -> Option<Vec<u8>> {
    match (text.as_str(), base64.as_str()) {
        (Some(text), _) => Some(text.as_bytes().to_vec()),
        (None, Some(base64)) => Some(BASE64_STANDARD.decode(base64).expect("base64")),
        (None, None) => None,
    }
}

fn cat(tier: &Tier, partition: &str, isolation: Isolation) -> Vec<Value> {
    tier.run(&["cat", partition, "--isolation", isolation.name()]).finish().expect_code(0).json_lines()
}

fn offsets(tier: &Tier, partition: &str, isolation: Isolation) -> Vec<i64> {
    cat(tier, partition, isolation).iter().map(|line| line["offset"].as_i64().expect("an offset")).collect()
}

/// A new cluster with empty topics of the same names, filled from the tier while it is stopped.
fn restore_and_consume(source: &Source, tier: &Tier) {
    let topics = source.ledger.topics();
    let mut target = Cluster::start(&ClusterOptions::single(source.version));
    for (topic, partitions) in &topics {
        target.create_topic(topic, *partitions, &[("retention.ms", "-1")]);
    }
    let log_dir = target.log_dir();
    let log_dir = log_dir.to_str().expect("a path of ours is text");
    let restore = |topic: &str, to: &str| tier.run(&["restore", topic, "--to", to]).finish();
    // Its partitions are empty and still not ours while it runs: that it runs is told by its lock alone.
    let one = target.partition_dir(workload::PAYMENTS, 0);
    let one = one.to_str().expect("a path of ours is text");
    for (topic, to) in [(workload::PAYMENTS, log_dir), ("payments/0", one)] {
        let refused = restore(topic, to).expect_code(4).expect_stderr("error[FIRN-L011]");
        refused.expect_stderr(&format!("holds {log_dir:?}; stop it first"));
    }
    target.stop();
    for topic in topics.keys() {
        restore(topic, log_dir).expect_code(0);
    }
    // Now they hold records, and those are not replaced.
    for (topic, to) in [(workload::PAYMENTS, log_dir), ("payments/0", one)] {
        let refused = restore(topic, to).expect_code(4).expect_stderr("error[FIRN-L020]");
        refused.expect_stderr(&format!("{one:?} holds records"));
    }
    target.restart();
    for (topic, partitions) in &topics {
        for isolation in Isolation::ALL {
            for (partition, content) in consume_all(&target.bootstrap(), topic, *partitions, isolation) {
                let what = format!("{} {topic}/{partition} {isolation:?}", tier.url());
                let sealed_end = source.logs[&(topic.clone(), partition)].sealed_end();
                assert_eq!(content.start, 0, "{what}: start");
                if topic == workload::PAYMENTS {
                    let first_undecided = source.ledger.first_undecided(topic, partition, sealed_end);
                    assert!(content.end <= sealed_end, "{what}: end {} beyond the tier", content.end);
                    assert!(
                        content.end >= first_undecided,
                        "{what}: end {}, decided to {first_undecided}",
                        content.end
                    );
                } else {
                    assert_eq!(content.end, sealed_end, "{what}: end");
                }
                let expected = source.ledger.visible(topic, partition, content.end, isolation);
                assert_same_records(&what, &expected, &content.records);
            }
        }
    }
}
