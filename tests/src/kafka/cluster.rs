//! A KRaft cluster of one or more nodes on this machine.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use tempfile::TempDir;

use super::properties::{NodePorts, render};
use crate::{ports, process::Server, scratch, tools};

const START_LIMIT: Duration = Duration::from_secs(90);
const STOP_LIMIT: Duration = Duration::from_secs(60);
const ADMIN_LIMIT: Duration = Duration::from_secs(30);

/// What is told of a broker's output where a test has failed.
const LAST_LINES: usize = 60;

// Small and quick to start: two cores are shared by everything that runs.
const JAVA: [&str; 5] = [
    "-Xmx384m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
];

/// What a cluster is made of.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// A Kafka release that `make install` has fetched.
    pub version: &'static str,
    /// Brokers, each of them a controller too.
    pub nodes: u16,
    /// Lines for `server.properties` that replace or add to the small defaults.
    pub properties: Vec<(String, String)>,
    /// Ports for clients besides the plaintext one.
    pub listeners: Vec<Listener>,
    /// Users that can log in by SCRAM, with their passwords (brokers from 3.5).
    pub scram_users: Vec<(&'static str, &'static str)>,
    /// The Java that runs it.
    pub java: Java,
}

/// A JVM for brokers.
#[derive(Debug, Clone)]
pub struct Java {
    /// The program: `java` on the path, or one by its own path.
    pub program: PathBuf,
    /// Options besides those of every small broker.
    pub options: Vec<String>,
}

impl Default for Java {
    fn default() -> Self {
        Self { program: "java".into(), options: Vec::new() }
    }
}

/// A port for clients with its own protocol; what it needs is set by properties `listener.name.<name>.…`.
#[derive(Debug, Clone, Copy)]
pub struct Listener {
    /// Its name, in capitals.
    pub name: &'static str,
    /// `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`.
    pub protocol: &'static str,
}

impl ClusterOptions {
    /// One node of the given release.
    pub fn single(version: &'static str) -> Self {
        Self {
            version,
            nodes: 1,
            properties: Vec::new(),
            listeners: Vec::new(),
            scram_users: Vec::new(),
            java: Java::default(),
        }
    }
}

/// Starts a broker that ends by itself, and gives what it has said.
pub fn what_a_broker_says_that_ends(options: &ClusterOptions) -> String {
    let cluster = Cluster::format(options);
    let node = &cluster.nodes[0];
    let mut command = java(options.version, &options.java);
    command.arg("kafka.Kafka").arg(node.directory.join("server.properties"));
    let output = node.directory.join("output");
    let mut server = Server::spawn("kafka with wrong settings", &command, &output);
    server.wait_for_end(START_LIMIT);
    std::fs::read_to_string(output).expect("what it has said")
}

/// One broker: its directory, and its process while it runs.
#[derive(Debug)]
pub struct Node {
    ports: NodePorts,
    directory: PathBuf,
    server: Option<Server>,
}

impl Node {
    /// The broker's log directory, the one that `firnline offload --log-dir` takes.
    pub fn log_dir(&self) -> PathBuf {
        self.directory.join("log")
    }

    /// The directory of one partition on this node.
    pub fn partition_dir(&self, topic: &str, partition: i32) -> PathBuf {
        self.log_dir().join(format!("{topic}-{partition}"))
    }

    /// What the broker has said since it was first started.
    pub fn said(&self) -> String {
        let text = std::fs::read(self.directory.join("output")).unwrap_or_default();
        String::from_utf8_lossy(&text).into_owned()
    }

    /// The node id.
    pub fn id(&self) -> u16 {
        self.ports.id
    }

    /// The process id, while the broker runs.
    pub fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(Server::pid)
    }

    /// Stops the broker as an operator would, so that it closes its logs.
    pub fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.terminate(STOP_LIMIT);
        }
    }

    /// Ends the broker as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill();
        }
    }
}

/// A cluster; its brokers end when it is dropped.
#[derive(Debug)]
pub struct Cluster {
    version: &'static str,
    nodes: Vec<Node>,
    listeners: Vec<Listener>,
    java: Java,
    // Last, so that the brokers are gone before their files.
    _directory: TempDir,
}

impl Cluster {
    /// Formats and starts a cluster and waits until every broker is known to clients.
    pub fn start(options: &ClusterOptions) -> Self {
        let mut cluster = Self::format(options);
        cluster.restart();
        cluster
    }

