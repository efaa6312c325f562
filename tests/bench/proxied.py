"""What stands between clients and brokers costs: a real broker, `firnline proxy` before it, and the same fetches of both.

The broker has a core, the proxy and the consumer share the other: what the consumer takes is in both sides of a pair.
"""

import shutil
import statistics
import subprocess
import time

import pairs
from front import Front, cpu_seconds, fetch, peak_mib
from stand import MIB, RECORD as RECORD_BYTES, SEGMENT, Producer, wait_until

RECORD = 1 << 10
# Of CPU a MB that passes, at fetches of 1 MiB; the goal, and what CI holds it to on machines of any speed.
GOAL_MCPU, LIMIT_MCPU = 2.0, 4.0
CONSUMERS = 16


def write_small(stand, topic, count, batch):
    """So many records of 1 KiB, in batches of so many bytes at most."""
    client = Producer({"bootstrap.servers": stand.cluster.bootstrap, "acks": "1", "linger.ms": 20 if batch > RECORD * 2 else 0, "batch.size": batch})
    with open("/dev/urandom", "rb") as file:
        noise = file.read(MIB)
    for number in range(count):
        at = number * 4093 % (len(noise) - RECORD)
        while True:
            try:
                client.produce(topic, noise[at : at + RECORD], partition=0)
                break
            except BufferError:
                client.poll(0.1)
        client.poll(0)
    client.flush()


