"""How long a sealed segment waits to be in the tier: a real broker rolls, a real sidecar offloads to MinIO.

Both ends are seen from without. A segment counts as sealed when the file of the next one appears in the partition's directory,
and as committed when MinIO answers a manifest that has the segment's id in it.
"""

import collections
import math
import threading
import time
import urllib.error
import uuid

import pairs
from stand import SEGMENT

PARTITIONS, RECORD_BYTES = 4, 16 << 10
# Each is due by itself, as a segment of an operator's target size is.
SETTINGS = {"target_size": "0B"}
# What the broker itself keeps, so that hundreds of segments fit on the disk.
KEPT = {"retention.bytes": 4 << 26}
GOAL_SECONDS = 2.0
LOOK_SECONDS = 0.01


class Watch(threading.Thread):
    """Looks at the partitions' directories and at the manifests, each hundredth of a second."""

    def __init__(self, stand, topic, prefix):
        super().__init__(daemon=True)
        self.minio, self.ended = stand.minio, threading.Event()
        self.dirs = sorted(stand.broker.log_dirs[0].glob(f"{topic}-*"))
        self.manifest_of = f"{stand.minio.bucket}/{prefix}/{topic}.*/*/manifest"
        # Of each directory, the files by when they appeared; of each manifest, its versions by when they were there.
        self.files = {path: {} for path in self.dirs}
        self.manifests = collections.defaultdict(list)
        self.changed, self.worst = {}, 0.0

    def run(self):
        last = time.monotonic()
        while not self.ended.is_set():
            for directory, seen in self.files.items():
                for path in directory.glob("*.log"):
                    seen.setdefault(path.name, time.monotonic())
            # MinIO keeps an object in a directory of its name; what is in it is asked of MinIO itself.
            for path in self.minio.data.glob(f"{self.manifest_of}/xl.meta"):
                key = str(path.parent.relative_to(self.minio.data))
                try:
                    changed = path.stat().st_mtime_ns
                    if self.changed.get(key) != changed:
                        self.manifests[key].append((time.monotonic(), self.minio.get(key)))
                        self.changed[key] = changed
                except (FileNotFoundError, urllib.error.HTTPError):
                    continue
            now = time.monotonic()
            self.worst, last = max(self.worst, now - last), now
            time.sleep(LOOK_SECONDS)

    def sealed(self):
        """When each segment but a partition's last was sealed: `{(partition, base offset): time}`."""
        found = {}
        for directory, seen in self.files.items():
            names = sorted(seen)
            for name, following in zip(names, names[1:]):
                found[int(directory.name.rsplit("-", 1)[1]), int(name.split(".")[0])] = seen[following]
        return found

    def committed(self, segment):
        """When a manifest first named a segment of the tier, by the id at the end of its key."""
        word = uuid.UUID(segment.key.removesuffix(".seg")[-36:]).bytes
        times = [at for versions in self.manifests.values() for at, content in versions if word in content]
        return min(times, default=None)


def lags(stand, wanted, rate_mib):
    """Seconds from sealed to committed of at least so many segments; and the longest pause of whoever looked."""
    stand.create("sealed", PARTITIONS, KEPT)
    # Partitions that are written evenly roll one after the other, not all at once.
    for partition in range(PARTITIONS):
        stand.write("sealed", [partition], SEGMENT * partition // PARTITIONS)
    sidecar = stand.sidecar("sealed", SETTINGS)
    watch = Watch(stand, "sealed", "sealed")
    watch.start()
    producer, _ = stand.steady("sealed", PARTITIONS, rate_mib * (1 << 20) / RECORD_BYTES, RECORD_BYTES)
    while len(watch.sealed()) < wanted:
        if not producer.running() or not sidecar.running():
            raise SystemExit(f"a process ended early:\n{producer.tail()}\n{sidecar.child.tail()}")
        time.sleep(0.5)
    producer.stop()
    sealed, end = watch.sealed(), time.monotonic() + 60
    while True:
        segments = [(partition, one) for (_, partition), found in sidecar.tier.segments().items() for one in found]
        missing = [where for where in sealed if not any(
            partition == where[0] and one.base <= where[1] < one.next for partition, one in segments)]
        if not missing:
            break
        if time.monotonic() > end:
            raise SystemExit(f"not in the tier a minute after the last was sealed: {missing}")
        time.sleep(0.5)
    time.sleep(1)
    watch.ended.set()
    watch.join()
    took = []
    for (partition, base), at in sealed.items():
        holder = next(one for number, one in segments if number == partition and one.base <= base < one.next)
        took.append(watch.committed(holder) - at)
    return took, watch.worst


def highest_p99(ordered):
    """The upper end of the 95 % interval of the 99th percentile, whatever the distribution; None where so few cannot tell."""
    # So many of n lie above it with a chance of 5 %: the k-th from the top holds where fewer than k are expected to.
    count, chance, above = len(ordered), 0.0, 0
    while True:
        chance += math.comb(count, above) * 0.01**above * 0.99 ** (count - above)
        if chance > 0.05:
            return ordered[count - above] if above else None
        above += 1


def show(took, worst):
    ordered = sorted(took)
    share = lambda part: ordered[math.ceil(len(ordered) * part) - 1]
    mid, low, high = pairs.interval(took)
    print(f"sealed to committed, {len(took)} segments of 64 MiB: median {mid:.2f} s [{low:.2f}, {high:.2f}], p90 {share(0.9):.2f}, "
          f"p99 {share(0.99):.2f}, most {ordered[-1]:.2f} s")
    bound = highest_p99(ordered)
    verdict = "not met" if share(0.99) > GOAL_SECONDS else "met" if bound and bound <= GOAL_SECONDS else "not shown"
    print(f"  p99 at most {bound or math.inf:.2f} s with 95 % confidence, {GOAL_SECONDS:.0f} s aimed at: {verdict}; looked each {worst * 1000:.0f} ms at worst")
