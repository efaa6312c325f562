"""A cluster of real brokers on this machine, each in a process of its own."""

import base64
import os
import shlex
import shutil
import subprocess
import time

from children import CACHE, Child, Failed, accepts, free_port, wait_until
from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

# The brokers' release. Set once, before the first of them is started.
VERSION = "4.3.1"
# Small and quick to start: two cores are shared by everything that runs.
JAVA = [
    "java", "-Xmx320m", "-Xss512k", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true",
]
# Local segments vanish all the time: they are small, kept for seconds, and looked for each second. Not shorter: a sidecar asks
# every ten seconds what is committed, and what is gone before anybody is told is nobody's to prove.
PROPERTIES = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "log.segment.bytes": "1048576",
    "log.roll.ms": "3000",
    "log.retention.ms": "20000",
    "log.retention.check.interval.ms": "1000",
    "log.initial.task.delay.ms": "1000",
    "log.segment.delete.delay.ms": "500",
    "log.index.size.max.bytes": "65536",
    "log.cleaner.dedupe.buffer.size": "4194304",
    "offsets.topic.num.partitions": "2",
    "transaction.state.log.num.partitions": "2",
    "group.initial.rebalance.delay.ms": "0",
    "auto.create.topics.enable": "false",
    # Elections are the scenarios' own business.
    "auto.leader.rebalance.enable": "false",
    "replica.lag.time.max.ms": "5000",
    "broker.session.timeout.ms": "6000",
    "num.io.threads": "4",
    "num.network.threads": "2",
}

TOOLS = {"kafka-transactions.sh": "org.apache.kafka.tools.TransactionsCommand"}


def installed():
    """The releases that scripts/install-tools has brought."""
    return sorted(path.name for path in (CACHE / "kafka").iterdir() if path.is_dir())


def java(temporary, options=JAVA):
    # Java knows nothing of TMPDIR, and a broker that is killed leaves the native libraries that it unpacked.
    jars = CACHE / "kafka" / VERSION
    if not jars.is_dir():
        raise SystemExit(f"{jars} is missing: run `make install` first")
    classes = CACHE / "kafka-classes" / f"{VERSION}.jsa"
    return [*options, f"-XX:SharedArchiveFile={classes}", f"-Djava.io.tmpdir={temporary}", "-cp", f"{jars}/*"]


class Broker:
    """One node, a controller too."""

    def __init__(self, cluster, node, log_dirs):
        self.cluster, self.id = cluster, node
        self.home = cluster.home / f"node-{node}"
        self.log_dirs = log_dirs or [self.home / "log"]
        self.client, self.controller = free_port(), free_port()
        self.child = None

    @property
    def address(self):
        return f"127.0.0.1:{self.client}"

    def write_properties(self, extra):
        brokers = self.cluster.brokers
        replicas = min(len(brokers), 3)
        lines = {
            **PROPERTIES,
            "node.id": self.id,
            "controller.quorum.voters": ",".join(f"{peer.id}@127.0.0.1:{peer.controller}" for peer in brokers),
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://127.0.0.1:{self.controller}",
            "advertised.listeners": f"PLAINTEXT://{self.address}",
            "log.dirs": ",".join(str(path) for path in self.log_dirs),
            "default.replication.factor": replicas,
            "min.insync.replicas": min(replicas, 2),
            "offsets.topic.replication.factor": replicas,
            "transaction.state.log.replication.factor": replicas,
            "transaction.state.log.min.isr": min(replicas, 2),
            **extra,
        }
        for path in (self.home, *self.log_dirs):
            path.mkdir(parents=True, exist_ok=True)
        self.properties = self.home / "server.properties"
        self.properties.write_text("".join(f"{key}={value}\n" for key, value in lines.items()))

    def format(self, cluster_id):
        done = subprocess.run(
            [*java(self.home), "kafka.tools.StorageTool", "format", "--cluster-id", cluster_id, "--config", self.properties],
            capture_output=True, text=True,
        )
        if done.returncode:
            raise Failed(f"format the storage of node {self.id}: {done.stdout}{done.stderr}")

    def start(self):
        if self.child is None or not self.child.running():
            argv = [*java(self.home, self.cluster.java), "kafka.Kafka", self.properties]
            self.child = Child(f"broker {self.id}", argv, self.cluster.logs / f"broker-{self.id}.log", under=self.cluster.under)

    def kill(self):
        self.child.kill()

    def stop(self):
        self.child.stop()

    def running(self):
        return self.child is not None and self.child.running()

    def partition_dir(self, topic, partition):
        """Where this broker keeps a partition, if it does."""
        found = [path for log_dir in self.log_dirs if (path := log_dir / f"{topic}-{partition}").is_dir()]
        return found[0] if found else None


