"""Real engines read the tables that Firnline exports, and must see in them what a reader of the log sees that shares no code with it.

usage: scripts/tables list | tables | glue | spark | trino | cdc | LANE CASE…      --binary PROGRAM
"""

import argparse
import os
import pathlib
import subprocess
import sys
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import lane as lanes  # noqa: E402
from shared import ROOT, Failed  # noqa: E402


def binary():
    """`$FIRNLINE_BIN`, else what cargo makes of this tree."""
    if "FIRNLINE_BIN" in os.environ:
        return os.environ["FIRNLINE_BIN"]
    subprocess.run(["cargo", "build", "--locked", "-p", "firnline-cli"], cwd=ROOT, check=True)
    return os.path.join(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"), "debug", "firnline")


def play(lane, names):
    """Passed, and the names of those that failed."""
    passed, failed = 0, []
    for name in names:
        began = time.monotonic()
        print(f"case {name} …", flush=True)
        try:
            told = lanes.CASES[name][1](lane)
        except Exception as failure:  # noqa: BLE001 - one case that fails does not hide the others
            if not isinstance(failure, Failed):
                traceback.print_exc()
            failed.append(name)
            lane.seen()
            print(f"FAILED {name}, after {time.monotonic() - began:.1f} s: {failure}", flush=True)
            continue
        passed += 1
        print(f"case {name} ok, {time.monotonic() - began:.1f} s: {lane.seen()}{'; ' + told if told else ''}", flush=True)
    return passed, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lane", choices=["list", *lanes.LANES])
    parser.add_argument("cases", nargs="*")
    parser.add_argument("--binary", help="instead of the one that cargo makes")
    parser.add_argument("--keep", action="store_true", help="leave the directory of the run")
    options = parser.parse_args()
    # ClickHouse reads files below the working directory only.
    os.chdir("/")
    lanes.load()
    if options.lane == "list":
        for name, (of, _) in lanes.CASES.items():
            print(f"{name}: {' '.join(of)}")
        return 0
    known = [name for name, (of, _) in lanes.CASES.items() if options.lane in of]
    if unknown := set(options.cases) - set(known):
        parser.error(f"no case {', '.join(sorted(unknown))} of {options.lane}; there are: {', '.join(known)}")
    lane = lanes.Lane(options.lane, options.binary or binary())
    passed, failed = 0, ["the lane itself"]
    try:
        passed, failed = play(lane, options.cases or known)
    finally:
        lane.stand.close(keep=options.keep or bool(failed))
    for name in failed:
        print(f"failed: {name}")
    print(f"{passed} passed, {len(failed)} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