def passed(bench, stand, tier, size):
    """Fetches that touch nothing cold: through the proxy and direct, in pairs. Answers the CPU of the proxy a MB."""
    stand.create("hot", 1, {"segment.bytes": 1 << 30})
    write_small(stand, "hot", size // RECORD, 64 << 10)
    stand.create("small", 1, {"segment.bytes": 1 << 30})
    write_small(stand, "small", 20_000, RECORD)
    front = Front(stand, "", url=tier)
    big, little = {"bytes": size, "fetch": MIB, "partition_fetch": MIB}, {"bytes": 16_000 * RECORD, "fetch": 1, "partition_fetch": 1}
    told = {}
    for name, topic, options in (("MiB fetches", "hot", big), ("small fetches", "small", little)):
        runs = []
        for number in range(bench.options.pairs + 1):
            one = {}
            # Direct twice: their difference is the noise.
            order = ("proxy", "direct", "again")
            for side in order if number % 2 else reversed(order):
                at = front.at if side == "proxy" else stand.broker.address
                before = cpu_seconds(front.child.pid), cpu_seconds(stand.broker.child.pid)
                run = fetch(bench, at, topic, stand.other_core, **options)
                run["proxy"] = cpu_seconds(front.child.pid) - before[0]
                run["broker"] = cpu_seconds(stand.broker.child.pid) - before[1]
                one[side] = run
            # The first pair warms up.
            if number:
                runs.append(one)
        show_passed(name, runs)
        show_passed(f"{name}, A/A", [{"proxy": run["again"], "direct": run["direct"]} for run in runs])
        told[name] = runs
    print(f"peak memory of the proxy: {peak_mib(front.child.pid):.0f} MiB")
    idle = front.figures()["firnline_proxy_cold_bytes_total"]
    if sum(idle.values()):
        raise SystemExit("what was to be hot came from the tier")
    front.stop()
    per_mb = [1e3 * run["proxy"]["proxy"] / (run["proxy"]["bytes"] / 1e6) for run in told["MiB fetches"]]
    mid, low, high = pairs.interval(per_mb)
    print(f"CPU of the proxy: {mid:.2f} ms a MB [{low:.2f}, {high:.2f}]; goal {GOAL_MCPU}: {'met' if high <= GOAL_MCPU else 'not met' if low > GOAL_MCPU else 'not shown'}")
    per_fetch = [1e6 * run["proxy"]["proxy"] / run["proxy"]["fetches"] for run in told["small fetches"]]
    mid_fetch, low_fetch, high_fetch = pairs.interval(per_fetch)
    print(f"CPU of the proxy: {mid_fetch:.0f} us a small fetch [{low_fetch:.0f}, {high_fetch:.0f}]")
    return mid


def show_passed(name, runs):
    for what, unit in (("p50_ms", "ms"), ("p99_ms", "ms")):
        added = [run["proxy"][what] - run["direct"][what] for run in runs]
        mid, low, high = pairs.interval(added)
        base = statistics.median(run["direct"][what] for run in runs)
        print(f"{name}: added {what[:3]} {mid:.3f} {unit} [{low:.3f}, {high:.3f}] to {base:.3f} {unit} direct")
    rate = [run["proxy"]["bytes"] / run["proxy"]["seconds"] / (run["direct"]["bytes"] / run["direct"]["seconds"]) for run in runs]
    mid, low, high = pairs.interval(rate)
    direct = statistics.median(run["direct"]["bytes"] / run["direct"]["seconds"] / 1e6 for run in runs)
    print(f"{name}: throughput {mid:.2f} [{low:.2f}, {high:.2f}] of direct, {direct:.0f} MB/s; {len(runs)} pairs")
    broker = [run["proxy"]["broker"] / max(run["direct"]["broker"], 1e-9) for run in runs]
    mid, low, high = pairs.interval(broker)
    print(f"{name}: CPU of the broker {mid:.2f} [{low:.2f}, {high:.2f}] of direct")


def make_cold(stand, prefix, partitions, segments):
    """A topic whose sealed segments are in the tier alone. Answers its name."""
    topic = f"cold-{prefix}"
    stand.create(topic, partitions, {"retention.ms": -1})
    stand.fill(topic, partitions, segments)
    sidecar = stand.sidecar(prefix, {"target_size": "0B"})
    wait_until("all of it is in the tier", 300, lambda: sum(
        len(found) for found in sidecar.tier.segments().values()) >= partitions * segments, step=1)
    stand.forget(topic, partitions)
    sidecar.stop()
    return topic


def shared(bench, stand):
    """Many consumers of one cold topic: what is fetched of the store against what is served."""
    segments = 4
    topic = make_cold(stand, "shared", 1, segments)
    front = Front(stand, "shared")
    before, got = front.requests("get"), front.received()
    run = fetch(bench, front.at, topic, connections=CONSUMERS, bytes=segments * SEGMENT)
    gets, received = front.requests("get") - before, front.received() - got
    distinct = segments * SEGMENT
    print(f"{CONSUMERS} consumers of {distinct / MIB:.0f} MiB cold: {run['bytes'] / MIB:.0f} MiB served, {received / distinct:.3f} bytes fetched a distinct byte, "
          f"{gets:.0f} GETs, {gets / (distinct / (8 * MIB)):.2f} for 8 MiB; {run['bytes'] / run['seconds'] / 1e6:.0f} MB/s in all; "
          f"peak memory {peak_mib(front.child.pid):.0f} MiB")
    bench.gates += [run["bytes"] >= CONSUMERS * distinct, received <= 1.1 * distinct, gets <= 1.3 * distinct / (8 * MIB)]
    warm = [fetch(bench, front.at, topic, bytes=distinct) for _ in range(3)]
    print(f"one of them once more: {statistics.median(run['bytes'] / run['seconds'] / 1e6 for run in warm):.0f} MB/s")
    front.stop()
    return topic


def far(bench, stand):
    """One partition from a store that is far away, against the same proxy with the store beside it. So long that the first requests, which
    wait for each other, are few beside the others."""
    segments = 24
    topic = make_cold(stand, "far", 1, segments)
    rates = {"near": [], "far": []}
    for number in range(5):
        for side in ("near", "far") if number % 2 else ("far", "near"):
            first, mib = (27, 20) if side == "far" else (0, 0)
            slow = stand.start_relay(bench.target / "slow-store", first, mib)
            front = Front(stand, "far", store=f"http://127.0.0.1:{slow.port}")
            run = fetch(bench, front.at, topic, bytes=segments * SEGMENT, fetch=8 * MIB, partition_fetch=8 * MIB)
            rates[side].append(run["bytes"] / run["seconds"] / 1e6)
            front.stop()
            slow.kill()
    ratio, low, high = pairs.interval([far / min(400, near) for far, near in zip(rates["far"], rates["near"])])
    print(f"cold sequential read, first byte after 27 ms (lognormal, 0.62) and 20 ms a MiB: {statistics.median(rates['far']):.0f} MB/s, "
          f"{ratio:.2f} [{low:.2f}, {high:.2f}] of min(400 MB/s, without delay {statistics.median(rates['near']):.0f} MB/s); "
          f"goal 0.9: {'met' if low >= 0.9 else 'not met' if high < 0.9 else 'not shown'}")


def scanned(bench, stand, topic, prefix):
    """p99 of hot fetches while another consumer scans what is cold, at a limit."""
    stand.create("small", 1, {"segment.bytes": 1 << 30})
    write_small(stand, "small", 20_000, RECORD)
    front = Front(stand, prefix, {"limits.cold_rate": "20MiB"})
    p99 = {"alone": [], "beside a scan": []}
    for number in range(2 * bench.options.pairs):
        side = "beside a scan" if number % 2 else "alone"
        scan = stand.scan(bench, front.at, topic) if number % 2 else None
        time.sleep(0.5)
        p99[side].append(fetch(bench, front.at, "small", seconds=2, fetch=1, partition_fetch=1)["p99_ms"])
        if scan:
            scan.kill()
    ratio, low, high = pairs.interval([one / max(other, 1e-9) for one, other in zip(p99["beside a scan"], p99["alone"])])
    print(f"p99 of small hot fetches beside a scan of cold at 20 MiB/s: {ratio:.2f} [{low:.2f}, {high:.2f}] of {statistics.median(p99['alone']):.3f} ms alone, {bench.options.pairs} pairs")
    front.stop()


def cached(bench, stand, prefix):
    """A cold partition from the proxy's memory and from its disk, against the broker's page cache. The server has one core, the consumer the other."""
    segments = 4
    size = segments * SEGMENT
    topic = make_cold(stand, prefix, 1, segments)
    stand.create("page-cache", 1, {"retention.ms": -1})
    stand.fill("page-cache", 1, segments)
    disk = {"disk.dir": str(stand.home / "cache"), "disk.max_size": "2GiB"}
    read = {"core": stand.other_core, "bytes": size, "fetch": 8 * MIB, "partition_fetch": 8 * MIB}
    # Twice the topic in memory; or too little of it for anything to be found there on a second pass.
    fronts = {
        "memory": Front(stand, prefix, cache={"memory.blocks": f"{2 * size // MIB}MiB"}, core=stand.broker_core),
        "disk": Front(stand, prefix, cache={"memory.blocks": "32MiB", **disk}, core=stand.broker_core),
    }
    for front in fronts.values():
        fetch(bench, front.at, topic, **read)
    time.sleep(5)
    before = {name: front.requests("get") for name, front in fronts.items()}
    # The page cache twice: their difference is the noise.
    runs = {"page cache": [], "again": [], "memory": [], "disk": []}
    for number in range(bench.options.pairs + 1):
        for side in sorted(runs, reverse=number % 2):
            at, what = (fronts[side].at, topic) if side in fronts else (stand.broker.address, "page-cache")
            run = fetch(bench, at, what, **read)
            # The first pass warms up.
            if number:
                runs[side].append(run)
    direct = [run["bytes"] / run["seconds"] for run in runs["page cache"]]
    mid, low, high = pairs.interval([run["bytes"] / run["seconds"] / theirs for run, theirs in zip(runs["again"], direct)])
    print(f"A/A: the broker's page cache {mid:.2f} [{low:.2f}, {high:.2f}] of itself")
    for side, front in fronts.items():
        rate = [run["bytes"] / run["seconds"] for run in runs[side]]
        mid, low, high = pairs.interval([ours / theirs for ours, theirs in zip(rate, direct)])
        gets = (front.requests("get") - before[side]) / (bench.options.pairs + 1)
        p99 = statistics.median(run["p99_ms"] for run in runs[side]), statistics.median(run["p99_ms"] for run in runs["page cache"])
        print(f"cold read from {side}: {statistics.median(rate) / 1e6:.0f} MB/s, {mid:.2f} [{low:.2f}, {high:.2f}] of the broker's page cache ({statistics.median(direct) / 1e6:.0f} MB/s); "
              f"p99 of a fetch {p99[0]:.1f} ms, {p99[1]:.1f} there; {gets:.1f} GETs a pass of {size // MIB} MiB; {bench.options.pairs} rounds")
        # What is cached is not fetched: at most looks at the manifest.
        bench.gates.append(gets <= 4)
        front.stop()


def many(bench, stand):
    """500 cold partitions by one consumer."""
    partitions = 500
    topic = "many"
    stand.create(topic, partitions, {"segment.bytes": 1 << 20})
    stand.write(topic, range(partitions), (1 << 20) + (64 << 10))
    sidecar = stand.sidecar("many", {"target_size": "0B"})
    wait_until("all of it is in the tier", 300, lambda: len(sidecar.tier.segments()) >= partitions, step=1)
    stand.forget(topic, partitions)
    sidecar.stop()
    front = Front(stand, "many")
    run = fetch(bench, front.at, topic, partitions=partitions, fetch=50 * MIB, partition_fetch=MIB, bytes=partitions * (900 << 10))
    print(f"{partitions} cold partitions by one consumer: {run['bytes'] / MIB:.0f} MiB in {run['seconds']:.1f} s, {run['bytes'] / run['seconds'] / 1e6:.0f} MB/s, "
          f"{run['fetches']} fetches, p99 {run['p99_ms']:.0f} ms; peak memory {peak_mib(front.child.pid):.0f} MiB")
    front.stop()


def at_rest(bench, stand, tier):
    """Requests of a proxy that nobody uses, over a tier of 10,000 partitions."""
    front = Front(stand, "", url=f"file://{tier}")
    wait_until("the topics of the tier are known", 120, lambda: sum(front.figures()["firnline_proxy_partitions"].values()) >= 10_000)
    time.sleep(5)
    before, cpu = front.requests(), cpu_seconds(front.child.pid)
    time.sleep(120)
    minute, used = (front.requests() - before) / 2, (cpu_seconds(front.child.pid) - cpu) / 2
    print(f"an idle proxy over 10,000 partitions: {minute:.0f} requests of the store and {used:.2f} s of CPU a minute (goal 60 requests: {'met' if minute <= 60 else 'not met'}); "
          f"peak memory {peak_mib(front.child.pid):.0f} MiB")
    bench.gates.append(minute <= 60)
    front.stop()


def hot_on_all(bench, stand):
    """Requests of the store while every one of 9,000 tiered partitions is read hot: a broker holds a descriptor for each segment, and more
    than 20,000 are not allowed everywhere."""
    topic, partitions = "wide", 9_000
    goal = 600 * partitions // 10_000
    stand.create(topic, partitions // 4, {"segment.ms": 500, "retention.ms": -1})
    # Controllers take no more than 10,000 records at once.
    for more in range(2, 5):
        stand.widen(topic, partitions * more // 4)
    for _ in range(2):
        # The second record of a partition seals the first.
        stand.write(topic, range(partitions), RECORD_BYTES)
        time.sleep(1)
    # From now on none is sealed.
    stand.configure(topic, {"segment.ms": 604_800_000})
    # Links to the files as a stopped broker would leave them: one with so many partitions is long in stopping and starting.
    still, tier = bench.work / "wide-log", bench.work / "wide-tier"
    subprocess.run(["cp", "-al", stand.broker.log_dirs[0], still], check=True)
    (still / ".lock").unlink()
    subprocess.run(bench.offload(still, f"file://{tier}"), check=True, stdout=subprocess.DEVNULL)
    front = Front(stand, "", url=f"file://{tier}")
    wait_until("the topics of the tier are known", 120, lambda: sum(front.figures()["firnline_proxy_partitions"].values()) >= partitions)
    time.sleep(5)
    before, begun, told = front.requests(), time.monotonic(), {"bytes": 0, "fetches": 0}
    while time.monotonic() - begun < 120:
        run = fetch(bench, front.at, topic, partitions=partitions, fetch=50 * MIB, partition_fetch=MIB, seconds=20)
        told = {name: told[name] + run[name] for name in told}
        stand.write(topic, range(partitions), RECORD_BYTES)
    minutes = (time.monotonic() - begun) / 60
    requests = (front.requests() - before) / minutes
    print(f"hot traffic on {partitions} tiered partitions ({told['fetches']} fetches, {told['bytes'] / MIB:.0f} MiB in {minutes:.1f} minutes): {requests:.0f} requests of the store a minute "
          f"(goal {goal}: {'met' if requests <= goal else 'not met'}); peak memory {peak_mib(front.child.pid):.0f} MiB")
    bench.gates.append(requests <= goal and told["bytes"] > 0)
    front.stop()
    for path in (still, tier):
        shutil.rmtree(path)
