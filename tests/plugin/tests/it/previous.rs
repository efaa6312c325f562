//! Another plugin's tier, taken over: what it wrote is read and deleted by it, and what is new is ours.

use std::path::{Path, PathBuf};

use firnline_tests::kafka::{At, Cluster, ClusterOptions, Java, Ledger, VERSIONS, workload};
use firnline_tests::tier::Tier;
use firnline_tests::{ports, scratch, tools};

use crate::attached::asking;
use crate::outside::{segments, tier_end};
use crate::reading::{PARTITIONS, TOPIC, produce};
use crate::rig::{is_let_go, jmx_options, metric, properties, reads_all, reads_from, settled_starts, wait};

/// What tests of Kafka itself tier with.
const OTHER: &str = "org.apache.kafka.server.log.remote.storage.LocalTieredStorage";
const TIERED: [(&str, &str); 4] = [
    ("remote.storage.enable", "true"),
    ("local.retention.bytes", "1"),
    ("internal.segment.bytes", "262144"),
    ("file.delete.delay.ms", "100"),
];

/// The jar that the other plugin is in.
fn other_jar() -> PathBuf {
    let jar = tools::build_cache().join(format!("kafka-local-tier/kafka-storage-{}-test.jar", VERSIONS[0]));
    assert!(jar.is_file(), "{} is missing: run scripts/install-tools kafka-local-tier", jar.display());
    jar
}

/// The broker's properties with the other plugin in our place.
fn of_the_other(ours: &[(String, String)], dir: &Path) -> Vec<(String, String)> {
    let broker = ours.iter().filter(|(key, _)| !key.starts_with("rsm.config."));
    let mut all: Vec<(String, String)> = broker.cloned().collect();
    let other = [
        ("remote.log.storage.manager.class.name", OTHER.to_owned()),
        ("remote.log.storage.manager.class.path", other_jar().display().to_string()),
        ("rsm.config.dir", dir.display().to_string()),
        ("rsm.config.delete.on.close", "false".to_owned()),
    ];
    all.extend(other.map(|(key, value)| (key.to_owned(), value)));
    all
}

/// The segments that the other plugin has.
fn of_other(dir: &Path) -> usize {
    let mut count = 0;
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        count += if path.is_dir() {
            of_other(&path)
        } else {
            usize::from(path.extension().is_some_and(|e| e == "log"))
        };
    }
    count
}

fn let_go(cluster: &Cluster, beyond: i64) {
    wait("the topic leaves the broker's disk", || {
        (0..PARTITIONS).all(|partition| cluster.offset(TOPIC, partition, At::EarliestLocal) > beyond)
    });
}

