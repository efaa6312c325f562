//! A broker with the plugin, and a tier.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use firnline_tests::kafka::{
    At, Cluster, ClusterOptions, Isolation, Ledger, Record, VERSIONS, assert_same_records, consume_all,
    consumer_as, record,
};
use firnline_tests::{scratch, tools};
use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;
use tempfile::TempDir;

pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
/// What a topic that goes to the tier is told: of each partition one segment or so is kept here.
pub(crate) const TIERED: [(&str, &str); 4] = [
    ("remote.storage.enable", "true"),
    ("local.retention.bytes", "1"),
    ("segment.bytes", "1048576"),
    ("file.delete.delay.ms", "100"),
];

/// The jar with the library in it.
pub(crate) fn jar() -> PathBuf {
    let jar = tools::build_cache().join("plugin/firnline-kafka.jar");
    assert!(jar.is_file(), "{} is missing: run scripts/plugin", jar.display());
    jar
}

/// The `server.properties` of a broker with the plugin, and these keys of its own.
pub(crate) fn properties(keys: &[(&str, &str)]) -> Vec<(String, String)> {
    let jar = jar().display().to_string();
    let broker = [
        ("remote.log.storage.system.enable", "true"),
        ("remote.log.storage.manager.class.name", "io.firnline.kafka.FirnlineRemoteStorageManager"),
        ("remote.log.storage.manager.class.path", &jar),
        ("remote.log.metadata.manager.listener.name", "PLAINTEXT"),
        ("rlmm.config.remote.log.metadata.topic.replication.factor", "1"),
        ("rlmm.config.remote.log.metadata.topic.num.partitions", "2"),
        ("remote.log.manager.task.interval.ms", "500"),
        ("log.retention.check.interval.ms", "500"),
        ("log.initial.task.delay.ms", "500"),
    ];
    let own = keys.iter().map(|(key, value)| (format!("rsm.config.{key}"), (*value).to_owned()));
    broker.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).chain(own).collect()
}

/// A tier in a directory.
pub(crate) struct Directory(TempDir);

impl Directory {
    pub(crate) fn new() -> Self {
        Self(scratch::directory("plugin-tier"))
    }

    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.0.path().join("tier").display())
    }

    /// The segments in it, of this topic.
    pub(crate) fn segments(&self, topic: &str) -> BTreeSet<PathBuf> {
        segments_in(self.0.path(), topic)
    }
}

/// The segments of a topic in the tier of this directory.
pub(crate) fn segments_in(tier: &Path, topic: &str) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    collect(tier, &format!("/{topic}."), &mut found);
    found
}

fn collect(directory: &Path, part: &str, found: &mut BTreeSet<PathBuf>) {
    // It may go while it is looked at.
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, part, found);
        } else if path.extension().is_some_and(|end| end == "seg") && path.to_string_lossy().contains(part) {
            found.insert(path);
        }
    }
}

/// A broker of this release with the plugin over this tier.
pub(crate) fn broker(version: &'static str, keys: &[(&str, &str)]) -> Cluster {
    Cluster::start(&ClusterOptions { properties: properties(keys), ..ClusterOptions::single(version) })
}

/// The lowest offset that the broker still has on its own disk.
pub(crate) fn local_start(cluster: &Cluster, topic: &str, partition: i32) -> i64 {
    let files = std::fs::read_dir(cluster.partition_dir(topic, partition)).into_iter().flatten().flatten();
    let base = |name: &str| name.strip_suffix(".log")?.parse().ok();
    files.filter_map(|file| base(file.file_name().to_str()?)).min().unwrap_or(0)
}

/// Whether the active segment is all that the leader has on its disk.
pub(crate) fn is_let_go(cluster: &Cluster, topic: &str, partition: i32) -> bool {
    let Some(leader) = cluster.placement(topic, partition).leader else { return false };
    let files = std::fs::read_dir(cluster.node_of(leader).partition_dir(topic, partition));
    let log = |name: &str| name.ends_with(".log");
    files.into_iter().flatten().flatten().filter(|file| file.file_name().to_str().is_some_and(log)).count()
        == 1
}

/// Waits until the broker has let go of the beginning of each partition.
pub(crate) fn wait_until_let_go(cluster: &Cluster, topic: &str, partitions: i32) {
    wait(&format!("{topic} leaves the broker's disk"), || {
        (0..partitions).all(|partition| local_start(cluster, topic, partition) > 0)
    });
}

