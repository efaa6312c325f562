"""Faults that change the cluster for good or need another one: each has a rig of its own."""

import random
import re
import shutil
import signal
import subprocess
import time

import faults
from children import Failed, wait_until
from confluent_kafka.admin import OffsetSpec
from rig import RETENTION_MS, TOPICS, Rig

ALL = {}
MIB = 1 << 20


def scenario(function):
    ALL[function.__name__] = function
    return function


class Running:
    """A rig with producer and sidecars on; it is closed whatever happens, and kept when anything was wrong."""

    def __init__(self, binary, seed, rate, sidecars=True, **options):
        self.rig = Rig(binary, seed, rate, **options)
        self.sidecars = sidecars

    def __enter__(self):
        try:
            if self.sidecars:
                self.rig.start_sidecars()
            self.rig.start_producer()
        except BaseException:
            self.__exit__(Failed, None, None)
            raise
        return self.rig

    def __exit__(self, kind, _value, _trace):
        self.rig.keep |= kind is not None
        trouble = self.rig.close()
        if self.rig.keep or trouble:
            print(f"  everything is kept in {self.rig.home}", flush=True)
        if trouble and kind is None:
            raise Failed("unexpected in our own logs:\n" + "\n".join(trouble[:12]))


def only(*names):
    return {name: TOPICS[name] for name in names}


@scenario
def unclean_election(binary, seed, rate):
    """B, which lacks what A alone had acknowledged, is made to lead. What A had is a dead branch, to the last record."""
    with Running(binary, seed, rate, topics=only("rough", "plain")) as rig:
        unclean(rig, wipe=False)
        rig.settle()
        report = rig.check()
        if not report.counts["dead_branch"]:
            raise Failed(f"nothing went to a dead branch: {report}")
        return report


@scenario
def unclean_election_of_an_empty_replica(binary, seed, rate):
    """B has lost its disk and is made to lead. The archive stays as it is, and the partition waits for an operator."""
    with Running(binary, seed, rate, topics=only("rough", "plain")) as rig:
        for sidecar in rig.sidecars.values():
            sidecar.settings["cut_share"] = 10
            sidecar.reload()
        unclean(rig, wipe=True)
        rig.settle()
        time.sleep(10)
        told = [sidecar.status() or b"" for sidecar in rig.sidecars.values()]
        if not any(b"FIRN-O50" in text for text in told):
            raise Failed("no sidecar's status asks for an operator")
        rig.frozen.add(("rough", 0))
        # What was written since is on the brokers only: it is the old history that must stand.
        rig.producer.pause("rough")
        rig.drain(topics=["plain"])
        return f"{rig.verify(['plain'])}; {before_cut(rig)}"


def unclean(rig, wipe):
    """A topic with two replicas: B falls out of sync, A goes on alone, its last record is in the tier; then A dies."""
    topic = "rough"
    rig.allowed.add("dead_branch")
    rig.expected += [r"the tier was compared with the leader's log", r"the leader's log went another way", r"dead branch", r"FIRN-O50\d|operator"]
    rig.rewritten.add(topic)
    rig.producer.wait_for_records(topic, 20)
    first = rig.leader(topic)
    other = next(node for node in rig.cluster.partitions(topic)[0][1] if node != first)
    rig.cluster.broker(other).kill()
    rig.producer.wait_for_records(topic, 60)
    rig.drain(topics=[topic])
    rig.cut_after = rig.producer.ledger().partitions[topic, 0, 0][-1].offset
    if wipe:
        rig.cluster.wipe(other, topic, 0)
    rig.cluster.broker(first).kill()
    rig.cluster.broker(other).start()
    rig.cluster.wait_for_brokers()
    time.sleep(3)

    def elected():
        if rig.cluster.partitions(topic)[0][0] != other:
            # The controller may not have seen the death of the one yet, or the life of the other.
            rig.elect(topic, 0, unclean=True)
        return rig.cluster.partitions(topic)[0][0] == other

    wait_until(f"node {other} leads", 60, elected, step=1.0)
    rig.cluster.start()
    rig.producer.resume(topic)
    rig.producer.wait_for_records(topic, 60)


def before_cut(rig):
    """All that was acknowledged before the election is live in the tier still."""
    segments = rig.tier.segments()[rig.ids["rough", 0], 0]
    if not segments or segments[-1].next <= rig.cut_after:
        raise Failed(f"the archive of rough ends at {segments[-1].next if segments else 0}, it had {rig.cut_after}")
    return f"the archive stands to {segments[-1].next}"


@scenario
def the_pin_budget_is_exhausted(binary, seed, rate):
    """Small disks, and a store that stays down: pins give way, the gap is recorded, nothing else is lost, brokers live."""
    with small_disks(200 * MIB) as disks:
        settings = {"reserve": "60MiB", "gap_wait": "10s"}
        with Running(binary, seed, rate, log_dirs=disks, settings=settings, topics=only("plain")) as rig:
            rig.allowed.add("gap")
            rig.expected += [r"gave way|give way|FIRN-O301", r"FIRN-O600|records are lost|gap"]
            rig.gateway.weather.down = True
            pressed(rig, seconds=90)
            rig.settle()
            report = rig.check()
            if not report.counts["gap"]:
                raise Failed(f"pins never gave way: {report}")
            return report


