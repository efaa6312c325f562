"""The broker plugin against Kafka's own LocalTieredStorage, which its tests tier with: two brokers, both with a directory for a tier.

LocalTieredStorage copies files as they are, checks nothing and waits for no disk: it is the floor, not a product.
"""

import os
import pathlib
import shutil
import statistics
import time

import pairs
from children import CACHE
from front import cpu_seconds, fetch
from kafka import VERSION, Cluster
from minio import SECRET, USER, Minio
from stand import JAVA, MIB, PROPERTIES, RECORD, SEGMENT, Stand, on, wait_until

JAR = CACHE / "plugin" / "firnline-kafka.jar"
LOCAL_JAR = CACHE / "kafka-local-tier" / f"kafka-storage-{VERSION}-test.jar"
SEGMENTS = 8
SIZE = SEGMENTS * SEGMENT
# Of wall and of CPU, against LocalTieredStorage.
GOAL_WALL, GOAL_CPU = 1.3, 1.0
TIERED = {
    **PROPERTIES,
    "remote.log.storage.system.enable": "true",
    "remote.log.metadata.manager.listener.name": "PLAINTEXT",
    "rlmm.config.remote.log.metadata.topic.replication.factor": 1,
    "rlmm.config.remote.log.metadata.topic.num.partitions": 1,
    "remote.log.manager.task.interval.ms": 100,
    "log.retention.check.interval.ms": 500,
    "log.segment.delete.delay.ms": 100,
}


class Tiering(Stand):
    """A broker that tiers by itself."""

    # Seconds in which a round's copies are done, on both sides of a pair: CPU is counted over as many.
    window = 4

    def __init__(self, bench, name, properties, core, other_core):
        super().__init__(bench, core, other_core)
        self.home = bench.work / f"tiering-{name}"
        self.logs, self.name, self.properties = self.home / "logs", name, properties

    def __enter__(self):
        self.logs.mkdir(parents=True)
        self.cluster = Cluster(
            self.home, self.logs, nodes=1, properties={**TIERED, **self.properties}, java=JAVA, under=on(self.broker_core)
        )
        self.broker = self.cluster.brokers[0]
        self.broker.start()
        self.started.append(self.broker)
        self.cluster.start()
        return self

    def cpu(self):
        return cpu_seconds(self.broker.child.pid)

    def local(self, topic):
        return len(list(self.broker.partition_dir(topic, 0).glob("*.log")))

    def tiered(self, topic, count):
        """Fills a topic, then turns tiering on and waits until all that is sealed has left the broker's disk. Answers the seconds
        that the copies took, and the broker's CPU seconds beyond those of an equal time without."""
        self.create(topic, 1, {"retention.ms": -1, "local.retention.bytes": 1, "file.delete.delay.ms": 0})
        self.fill(topic, 1, count)
        os.sync()
        # What a broker does anyway, most of it its compiler's work after the filling, is no cost of a copy.
        cpu = self.cpu()
        time.sleep(self.window)
        idle, cpu, before = self.cpu() - cpu, self.cpu(), os.times().elapsed
        self.configure(topic, {"remote.storage.enable": "true"})
        wait_until(f"{topic} is in the tier", 300, lambda: self.in_tier(topic) >= count, step=0.01)
        wall = os.times().elapsed - before
        if wall > self.window:
            raise SystemExit(f"{topic} took {wall:.1f} s, longer than the {self.window} s that CPU is counted in")
        time.sleep(self.window - wall)
        taken = wall, self.cpu() - cpu - idle
        wait_until(f"{topic} has left the broker", 60, lambda: self.local(topic) <= 1, step=0.1)
        return taken

    def in_tier(self, topic):
        raise NotImplementedError

    def drop(self, topic):
        self.cluster.admin.delete_topics([topic])[topic].result()
        wait_until(f"{topic} is gone from the tier", 120, lambda: self.in_tier(topic) == 0, step=0.1)


class Ours(Tiering):
    def __init__(self, bench, core, other_core, store=None):
        library = bench.target / "libfirnline_plugin.so"
        if not JAR.is_file() or not library.is_file():
            raise SystemExit(f"{JAR} or {library} is missing: scripts/bench builds them")
        self.tier = bench.work / "tier-of-ours"
        super().__init__(bench, "ours", {
            "remote.log.storage.manager.class.name": "io.firnline.kafka.FirnlineRemoteStorageManager",
            "remote.log.storage.manager.class.path": JAR,
            "rsm.config.native.library": library,
            "rsm.config.cluster.id": "bench",
            **{f"rsm.config.{key}": value for key, value in (store or {"store.url": f"file://{self.tier}"}).items()},
        }, core, other_core)

    def in_tier(self, topic):
        return len(list(self.tier.glob(f"{topic}.*/0/*.seg")))