    /// Formats the directories of a cluster without starting it.
    pub fn format(options: &ClusterOptions) -> Self {
        let directory = scratch::directory("kafka");
        let all: Vec<NodePorts> = (1..=options.nodes)
            .map(|id| NodePorts {
                id,
                client: ports::free(),
                controller: ports::free(),
                others: options.listeners.iter().map(|_| ports::free()).collect(),
            })
            .collect();
        let cluster_id = cluster_id();
        let nodes = all
            .iter()
            .map(|node| {
                let home = directory.path().join(format!("node-{}", node.id));
                let log_dir = home.join("log");
                std::fs::create_dir_all(&log_dir).expect("make the log directory");
                Node { ports: node.clone(), directory: home, server: None }
            })
            .collect();
        let (listeners, java) = (options.listeners.clone(), options.java.clone());
        let cluster = Self { version: options.version, nodes, listeners, java, _directory: directory };
        cluster.reconfigure(&options.properties);
        for node in &cluster.nodes {
            format_storage(options, &cluster_id, &node.directory.join("server.properties"));
        }
        cluster
    }

    /// Writes each node's `server.properties` with these lines in place of those before; it is read when a node starts.
    pub fn reconfigure(&self, properties: &[(String, String)]) {
        let all: Vec<NodePorts> = self.nodes.iter().map(|node| node.ports.clone()).collect();
        for node in &self.nodes {
            let text = render(&node.ports, &all, &self.listeners, &node.log_dir(), properties);
            std::fs::write(node.directory.join("server.properties"), text).expect("write server.properties");
        }
    }

    /// Starts every node that does not run and waits until clients see all of them.
    pub fn restart(&mut self) {
        for node in &mut self.nodes {
            if node.server.is_none() {
                let mut command = java(self.version, &self.java);
                command.arg("kafka.Kafka").arg(node.directory.join("server.properties"));
                let name = format!("kafka {} node {}", self.version, node.ports.id);
                node.server = Some(Server::spawn(&name, &command, &node.directory.join("output")));
            }
        }
        let bootstrap = self.bootstrap();
        let expected = self.nodes.len();
        for node in &mut self.nodes {
            let server = node.server.as_mut().expect("every node was started above");
            server.wait_until(START_LIMIT, || brokers_seen(&bootstrap) == Some(expected));
        }
    }

