"""Interleaved pairs of commands, and what may be said of their ratio.

A pair runs both sides once, in alternating order (A B, B A, ...), each pinned to the same core, so that a machine that
drifts drifts for both. The figure is the median of the ratios pair by pair; its interval is a 95 % bootstrap of that
median with a fixed seed. An A/A run (a command against itself) shows the noise: a goal closer to 1 than that noise is
"not shown".
"""

import json
import os
import random
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field


@dataclass
class Side:
    """One command of a pair. `before` runs untimed ahead of each run, `after` behind it: it ends the benchmark where the
    run did not do its work."""

    name: str
    argv: list
    before: object = None
    env: dict = field(default_factory=dict)
    ok: tuple = (0,)
    after: object = None


@dataclass
class Run:
    """What one run cost: seconds of CPU (its whole process tree) and of wall, peak KiB of its largest process."""

    cpu: float
    wall: float
    peak_kib: int


def run(side, cores):
    """Runs a side once; a command that fails ends the benchmark, since its time means nothing."""
    if side.before:
        side.before()
    out = subprocess.DEVNULL
    start = time.perf_counter()
    child = subprocess.Popen(
        side.argv,
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=subprocess.PIPE,
        env={**os.environ, **side.env},
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    err = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in side.ok:
        sys.exit(f"{side.name}: {side.argv} ended with {child.returncode}:\n{err.decode(errors='replace')[-2000:]}")
    if side.after:
        side.after()
    return Run(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss)


def interval(values, seed=20260823):
    """Median and its 95 % bootstrap interval."""
    draw = random.Random(seed)
    medians = sorted(statistics.median(draw.choices(values, k=len(values))) for _ in range(4000))
    return statistics.median(values), medians[100], medians[3899]


def compare(a, b, pairs=15, cores=(1,), label=""):
    """Ratios a/b of CPU and wall over interleaved pairs, after one warm-up of each."""
    run(a, cores), run(b, cores)
    runs = []
    for i in range(pairs):
        first, second = (a, b) if i % 2 == 0 else (b, a)
        one, two = run(first, cores), run(second, cores)
        runs.append((one, two) if i % 2 == 0 else (two, one))
        print(f"  {label or a.name} pair {i + 1}/{pairs}", end="\r", file=sys.stderr)
    result = {"a": a.name, "b": b.name, "pairs": pairs}
    for what in ("cpu", "wall"):
        ratios = [getattr(x, what) / max(getattr(y, what), 1e-9) for x, y in runs]
        mid, low, high = interval(ratios)
        result[what] = {
            "ratio": round(mid, 3), "low": round(low, 3), "high": round(high, 3),
            "a_seconds": round(statistics.median(getattr(x, what) for x, _ in runs), 3),
            "b_seconds": round(statistics.median(getattr(y, what) for _, y in runs), 3),
        }
    result["a_peak_mib"] = round(max(x.peak_kib for x, _ in runs) / 1024, 1)
    result["b_peak_mib"] = round(max(y.peak_kib for _, y in runs) / 1024, 1)
    return result


def verdict(result, what, goal):
    """The goal is met when the interval's worse end meets it."""
    high = result[what]["high"]
    return "met" if high <= goal else "not met" if result[what]["low"] > goal else "not shown"


def show(result, goals=()):
    for what in ("cpu", "wall"):
        r = result[what]
        print(
            f"{result['a']} / {result['b']}: {what} {r['ratio']:.2f} [{r['low']:.2f}, {r['high']:.2f}]"
            f"  ({r['a_seconds']:.2f} s / {r['b_seconds']:.2f} s, {result['pairs']} pairs)"
        )
    print(f"  peak memory {result['a_peak_mib']} MiB / {result['b_peak_mib']} MiB")
    for what, goal in goals:
        print(f"  goal {what} <= {goal}: {verdict(result, what, goal)}")
    print(json.dumps(result), flush=True)
