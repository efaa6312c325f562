"""Everything at once: brokers, sidecars, store, gateway, producer; and what all scenarios do with them."""

import pathlib
import shutil
import tempfile
import time

from check import check
from children import Failed, wait_until
from confluent_kafka import Consumer, ElectionType, Producer, TopicPartition
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, OffsetSpec
from gateway import Gateway
from kafka import Cluster
from ledger import ProducerProcess
from logs import complaints
from minio import Minio
from sidecar import Sidecar
from tier import Tier
from wire import reassign

SOLO_RETENTION_MS = "30000"
# name: partitions, replicas, in sync at least, more settings
TOPICS = {
    "plain": (3, 3, 2, {}),
    "packed": (2, 3, 2, {}),
    "paid": (2, 3, 2, {}),
    "slow": (2, 3, 2, {}),
    "pair": (2, 2, 1, {}),
    # Nobody else has its records: a sidecar that is away must be back within local retention.
    "solo": (1, 1, 1, {"retention.ms": SOLO_RETENTION_MS}),
    # What is committed is remembered beside the pins every ten seconds: longer than that it must stand in the log.
    "fleeting": (2, 3, 2, {"retention.ms": "40000"}),
    # A replica that was away is to come back with what it had.
    "rough": (1, 2, 1, {"retention.ms": "240000"}),
}
ROLL_SECONDS = 3.0
REFILL_SECONDS = 20.0
RETENTION_MS = "20000"
COMMON = {"segment.ms": "3000", "retention.ms": RETENTION_MS, "file.delete.delay.ms": "500"}


def plan(bootstrap, seed, rate):
    """Who writes where."""
    steady = {"kind": "steady", "size": 1500}
    paid = {"kind": "transactional", "codec": "none", "size": 900, "timeout_ms": 10_000, "abort": 0.2, "hang": 0.03}
    writers = [
        {**steady, "name": "plain", "codec": "none", "rate": rate, "topics": {"plain": 3, "pair": 2}},
        {**steady, "name": "packed", "codec": "gzip", "rate": rate / 2, "topics": {"packed": 2, "paid": 2}},
        {**steady, "name": "lone", "codec": "none", "rate": rate / 4, "topics": {"solo": 1}},
        {**steady, "name": "fleeting", "codec": "none", "rate": rate / 4, "topics": {"fleeting": 2}},
        {**steady, "name": "rough", "codec": "none", "rate": rate / 4, "topics": {"rough": 1}},
        {**paid, "name": "quick", "rate": rate / 2, "hold": 0.7, "topics": {"paid": 2, "packed": 2}},
        # Longer than a segment is written: its transactions lie over borders of segments.
        {**paid, "name": "long", "rate": rate / 8, "hold": 7.0, "timeout_ms": 30_000, "hang": 0.0, "topics": {"slow": 2, "paid": 2}},
    ]
    for number, writer in enumerate(writers):
        writer["seed"] = seed * 100 + number
    return {"bootstrap": bootstrap, "writers": writers}