class Cluster:
    """The brokers, by node id. `java` starts each, `under` another command, as one that binds it to a core."""

    def __init__(self, home, logs, nodes=3, log_dirs=None, properties=None, java=JAVA, under=()):
        self.home, self.logs, self.java, self.under = home, logs, java, under
        self.brokers = []
        self.brokers = [Broker(self, node, (log_dirs or {}).get(node)) for node in range(1, nodes + 1)]
        # 16 bytes as Kafka writes them; a leading dash would look like a flag.
        self.id = "F" + base64.urlsafe_b64encode(os.urandom(16)).decode()[1:21] + "A"
        for broker in self.brokers:
            broker.write_properties(properties or {})
            broker.format(self.id)
        self.admin = None

    @property
    def bootstrap(self):
        return ",".join(broker.address for broker in self.brokers)

    def broker(self, node):
        return self.brokers[node - 1]

    def start(self):
        for broker in self.brokers:
            broker.start()
        if self.admin is None:
            self.admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 2, "socket.timeout.ms": 10000})
        self.wait_for_brokers()

    def stop(self):
        for broker in self.brokers:
            if broker.running():
                broker.child.signal(15)
        for broker in self.brokers:
            if broker.child is not None:
                broker.child.stop()

    def wait_for_brokers(self, limit=90):
        """Until clients see all that run, and each takes connections: one that was killed is in the metadata until its session ends."""
        running = {broker.id for broker in self.brokers if broker.running()}

        def seen():
            for broker in self.brokers:
                if broker.child is not None and broker.id in running and not broker.running():
                    raise Failed(f"broker {broker.id} ended:\n{broker.child.tail()}")
            if not all(accepts(broker.client) for broker in self.brokers if broker.id in running):
                return False
            return running <= set(self.metadata().brokers)

        wait_until("all brokers known", limit, seen)

    def metadata(self, topic=None):
        end = time.monotonic() + 40
        while True:
            try:
                return self.admin.list_topics(topic, timeout=5)
            except Exception as error:  # noqa: BLE001 - a broker that was just killed is part of the plan
                if time.monotonic() > end:
                    raise Failed(f"no broker tells the metadata: {error}") from None

    def topic_id(self, topic):
        """The id as Kafka prints it: base64url, not as the client library shows it."""
        def told():
            try:
                return self.admin.describe_topics(TopicCollection([topic]), request_timeout=20)[topic].result()
            except KafkaException:
                # Any broker may be asked, and not each of them has heard of a new topic yet.
                return None

        answer = wait_until(f"the id of {topic}", 40, told)
        bits = answer.topic_id.get_most_significant_bits() & (2**64 - 1), answer.topic_id.get_least_significant_bits() & (2**64 - 1)
        data = bits[0].to_bytes(8, "big") + bits[1].to_bytes(8, "big")
        return base64.urlsafe_b64encode(data).decode().rstrip("=")

    def run_tool(self, command):
        """Runs one of Kafka's own commands as an operator would type it."""
        tool, *arguments = shlex.split(command)
        done = subprocess.run([*java(self.home), TOOLS[tool], *arguments], capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"{command}: exit {done.returncode}\n{done.stdout}{done.stderr}")

    def partitions(self, topic):
        """`{partition: (leader, replicas, in sync)}`"""
        found = self.metadata(topic).topics[topic].partitions
        return {number: (part.leader, list(part.replicas), list(part.isrs)) for number, part in found.items()}

    def wait_in_sync(self, topics, limit=90):
        """Until every replica of these topics is in sync."""
        def all_in():
            return all(
                leader > 0 and set(replicas) == set(in_sync)
                for topic in topics
                for leader, replicas, in_sync in self.partitions(topic).values()
            )

        wait_until("all replicas in sync", limit, all_in, step=0.5)

    def wipe(self, node, topic, partition):
        """Takes a stopped broker's copy of a partition away, as a new disk would."""
        shutil.rmtree(self.broker(node).partition_dir(topic, partition))
