//! A cluster is lost, and what it had tiered belongs to another one: by `firnline restore --kip405`, without a copy.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use firnline_tests::firnline::Outcome;
use firnline_tests::kafka::{
    At, Cluster, ClusterOptions, Isolation, Ledger, VERSIONS, assert_same_records, consume_all, workload,
};
use firnline_tests::process::Server;
use firnline_tests::tier::Tier;
use firnline_tests::{ports, scratch};

use crate::reading::{PARTITIONS, TOPIC, produce};
use crate::rig::{
    PATIENCE, TIERED, broker, local_start, offset_at, properties, reads_all, segments_in, wait,
    wait_until_let_go,
};

/// What the new cluster's topic must be made with.
const FOR_EVER: [(&str, &str); 2] = [("retention.ms", "-1"), ("retention.bytes", "-1")];

/// The tier's cluster, as its marker names it.
fn cluster_id(tier: &Tier) -> String {
    let text = std::fs::read_to_string(tier.path().join("firnline.json")).expect("the marker");
    let marker: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    marker["cluster_id"].as_str().expect("a cluster").to_owned()
}

fn segments(tier: &Tier) -> BTreeSet<PathBuf> {
    segments_in(&tier.path(), TOPIC)
}

/// Where the tier ends.
fn tier_end(tier: &Tier, of: &str) -> i64 {
    let listed = tier.run(&["ls", of, "--json"]).finish();
    let ends = listed.json_lines().into_iter().filter_map(|line| line["next_offset"].as_i64());
    ends.max().unwrap_or(0)
}

/// `firnline restore --kip405` with these brokers.
fn attach(tier: &Tier, cluster: &Cluster, arguments: &[&str]) -> Outcome {
    asking(tier, cluster, &[&["restore", TOPIC, "--kip405"], arguments].concat())
}

/// A command that asks these brokers.
pub(crate) fn asking(tier: &Tier, cluster: &Cluster, arguments: &[&str]) -> Outcome {
    let home = scratch::directory("attach");
    let config = home.path().join("firnline.toml");
    let brokers = cluster.bootstrap().replace(',', "', '");
    std::fs::write(&config, format!("[kafka]\nbootstrap = ['{brokers}']\n")).expect("write the config");
    tier.run(arguments).env("FIRNLINE_CONFIG", &config).finish()
}

pub(crate) fn new_cluster(tier: &Tier, nodes: u16, keys: &[(&str, &str)]) -> Cluster {
    new_cluster_of(VERSIONS[0], tier, nodes, keys)
}

/// The same of this release.
fn new_cluster_of(version: &'static str, tier: &Tier, nodes: u16, keys: &[(&str, &str)]) -> Cluster {
    let (url, id) = (tier.url().to_owned(), cluster_id(tier));
    let own = [("store.url", url.as_str()), ("cluster.id", id.as_str()), ("projection.interval", "1s")];
    let mut properties = properties(&[&own, keys].concat());
    if nodes > 1 {
        // The last of a name counts.
        let topic = "rlmm.config.remote.log.metadata.topic";
        properties.push((format!("{topic}.replication.factor"), "3".to_owned()));
        properties.push((format!("{topic}.min.isr"), "1".to_owned()));
    }
    Cluster::start(&ClusterOptions { properties, nodes, ..ClusterOptions::single(version) })
}

/// Where the attached offsets of each partition end, and how many segments there are of all.
pub(crate) struct Ends {
    pub(crate) of: BTreeMap<i32, i64>,
    segments: usize,
}

/// Both steps.
pub(crate) fn attach_whole(tier: &Tier, cluster: &mut Cluster, nodes: usize) -> Ends {
    cluster.create_topic(TOPIC, PARTITIONS, &[&TIERED[..], &FOR_EVER].concat());
    let before = segments(tier);
    attach(tier, cluster, &["--to", cluster.log_dir().to_str().expect("text")])
        .expect_code(4)
        .expect_stderr("FIRN-T053");
    attach(tier, cluster, &["--dry-run", "--json"]).expect_code(0);
    let told = attach(tier, cluster, &["--json"]).expect_code(0);
    // Said twice it does nothing more.
    attach(tier, cluster, &["--json"]).expect_code(0);
    match nodes {
        1 => cluster.stop(),
        // The last of several could not: it has no controller any more to tell. Whoever stands without power gets there, too.
        _ => (0..nodes).for_each(|node| cluster.node_mut(node).kill()),
    }
    for node in 0..nodes {
        let log_dir = cluster.node(node).log_dir();
        let to = ["--to", log_dir.to_str().expect("text"), "--json"];
        attach(tier, cluster, &to).expect_code(0);
    }
    cluster.restart();
    // Until a broker has read its metadata it answers with errors what is about remote segments.
    wait("the brokers know what they were told", || {
        let first =
            |partition| cluster.try_offset(TOPIC, partition, At::Time(workload::FIRST_TIMESTAMP_MS + 57));
        (0..PARTITIONS).all(|partition| first(partition).is_ok_and(|(code, _)| code == 0))
    });
    assert_eq!(segments(tier), before, "no segment is written or copied");
    let number = |line: &serde_json::Value, name: &str| {
        line[name].as_i64().unwrap_or_else(|| panic!("{name}: {line}"))
    };
    let mut ends = Ends { of: BTreeMap::new(), segments: 0 };
    for line in told.json_lines() {
        let partition = i32::try_from(number(&line, "partition")).expect("a partition");
        ends.of.insert(partition, number(&line, "next_offset"));
        ends.segments += usize::try_from(number(&line, "segments")).expect("a count");
    }
    ends
}

