//! All of a broker's log, by clients that never saw the broker.

use std::time::Duration;

use firnline_tests::kafka::{Isolation, VERSIONS, assert_same_records, consume_all, workload};
use firnline_tests::tier::Tier;

use super::server::Serving;
use crate::sources::Source;

#[test]
fn librdkafka_and_kafkas_own_consumer_read_what_a_broker_had() {
    let source = Source::of(VERSIONS[0]);
    let tier = Tier::directory();
    source.offload(&tier).finish().expect_code(0);
    let mut serving = Serving::start(&tier, &["--topic", ".*"], "");
    for (topic, partitions) in source.ledger.topics() {
        for isolation in Isolation::ALL {
            for (partition, content) in consume_all(&serving.address, &topic, partitions, isolation) {
                let what = format!("{topic}/{partition} {isolation:?}");
                let sealed_end = source.logs[&(topic.clone(), partition)].sealed_end();
                assert_eq!(content.start, 0, "{what}");
                match isolation {
                    Isolation::ReadUncommitted => assert_eq!(content.end, sealed_end, "{what}"),
                    Isolation::ReadCommitted => {
                        let decided = source.ledger.first_undecided(&topic, partition, sealed_end);
                        assert!((decided..=sealed_end).contains(&content.end), "{what}: {}", content.end);
                    }
                }
                let expected = source.ledger.visible(&topic, partition, content.end, isolation);
                assert!(!expected.is_empty(), "{what}");
                assert_same_records(&what, &expected, &content.records);
            }
        }
    }
    for release in ["4.3.1", "3.3.2"] {
        java_reads_all(source, &serving, release);
    }
    assert_eq!(serving.server.terminate(Duration::from_secs(20)).code(), Some(143));
    assert!(!serving.log().contains("\"WARN\"") && !serving.log().contains("\"ERROR\""), "{}", serving.log());
}

fn java_reads_all(source: &Source, serving: &Serving, release: &str) {
    let seen = serving.java(release, workload::PAYMENTS, Isolation::ReadUncommitted.name(), "");
    let mut records: Vec<&str> =
        seen.iter().map(String::as_str).filter(|fact| fact.starts_with("record ")).collect();
    let mut expected = Vec::new();
    for partition in 0..source.ledger.topics()[workload::PAYMENTS] {
        let end = source.logs[&(workload::PAYMENTS.to_owned(), partition)].sealed_end();
        let visible = source.ledger.visible(workload::PAYMENTS, partition, end, Isolation::ReadUncommitted);
        expected.extend(visible.into_iter().map(|record| {
            let message = &record.message;
            let bytes = message.value.as_ref().map_or(0, Vec::len);
            format!("record {partition} {} {} {bytes}", record.offset, message.timestamp_ms)
        }));
    }
    records.sort_unstable();
    expected.sort_unstable();
    assert!(records == expected, "{release}: {} records seen, {} written", records.len(), expected.len());
    let refused = seen.iter().filter(|fact| fact.starts_with("produce ")).count();
    assert!(refused == 2 && !seen.iter().any(|fact| fact.contains("written")), "{seen:?}");
}
