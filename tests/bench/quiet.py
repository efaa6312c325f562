"""One sidecar over 10,000 quiet partitions: its memory, a minute in which nothing happens, and its restart.

The program `sidecar-scale` does the work and tells its parts line by line; system calls are counted from without, by
strace, in a minute of their own, since being traced costs processor time.
"""

import json
import os
import re
import signal
import subprocess
import sys

import pairs

PARTITIONS = 10_000
# What the guard gives its worker (cli/src/commands/offload/guard/child.rs).
ENVIRONMENT = {"MALLOC_ARENA_MAX": "2"}
# Limits of a minute's idling and of memory; docs/measured.md says what was seen.
PEAK_MIB, CPU_SECONDS, SYSTEM_CALLS = 128, 1.5, 32_000
IDLE_SECONDS = 60


def count_calls(pid, seconds):
    """System calls of all threads of a process within so many seconds: of all kinds together, and the five most frequent."""
    tracer = subprocess.Popen(
        ["strace", "-c", "-f", "-U", "calls,name", "-p", str(pid)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        _, err = tracer.communicate(timeout=seconds)
        sys.exit(f"strace ended early: {err}")
    except subprocess.TimeoutExpired:
        tracer.send_signal(signal.SIGINT)
        _, err = tracer.communicate()
    rows = [(int(calls), name) for calls, name in re.findall(r"^ *([0-9]+) +([a-z_0-9]+)$", err, re.MULTILINE)]
    total = sum(calls for calls, name in rows if name != "total")
    if not total:
        sys.exit(f"strace counted nothing: {err}")
    top = sorted((row for row in rows if row[1] != "total"), reverse=True)[:5]
    return total, ", ".join(f"{name} {calls:,}" for calls, name in top)


def at_rest(program, log, tier):
    """The whole life of one: first upload of all, restart, two minutes idle. Gives what it told, and its calls."""
    argv = [program, log, tier, str(IDLE_SECONDS)]
    told, calls = {}, None
    with subprocess.Popen(argv, stdout=subprocess.PIPE, env={**os.environ, **ENVIRONMENT}, text=True) as child:
        for line in child.stdout:
            part = json.loads(line)
            told[part["part"]] = part
            if part["part"] == "still idle":
                calls = count_calls(part["pid"], IDLE_SECONDS)
    if child.returncode or calls is None:
        sys.exit(f"sidecar-scale ended with {child.returncode}, having told {told}")
    return told, calls


def restarts(program, log, tier, times):
    """Seconds from opening the dirs until every partition is decided, each time in a new process."""
    argv = [program, log, tier, "restart"]
    run = lambda: subprocess.run(argv, check=True, stdout=subprocess.PIPE, env={**os.environ, **ENVIRONMENT}, text=True)
    return pairs.interval([json.loads(run().stdout)["seconds"] for _ in range(times)])
