//! What is wrong with the settings stands in the broker's log, in one line that says what to do.

use firnline_tests::kafka::{ClusterOptions, VERSIONS, what_a_broker_says_that_ends};

use crate::rig::{Directory, properties};

/// What a broker with these keys says, until it has ended.
fn said(keys: &[(&str, &str)]) -> String {
    let options = ClusterOptions { properties: properties(keys), ..ClusterOptions::single(VERSIONS[0]) };
    what_a_broker_says_that_ends(&options)
}

#[test]
#[ignore = "scripts/plugin builds the jar first"]
fn wrong_keys_are_named_at_once_in_one_line() {
    let tier = Directory::new();
    let url = tier.url();
    let log = said(&[("store.url", &url), ("cache.memory.blokcs", "1MiB"), ("limits.read.memory", "much")]);
    let line =
        log.lines().find(|line| line.contains("cache.memory.blokcs")).unwrap_or_else(|| panic!("{log}"));
    for part in ["cluster.id", "limits.read.memory", "cache.memory.blocks"] {
        assert!(line.contains(part), "{part} is not in: {line}");
    }
}
