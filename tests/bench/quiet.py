"""One sidecar over 10,000 quiet partitions: its memory, a minute in which nothing happens, and its restart.

The program `sidecar-scale` does the work and tells its parts line by line; system calls and instructions are counted from
without, by strace and by callgrind, each in a minute of its own, since being watched costs processor time.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pairs

PARTITIONS = 10_000
# What the guard gives its worker (cli/src/commands/offload/guard/child.rs).
ENVIRONMENT = {"MALLOC_ARENA_MAX": "2"}
# Limits of a minute's idling and of memory; docs/measured.md says what was seen.
PEAK_MIB, SYSTEM_CALLS, INSTRUCTIONS = 128, 32_000, 4_000_000_000
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


def instructions(program, log, tier):
    """Instructions of a process in user mode, all threads, in an idle minute, counted by callgrind."""
    out = log.parent / "callgrind.out"
    argv = ["valgrind", "-q", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={out}"]
    argv += [program, log, tier, "still", str(IDLE_SECONDS + 30)]
    control = lambda switch, pid: subprocess.run(["callgrind_control", f"--instr={switch}", str(pid)], check=True, capture_output=True)
    with subprocess.Popen(argv, stdout=subprocess.PIPE, env={**os.environ, **ENVIRONMENT}, text=True) as child:
        for line in child.stdout:
            pid = json.loads(line)["pid"]
            control("on", pid)
            time.sleep(IDLE_SECONDS)
            control("off", pid)
    counted = [int(word) for word in re.findall(r"^(?:summary|totals): ([0-9]+)", out.read_text(), re.MULTILINE)]
    out.unlink()
    if child.returncode or not counted or not max(counted):
        sys.exit(f"callgrind counted nothing: {child.returncode}")
    return max(counted)


def restarts(program, log, tier, times):
    """Seconds from opening the dirs until every partition is decided, each time in a new process."""
    argv = [program, log, tier, "restart"]
    run = lambda: subprocess.run(argv, check=True, stdout=subprocess.PIPE, env={**os.environ, **ENVIRONMENT}, text=True)
    return pairs.interval([json.loads(run().stdout)["seconds"] for _ in range(times)])