@scenario
def the_worker_dies_for_good_while_the_disk_fills(binary, seed, rate):
    """The store is down, pins fill the disk, and from then on each new worker is killed at once while the broker's own files
    grow: the guard alone keeps the reserve."""
    with small_disks(200 * MIB) as disks:
        settings = {"reserve": "60MiB", "gap_wait": "20s"}
        with Running(binary, seed, rate, log_dirs=disks, settings=settings, topics=only("plain")) as rig:
            rig.allowed.add("gap")
            rig.expected += [r"gave way|give way|FIRN-O301", r"FIRN-O600|records are lost|gap", r"worker"]
            rig.gateway.weather.down = True
            pressed(rig, seconds=35)

            def again():
                for sidecar in rig.sidecars.values():
                    for pid in sidecar.workers():
                        faults_kill(pid)

            again()
            before = given_way(rig)
            rig.configure("plain", retention_ms="-1")
            least = pressed(rig, seconds=25, meanwhile=again)
            after = given_way(rig)
            if not all(after[node] > before[node] for node in after) or least < 30:
                raise Failed(f"guards let pins go {before}, then {after}; the least free space was {least:.0f} MiB")
            rig.configure("plain", retention_ms=RETENTION_MS)
            rig.settle()
            return f"{rig.check()}; pins gave way {before}, then {after}"


def given_way(rig):
    """How many pins gave way on each node, by what the guards and workers say."""
    return {node: sidecar.log.read_text().count("gave way") for node, sidecar in rig.sidecars.items()}


def faults_kill(pid):
    from sidecar import kill_worker

    kill_worker(pid, signal.SIGKILL)


def pressed(rig, seconds, meanwhile=lambda: None):
    """Load as fast as the brokers take it, and a look at their disks all the while."""
    from confluent_kafka import Producer

    client = Producer({"bootstrap.servers": rig.cluster.bootstrap, "acks": "all", "log_level": 2})
    end = time.monotonic() + seconds
    least = None
    while time.monotonic() < end:
        for partition in range(3):
            client.produce("plain", bytes(100_000), b"filler", partition)
        client.poll(0.1)
        time.sleep(0.1)
        meanwhile()
        for broker in rig.cluster.brokers:
            if not broker.running():
                raise Failed(f"broker {broker.id} died:\n{broker.child.tail()}")
            free = shutil.disk_usage(broker.log_dirs[0]).free
            least = free if least is None else min(least, free)
    client.flush(60)
    print(f"  least free space: {least / MIB:.0f} MiB", flush=True)
    return least / MIB


class small_disks:
    """A tmpfs for each broker's log directory, which thereby is a mount point, too."""

    def __init__(self, size):
        self.size, self.mounted = size, []

    def __enter__(self):
        return self.mount

    def mount(self, home):
        dirs = {}
        for node in (1, 2, 3):
            path = home / f"disk-{node}"
            path.mkdir()
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.size}", "firnline-chaos", path], check=True)
            self.mounted.append(path)
            dirs[node] = [path]
        return dirs

    def __exit__(self, *_):
        for path in self.mounted:
            subprocess.run(["umount", "--lazy", path], check=False)
            # What could not be removed with all the rest while something was mounted there.
            for place in (path, path.parent):
                if place.exists() and not any(place.iterdir()):
                    place.rmdir()


@scenario
def log_dirs_are_mount_points(binary, seed, rate):
    """Each log directory is the root of a file system of its own; leaders move once."""
    with small_disks(600 * MIB) as disks, Running(binary, seed, rate, log_dirs=disks) as rig:
        faults.ALL["leaders_move_there_and_back"](rig, random.Random(seed))
        rig.settle()
        return rig.check()


@scenario
def brokers_have_several_log_dirs(binary, seed, rate):
    with Running(binary, seed, rate, log_dirs=lambda home: {
        node: [home / f"disk-{node}-{letter}" for letter in "ab"] for node in (1, 2, 3)
    }) as rig:
        faults.ALL["a_broker_is_killed"](rig, random.Random(seed))
        rig.settle()
        return rig.check()


@scenario
def a_bucket_of_once_is_gone_on_with(binary, seed, rate):
    """One pass over stopped brokers, as the first build made it; then sidecars go on in the same bucket."""
    kept = {name: (*shape, {**more, "retention.ms": "-1"}) for name, (*shape, more) in TOPICS.items()}
    with Running(binary, seed, rate, sidecars=False, topics=kept) as rig:
        for topic in rig.producer.topics:
            rig.producer.wait_for_records(topic, 15)
        rig.producer.pause()
        rig.seal(rig.topics)
        rig.cluster.stop()
        for broker in rig.cluster.brokers:
            dirs = [word for path in broker.log_dirs for word in ("--log-dir", path)]
            rig.tier.run("offload", "--once", "--assume-committed", *dirs)
        # A pass writes each partition from whichever broker it finds first; all have what is committed.
        rig.cluster.start()
        rig.settle()
        for topic in rig.topics:
            rig.configure(topic, retention_ms=RETENTION_MS)
        rig.producer.resume()
        for topic in rig.producer.topics:
            rig.producer.wait_for_records(topic, 15)
        return rig.check()


