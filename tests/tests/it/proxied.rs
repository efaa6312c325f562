//! Real clients read the log of real brokers through the proxy: what the broker has lost comes from the tier.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use firnline_proxy::proxy::{Address, Archive, Proxy, ProxyLimits, ProxySettings};
use firnline_proxy::serve::Catalog;
use firnline_reader::{Reader, ReaderSettings};
use firnline_store::{Env, Store};
use firnline_tests::kafka::{
    Cluster, ClusterOptions, Isolation, Ledger, VERSIONS, Workload, assert_same_records, consume_all,
};
use firnline_tests::tier::Tier;
use firnline_tests::{ports, tools};
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

const LIMIT: Duration = Duration::from_secs(30);

/// A proxy in this process.
pub(super) struct Running {
    port: u16,
    end: Option<oneshot::Sender<()>>,
    runtime: Runtime,
    tasks: JoinSet<()>,
}

impl Running {
    pub(super) fn start(cluster: &Cluster, tier: &Tier) -> Self {
        let runtime = Runtime::new().expect("make a runtime");
        let bootstrap = cluster.bootstrap();
        let (host, port) = bootstrap.split(',').next().expect("a broker").rsplit_once(':').expect("a port");
        let settings = ProxySettings {
            upstream: vec![Address { host: host.into(), port: port.parse().expect("a port") }],
            listen: "127.0.0.1:0".parse().expect("an address"),
            advertised_host: None,
            node_port_base: Some(ports::free() - 1),
            node_names: None,
            advertised_port: None,
            expected_nodes: None,
            pass_unknown: false,
            time_travel: false,
            limits: ProxyLimits::default(),
        };
        let (end, ended) = oneshot::channel();
        let path = tier.path();
        let (port, tasks) = runtime.block_on(async {
            let env = Env::system();
            let store = Store::directory(path, env.clone());
            let catalog =
                Catalog::load(store.clone(), Arc::clone(&env.clock)).await.expect("read the topics");
            let marker = store.get("firnline.json").await.expect("read the marker");
            let marker = firnline_index::marker::TierMarker::decode(&marker.bytes).expect("a marker");
            let reader = ReaderSettings::default();
            let archive = Archive {
                cluster_id: marker.cluster_id,
                catalog,
                max_manifest_age: reader.max_manifest_age,
                reader: Reader::new(store.clone(), reader),
                store,
                may_delete: true,
                env,
            };
            let proxy = Proxy::bind(settings, Some(archive)).await.expect("open the port");
            let port = proxy.address().port();
            let run = proxy.run(async move {
                let _ = ended.await;
            });
            let mut tasks = JoinSet::new();
            tasks.spawn(run);
            (port, tasks)
        });
        Self { port, end: Some(end), runtime, tasks }
    }

    pub(super) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.end.take().expect("once").send(());
        let tasks = &mut self.tasks;
        let _ = self.runtime.block_on(async { tokio::time::timeout(LIMIT, tasks.join_next()).await });
    }
}

/// Cuts the beginning off the broker's own log of each partition, where the tier has it; gives how many records were cut off.
pub(super) fn cut(cluster: &Cluster, ledger: &Ledger, tier: &Tier) -> i64 {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", cluster.bootstrap()).create().expect("make a client");
    let mut list = TopicPartitionList::new();
    let mut all = 0;
    for (topic, partition) in ledger.partitions() {
        let listed = tier.run(&["ls", &format!("{topic}/{partition}"), "--json"]).finish();
        let ends = listed.json_lines().into_iter().filter_map(|line| line["next_offset"].as_i64());
        let Some(end) = ends.max() else { continue };
        // Within the tier, so that its end lies in the broker's log.
        list.add_partition_offset(topic, partition, Offset::Offset(end * 3 / 4)).expect("an offset");
        all += end * 3 / 4;
    }
    let options = AdminOptions::new().operation_timeout(Some(LIMIT)).request_timeout(Some(LIMIT));
    let runtime = Runtime::new().expect("make a runtime");
    runtime.block_on(admin.delete_records(&list, &options)).expect("cut the logs");
    all
}

/// What Kafka's own consumer sees of a topic through a server.
fn seen_by_java(release: &str, server: &str, topic: &str, isolation: &str) -> Vec<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proxy/tests/java/Consume.java");
    let output = Command::new("java")
        .args(["-XX:TieredStopAtLevel=1", "-cp", &tools::kafka_class_path(release)])
        .arg(source)
        .args([server, topic, isolation, "0"])
        .output()
        .expect("run java");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{release}: java ended with {}: {errors}", output.status);
    let lines = String::from_utf8(output.stdout).expect("text");
    lines.lines().filter(|line| line.starts_with("record") || *line == "stuck").map(str::to_owned).collect()
}

fn reads_as_one_log(version: &'static str) {
    let mut cluster = Cluster::start(&ClusterOptions::single(version));
    let workload = Workload { bytes_per_partition: 2_500_000, rounds: 12, ..Workload::default() };
    let ledger = workload.produce(&cluster);
    cluster.stop();
    let tier = Tier::directory();
    let log_dir = cluster.log_dir();
    let log_dir = log_dir.to_str().expect("a path of ours is text");
    tier.run(&["offload", "--once", "--assume-committed", "--log-dir", log_dir]).finish().expect_code(0);
    cluster.restart();
    assert!(cut(&cluster, &ledger, &tier) > 1000, "the brokers' logs have lost next to nothing");
    let proxy = Running::start(&cluster, &tier);
    for isolation in [Isolation::ReadUncommitted, Isolation::ReadCommitted] {
        for (topic, partitions) in ledger.topics() {
            let found = consume_all(&proxy.address(), &topic, partitions, isolation);
            for (partition, content) in found {
                let what = format!("{version} {topic}/{partition} {}", isolation.name());
                assert_eq!(content.start, 0, "{what}");
                let expected = ledger.visible(&topic, partition, content.end, isolation);
                assert_same_records(&what, &expected, &content.records);
            }
        }
    }
    let topic = firnline_tests::kafka::workload::PAYMENTS;
    for release in VERSIONS {
        for isolation in [Isolation::ReadUncommitted, Isolation::ReadCommitted] {
            let mut seen = seen_by_java(release, &proxy.address(), topic, isolation.name());
            let mut expected = Vec::new();
            for partition in 0..ledger.topics()[topic] {
                for record in ledger.visible(topic, partition, i64::MAX, isolation) {
                    let bytes = record.message.value.as_ref().map_or(0, Vec::len);
                    let (offset, time) = (record.offset, record.message.timestamp_ms);
                    expected.push(format!("record {partition} {offset} {time} {bytes}"));
                }
            }
            // It writes a record itself, at the very end.
            seen.retain(|line| line == "stuck" || expected.contains(line));
            seen.sort();
            expected.sort();
            assert_eq!(seen, expected, "{version}: clients of {release}, {}", isolation.name());
        }
    }
}

#[test]
fn clients_read_hot_and_cold_as_one_log() {
    reads_as_one_log(VERSIONS[0]);
}

#[test]
fn before_older_brokers_too() {
    reads_as_one_log(VERSIONS[1]);
}
