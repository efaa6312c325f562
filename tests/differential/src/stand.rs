//! Brokers, a sidecar beside each, and the retention that cuts their logs.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use firnline_tests::firnline::Run;
use firnline_tests::kafka::{Cluster, ClusterOptions};
use firnline_tests::process::Server;
use firnline_tests::scratch;
use firnline_tests::tier::Tier;
use kafka_protocol::messages::IncrementalAlterConfigsRequest;
use kafka_protocol::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::{ListOffsetsRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use tempfile::TempDir;

use crate::compare::Tiers;
use crate::image::Image;
use crate::question::Scene;
use crate::wire::Connection;
use crate::workload::CLEANED;

const STOP_LIMIT: Duration = Duration::from_secs(60);
/// Sidecars ask every ten seconds what is committed; uploads of some MiB are quick.
const CUT_LIMIT: Duration = Duration::from_secs(240);
/// A cleaner that has not changed a log for so long is done with it; it looks twice a second.
const SETTLED: Duration = Duration::from_secs(4);
const TOPIC: i8 = 2;
const EARLIEST: i64 = -2;

/// The brokers' settings: retention and cleaner look often.
const BROKERS: [(&str, &str); 5] = [
    ("log.retention.check.interval.ms", "500"),
    ("log.initial.task.delay.ms", "1000"),
    ("log.cleaner.backoff.ms", "500"),
    ("auto.leader.rebalance.enable", "false"),
    ("replica.lag.time.max.ms", "5000"),
];

/// All that stands.
#[derive(Debug)]
pub struct Stand {
    /// The brokers.
    pub cluster: Cluster,
    /// Where the sidecars upload to.
    pub tier: Tier,
    sidecars: Vec<Server>,
    nodes: usize,
    home: TempDir,
}

impl Stand {
    /// Starts the brokers.
    pub fn start(version: &'static str, nodes: u16) -> Self {
        let properties = BROKERS.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
        let options = ClusterOptions { nodes, properties, ..ClusterOptions::single(version) };
        Self {
            cluster: Cluster::start(&options),
            tier: Tier::directory(),
            sidecars: Vec::new(),
            nodes: usize::from(nodes),
            home: scratch::directory("sidecars"),
        }
    }

    /// Starts a sidecar beside each broker. They upload what is sealed; what is not yet stays the brokers' alone.
    pub fn offload(&mut self) {
        for at in 0..self.nodes {
            let node = self.cluster.node(at);
            let config = self.home.path().join(format!("node-{}.toml", node.id()));
            let brokers: Vec<String> =
                self.cluster.bootstrap().split(',').map(|broker| format!("\"{broker}\"")).collect();
            let text = format!(
                "[store]\nurl = \"{}\"\n[kafka]\nbootstrap = [{}]\n[http]\nlisten = \"off\"\n[offload]\nlog_dirs = \
                 [\"{}\"]\ntarget_size = \"0B\"\nmax_lag = \"1h\"\nscan_interval = \"2s\"\ntakeover_wait = \
                 \"20s\"\nsummary_interval = \"2s\"\nreserve = \"64MiB\"\n[[topic]]\nname = \"{CLEANED}\"\ncompacted = true\n",
                self.tier.url(),
                brokers.join(", "),
                node.log_dir().display()
            );
            std::fs::write(&config, text).expect("write the config of a sidecar");
            let log = self.log_of(node.id());
            let run = Run::new(&["offload", "--log-format", "json"]).env("FIRNLINE_CONFIG", &config);
            self.sidecars.push(run.spawn(&log));
        }
    }

    fn log_of(&self, node: u16) -> PathBuf {
        self.home.path().join(format!("node-{node}.log"))
    }

    /// Restarts a broker, so that its partitions move to other leaders or begin another epoch.
    pub fn move_leaders(&mut self, round: u64) {
        let node = usize::try_from(round).unwrap_or(0) % self.nodes;
        self.cluster.node_mut(node).stop();
        self.cluster.restart();
    }

    /// Has the files of a partition of the first broker put there while it is stopped.
    pub fn fill(&mut self, topic: &str, put: impl FnOnce(&std::path::Path)) {
        self.cluster.stop();
        put(&self.cluster.partition_dir(topic, 0));
        self.cluster.restart();
    }

    /// Ends the brokers. The last of several would wait for the others before it ends in order.
    pub fn power_off(&mut self) {
        (0..self.nodes).for_each(|node| self.cluster.node_mut(node).kill());
    }

    /// Waits until the cleaner has gone over the log of a partition and is done with it, and says so to nobody any more.
    pub fn wait_until_cleaned(&self, topic: &str) {
        let (began, mut before, mut since) = (Instant::now(), 0, Instant::now());
        let bootstrap = self.cluster.bootstrap();
        loop {
            let image = Image::read(&bootstrap, topic, 0);
            if image.batches.len() != before {
                (before, since) = (image.batches.len(), Instant::now());
            }
            let has_holes = image.batches.windows(2).any(|pair| pair[0].last + 1 < pair[1].base);
            if has_holes && since.elapsed() > SETTLED {
                return;
            }
            assert!(began.elapsed() < CUT_LIMIT, "{topic} is not cleaned after {CUT_LIMIT:?}");
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    /// Sets a setting of topics.
    pub fn set(&self, topics: &[&str], key: &'static str, value: &'static str) {
        let config = AlterableConfig::default()
            .with_name(StrBytes::from_static_str(key))
            .with_value(Some(StrBytes::from_static_str(value)));
        let of = |name: &&str| {
            AlterConfigsResource::default()
                .with_resource_type(TOPIC)
                .with_resource_name(StrBytes::from_string((*name).to_owned()))
                .with_configs(vec![config.clone()])
        };
        let request =
            IncrementalAlterConfigsRequest::default().with_resources(topics.iter().map(of).collect());
        let bootstrap = self.cluster.bootstrap();
        let address = bootstrap.split(',').next().unwrap_or_default();
        let answer = Connection::open(address).and_then(|mut to| to.ask(&request, 1, 1));
        let answer = answer.unwrap_or_else(|error| panic!("set {key} of {topics:?}: {error}"));
        for told in &answer.responses {
            assert_eq!(told.error_code, 0, "set {key} of {}: {:?}", told.resource_name, told.error_message);
        }
    }

    /// Lets the brokers' own retention delete all sealed segments, and waits until it has and the tier holds them. Gives
    /// for each partition where its tier ends and its local log starts.
    pub fn cut(&self, scenes: &[Scene], addresses: impl Fn(i32) -> String) -> Vec<Tiers> {
        let names: std::collections::BTreeSet<&str> = scenes.iter().map(|scene| &*scene.topic).collect();
        let names: Vec<&str> = names.into_iter().collect();
        let (began, mut before) = (Instant::now(), Vec::new());
        self.set(&names, "retention.bytes", "1");
        loop {
            let ends = self.tier_ends();
            let now: Vec<Tiers> = scenes
                .iter()
                .map(|scene| Tiers {
                    end: *ends.get(&(scene.topic.to_string(), scene.partition)).unwrap_or(&0),
                    local: log_start(&addresses(scene.leader.0), scene),
                    ends: (scene.image.end, scene.image.stable),
                })
                .collect();
            let is_cut = now.iter().all(|one| one.local > 0 && one.end >= one.local);
            let pairs: Vec<(i64, i64)> = now.iter().map(|one| (one.end, one.local)).collect();
            if is_cut && pairs == before {
                return now;
            }
            before = pairs;
            if began.elapsed() > CUT_LIMIT {
                let told: Vec<String> = scenes
                    .iter()
                    .zip(&now)
                    .filter(|(_, one)| one.local == 0 || one.end < one.local)
                    .map(|(scene, one)| {
                        format!("{}/{} {one:?} of {}", scene.topic, scene.partition, scene.image.end)
                    })
                    .collect();
                panic!("not cut after {CUT_LIMIT:?}: {}\n{}", told.join(", "), self.last_words());
            }
            std::thread::sleep(Duration::from_secs(2));
        }
    }

    fn tier_ends(&self) -> std::collections::BTreeMap<(String, i32), i64> {
        let mut ends = std::collections::BTreeMap::new();
        let listed = self.tier.run(&["ls", "--json"]).finish();
        if listed.code() != 0 {
            return ends;
        }
        for line in listed.json_lines() {
            let topic = line["topic"].as_str().unwrap_or_default().to_owned();
            let partition = line["partition"].as_i64().and_then(|number| i32::try_from(number).ok());
            let (Some(partition), Some(end)) = (partition, line["next_offset"].as_i64()) else { continue };
            let held = ends.entry((topic, partition)).or_insert(0);
            *held = end.max(*held);
        }
        ends
    }

    fn last_words(&self) -> String {
        self.sidecars.iter().map(Server::log_end).collect::<Vec<_>>().join("\n")
    }

    /// Ends the sidecars in order.
    pub fn stop_sidecars(&mut self) {
        for sidecar in &mut self.sidecars {
            sidecar.terminate(STOP_LIMIT);
        }
        self.sidecars.clear();
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        // A guard that is killed would leave its worker.
        self.stop_sidecars();
    }
}

/// Where a leader's own log starts.
fn log_start(address: &str, scene: &Scene) -> i64 {
    let found = Connection::open(address).and_then(|mut to| offset_at(&mut to, scene, EARLIEST, 0));
    found.unwrap_or_else(|error| panic!("ask {address} for the start of {}: {error}", scene.topic))
}

/// The offset of a time, or of what a special number stands for.
pub fn offset_at(to: &mut Connection, scene: &Scene, time: i64, isolation: i8) -> Result<i64, String> {
    let partition =
        ListOffsetsPartition::default().with_partition_index(scene.partition).with_timestamp(time);
    let topic = ListOffsetsTopic::default()
        .with_name(TopicName(StrBytes::from_string(scene.topic.to_string())))
        .with_partitions(vec![partition]);
    let request = ListOffsetsRequest::default()
        .with_replica_id((-1).into())
        .with_isolation_level(isolation)
        .with_topics(vec![topic]);
    let answer = to.ask(&request, 2, 2)?;
    let told = answer.topics.first().and_then(|topic| topic.partitions.first());
    let told = told.ok_or("no partition is told of")?;
    if told.error_code == 0 { Ok(told.offset) } else { Err(format!("error {}", told.error_code)) }
}