@scenario
def a_transaction_stays_open_and_is_named(binary, seed, rate):
    """Readers of committed records stand still, the archive does not; the command that status shows ends it."""
    topic, partition = "plain", 0
    with Running(binary, seed, rate, topics=only(topic), settings={"hanging_after": "10s"}) as rig:
        rig.expected.append(r"a transaction stays open")
        client = open_transaction(rig, topic, partition)
        fact = wait_until("status names it", 60, lambda: hanging(rig))
        began = int(re.search(r"open from offset (\d+)", fact["text"])[1])
        if fact["subject"]["partition"]["partition"] != partition or stable(rig, topic)[partition] != began:
            raise Failed(f"another transaction is named: {fact}, while readers stand at {stable(rig, topic)}")
        wait_until("the archive goes on", 60, lambda: rig.tier_ends().get((rig.ids[topic, 0], partition), 0) > began + 20)
        rig.cluster.run_tool(fact["command"])
        wait_until("readers go on", 30, lambda: stable(rig, topic)[partition] > began)
        wait_until("nothing is named any more", 60, lambda: not hanging(rig))
        del client
        rig.settle()
        return rig.check()


def open_transaction(rig, topic, partition):
    from confluent_kafka import Producer

    client = Producer({
        "bootstrap.servers": rig.cluster.bootstrap, "transactional.id": "forgotten", "transaction.timeout.ms": 600_000, "log_level": 2,
    })
    client.init_transactions(30)
    client.begin_transaction()
    client.produce(topic, b"never ended", b"never ended", partition)
    if client.flush(30):
        raise Failed("the transaction's record was not acknowledged")
    return client


def stable(rig, topic):
    """Where readers of committed records stand."""
    from confluent_kafka import IsolationLevel

    return rig.offsets(topic, OffsetSpec.latest(), IsolationLevel.READ_COMMITTED)


def hanging(rig):
    """What some sidecar's status says of a transaction that stays open."""
    facts = [fact for sidecar in rig.sidecars.values() for fact in sidecar.facts() if fact["code"] == "FIRN-O310"]
    return facts[0] if facts else None


@scenario
def another_uid_is_told_apart(binary, seed, rate):
    """A sidecar of another user than the broker's cannot link its files, and says so, with the cure."""
    with Running(binary, seed, rate, sidecars=False, topics=only("plain")) as rig:
        sidecar = rig.sidecars[1]
        copy = rig.home / "firnline"
        shutil.copy(binary, copy)
        for path in (rig.home, rig.home / "node-1", sidecar.config, copy):
            path.chmod(0o755)
        sidecar.binary = copy
        sidecar.under = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--")
        child = sidecar.spawn(home=rig.home)
        told = lambda: "user" in (text := child.log.read_text()) and str(sidecar.broker.log_dirs[0]) in text  # noqa: E731
        wait_until("the sidecar names cause and cure", 30, told)
        # Whoever mends it need not start it again: the guard stays, or ends if nothing is at stake yet.
        child.kill()
        child.log.unlink()
        return "cause and cure are named"


# What the guide promises, and a second for the question itself.
NAMED_WITHIN = 16.0


@scenario
def what_stands_still_is_named_in_time(binary, seed, rate):
    """Brokers, then the store, are stopped (SIGSTOP): connections stay open and nothing answers. /health/ready and status say so."""
    with Running(binary, seed, rate, topics=only("plain")) as rig:
        rig.expected.append(r"(?i)not ready any more|could not be looked up|is not written|cannot be (read|written|listed)|a turn failed|is not retired")
        sidecar = rig.sidecars[1]
        ready = lambda: (sidecar.get("/health/ready") or b"").startswith(b"ready")  # noqa: E731
        told = lambda code: any(fact["code"] == code for fact in sidecar.facts())  # noqa: E731
        wait_until("ready", 60, ready)
        took = {}
        stopped = {
            "brokers": ([broker.child for broker in rig.cluster.brokers], "FIRN-O201"),
            "store": ([rig.minio.child], "FIRN-O220"),
        }
        for who, (children, code) in stopped.items():
            began = time.monotonic()
            for child in children:
                child.signal(signal.SIGSTOP)
            try:
                wait_until(f"not ready without {who}", NAMED_WITHIN + (10 if who == "store" else 0), lambda: not ready())
                took[who] = time.monotonic() - began
                if who.encode() not in sidecar.get("/health/ready"):
                    raise Failed(f"another reason: {sidecar.get('/health/ready')}")
                wait_until(f"{code} in status", 20, lambda: told(code))
            finally:
                for child in children:
                    child.signal(signal.SIGCONT)
            wait_until(f"ready again with {who}", 60, ready)
        rig.settle()
        return ", ".join(f"{who}: not ready after {seconds:.0f} s" for who, seconds in took.items()) + "; " + str(rig.check())
