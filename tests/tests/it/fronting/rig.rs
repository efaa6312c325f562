//! A sidecar beside a broker, and a proxy before it, each as its own process.

use std::path::{Path, PathBuf};
use std::time::Duration;

use firnline_tests::kafka::{
    Cluster, Codec, Isolation, Ledger, Message, Producer, Transactions, consumer_as, workload,
};
use firnline_tests::process::Server;
use firnline_tests::tier::Tier;
use firnline_tests::{http, ports, scratch};
use rdkafka::consumer::Consumer as _;
use tempfile::TempDir;

pub(super) const PATIENCE: Duration = Duration::from_secs(60);
pub(super) const TOPIC: &str = "orders";
pub(super) const PARTITIONS: i32 = 2;

/// Brokers that delete what is old at once.
pub(super) fn forgetful() -> Vec<(String, String)> {
    [("log.retention.check.interval.ms", "500"), ("log.initial.task.delay.ms", "500")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .to_vec()
}

/// Makes a topic of which a broker keeps a MiB or two.
pub(super) fn create(cluster: &Cluster, topic: &str) {
    cluster.create_topic(
        topic,
        PARTITIONS,
        &[("segment.bytes", "1048576"), ("retention.bytes", "1048576"), ("file.delete.delay.ms", "100")],
    );
}

/// Writes so many records of a KiB into each partition.
pub(super) fn produce(cluster: &Cluster, topic: &str, from: i64, records: i64, ledger: &mut Ledger) {
    let producer = Producer::new(&cluster.bootstrap(), Codec::None, &Transactions::Off);
    for number in from..from + records {
        for partition in 0..PARTITIONS {
            producer.send(&Message {
                topic: topic.to_owned(),
                partition,
                timestamp_ms: workload::FIRST_TIMESTAMP_MS + number,
                key: Some(format!("{topic}-{partition}-{number}").into_bytes()),
                value: Some(format!("{number:08}").repeat(128).into_bytes()),
                headers: Vec::new(),
            });
        }
    }
    producer.flush_into(ledger);
}

/// Where the broker's own log of a partition begins.
pub(super) fn start(cluster: &Cluster, topic: &str, partition: i32) -> i64 {
    let client = consumer_as(&cluster.bootstrap(), &[], Isolation::ReadUncommitted);
    client.fetch_watermarks(topic, partition, Duration::from_secs(10)).map_or(0, |(start, _)| start)
}

/// Whether the tier has what a broker may have lost of a partition.
pub(super) fn has_begun(tier: &Tier, topic: &str, partition: i32) -> bool {
    let listed = tier.run(&["ls", &format!("{topic}/{partition}"), "--json"]).finish();
    listed.code() == 0
        && listed.json_lines().iter().any(|line| line["next_offset"].as_i64().is_some_and(|next| next > 1000))
}

/// `firnline offload` beside a cluster's first broker.
pub(super) struct Sidecar {
    pub(super) server: Server,
    _home: TempDir,
}

impl Sidecar {
    pub(super) fn start(cluster: &Cluster, tier: &Tier) -> Self {
        let home = scratch::directory("sidecar");
        let (config, log) = (home.path().join("sidecar.toml"), home.path().join("log"));
        let http = ports::free();
        let brokers = cluster.bootstrap().replace(',', "', '");
        let text = format!(
            "[kafka]\nbootstrap = ['{brokers}']\n[http]\nlisten = '127.0.0.1:{http}'\n[offload]\nlog_dirs = ['{}']\n\
             target_size = '1MiB'\nmax_lag = '3s'\nscan_interval = '2s'\nsummary_interval = '2s'\nreserve = '64MiB'\n",
            cluster.log_dir().display(),
        );
        std::fs::write(&config, text).expect("write the sidecar's config");
        let config = config.to_str().expect("a path of ours is text");
        let mut server = tier.run(&["offload", "--config", config, "--log-format", "json"]).spawn(&log);
        server.wait_until(PATIENCE, || http::get_status(http, "/health/ready") == Some(200));
        Self { server, _home: home }
    }
}

/// `firnline proxy` before brokers.
pub(super) struct Fronting {
    pub(super) server: Server,
    pub(super) address: String,
    http: u16,
    home: TempDir,
}

impl Fronting {
    /// With this config below `[proxy]`.
    pub(super) fn start(upstream: &str, tier: &Tier, config: &str) -> Self {
        let home = scratch::directory("proxy");
        let (file, log) = (home.path().join("proxy.toml"), home.path().join("log"));
        let (port, node, http) = (ports::free(), ports::free(), ports::free());
        let address = format!("127.0.0.1:{port}");
        let text = format!(
            "[proxy]\nhttp.listen = '127.0.0.1:{http}'\ntier_interval = '2s'\nbase_port = {}\n{config}",
            node - 1
        );
        std::fs::write(&file, text).expect("write the proxy's config");
        let file = file.to_str().expect("a path of ours is text");
        let mut server = tier
            .run(&[
                "proxy",
                "--config",
                file,
                "--upstream",
                upstream,
                "--listen",
                &address,
                "--log-format",
                "json",
            ])
            .spawn(&log);
        server.wait_until(PATIENCE, || says(&log, "stands before the brokers"));
        Self { server, address, http, home }
    }

    fn log_path(&self) -> PathBuf {
        self.home.path().join("log")
    }

    /// What it has said.
    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Waits until it says this.
    pub(super) fn wait_for(&mut self, what: &str) {
        let log = self.log_path();
        self.server.wait_until(PATIENCE, || says(&log, what));
    }

    /// The sum of a metric over its labels, of those lines that hold `with`.
    pub(super) fn metric(&self, name: &str, with: &str) -> f64 {
        metric(self.http, name, with)
    }

    /// Waits until the same is more than `least`.
    pub(super) fn wait_until_more(&mut self, name: &str, least: f64) {
        let port = self.http;
        self.server.wait_until(PATIENCE, || metric(port, name, "") > least);
    }
}

fn metric(port: u16, name: &str, with: &str) -> f64 {
    let page = http::get(port, "/metrics").expect("the proxy tells its metrics");
    let lines = page.lines().filter(|line| line.starts_with(name) && line.contains(with));
    lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
}

fn says(log: &Path, what: &str) -> bool {
    std::fs::read_to_string(log).is_ok_and(|log| log.contains(what))
}