    /// The address list for clients.
    pub fn bootstrap(&self) -> String {
        let list: Vec<String> =
            self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.ports.client)).collect();
        list.join(",")
    }

    /// The address list of those that were started and not ended: a client minds each one that does not answer.
    pub fn bootstrap_of_those_up(&self) -> String {
        let up = self.nodes.iter().filter(|node| node.server.is_some());
        up.map(|node| self.address_of(node.id())).collect::<Vec<_>>().join(",")
    }

    /// The address of a broker that was started and not ended.
    pub fn any_broker(&self) -> String {
        let up = self.nodes.iter().find(|node| node.server.is_some()).expect("a broker that runs");
        self.address_of(up.id())
    }

    /// The node of this id.
    pub fn node_of(&self, id: u16) -> &Node {
        self.nodes.iter().find(|node| node.id() == id).expect("a node of this cluster")
    }

    /// The address of the node of this id.
    pub fn address_of(&self, id: u16) -> String {
        format!("127.0.0.1:{}", self.node_of(id).ports.client)
    }

    /// Whether the node of this id was started and not ended.
    pub fn is_up(&self, id: u16) -> bool {
        self.node_of(id).server.is_some()
    }

    /// The address list for clients of one of the listeners besides.
    pub fn bootstrap_of(&self, listener: &str) -> String {
        let at = self.listeners.iter().position(|known| known.name == listener).expect("a listener of ours");
        let list: Vec<String> =
            self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.ports.others[at])).collect();
        list.join(",")
    }

    /// The node at `index`, from 0.
    pub fn node(&self, index: usize) -> &Node {
        &self.nodes[index]
    }

    /// The node at `index`, from 0, to stop or kill it.
    pub fn node_mut(&mut self, index: usize) -> &mut Node {
        &mut self.nodes[index]
    }

    /// The log directory of a cluster's first node.
    pub fn log_dir(&self) -> PathBuf {
        self.nodes[0].log_dir()
    }

    /// The directory of one partition on the first node.
    pub fn partition_dir(&self, topic: &str, partition: i32) -> PathBuf {
        self.nodes[0].partition_dir(topic, partition)
    }

    /// Stops all brokers as an operator would.
    pub fn stop(&mut self) {
        self.nodes.iter_mut().for_each(Node::stop);
    }

    /// Makes a topic on all nodes (at most three replicas), with topic configs such as `("segment.bytes", "1048576")`.
    pub fn create_topic(&self, topic: &str, partitions: i32, configs: &[(&str, &str)]) {
        let admin = self.admin();
        let replicas = i32::try_from(self.nodes.len().min(3)).expect("at most three");
        let mut new = NewTopic::new(topic, partitions, TopicReplication::Fixed(replicas));
        for (key, value) in configs {
            new = new.set(key, value);
        }
        let options =
            AdminOptions::new().operation_timeout(Some(ADMIN_LIMIT)).request_timeout(Some(ADMIN_LIMIT));
        let results = block_on(admin.create_topics([&new], &options)).expect("ask for the topic");
        for result in results {
            result.unwrap_or_else(|(name, code)| panic!("create topic {name}: {code}"));
        }
        self.wait_for_topic(topic, partitions);
    }

    /// Deletes a topic; brokers learn of it one after the other.
    pub fn delete_topic(&self, topic: &str) {
        let options =
            AdminOptions::new().operation_timeout(Some(ADMIN_LIMIT)).request_timeout(Some(ADMIN_LIMIT));
        let results =
            block_on(self.admin().delete_topics(&[topic], &options)).expect("ask to delete the topic");
        for result in results {
            result.unwrap_or_else(|(name, code)| panic!("delete topic {name}: {code}"));
        }
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        ClientConfig::new().set("bootstrap.servers", self.bootstrap()).create().expect("make an admin client")
    }

    fn wait_for_topic(&self, topic: &str, partitions: i32) {
        let consumer = client(&self.bootstrap());
        let wanted = usize::try_from(partitions).expect("a positive count");
        let began = std::time::Instant::now();
        while began.elapsed() < ADMIN_LIMIT {
            if let Ok(metadata) = consumer.fetch_metadata(Some(topic), Duration::from_secs(5)) {
                let led =
                    metadata.topics().iter().flat_map(|t| t.partitions()).filter(|p| p.leader() >= 0).count();
                if led == wanted {
                    return;
                }
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("topic {topic} has no leaders after {ADMIN_LIMIT:?}");
    }
}

impl Drop for Cluster {
    /// A test that fails tells what its brokers said last.
    fn drop(&mut self) {
        if std::thread::panicking() {
            for node in &self.nodes {
                let said = node.said();
                let lines: Vec<&str> = said.lines().collect();
                let end = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n");
                eprintln!("kafka {} node {} said last:\n{end}", self.version, node.id());
            }
        }
    }
}

/// A future of librdkafka's admin client is driven by a thread of its own: waiting needs no runtime.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = std::task::Waker::from(std::sync::Arc::new(Unpark(std::thread::current())));
    let mut context = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(output) => return output,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}

pub(super) fn client(bootstrap: &str) -> BaseConsumer {
    ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "firnline-tests")
        // A broker that is not up yet is expected here, not worth a line.
        .set("log_level", "2")
        .create()
        .expect("make a client")
}

fn brokers_seen(bootstrap: &str) -> Option<usize> {
    let metadata = client(bootstrap).fetch_metadata(None, Duration::from_secs(2)).ok()?;
    Some(metadata.brokers().len())
}

fn java(version: &str, with: &Java) -> Command {
    let mut command = Command::new(&with.program);
    // Java knows nothing of TMPDIR, and a broker that is killed leaves the native libraries that it unpacked.
    let temporary = format!("-Djava.io.tmpdir={}", std::env::temp_dir().display());
    command.args(JAVA).args(&with.options).arg(tools::kafka_classes(version)).arg(temporary);
    command.arg("-cp").arg(tools::kafka_class_path(version));
    command
}

fn format_storage(options: &ClusterOptions, cluster_id: &str, properties: &Path) {
    let mut command = java(options.version, &Java::default());
    command.args(["kafka.tools.StorageTool", "format", "--cluster-id", cluster_id, "--config"]);
    command.arg(properties);
    for (user, password) in &options.scram_users {
        for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512"] {
            command.arg("--add-scram").arg(format!("{mechanism}=[name={user},password={password}]"));
        }
    }
    let output = command.output().expect("run java");
    assert!(
        output.status.success(),
        "format the storage: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A fresh cluster id of the shape that Kafka makes: 16 bytes in 22 characters of base64url.
fn cluster_id() -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut random = [0_u8; 22];
    getrandom::fill(&mut random).expect("the kernel gives random bytes");
    let mut id: String = random.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 63)])).collect();
    // The last character carries four bits only; a leading dash would look like a flag.
    id.replace_range(..1, "F");
    id.replace_range(21.., "A");
    id
}
