//! What brokers tier is read without them, by the manifest that the plugin writes behind their back.

use firnline_tests::kafka::{Fate, Isolation, Ledger, VERSIONS};
use firnline_tests::tier::Tier;

use crate::reading::{PARTITIONS, TOPIC, produce};
use crate::rig::{TIERED, broker, local_start, wait, wait_until_let_go};

/// Where the tier ends, as `firnline ls` tells.
fn tier_end(tier: &Tier, partition: i32) -> i64 {
    let listed = tier.run(&["ls", &format!("{TOPIC}/{partition}"), "--json"]).finish();
    let ends = listed.json_lines().into_iter().filter_map(|line| line["next_offset"].as_i64());
    ends.max().unwrap_or(0)
}

/// Offsets and keys as `firnline cat` gives them.
fn read_back(tier: &Tier, partition: i32, isolation: Isolation) -> Vec<(i64, String)> {
    let of = format!("{TOPIC}/{partition}");
    let cat = tier.run(&["cat", &of, "--isolation", isolation.name()]).finish().expect_code(0);
    let record = |line: serde_json::Value| {
        (line["offset"].as_i64().unwrap(), line["key"].as_str().unwrap().to_owned())
    };
    cat.json_lines().into_iter().map(record).collect()
}

#[test]
#[ignore = "scripts/plugin builds the jar first"]
fn what_a_broker_has_tiered_is_listed_verified_and_read_without_it() {
    let tier = Tier::directory();
    let url = tier.url().to_owned();
    let keys = [("store.url", url.as_str()), ("cluster.id", "plugin-tests"), ("projection.interval", "1s")];
    let mut cluster = broker(VERSIONS[0], &keys);
    cluster.create_topic(TOPIC, PARTITIONS, &TIERED);
    let mut ledger = Ledger::default();
    produce(&cluster, TOPIC, 0, 3000, &mut ledger);
    assert!(ledger.count(TOPIC, Fate::Aborted) > 0);
    wait_until_let_go(&cluster, TOPIC, PARTITIONS);
    let starts: Vec<i64> = (0..PARTITIONS).map(|partition| local_start(&cluster, TOPIC, partition)).collect();
    wait("the manifests tell of all that the broker has let go of", || {
        (0..PARTITIONS).zip(&starts).all(|(partition, start)| tier_end(&tier, partition) >= *start)
    });
    cluster.stop();
    tier.run(&["verify", "--deep"]).finish().expect_code(0);
    for partition in 0..PARTITIONS {
        let end = tier_end(&tier, partition);
        for isolation in [Isolation::ReadUncommitted, Isolation::ReadCommitted] {
            let expected = ledger.visible(TOPIC, partition, end, isolation);
            let expected: Vec<(i64, String)> = expected
                .into_iter()
                .map(|record| (record.offset, String::from_utf8(record.message.key.unwrap()).unwrap()))
                .collect();
            let found = read_back(&tier, partition, isolation);
            assert!(!expected.is_empty());
            assert!(expected.starts_with(&found), "{TOPIC}/{partition}, {}", isolation.name());
            // A transaction that is open at the tier's end holds back who reads committed records.
            let least = match isolation {
                Isolation::ReadUncommitted => end,
                Isolation::ReadCommitted => ledger.first_undecided(TOPIC, partition, end),
            };
            let least = expected.iter().take_while(|(offset, _)| *offset < least).count();
            assert!(
                found.len() >= least,
                "{TOPIC}/{partition}, {}: {} of {least}",
                isolation.name(),
                found.len()
            );
        }
    }
}
