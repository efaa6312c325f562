"""A real broker, MinIO and a sidecar beside it: the parts of tests/chaos without its faults, settings as an operator has them.

Needs the Python of the build cache (for librdkafka), the broker's jars, MinIO and mc: `scripts/bench` installs them.
"""

import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(1, str(ROOT / "tests" / "chaos"))

from children import Child, free_port, wait_until  # noqa: E402, F401
from confluent_kafka import Producer  # noqa: E402
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic  # noqa: E402
from kafka import Cluster  # noqa: E402
from minio import SECRET, USER, Minio  # noqa: E402, F401
from sidecar import Sidecar  # noqa: E402
from tier import Tier  # noqa: E402

# As Kafka's own start script has it, with half its heap.
JAVA = [
    "java", "-server", "-Xms512m", "-Xmx512m", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35",
    "-XX:+ExplicitGCInvokesConcurrent", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
]
# What tests/chaos makes quick and small, as brokers have it.
PROPERTIES = {
    "log.roll.ms": 604_800_000, "log.retention.ms": -1, "log.retention.check.interval.ms": 30_000, "log.segment.delete.delay.ms": 60_000,
    "log.index.size.max.bytes": 10_485_760, "num.io.threads": 8, "num.network.threads": 3,
}
MIB = 1 << 20
SEGMENT = 64 * MIB
RECORD = 8 << 10


def on(core):
    """A command that binds what follows to one core; to none where that is None."""
    return () if core is None else ("taskset", "-c", str(core))


class Stand:
    """One broker and its store. Ends with its block, and leaves nothing."""

    def __init__(self, bench, broker_core=None, other_core=None):
        self.home, self.firnline = bench.work / "stand", bench.firnline
        self.logs, self.broker_core, self.other_core = self.home / "logs", broker_core, other_core
        # Whatever was started, in that order.
        self.started = []

    def __enter__(self):
        self.logs.mkdir(parents=True)
        self.minio = Minio(self.home, self.logs, under=on(self.other_core))
        self.started.append(self.minio)
        self.cluster = Cluster(self.home, self.logs, nodes=1, properties=PROPERTIES, java=JAVA, under=on(self.broker_core))
        self.broker = self.cluster.brokers[0]
        self.broker.start()
        self.started.append(self.broker)
        self.cluster.start()
        return self

    def __exit__(self, *_):
        for one in reversed(self.started):
            one.kill()
        shutil.rmtree(self.home, ignore_errors=True)

    def create(self, topic, partitions, config=None):
        new = NewTopic(topic, partitions, 1, config={"segment.bytes": SEGMENT, **(config or {})})
        self.cluster.admin.create_topics([new], operation_timeout=30)[topic].result()

    def widen(self, topic, partitions):
        """Gives a topic more partitions, so many in all."""
        self.cluster.admin.create_partitions([NewPartitions(topic, partitions)], operation_timeout=60)[topic].result()
        wait_until(f"{topic} has {partitions} partitions", 60, lambda: len(self.cluster.metadata(topic).topics[topic].partitions) >= partitions, step=1)

    def configure(self, topic, config):
        """Sets some of a topic's settings."""
        entries = [ConfigEntry(name, str(value), incremental_operation=AlterConfigOpType.SET) for name, value in config.items()]
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=entries)
        for answer in self.cluster.admin.incremental_alter_configs([resource]).values():
            answer.result()

    def forget(self, topic, partitions):
        """Lets the broker's retention take all that is sealed of a topic."""
        self.configure(topic, {"retention.bytes": 1})
        # A file that is on its way out has another name already.
        wait_until(f"the broker has forgotten {topic}", 120, lambda: all(
            len(list(self.broker.partition_dir(topic, number).glob("*.log"))) <= 1 for number in range(partitions)
        ), step=1)

    def fill(self, topic, partitions, segments):
        """So many sealed segments in each partition, and a little more."""
        self.write(topic, range(partitions), segments * SEGMENT + RECORD)
        wait_until("segments are sealed", 30, lambda: all(
            len(list(self.broker.partition_dir(topic, number).glob("*.log"))) > segments for number in range(partitions)
        ))

    def write(self, topic, partitions, size):
        """So many bytes to each partition at once, in batches of 16 KiB that cannot be made smaller."""
        client = Producer({"bootstrap.servers": self.cluster.bootstrap, "acks": "all", "linger.ms": 5, "batch.size": 16 << 10})
        with open("/dev/urandom", "rb") as file:
            noise = file.read(16 * MIB)
        for number in range(size // RECORD):
            at = number * 4093 % (len(noise) - RECORD)
            for partition in partitions:
                while True:
                    try:
                        client.produce(topic, noise[at : at + RECORD], partition=partition)
                        break
                    except BufferError:
                        client.poll(0.1)
            client.poll(0)
        client.flush()

    def sealed(self, topic):
        """Paths of a topic's sealed segments."""
        dirs = sorted(self.broker.log_dirs[0].glob(f"{topic}-*"))
        return [path for directory in dirs for path in sorted(directory.glob("*.log"))[:-1]]

    def sidecar(self, prefix, settings, under=()):
        """Starts one. `settings` are of `[offload]`; what they do not name is as the product has it."""
        tier = Tier(self.firnline, self.minio, prefix)
        endpoint = f"http://127.0.0.1:{self.minio.port}"
        under = (*on(self.other_core), *under)
        sidecar = Sidecar(
            self.firnline, self.broker, tier, endpoint, self.logs, {"reserve": "1GiB", **settings}, under, offload={}, store={}
        )
        sidecar.start()
        self.started.append(sidecar)
        return sidecar

    def start(self, name, argv):
        """A program beside the broker."""
        child = Child(name, argv, self.logs / f"{name}.log", under=on(self.other_core))
        self.started.append(child)
        return child

    def start_relay(self, program, *arguments):
        """A program before the store, which prints `listening PORT` and ends with its input."""
        child = Child("relay", [program, self.minio.port, *arguments], self.logs / "relay.log", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.started.append(child)
        child.port = int(child.process.stdout.readline().split()[1])
        return child

    def scan(self, bench, at, topic):
        """A consumer that reads a topic from its beginning, left to run."""
        return self.start("scan", [bench.target / "fetch-rate", "--at", at, "--topic", topic])

    def empty(self, prefix):
        """Takes away what a run left in the bucket, which may be nothing."""
        self.minio.mc("rm", "--quiet", "--recursive", "--force", f"rig/{self.minio.bucket}/{prefix}/")

    def steady(self, topic, partitions, rate, size):
        """Starts a producer at a fixed rate; answers it and the file of its records."""
        told = self.home / "records"
        argv = [sys.executable, pathlib.Path(__file__).with_name("steady.py"), self.cluster.bootstrap, topic, partitions, rate, size, told]
        child = self.start("producer", argv)
        wait_until("the producer's first records", 30, lambda: told.exists() and told.stat().st_size > 0)
        return child, told