class Rig:
    """One cluster with all that stands beside it, in a directory that is kept when something fails."""

    def __init__(self, binary, seed, rate, log_dirs=None, properties=None, settings=None, topics=None):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="firnline-chaos-"))
        self.logs = self.home / "logs"
        self.logs.mkdir()
        self.binary, self.seed, self.rate = binary, seed, rate
        self.ids, self.generations = {}, {}
        self.allowed, self.expected = set(), []
        # Topics that were deleted, or whose offsets Kafka has given twice: what only brokers have says nothing there.
        self.frozen, self.rewritten = set(), set()
        self.fillers, self.keep = 0, False
        self.minio = Minio(self.home, self.logs)
        self.gateway = Gateway(self.minio.port, seed)
        self.tier = Tier(binary, self.minio)
        dirs = log_dirs(self.home) if log_dirs else None
        self.cluster = Cluster(self.home, self.logs, log_dirs=dirs, properties=properties)
        self.sidecars = {
            broker.id: Sidecar(binary, broker, self.tier, self.gateway.endpoint, self.logs, settings)
            for broker in self.cluster.brokers
        }
        self.producer = None
        self.topics = topics or TOPICS
        self.cluster.start()
        for topic in self.topics:
            self.create(topic)

    # setting up

    def create(self, topic):
        partitions, replicas, in_sync, more = self.topics[topic]
        config = {**COMMON, "min.insync.replicas": str(in_sync), **more}
        new = NewTopic(topic, partitions, replicas, config=config)
        self.cluster.admin.create_topics([new], operation_timeout=30)[topic].result()
        wait_until(
            f"{topic} led", 40, lambda: all(leader > 0 for leader, _, _ in self.cluster.partitions(topic).values())
        )
        generation = self.generations.get(topic, -1) + 1
        self.generations[topic] = generation
        self.ids[topic, generation] = self.cluster.topic_id(topic)

    def start_sidecars(self):
        for sidecar in self.sidecars.values():
            sidecar.start()

    def start_producer(self):
        everything = plan(self.cluster.bootstrap, self.seed, self.rate)
        for writer in everything["writers"]:
            writer["topics"] = {topic: count for topic, count in writer["topics"].items() if topic in self.topics}
        everything["writers"] = [writer for writer in everything["writers"] if writer["topics"]]
        self.producer = ProducerProcess(everything, self.home, self.logs)
        for topic in self.producer.topics:
            self.producer.wait_for_records(topic, 1)

    # what operators and faults do

    def leader(self, topic, partition=0):
        def led():
            leader = self.cluster.partitions(topic)[partition][0]
            return leader if leader > 0 else None

        return wait_until(f"{topic}/{partition} has a leader", 60, led)

    def elect(self, topic, partition, unclean=False):
        kind = ElectionType.UNCLEAN if unclean else ElectionType.PREFERRED
        # No time-out is given: this release of the library fails on any (more argument specifiers than keyword list entries).
        answer = self.cluster.admin.elect_leaders(kind, [TopicPartition(topic, partition)]).result()
        return list(answer.values())[0]

    def assign(self, topic, partition, nodes, limit=60):
        """Gives a partition these replicas, waits until they are in sync, and makes the first one lead."""
        reassign(self.running_broker().address, topic, {partition: nodes})

        def done():
            _, replicas, in_sync = self.cluster.partitions(topic)[partition]
            return replicas == nodes and set(in_sync) == set(nodes)

        wait_until(f"{topic}/{partition} on {nodes}", limit, done)
        if self.leader(topic, partition) != nodes[0]:
            self.elect(topic, partition)
            wait_until(f"{topic}/{partition} led by {nodes[0]}", 30, lambda: self.leader(topic, partition) == nodes[0])

    def lead(self, topic, partition, node):
        """Moves the leadership to one of the replicas."""
        replicas = self.cluster.partitions(topic)[partition][1]
        self.assign(topic, partition, [node, *(other for other in replicas if other != node)])

    def running_broker(self):
        return next(broker for broker in self.cluster.brokers if broker.running())

    def configure(self, topic, **values):
        entries = [
            ConfigEntry(key.replace("_", "."), value, incremental_operation=AlterConfigOpType.SET)
            for key, value in values.items()
        ]
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=entries)
        for answer in self.cluster.admin.incremental_alter_configs([resource]).values():
            answer.result(20)

    def offsets(self, topic, spec, isolation=None):
        """`{partition: offset}` as the leaders tell."""
        wanted = {TopicPartition(topic, number): spec for number in self.cluster.partitions(topic)}
        more = {"isolation_level": isolation} if isolation is not None else {}
        answers = self.cluster.admin.list_offsets(wanted, request_timeout=20, **more)
        return {where.partition: answer.result().offset for where, answer in answers.items()}

    def log_start(self, topic, partition):
        return self.offsets(topic, OffsetSpec.earliest())[partition]

    def delete_records(self, topic, partition, offset):
        """Kafka's own; −1 means up to the high watermark. Answers the new log start."""
        where = TopicPartition(topic, partition, offset)
        return list(self.cluster.admin.delete_records([where], request_timeout=20).values())[0].result().low_watermark

    def recreate(self, topic):
        """Deletes a topic and makes another one of its name; the producer must have paused it."""
        self.frozen.add((topic, self.generations[topic]))
        self.cluster.admin.delete_topics([topic], operation_timeout=30)[topic].result()
        wait_until(f"{topic} gone", 40, lambda: topic not in self.cluster.metadata().topics)
        time.sleep(1)
        self.create(topic)
        self.producer.renew(topic, self.generations[topic])

    def settle(self):
        """Until everything that a fault took away is back."""
        self.gateway.weather.clear()
        if not self.minio.child.running():
            self.minio.start()
        self.cluster.start()
        for sidecar in self.sidecars.values():
            if sidecar.stopped:
                sidecar.go_on()
            if not sidecar.running():
                sidecar.start()
        self.cluster.wait_in_sync([topic for topic in self.topics if topic in self.cluster.metadata().topics])

    # the end of a run

    def fill(self, topics):
        """One record to each partition, outside the ledger: the segment before it is sealed when its time is over."""
        client = Producer({"bootstrap.servers": self.cluster.bootstrap, "acks": "all", "log_level": 2})
        for topic in topics:
            for partition in self.cluster.partitions(topic):
                client.produce(topic, b"filler", b"filler", partition)
                self.fillers += 1
        if client.flush(60):
            raise Failed("fillers were not acknowledged")

    def tier_ends(self):
        return {where: segments[-1].next for where, segments in self.tier.segments().items() if segments}

    def drain(self, limit=150, topics=None):
        """Rolls everything for the last time and waits until the tier has all that the ledger names."""
        topics = topics or self.producer.topics
        self.producer.pause(*topics)
        self.seal(topics)
        last = {}
        for (topic, generation, partition), lines in self.producer.ledger().partitions.items():
            if topic in topics and (topic, generation) in self.ids:
                # Where Kafka has given offsets twice, the history that goes on ends with what was acknowledged last.
                end = lines[-1].offset if topic in self.rewritten else max(line.offset for line in lines)
                last[self.ids[topic, generation], partition] = (topic, generation, end)
        missing, filled = {}, time.monotonic()

        def drained():
            nonlocal filled
            missing.clear()
            if "gap" in self.allowed and time.monotonic() - filled > REFILL_SECONDS:
                # A leader that has lost what it had begins a tier with the next segment that it seals.
                self.fill(topics)
                filled = time.monotonic()
            ends = self.tier_ends()
            for where, (topic, generation, offset) in last.items():
                end = ends.get(where, 0)
                if end <= offset and "gap" in self.allowed:
                    # Behind the last segment a gap may stand.
                    end = (self.tier.manifest(f"{topic}@{where[0]}/{where[1]}") or {"tier_end": end})["tier_end"]
                if end <= offset:
                    missing[f"{topic}.{generation}/{where[1]}"] = (end, offset + 1)
            return not missing

        try:
            wait_until("drained", limit, drained, step=1.0)
        except Failed:
            raise Failed(f"not in the tier after {limit} s (tier end, ledger's end): {missing}") from None

    def seal(self, topics):
        """Ends what is open, so that all records lie in sealed segments."""
        self.wait_for_markers(topics)
        time.sleep(ROLL_SECONDS + 0.2)
        self.fill(topics)

    def wait_for_markers(self, topics):
        """Until no transaction is open: the coordinator ends those that were left hanging."""
        from confluent_kafka import IsolationLevel

        def closed():
            return all(
                self.offsets(topic, OffsetSpec.latest(), IsolationLevel.READ_COMMITTED)
                == self.offsets(topic, OffsetSpec.latest(), IsolationLevel.READ_UNCOMMITTED)
                for topic in topics
            )

        wait_until("all transactions ended", 90, closed, step=0.5)

    def check(self, topics=None):
        """Drains and holds the ledger against the tier."""
        self.drain(topics=topics)
        return self.verify(topics)

    def verify(self, topics=None):
        report = check(self, topics or self.producer.topics)
        report.expect_only(self.allowed)
        return report

    def consumer(self, isolation):
        return Consumer({
            "bootstrap.servers": self.cluster.bootstrap, "group.id": "chaos-checker", "isolation.level": isolation,
            "enable.auto.commit": False, "enable.partition.eof": True, "check.crcs": True, "log_level": 2,
            "auto.offset.reset": "error",
        })

    def close(self):
        """Ends everything; answers what our own logs complain of without a reason in the scenario."""
        trouble = []
        try:
            for sidecar in self.sidecars.values():
                try:
                    sidecar.stop()
                except Failed as failure:
                    trouble.append(str(failure))
            for sidecar in self.sidecars.values():
                trouble += complaints(sidecar.log, self.expected)
        finally:
            everyone = [self.producer, *self.sidecars.values(), *self.cluster.brokers, self.minio]
            for child in (one.child for one in everyone if one is not None):
                if child is not None and child.running():
                    child.kill()
            self.gateway.server.shutdown()
        if not self.keep and not trouble:
            shutil.rmtree(self.home, ignore_errors=True)
        return trouble
