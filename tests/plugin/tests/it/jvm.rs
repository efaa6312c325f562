//! The JVM has nothing to say about the library: not when it checks each call, and not in its newest release.

use std::path::{Path, PathBuf};

use firnline_tests::kafka::{Cluster, ClusterOptions, Java, Ledger, VERSIONS, workload};

use crate::reading::{PARTITIONS, TOPIC, produce};
use crate::rig::{Directory, TIERED, offset_at, properties, reads_all, wait, wait_until_let_go};

/// What a broker in this JVM says while it copies, fetches, looks up, deletes and ends.
fn said_by(java: Java) -> String {
    let tier = Directory::new();
    let url = tier.url();
    let keys = [("store.url", &*url), ("cluster.id", "plugin-tests")];
    let options =
        ClusterOptions { properties: properties(&keys), java, ..ClusterOptions::single(VERSIONS[0]) };
    let mut cluster = Cluster::start(&options);
    cluster.create_topic(TOPIC, PARTITIONS, &TIERED);
    let mut ledger = Ledger::default();
    produce(&cluster, TOPIC, 0, 3000, &mut ledger);
    wait_until_let_go(&cluster, TOPIC, PARTITIONS);
    reads_all(&cluster, TOPIC, PARTITIONS, &ledger, "by this JVM");
    assert_eq!(offset_at(&cluster, TOPIC, 0, workload::FIRST_TIMESTAMP_MS + 57), 57);
    cluster.delete_topic(TOPIC);
    wait("the segments of the deleted topic go", || tier.segments(TOPIC).is_empty());
    cluster.stop();
    cluster.node(0).said()
}

#[test]
#[ignore = "scripts/plugin builds the jar first"]
fn a_jvm_that_checks_each_native_call_finds_nothing() {
    let said = said_by(Java { options: vec!["-Xcheck:jni".to_owned()], ..Java::default() });
    let lines: Vec<&str> = said.lines().collect();
    // A complaint is followed by the stack that it comes from.
    let complaints = (0..lines.len()).filter(|at| {
        let told = ["WARNING in native method", "FATAL ERROR in native method", "WARNING: JNI"];
        told.iter().any(|told| lines[*at].contains(told))
            && lines[*at..].iter().take(12).any(|line| line.contains("firnline"))
    });
    let complaints: Vec<&[&str]> = complaints.map(|at| &lines[at..lines.len().min(at + 12)]).collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[test]
#[ignore = "scripts/plugin builds the jar first"]
fn java_25_runs_it_and_is_not_warned_of_it() {
    let Some(program) = java_25() else {
        println!("NOT RUN: there is no Java 25 on this machine; FIRNLINE_JAVA_25 names its home");
        return;
    };
    let said = said_by(Java { program, options: vec!["--enable-native-access=ALL-UNNAMED".to_owned()] });
    let warned: Vec<&str> = said.lines().filter(|line| line.contains("native-access")).collect();
    assert!(warned.is_empty(), "{warned:#?}");
}

/// The `java` of release 25: of the home that `FIRNLINE_JAVA_25` names, else of one where systems put them.
fn java_25() -> Option<PathBuf> {
    if let Some(home) = std::env::var_os("FIRNLINE_JAVA_25") {
        let program = Path::new(&home).join("bin/java");
        assert!(program.is_file(), "FIRNLINE_JAVA_25: {} is not there", program.display());
        return Some(program);
    }
    let homes = ["/usr/lib/jvm", "/opt/java", "/opt/hostedtoolcache/Java_Temurin-Hotspot_jdk"];
    let homes = homes.iter().filter_map(|parent| std::fs::read_dir(parent).ok()).flatten().flatten();
    let is_25 = |home: &PathBuf| {
        std::fs::read_to_string(home.join("release")).is_ok_and(|text| text.contains("JAVA_VERSION=\"25"))
    };
    homes.map(|home| home.path()).find(is_25).map(|home| home.join("bin/java"))
}
