"""One broker with its tier and the program: topics are produced, sealed, offloaded and exported, and read back by engines."""

import json
import pathlib
import shutil
import subprocess
import tempfile

import expected
from confluent_kafka import Producer
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic
from shared import Child, Cluster, Failed, wait_until

# Segments roll by the times of records: a minute of theirs. Nothing is deleted, and no time is too late or too early.
SEGMENT_MS = 60_000
TOPIC = {
    "segment.ms": SEGMENT_MS, "retention.ms": -1, "message.timestamp.after.max.ms": 2**62, "message.timestamp.before.max.ms": 2**62,
    "max.message.bytes": 8 << 20,
}
PROPERTIES = {"log.retention.ms": -1, "log.roll.ms": 604_800_000, "log.index.size.max.bytes": 1 << 20, "auto.create.topics.enable": "false"}
# Later than every other record.
FILLER_MS = 4_000_000_000_000


class Stand:
    """Lives in a directory that is kept when something fails."""

    def __init__(self, binary):
        self.binary = binary
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="firnline-tables-"))
        self.logs = self.home / "logs"
        self.logs.mkdir()
        self.tier = self.home / "tier"
        self.tier.mkdir()
        self.partitions, self.fillers, self.clients = {}, {}, {}
        self.cluster = Cluster(self.home, self.logs, nodes=1, properties=PROPERTIES)
        self.broker = self.cluster.brokers[0]
        self.cluster.start()
        self.runs, self.faults = 0, []

    def close(self, keep):
        self.cluster.stop()
        if keep:
            print(f"kept: {self.home}", flush=True)
        else:
            shutil.rmtree(self.home, ignore_errors=True)

    # the log

    def topic(self, name, partitions=1, **config):
        """Makes a topic; `config` has `_` for `.`."""
        told = {**TOPIC, **{key.replace("_", "."): value for key, value in config.items()}}
        new = NewTopic(name, partitions, 1, config={key: str(value) for key, value in told.items()})
        self.cluster.admin.create_topics([new], operation_timeout=30)[name].result()
        wait_until(f"{name} led", 40, lambda: all(leader > 0 for leader, _, _ in self.cluster.partitions(name).values()))
        self.partitions[name] = partitions
        self.fillers[name] = dict.fromkeys(range(partitions), -1)
        return name

    def producer(self, **settings):
        told = {key.replace("_", "."): value for key, value in settings.items()}
        return Producer({"bootstrap.servers": self.cluster.bootstrap, "acks": "all", "log_level": 2, "message.max.bytes": 8 << 20, **told})

    def produce(self, topic, records, **settings):
        """Records as dictionaries of `produce`'s arguments, in order; idempotent unless told otherwise."""
        settings = {"enable_idempotence": True, **settings}
        name = json.dumps(settings, sort_keys=True)
        client = self.clients[name] = self.clients.get(name) or self.producer(**settings)
        faults = []
        for record in records:
            client.produce(topic, on_delivery=lambda error, _: error and faults.append(error), **record)
            client.poll(0)
        if client.flush(60) or faults:
            raise Failed(f"{topic}: not all was acknowledged: {faults[:3]}")

    def produce_one(self, topic, record):
        """Without waiting for it: `flush` does."""
        client = self.clients["one by one"] = self.clients.get("one by one") or self.producer(enable_idempotence=True)
        client.produce(topic, on_delivery=lambda error, _: error and self.faults.append(error), **record)
        client.poll(0)

    def flush(self):
        if "one by one" in self.clients and (self.clients["one by one"].flush(60) or self.faults):
            raise Failed(f"not all was acknowledged: {self.faults[:3]}")

    def seal(self, topic):
        """One record to each partition that rolls its segment and stays in the next, the one that is not sealed."""
        # Each later than the last filler, which is at the beginning of the segment that this one seals.
        for partition in range(self.partitions[topic]):
            self.fillers[topic][partition] += 1
            time = FILLER_MS + self.fillers[topic][partition] * SEGMENT_MS * 10
            # Null and null: in every mode a row of nulls, in none a dead letter.
            self.produce(topic, [{"partition": partition, "timestamp": time}], enable_idempotence=False)

    # the tier

    def firnline(self, *arguments, codes=(0,), env=None, limit=60):
        """Standard output of one run; any other exit code is a failure."""
        self.runs += 1
        log = self.logs / f"run-{self.runs:03}-{arguments[0]}.log"
        with open(log, "wb") as errors:
            told = {"PATH": "/usr/bin:/bin", "HOME": str(self.home), "RUST_BACKTRACE": "1", **(env or {})}
            try:
                done = subprocess.run(
                    [self.binary, *map(str, arguments)], env=told, stdout=subprocess.PIPE, stderr=errors, timeout=limit, cwd=self.home,
                )
            except subprocess.TimeoutExpired:
                raise Failed(f"firnline {arguments[0]} has not ended in {limit} s; its log ends with\n{log.read_text(errors='replace')[-1500:]}") from None
        if done.returncode not in codes:
            raise Failed(f"firnline {' '.join(map(str, arguments))}: exit {done.returncode}, expected {codes}\n{log.read_text(errors='replace')[-3000:]}")
        self.code = done.returncode
        return done.stdout

    def firnline_for(self, exporter, seconds):
        """A run that is ended after some seconds, if it has not ended itself."""
        log = self.logs / f"run-{self.runs:03}-ended.log"
        self.runs += 1
        child = Child(
            "export", [self.binary, "export", "--config", exporter.config, "--json"], log,
            env={"HOME": str(self.home), "RUST_BACKTRACE": "1", **exporter.environment()},
        )
        try:
            child.process.wait(seconds)
        except subprocess.TimeoutExpired:
            child.stop()
        return child.process.returncode

    def offload(self, *topics):
        """Seals the topics and brings what is sealed into the tier, from a copy of the log directory. Answers the tier's ends."""
        for topic in topics:
            self.seal(topic)
        copy = self.home / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        for name in ("meta.properties",):
            shutil.copy(self.broker.log_dirs[0] / name, copy / name)
        for topic in topics:
            for partition in range(self.partitions[topic]):
                from_dir = wait_until("the topic id is on disk", 60, lambda t=topic, p=partition: self.written(t, p))
                shutil.copytree(from_dir, copy / from_dir.name)
        # Segments stay as they are: none is joined with the next.
        config = self.home / "offload.toml"
        config.write_text(f'[store]\nurl = "file://{self.tier}"\n[offload]\ntarget_size = "0B"\n')
        self.firnline("offload", "--once", "--assume-committed", "--log-dir", copy, "--config", config, "--json")
        return {topic: self.tier_ends(topic) for topic in topics}

    def written(self, topic, partition):
        found = self.broker.partition_dir(topic, partition)
        return found if found and (found / "partition.metadata").exists() else None

    def tier_ends(self, topic):
        """`{partition: offset}`"""
        ends = dict.fromkeys(range(self.partitions[topic]), 0)
        for line in self.firnline("ls", f"file://{self.tier}", "--topic", topic, "--json").splitlines():
            told = json.loads(line)
            ends[told["partition"]] = max(ends[told["partition"]], told["next_offset"])
        return ends

    def records(self, topic, ends=None):
        """What is to be in the table: visible records that the tier has. Fillers are in it from the next sealing on, as any record."""
        return expected.records(self.broker, topic, self.partitions[topic], ends or self.tier_ends(topic))

    def configure(self, topic, **values):
        entries = [ConfigEntry(key.replace("_", "."), str(value), incremental_operation=AlterConfigOpType.SET) for key, value in values.items()]
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=entries)
        for answer in self.cluster.admin.incremental_alter_configs([resource]).values():
            answer.result(20)