#[test]
#[ignore = "scripts/plugin builds the jar first"]
fn a_tier_of_another_plugin_is_taken_over_and_dies_out() {
    let dir = scratch::directory("other-tier");
    let tier = Tier::directory();
    let url = tier.url().to_owned();
    let other = other_jar().display().to_string();
    let keys = [
        ("store.url", url.as_str()),
        ("cluster.id", "plugin-tests"),
        ("projection.interval", "1s"),
        ("previous.class.name", OTHER),
        ("previous.class.path", &other),
        ("previous.config.dir", &dir.path().display().to_string()),
        ("previous.config.delete.on.close", "false"),
    ];
    let ours = properties(&keys);
    let jmx = ports::free();
    let options = ClusterOptions {
        properties: of_the_other(&ours, dir.path()),
        java: Java { options: jmx_options(jmx), ..Java::default() },
        ..ClusterOptions::single(VERSIONS[0])
    };
    let mut cluster = Cluster::start(&options);
    cluster.create_topic(TOPIC, PARTITIONS, &TIERED);
    let mut ledger = Ledger::default();
    produce(&cluster, TOPIC, 0, 1500, &mut ledger);
    let_go(&cluster, 1000);
    // A copy that the stop interrupts would leave a segment of which nobody has said that it is there.
    wait("all but the active segments was copied", || {
        (0..PARTITIONS).all(|partition| is_let_go(&cluster, TOPIC, partition))
    });
    cluster.stop();
    let theirs = of_other(dir.path());
    assert!(theirs >= 4, "{theirs}");
    cluster.reconfigure(&ours);
    cluster.restart();
    produce(&cluster, TOPIC, 1500, 1500, &mut ledger);
    let_go(&cluster, 2500);
    assert_eq!(of_other(dir.path()), theirs, "the other plugin copies no more, and loses nothing");
    reads_all(&cluster, TOPIC, PARTITIONS, &ledger, "across the border of two plugins");
    for partition in 0..PARTITIONS {
        wait("ours are told of", || tier_end(&tier, TOPIC, partition) > 2500);
        let first = segments(&tier, TOPIC, partition).into_iter().map(|(base, _)| base).min();
        assert!(first.is_some_and(|first| first > 1000), "ours begin at {first:?}");
        // By an index of the other plugin.
        let by_time = At::Time(workload::FIRST_TIMESTAMP_MS + 57);
        assert_eq!(cluster.offset(TOPIC, partition, by_time), 57);
    }
    let calls = |call: &str| {
        let bean = format!("firnline.kafka.remote:type=metrics,call={call}");
        metric(jmx, &bean, "firnline_plugin_previous_calls_total").expect("what was passed on is counted")
    };
    assert!(calls("fetch") >= 4.0 && calls("index") >= 4.0, "{} {}", calls("fetch"), calls("index"));
    assert!(calls("delete") < 1.0);
    // What is there of both, as the brokers' own metadata tell.
    let remaining = || {
        let told = asking(&tier, &cluster, &["status", "--by-brokers", "--json"]).expect_code(0);
        let lines = told.json_lines();
        let [topic, sum] = &lines[..] else { panic!("{lines:?}") };
        let kinds = ["segments", "log_bytes", "another_plugin_segments", "another_plugin_log_bytes"];
        let [ours, bytes, theirs, their_bytes] = kinds.map(|kind| {
            assert_eq!(topic[kind], sum[kind], "one topic is tiered");
            sum[kind].as_u64().expect("a number")
        });
        assert!(bytes > ours * 100_000 && their_bytes >= theirs * 100_000, "{sum}");
        (usize::try_from(ours).expect("a count"), usize::try_from(theirs).expect("a count"))
    };
    wait("what was copied is known", || {
        let ours: usize = (0..PARTITIONS).map(|partition| segments(&tier, TOPIC, partition).len()).sum();
        remaining() == (ours, theirs)
    });

    // They die out by retention: by size, so that ours stay.
    cluster.set_topic(TOPIC, &[("retention.bytes", "600000")]);
    wait("the other plugin's segments go", || of_other(dir.path()) == 0);
    wait("each deletion was passed on", || calls("delete") >= theirs as f64);
    for partition in 0..PARTITIONS {
        assert!(!segments(&tier, TOPIC, partition).is_empty(), "ours stay");
    }
    let again = calls("fetch");
    let starts = settled_starts(&cluster, TOPIC, PARTITIONS);
    assert!(starts.iter().all(|start| *start > 1000), "{starts:?}");
    reads_from(&cluster, TOPIC, &starts, &ledger, "of ours alone");
    let (ours, left) = remaining();
    assert!(ours > 0 && left == 0, "{ours} {left}");
    let text = asking(&tier, &cluster, &["status", "--by-brokers", "--metrics"]).expect_code(0);
    let text = String::from_utf8_lossy(text.stdout()).into_owned();
    for line in [
        format!("firnline_remote_log_segments{{by=\"firnline\"}} {ours}"),
        "firnline_remote_log_segments{by=\"another_plugin\"} 0".to_owned(),
        "firnline_remote_log_bytes{by=\"another_plugin\"} 0".to_owned(),
    ] {
        assert!(text.lines().any(|told| told == line), "{line} in {text}");
    }
    assert!((calls("fetch") - again).abs() < 1.0, "nothing is read of the other plugin any more");
}
