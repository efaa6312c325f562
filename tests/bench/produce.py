"""What a producer notices of uploads: its p99 beside the sidecar, beside rclone at the same cap, and beside nothing.

One producer sends at a fixed rate all the time, acks=all; beside it run, one after the other in changing order, each for so
many seconds: nothing, the sidecar, rclone, and nothing again for the noise. Both upload the same sealed segments to MinIO
from the first one on, at the same rate. The broker has one core, everything else the other.
"""

import json
import math
import statistics
import struct
import sys
import time
import urllib.request

import pairs
import servers
from stand import MIB, SECRET, USER, free_port

PARTITIONS, RATE, RECORD_BYTES = 3, 2000, 1 << 10
COLD_PARTITIONS, COLD_SEGMENTS = 4, 4
CAP_MIB = 16
# What a change of what runs beside takes to pass.
SETTLE_SECONDS = 2


class Nothing:
    def __init__(self, *_):
        pass

    def sent(self):
        return 0

    def stop(self):
        pass


class Firnline:
    """The sidecar over all topics, each run to a tier of its own."""

    def __init__(self, stand, number):
        self.prefix, self.stand = f"run-{number}", stand
        self.sidecar = stand.sidecar(self.prefix, {"target_size": "0B", "rate": f"{CAP_MIB}MiB"})

    def sent(self):
        return self.sidecar.metrics().get("firnline_store_sent_bytes_total", 0)

    def stop(self):
        self.sidecar.stop()
        self.stand.empty(self.prefix)


class Rclone:
    """`rclone copy` of the same segments."""

    def __init__(self, stand, number):
        self.prefix, self.stand, self.port = f"rclone-{number}", stand, free_port()
        argv = [
            servers.TOOLS / "rclone", "copy", stand.broker.log_dirs[0], f":s3:{stand.minio.bucket}/{self.prefix}", "--config", "/dev/null",
            "--s3-provider", "Minio", "--s3-endpoint", f"http://127.0.0.1:{stand.minio.port}", "--s3-access-key-id", USER,
            "--s3-secret-access-key", SECRET, "--s3-no-check-bucket", "--include", "/cold-*/*.log", "--bwlimit", f"{CAP_MIB}M",
            "--rc", "--rc-addr", f"127.0.0.1:{self.port}", "--rc-no-auth",
        ]
        self.child = stand.start("rclone", argv)

    def sent(self):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/core/stats", data=b"", method="POST")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=10) as answer:
            return json.load(answer)["bytes"]

    def stop(self):
        self.child.kill()
        self.stand.empty(self.prefix)


ARMS = {"off": Nothing, "firnline": Firnline, "rclone": Rclone, "off again": Nothing}


def beside(stand, arms, number, seconds):
    """Runs each arm once, and answers from when to when it was measured, and how many bytes it sent meanwhile."""
    windows = {}
    for name in arms:
        arm = ARMS[name](stand, number)
        try:
            time.sleep(SETTLE_SECONDS)
            begun, before = time.monotonic(), arm.sent()
            time.sleep(seconds)
            windows[name] = (begun, time.monotonic(), arm.sent() - before)
        finally:
            arm.stop()
    return windows


def p99_of(records, window):
    """Milliseconds; of the records that were due within the window."""
    begun, ended, _ = window
    took = sorted(lasted for due, lasted in records if begun <= due < ended)
    return took[math.ceil(len(took) * 0.99) - 1] * 1000


def rounds(stand, count, seconds):
    """The p99 of each arm in each round, and the MiB a second that it sent."""
    stand.create("hot", PARTITIONS)
    stand.create("cold", COLD_PARTITIONS)
    stand.fill("cold", COLD_PARTITIONS, COLD_SEGMENTS)
    producer, file = stand.steady("hot", PARTITIONS, RATE, RECORD_BYTES)
    windows = []
    for number in range(count):
        # Each in turn is the first.
        names = list(ARMS)
        names = names[number % 4:] + names[:number % 4]
        windows.append(beside(stand, names if number % 8 < 4 else names[::-1], number, seconds))
        print(f"  round {number + 1}/{count}", end="\r", file=sys.stderr)
    producer.stop()
    records = list(struct.iter_unpack("=dd", file.read_bytes()))
    result = []
    for arms in windows:
        result.append({name: (p99_of(records, window), window[2] / (window[1] - window[0]) / MIB) for name, window in arms.items()})
    return result


def show(result):
    for name in ARMS:
        mid, low, high = pairs.interval([arms[name][0] for arms in result])
        rate = statistics.median(arms[name][1] for arms in result)
        print(f"{name}: p99 {mid:.2f} ms [{low:.2f}, {high:.2f}], {rate:.1f} MiB/s sent")
    noise = ratio(result, "off again", "off")
    print(f"off again / off: {noise[0]:.2f} [{noise[1]:.2f}, {noise[2]:.2f}]: the noise")
    for name, other in (("firnline", "off"), ("rclone", "off"), ("firnline", "rclone")):
        mid, low, high = ratio(result, name, other)
        # No worse, as far as the noise lets anything be said.
        verdict = "met" if high <= max(1.0, noise[2]) else "not met" if low > max(1.0, noise[2]) else "not shown"
        print(f"{name} / {other}: {mid:.2f} [{low:.2f}, {high:.2f}] of p99, {len(result)} rounds" + (f": {verdict}" if name == "firnline" else ""))
    print(json.dumps(result))


def ratio(result, name, other):
    return pairs.interval([arms[name][0] / arms[other][0] for arms in result])