class OursOverS3(Ours):
    window = 10

    def __init__(self, bench, core, other_core, minio):
        self.of, self.prefix = minio, "plugin"
        secret = bench.work / "minio-secret"
        secret.write_text(SECRET)
        super().__init__(bench, core, other_core, {
            "store.url": f"s3://{minio.bucket}/{self.prefix}", "store.endpoint": f"http://127.0.0.1:{minio.port}", "store.region": "us-east-1",
            "store.aws.access.key.id": USER, "store.aws.secret.access.key": f"file:{secret}",
        })

    def in_tier(self, topic):
        # As MinIO keeps them: a directory comes into place with its object. Asking it would use the core that it works on.
        return len(list((self.of.data / self.of.bucket / self.prefix).glob(f"{topic}.*/0/*.seg")))


class Local(Tiering):
    def __init__(self, bench, core, other_core):
        if not LOCAL_JAR.is_file():
            raise SystemExit(f"{LOCAL_JAR} is missing: scripts/install-tools kafka-local-tier")
        self.tier = bench.work / "tier-of-local"
        super().__init__(bench, "local", {
            "remote.log.storage.manager.class.name": "org.apache.kafka.server.log.remote.storage.LocalTieredStorage",
            "remote.log.storage.manager.class.path": LOCAL_JAR,
            "rsm.config.dir": self.tier,
            "rsm.config.delete.on.close": "false",
        }, core, other_core)

    def in_tier(self, topic):
        # Its log is put there first, and the other files of a segment after it.
        return len(list(pathlib.Path(self.tier).rglob(f"*/{topic}-0-*/*.leader_epoch_checkpoint")) or
                   list(pathlib.Path(self.tier).rglob(f"{topic}-0-*/*.leader_epoch_checkpoint")))


def beside_local(bench, core, other_core):
    """Copies and reads of both, in turn."""
    with Ours(bench, core, other_core) as ours, Local(bench, core, other_core) as local:
        copies, reads = {"ours": [], "local": []}, {"ours": [], "local": []}
        for number in range(bench.options.pairs + 1):
            for stand in (ours, local) if number % 2 else (local, ours):
                topic = f"round-{number}"
                copied = stand.tiered(topic, SEGMENTS)
                cpu = stand.cpu()
                run = fetch(bench, stand.broker.address, topic, other_core, bytes=SIZE, fetch=MIB, partition_fetch=MIB)
                read = run["seconds"], stand.cpu() - cpu
                stand.drop(topic)
                # The first round warms up.
                if number:
                    copies[stand.name].append(copied)
                    reads[stand.name].append(read)
    told("copy", copies)
    told("read", reads)
    for place, goal, what in ((0, GOAL_WALL, "wall"), (1, GOAL_CPU, "CPU of the broker")):
        _, low, high = ratio(copies, place)
        print(f"  goal, {what} of a copy <= {goal} of LocalTieredStorage: {'met' if high <= goal else 'not met' if low > goal else 'not shown'}")


def ratio(runs, place):
    return pairs.interval([mine[place] / theirs[place] for mine, theirs in zip(runs["ours"], runs["local"])])


def told(what, runs):
    for place, unit in ((0, "s wall"), (1, "s of the broker's CPU")):
        mid, low, high = ratio(runs, place)
        ours, theirs = (statistics.median(run[place] for run in runs[side]) / SIZE * 1e9 for side in ("ours", "local"))
        print(f"{what}: {mid:.2f} [{low:.2f}, {high:.2f}] of LocalTieredStorage, {ours:.2f} and {theirs:.2f} {unit} a GB; {len(runs['ours'])} pairs")


def over_s3(bench, core, other_core):
    """Copies to MinIO and reads from it, nothing held, as a consumer sees it."""
    home = bench.work / "tiered-minio"
    logs = home / "logs"
    logs.mkdir(parents=True)
    minio = Minio(home, logs, under=on(other_core))
    try:
        with OursOverS3(bench, core, other_core, minio) as stand:
            copies, reads, firsts = [], [], []
            for number in range(bench.options.pairs + 1):
                topic = f"round-{number}"
                copied = stand.tiered(topic, SEGMENTS)
                first = fetch(bench, stand.broker.address, topic, other_core, bytes=RECORD, fetch=MIB, partition_fetch=MIB)
                cpu = stand.cpu()
                run = fetch(bench, stand.broker.address, topic, other_core, bytes=SIZE, fetch=MIB, partition_fetch=MIB)
                read = run["seconds"], stand.cpu() - cpu
                stand.drop(topic)
                if number:
                    copies.append(copied)
                    reads.append(read)
                    firsts.append(first["seconds"])
        for what, runs in (("copy", copies), ("read, nothing held", reads)):
            rate, low, high = pairs.interval([SIZE / 1e6 / seconds for seconds, _ in runs])
            cpu, cpu_low, cpu_high = pairs.interval([cpu / SIZE * 1e9 for _, cpu in runs])
            print(f"{what}: {rate:.0f} MB/s [{low:.0f}, {high:.0f}], {cpu:.2f} s [{cpu_low:.2f}, {cpu_high:.2f}] of the broker's CPU a GB; {len(runs)} runs")
        mid, low, high = pairs.interval([1e3 * seconds for seconds in firsts])
        print(f"first bytes of a topic that nobody has read: {mid:.0f} ms [{low:.0f}, {high:.0f}], with connecting")
    finally:
        minio.kill()
        shutil.rmtree(home, ignore_errors=True)