/// What of the ledger is lost because it was not tiered.
pub(crate) fn lose(ledger: &mut Ledger, ends: &Ends) {
    for (partition, end) in &ends.of {
        ledger.lose(TOPIC, *partition, *end);
    }
}

/// Everything that was attached is there, goes on, and goes with the topic.
fn lives(tier: &Tier, cluster: &Cluster, ledger: &mut Ledger, ends: &Ends, what: &str) {
    reads_all(cluster, TOPIC, PARTITIONS, ledger, what);
    for partition in 0..PARTITIONS {
        let found = offset_at(cluster, TOPIC, partition, workload::FIRST_TIMESTAMP_MS + 57);
        assert_eq!(found, 57, "{what}: by its time");
    }
    let attached = segments(tier);
    produce(cluster, TOPIC, 100_000, 3000, ledger);
    wait("the new cluster tiers, too", || {
        (0..PARTITIONS).all(|partition| local_start(cluster, TOPIC, partition) > ends.of[&partition])
    });
    assert!(segments(tier).len() > attached.len());
    reads_all(cluster, TOPIC, PARTITIONS, ledger, &format!("{what}, and went on"));
    deletes_records(cluster, ledger, &attached);
    // The old topic's segments are no trouble, and the new one's are all owned.
    let swept =
        asking(tier, cluster, &["gc", "--by-brokers", "--dry-run", "--json", "--grace", "1m"]).expect_code(0);
    let [sum] = &swept.json_lines()[..] else { panic!("{:?}", swept.json_lines()) };
    let told = ["partitions", "partitions_attached", "objects_to_go"].map(|name| sum[name].as_i64());
    assert_eq!(told, [2 * PARTITIONS, PARTITIONS, 0].map(|count| Some(i64::from(count))), "{sum}");
    cluster.delete_topic(TOPIC);
    // What was not attached nobody owns: it lies behind where all is decided, or wholly in another one.
    let left = attached.len() - ends.segments;
    let gone = || {
        let found = segments(tier);
        found.len() == left && found.is_subset(&attached)
    };
    let end = Instant::now() + PATIENCE;
    while !gone() {
        let found = segments(tier);
        assert!(
            Instant::now() < end,
            "{what}: {left} of {} stay with the topic gone: {found:#?}",
            attached.len()
        );
        std::thread::sleep(Duration::from_millis(200));
    }
    // Several times as long as a broker takes from one deletion to the next.
    std::thread::sleep(Duration::from_secs(2));
    assert!(gone(), "{what}: {left} of {} stay: {:#?}", attached.len(), segments(tier));
}

/// Records that are deleted through the new cluster take the attached segments with them that hold nothing else.
fn deletes_records(cluster: &Cluster, ledger: &Ledger, attached: &BTreeSet<PathBuf>) {
    let of_first: Vec<&PathBuf> = attached
        .iter()
        .filter(|path| path.parent().is_some_and(|partition| partition.ends_with("0")))
        .collect();
    let base = |path: &PathBuf| -> i64 {
        let name = path.file_name().and_then(|name| name.to_str()).expect("a key of ours");
        name[..20].parse().expect("a base offset")
    };
    let before = base(of_first[1]) + 1;
    cluster.delete_records(TOPIC, 0, before);
    wait("the first segment goes", || !of_first[0].exists());
    let mut found = consume_all(&cluster.bootstrap(), TOPIC, 1, Isolation::ReadCommitted);
    let found = found.remove(&0).expect("the partition");
    assert_eq!(found.start, before);
    assert!(of_first[1].exists());
    let mut expected = ledger.visible(TOPIC, 0, found.end, Isolation::ReadCommitted);
    expected.retain(|record| record.offset >= before);
    assert_same_records("behind deleted records", &expected, &found.records);
}