pub(crate) fn wait(what: &str, mut ready: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !ready() {
        assert!(Instant::now() < end, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Reads a topic from its first offset through the broker, and compares it with what was written.
pub(crate) fn reads_all(cluster: &Cluster, topic: &str, partitions: i32, ledger: &Ledger, what: &str) {
    reads_from(cluster, topic, &vec![0; usize::try_from(partitions).expect("a count")], ledger, what);
}

/// The same of a topic whose partitions begin at these offsets.
pub(crate) fn reads_from(cluster: &Cluster, topic: &str, starts: &[i64], ledger: &Ledger, what: &str) {
    let partitions = i32::try_from(starts.len()).expect("a count");
    for isolation in Isolation::ALL {
        let read = consume_all(&cluster.bootstrap_of_those_up(), topic, partitions, isolation);
        for ((partition, content), start) in read.into_iter().zip(starts) {
            let what = format!("{what}: {topic}/{partition}, {}", isolation.name());
            assert_eq!(content.start, *start, "{what}");
            let mut expected = ledger.visible(topic, partition, content.end, isolation);
            assert!(!expected.is_empty(), "{what}: nothing was written");
            expected.retain(|record| record.offset >= *start);
            assert_same_records(&what, &expected, &content.records);
        }
    }
}

/// The first offset at or after a time, as the broker tells it.
pub(crate) fn offset_at(cluster: &Cluster, topic: &str, partition: i32, timestamp_ms: i64) -> i64 {
    let client = consumer_as(&cluster.bootstrap(), &[], Isolation::ReadUncommitted);
    let mut asked = rdkafka::TopicPartitionList::new();
    asked.add_partition_offset(topic, partition, rdkafka::Offset::Offset(timestamp_ms)).expect("a time");
    let told = client.offsets_for_times(asked, Duration::from_secs(30)).expect("the broker answers");
    told.elements()[0].offset().to_raw().expect("an offset")
}

/// Reads a topic of some partitions to the end of each, by a client that goes on where a broker tells of an error; `meanwhile`
/// is called between records, with how many have come.
pub(crate) fn read_in_spite(
    cluster: &Cluster,
    topic: &str,
    partitions: i32,
    settings: &[(&str, &str)],
    mut meanwhile: impl FnMut(usize),
) -> BTreeMap<i32, Vec<Record>> {
    let consumer = consumer_as(&cluster.bootstrap_of_those_up(), settings, Isolation::ReadCommitted);
    let mut list = rdkafka::TopicPartitionList::new();
    for partition in 0..partitions {
        list.add_partition_offset(topic, partition, rdkafka::Offset::Beginning).expect("a position");
    }
    consumer.assign(&list).expect("assign");
    let (mut found, mut ended, mut count) = (BTreeMap::<i32, Vec<Record>>::new(), BTreeSet::new(), 0);
    let began = Instant::now();
    while ended.len() < usize::try_from(partitions).expect("a count") {
        assert!(began.elapsed() < PATIENCE, "{count} records of {topic} after {PATIENCE:?}");
        meanwhile(count);
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                found.entry(message.partition()).or_default().push(record(&message));
                count += 1;
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => _ = ended.insert(partition),
            // The client tries again.
            Some(Err(_)) | None => {}
        }
    }
    found
}

/// Where the partitions of a topic begin, once retention is done with them.
pub(crate) fn settled_starts(cluster: &Cluster, topic: &str, partitions: i32) -> Vec<i64> {
    let look = || (0..partitions).map(|partition| cluster.offset(topic, partition, At::Earliest)).collect();
    let mut before: Vec<i64> = look();
    wait(&format!("retention is done with {topic}"), || {
        // Several times as long as it takes to look at all.
        std::thread::sleep(Duration::from_secs(2));
        let now = look();
        std::mem::replace(&mut before, now.clone()) == now
    });
    before
}

/// What a JVM is told so that its beans can be asked for at a port of this machine.
pub(crate) fn jmx_options(port: u16) -> Vec<String> {
    let keys = ["port", "rmi.port"].map(|key| format!("-Dcom.sun.management.jmxremote.{key}={port}"));
    let off = ["authenticate", "ssl"].map(|key| format!("-Dcom.sun.management.jmxremote.{key}=false"));
    let here = ["com.sun.management.jmxremote.host", "java.rmi.server.hostname"];
    let here = here.map(|key| format!("-D{key}=127.0.0.1"));
    [keys, off, here].concat()
}

/// A number that the broker with this JMX port tells of itself; none where it does not.
pub(crate) fn metric(port: u16, bean: &str, attribute: &str) -> Option<f64> {
    let mut tool = std::process::Command::new("java");
    tool.args(["-XX:TieredStopAtLevel=1", "-cp", &tools::kafka_class_path(VERSIONS[0])]);
    tool.args(["org.apache.kafka.tools.JmxTool", "--one-time", "--report-format", "properties"]);
    tool.args(["--jmx-url", &format!("service:jmx:rmi:///jndi/rmi://127.0.0.1:{port}/jmxrmi")]);
    let output = tool.args(["--object-name", bean, "--attributes", attribute]).output().expect("run java");
    let text = String::from_utf8_lossy(&output.stdout);
    let mut told = text.lines().filter(|line| line.contains(attribute));
    told.find_map(|line| line.rsplit_once('=')?.1.trim().parse().ok())
}
