//! A panic in the native library is a `RemoteStorageException` to the broker, and no more than that.

use firnline_tests::kafka::{
    Cluster, ClusterOptions, Isolation, Java, Ledger, VERSIONS, assert_same_records,
    what_a_broker_says_that_ends, workload,
};
use firnline_tests::ports;

use crate::reading::{PARTITIONS, TOPIC, produce};
use crate::rig::{
    Directory, TIERED, jmx_options, metric, offset_at, properties, read_in_spite, reads_all, wait,
    wait_until_let_go,
};

/// Every native method that a broker's work comes through, but for `open` and `skip`: brokers skip nothing.
const METHODS: [&str; 7] = ["startCopy", "awaitCopy", "dropCopy", "fetch", "read", "index", "delete"];
/// What nobody is told of: a stream that is not let go of, a metric that is asked for again.
const BEHIND: [&str; 2] = ["dropStream", "metrics"];

#[test]
#[ignore = "scripts/plugin builds the jar first"]
fn a_panic_in_each_native_method_ends_that_call_alone() {
    let tier = Directory::new();
    let url = tier.url();
    let faults: Vec<String> = METHODS.iter().chain(&BEHIND).map(|method| format!("{method}:2")).collect();
    let faults = faults.join(",");
    let keys = [("store.url", &*url), ("cluster.id", "plugin-tests"), ("fault.panic", &*faults)];
    let jmx = ports::free();
    let java = Java { options: jmx_options(jmx), ..Java::default() };
    let options =
        ClusterOptions { properties: properties(&keys), java, ..ClusterOptions::single(VERSIONS[0]) };
    let mut cluster = Cluster::start(&options);
    let pid = cluster.node(0).pid();
    cluster.create_topic(TOPIC, PARTITIONS, &TIERED);
    let mut ledger = Ledger::default();
    produce(&cluster, TOPIC, 0, 3000, &mut ledger);
    wait_until_let_go(&cluster, TOPIC, PARTITIONS);
    let found = read_in_spite(&cluster, TOPIC, PARTITIONS, &[], |_| {});
    for (partition, records) in &found {
        let expected = ledger.visible(TOPIC, *partition, i64::MAX, Isolation::ReadCommitted);
        assert_same_records("in spite of panics", &expected, records);
    }
    assert_eq!(found.len(), 2);
    reads_all(&cluster, TOPIC, PARTITIONS, &ledger, "after all panics");
    assert_eq!(offset_at(&cluster, TOPIC, 0, workload::FIRST_TIMESTAMP_MS + 57), 57);
    // Retention deletes one after the other, and comes again where it failed.
    cluster.set_topic(TOPIC, &[("retention.ms", "1000")]);
    wait("retention deletes what it may", || tier.segments(TOPIC).is_empty());
    wait("its metrics are told", || {
        metric(jmx, "firnline.kafka.remote:type=metrics", "firnline_plugin_deletes_total").is_some()
    });
    let said = cluster.node(0).said();
    for method in METHODS {
        let fault = format!("a fault was asked for in {method}");
        let told = said.lines().filter(|line| line.contains(&fault) && !line.starts_with("thread "));
        assert!(told.count() >= 1, "{method} did not panic, or nobody was told");
    }
    let fault = "a fault was asked for in";
    let foreign = said.lines().filter(|line| line.contains(fault) && line.contains("Exception"));
    let foreign: Vec<&str> = foreign.filter(|line| !is_ours_to_throw(line)).collect();
    assert!(foreign.is_empty(), "{foreign:#?}");
    assert_eq!(cluster.node(0).pid(), pid);
    // And it works on as if nothing had been.
    cluster.set_topic(TOPIC, &[("retention.ms", "-1")]);
    produce(&cluster, TOPIC, 3000, 1500, &mut ledger);
    wait("new copies", || !tier.segments(TOPIC).is_empty());
    cluster.delete_topic(TOPIC);
    wait("the segments of the deleted topic go", || tier.segments(TOPIC).is_empty());
    cluster.stop();
}

/// What leaves a call, or a read of a stream.
fn is_ours_to_throw(line: &str) -> bool {
    ["RemoteStorageException", "IOException", "NativeFailure"].iter().any(|kind| line.contains(kind))
}

#[test]
#[ignore = "scripts/plugin builds the jar first"]
fn a_panic_when_it_opens_is_told_in_the_line_that_says_why_no_broker_starts() {
    let tier = Directory::new();
    let url = tier.url();
    let keys = [("store.url", &*url), ("cluster.id", "plugin-tests"), ("fault.panic", "open")];
    let options = ClusterOptions { properties: properties(&keys), ..ClusterOptions::single(VERSIONS[0]) };
    let said = what_a_broker_says_that_ends(&options);
    let told = said.lines().find(|line| line.contains("Firnline cannot start"));
    assert!(told.is_some_and(|line| line.contains("a fault was asked for in open")), "{said}");
}