/// A topic that brokers have tiered, in a cluster that is gone.
pub(crate) fn tiered(tier: &Tier) -> Ledger {
    let url = tier.url().to_owned();
    let keys = [("store.url", url.as_str()), ("cluster.id", "plugin-tests"), ("projection.interval", "1s")];
    let mut lost = broker(VERSIONS[0], &keys);
    lost.create_topic(TOPIC, PARTITIONS, &TIERED);
    let mut ledger = Ledger::default();
    // In several leader epochs, all of them above the new cluster's first.
    for round in 0..3 {
        produce(&lost, TOPIC, round * 3000, 3000, &mut ledger);
        lost.node_mut(0).stop();
        lost.restart();
    }
    wait_until_let_go(&lost, TOPIC, PARTITIONS);
    let starts: Vec<i64> = (0..PARTITIONS).map(|partition| local_start(&lost, TOPIC, partition)).collect();
    wait("the manifests tell of all that the broker has let go of", || {
        (0..PARTITIONS)
            .zip(&starts)
            .all(|(partition, start)| tier_end(tier, &format!("{TOPIC}/{partition}")) >= *start)
    });
    lost.stop();
    ledger
}

/// A cluster of this release takes over what is in a tier whose cluster is gone, and lives with it.
pub(crate) fn takes_over(version: &'static str, tier: &Tier, ledger: &mut Ledger) {
    let mut cluster = new_cluster_of(version, tier, 1, &[]);
    let ends = attach_whole(tier, &mut cluster, 1);
    assert!(ends.of.values().all(|end| *end > 1000), "{:?}", ends.of);
    lose(ledger, &ends);
    lives(tier, &cluster, ledger, &ends, &format!("attached to {version}"));
}

#[test]
#[ignore = "scripts/plugin builds the jar first"]
fn what_brokers_tiered_belongs_to_a_new_cluster() {
    let tier = Tier::directory();
    let mut ledger = tiered(&tier);
    takes_over(VERSIONS[0], &tier, &mut ledger);
}

#[test]
#[ignore = "scripts/plugin builds the jar first"]
fn what_brokers_tiered_belongs_to_a_new_cluster_of_the_oldest_release() {
    let tier = Tier::directory();
    let mut ledger = tiered(&tier);
    takes_over(VERSIONS[1], &tier, &mut ledger);
}

/// A topic that a sidecar has offloaded, in a cluster that is gone.
pub(crate) fn offloaded(tier: &Tier) -> Ledger {
    let forgetful = [("log.retention.check.interval.ms", "500"), ("log.initial.task.delay.ms", "500")];
    let properties = forgetful.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
    let mut lost = Cluster::start(&ClusterOptions { properties, ..ClusterOptions::single(VERSIONS[0]) });
    lost.create_topic(TOPIC, PARTITIONS, &[("segment.bytes", "1048576"), ("file.delete.delay.ms", "100")]);
    let mut ledger = Ledger::default();
    for round in 0..2 {
        produce(&lost, TOPIC, round * 3000, 3000, &mut ledger);
        lost.node_mut(0).stop();
        lost.restart();
    }
    let home = scratch::directory("sidecar");
    let config = home.path().join("sidecar.toml");
    let text = format!(
        "[kafka]\nbootstrap = ['{}']\n[http]\nlisten = '127.0.0.1:{}'\n[offload]\nlog_dirs = ['{}']\ntarget_size = '1MiB'\nmax_lag = '3s'\n\
         scan_interval = '2s'\nsummary_interval = '2s'\nreserve = '64MiB'\n",
        lost.bootstrap(),
        ports::free(),
        lost.log_dir().display(),
    );
    std::fs::write(&config, text).expect("write the sidecar's config");
    let log = home.path().join("log");
    let mut sidecar: Server = tier
        .run(&["offload", "--config", config.to_str().expect("text"), "--log-format", "json"])
        .spawn(&log);
    let newest = |partition: i32| {
        let files = std::fs::read_dir(lost.partition_dir(TOPIC, partition)).into_iter().flatten().flatten();
        let base = |name: &str| name.strip_suffix(".log")?.parse::<i64>().ok();
        files.filter_map(|file| base(file.file_name().to_str()?)).max().unwrap_or(0)
    };
    let until: Vec<i64> = (0..PARTITIONS).map(newest).collect();
    sidecar.wait_until(PATIENCE, || {
        (0..PARTITIONS)
            .zip(&until)
            .all(|(partition, end)| tier_end(tier, &format!("{TOPIC}/{partition}")) >= *end)
    });
    sidecar.terminate(PATIENCE);
    lost.stop();
    ledger
}

#[test]
#[ignore = "scripts/plugin builds the jar first"]
fn what_a_sidecar_offloaded_belongs_to_a_new_cluster() {
    let tier = Tier::directory();
    let mut ledger = offloaded(&tier);
    takes_over(VERSIONS[0], &tier, &mut ledger);
}
