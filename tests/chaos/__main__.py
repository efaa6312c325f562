"""A real cluster, real faults, and a ledger that is held against the tier afterwards.

usage: scripts/chaos list | NAME… | all | brief | soak [MINUTES]      --seed N --rate RECORDS-A-SECOND --kafka VERSION

`brief` is one scenario of each kind that takes seconds, and a soak of two minutes.
"""

import argparse
import os
import random
import subprocess
import time
import traceback

import faults
import kafka
import scenarios
import topics  # noqa: F401 - its scenarios stand in the list
from children import ROOT, Failed
from scenarios import Running


def binary():
    """`$FIRNLINE_BIN`, else what cargo makes of this tree."""
    if "FIRNLINE_BIN" in os.environ:
        return os.environ["FIRNLINE_BIN"]
    subprocess.run(["cargo", "build", "--locked", "-p", "firnline-cli"], cwd=ROOT, check=True)
    return os.path.join(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"), "debug", "firnline")


BRIEF = ["leaders_move_there_and_back", "a_broker_is_killed", "the_store_is_overloaded", "a_second_sidecar_is_refused"]


class Results:
    """Passed and failed, told in the line that sum-tests reads."""

    def __init__(self):
        self.passed, self.failed = 0, []

    def take(self, name, run):
        began = time.monotonic()
        print(f"scenario {name} …", flush=True)
        try:
            report = run()
        except Exception as failure:  # noqa: BLE001 - one scenario that fails does not hide the others
            if not isinstance(failure, Failed):
                traceback.print_exc()
            self.fail(f"{name}, after {time.monotonic() - began:.0f} s", failure)
            return False
        self.passed += 1
        print(f"scenario {name} ok, {time.monotonic() - began:.0f} s: {report}", flush=True)
        return True

    def fail(self, what, failure):
        self.failed.append(what)
        print(f"FAILED {what}: {failure}", flush=True)

    def close(self):
        for name in self.failed:
            print(f"failed: {name}")
        print(f"{self.passed} passed, {len(self.failed)} failed", flush=True)
        return 1 if self.failed else 0


def on_shared_cluster(names, program, seed, rate, results):
    """Faults one after the other on one cluster, checked after each; a new cluster after one that failed."""
    waiting = list(names)
    while waiting:
        first = waiting[0]
        try:
            with Running(program, seed, rate) as rig:
                while waiting and not rig.keep:
                    name = waiting.pop(0)
                    rig.keep = not results.take(name, lambda: one_fault(rig, name, seed))  # noqa: B023 - called at once
        except Failed as failure:
            # No cluster at all, or own logs that complain at its end.
            results.fail(f"the cluster that began with {first}", failure)
            if waiting and waiting[0] == first:
                return


def one_fault(rig, name, seed):
    rig.producer.resume()
    faults.ALL[name](rig, random.Random(f"{seed}-{name}"))
    rig.settle()
    return rig.check()


def soak(minutes, program, seed, rate):
    """A random sequence of all faults, one after the other, then the final roll and the check of everything."""
    dice = random.Random(seed)
    with Running(program, seed, rate) as rig:
        end = time.monotonic() + minutes * 60
        rounds = 0
        names = [name for name, weight in faults.WEIGHTS.items() if weight]
        weights = [faults.WEIGHTS[name] for name in names]
        while time.monotonic() < end:
            name = dice.choices(names, weights)[0]
            rounds += 1
            began = time.monotonic()
            faults.ALL[name](rig, dice)
            rig.settle()
            print(f"  {rounds}: {name}, {time.monotonic() - began:.0f} s", flush=True)
            time.sleep(dice.uniform(0, 5))
        report = rig.check()
        ledger = rig.producer.ledger()
        worst = max((seconds for _, seconds in ledger.stalls), default=0)
        return f"{rounds} faults; {report}; {len(ledger.stalls)} stalls of the producer, {worst} s at most; {rig.gateway.counts}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="+")
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100_000)
    parser.add_argument("--rate", type=float, default=60)
    parser.add_argument("--kafka", choices=kafka.installed(), default=kafka.VERSION, help="the brokers' release")
    options = parser.parse_args()
    kafka.VERSION = options.kafka
    words = options.words
    if words == ["list"]:
        print("\n".join([*faults.ALL, *scenarios.ALL]))
        return 0
    program, results = binary(), Results()
    print(f"seed {options.seed}, brokers of {kafka.VERSION}", flush=True)
    if words[0] == "soak":
        minutes = float(words[1]) if words[1:] else 10
        results.take(f"soak of {minutes} minutes", lambda: soak(minutes, program, options.seed, options.rate))
        return results.close()
    if words == ["brief"]:
        results.take("soak of 2 minutes", lambda: soak(2, program, options.seed, options.rate))
    names = {"all": [*faults.ALL, *scenarios.ALL], "brief": BRIEF}.get(words[0], words)
    unknown = [name for name in names if name not in faults.ALL and name not in scenarios.ALL]
    if unknown:
        parser.error(f"no scenario {', '.join(unknown)}; `list` names them")
    on_shared_cluster([name for name in names if name in faults.ALL], program, options.seed, options.rate, results)
    for name in names:
        if name in scenarios.ALL:
            results.take(name, lambda name=name: scenarios.ALL[name](program, options.seed, options.rate))
    return results.close()


if __name__ == "__main__":
    raise SystemExit(main())
