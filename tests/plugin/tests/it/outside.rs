//! The tier as those see it who know nothing of the brokers.

use firnline_tests::kafka::{Isolation, Ledger};
use firnline_tests::tier::Tier;
use serde_json::Value;

use crate::rig::wait;

/// A remote segment as `firnline ls` tells it: first offset, and one past the last.
pub(crate) type Range = (i64, i64);

/// The segments of a partition.
pub(crate) fn segments(tier: &Tier, topic: &str, partition: i32) -> Vec<Range> {
    let listed = tier.run(&["ls", &format!("{topic}/{partition}"), "--json"]).finish();
    let range = |line: Value| Some((line["base_offset"].as_i64()?, line["next_offset"].as_i64()?));
    listed.json_lines().into_iter().filter_map(range).collect()
}

/// Where the tier ends.
pub(crate) fn tier_end(tier: &Tier, topic: &str, partition: i32) -> i64 {
    segments(tier, topic, partition).into_iter().map(|(_, next)| next).max().unwrap_or(0)
}

/// Offsets and keys as `firnline cat` gives them.
fn read_back(tier: &Tier, topic: &str, partition: i32, isolation: Isolation) -> Vec<(i64, String)> {
    let of = format!("{topic}/{partition}");
    let cat = tier.run(&["cat", &of, "--isolation", isolation.name()]).finish().expect_code(0);
    let record = |line: Value| (line["offset"].as_i64().unwrap(), line["key"].as_str().unwrap().to_owned());
    cat.json_lines().into_iter().map(record).collect()
}

/// Waits until the manifest reaches to `end`; then the partition is whole by `verify --deep`, and `cat` gives what the
/// ledger has, each record once.
pub(crate) fn agrees(tier: &Tier, topic: &str, partition: i32, end: i64, ledger: &Ledger) {
    wait(&format!("the manifest of {topic}/{partition} reaches to {end}"), || {
        tier_end(tier, topic, partition) >= end
    });
    tier.run(&["verify", "--deep", &format!("{topic}/{partition}")]).finish().expect_code(0);
    let end = tier_end(tier, topic, partition);
    for isolation in Isolation::ALL {
        let expected = ledger.visible(topic, partition, end, isolation).into_iter();
        let expected: Vec<(i64, String)> = expected
            .map(|record| (record.offset, String::from_utf8(record.message.key.unwrap()).unwrap()))
            .collect();
        let found = read_back(tier, topic, partition, isolation);
        assert!(!expected.is_empty());
        assert!(expected.starts_with(&found), "{topic}/{partition}, {}", isolation.name());
        // A transaction that is open at the tier's end holds back who reads committed records.
        let least = match isolation {
            Isolation::ReadUncommitted => end,
            Isolation::ReadCommitted => ledger.first_undecided(topic, partition, end),
        };
        let least = expected.iter().take_while(|(offset, _)| *offset < least).count();
        let of = format!("{topic}/{partition}, {}", isolation.name());
        assert!(found.len() >= least, "{of}: {} of {least}", found.len());
    }
}
