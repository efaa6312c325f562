"""The verdict on one line of the ledger, and on what readers see: no I/O here, so that a test can show each fault."""

import collections
import math

from children import Failed

SHOWN = 12
CLASSES = ("live", "dead_branch", "gap", "floor")


class Report:
    """What was counted, and what is wrong."""

    def __init__(self):
        self.counts, self.wrong = collections.Counter(), []

    def fault(self, text):
        self.wrong.append(text)

    def expect_only(self, allowed):
        """Dead branches, gaps and floors are findings unless the run contains the fault that makes them."""
        for name in ("dead_branch", "gap", "floor"):
            if self.counts[name] and name not in allowed:
                self.fault(f"{self.counts[name]} records are in the class {name}, which nothing in this run explains")
        if self.wrong:
            more = f"\n… and {len(self.wrong) - SHOWN} more" if len(self.wrong) > SHOWN else ""
            raise Failed("\n".join(self.wrong[:SHOWN]) + more)

    def __str__(self):
        counts = ", ".join(f"{name} {self.counts[name]}" for name in (*CLASSES, "hot", "committed", "aborted", "unsure", "extra"))
        return f"{sum(self.counts[name] for name in CLASSES)} records: {counts}"


class Found:
    """What one partition holds by offset, each offset once."""

    def __init__(self, name, report):
        self.name, self.report, self.crcs = name, report, {}

    def add(self, offset, crc):
        if offset in self.crcs:
            self.report.fault(f"{self.name}: offset {offset} is there twice")
        self.crcs[offset] = crc


def runs(name, segments, report):
    """Ranges without a hole between them; overlaps are named."""
    spans = []
    for segment in segments:
        if spans and segment.base < spans[-1][1]:
            report.fault(f"{name}: segment {segment.base}..{segment.next} overlaps what ends at {spans[-1][1]}")
        elif spans and segment.base == spans[-1][1]:
            spans[-1] = (spans[-1][0], segment.next)
        else:
            spans.append((segment.base, segment.next))
    return spans


def take_dead(dead, offset, crc, cut_at, reason):
    """Notes one record of a dead branch in `{offset: {crc: cut, …}}`.

    What was never committed nobody acknowledged: a producer sends it again, and the next leader may give it the offset that it
    had. Then the branch holds an earlier sending of what is live, wherever the two parted.
    """
    cut = math.inf if reason == "never_committed" else cut_at
    dead[offset][crc] = min(cut, dead[offset].get(crc, cut))


def place(report, name, line, live, dead, gaps, floor):
    """Exactly one class for one line."""
    is_live = live.crcs.get(line.offset) == line.crc
    cut = dead.get(line.offset, {}).get(line.crc)
    # What reaches over a cut is moved whole: below the cut the branch repeats what is live.
    in_dead = cut is not None and not (is_live and line.offset < cut)
    in_gap = any(start <= line.offset < end for start, end in gaps)
    below = line.offset < floor
    places = [place for place, holds in zip(CLASSES, (is_live, in_dead, in_gap, below), strict=True) if holds]
    if len(places) == 1:
        report.counts[places[0]] += 1
    elif places:
        report.fault(f"{name}: offset {line.offset} is in more than one place: {', '.join(places)}")
    elif line.offset in live.crcs:
        report.fault(f"{name}: offset {line.offset} holds another record than the one acknowledged")
    else:
        report.fault(f"{name}: offset {line.offset}, acknowledged at {line.ms}, is nowhere")


def committed_check(report, name, ledger, lines, live, shown, shown_to):
    """Readers of committed records see what the ledger says was committed, and nothing that was aborted."""
    unsure = collections.defaultdict(list)
    for line in lines:
        if live.crcs.get(line.offset) != line.crc or line.offset >= shown_to:
            continue
        outcome = "committed" if line.transaction is None else ledger.outcomes.get(line.transaction, "unknown")
        if outcome == "unknown":
            unsure[line.transaction].append(line.offset)
            continue
        report.counts[outcome] += 1
        if (line.offset in shown) != (outcome == "committed"):
            verb = "hides" if outcome == "committed" else "shows"
            report.fault(f"{name}: read_committed {verb} offset {line.offset}, which was {outcome}")
    for transaction, offsets in unsure.items():
        report.counts["unsure"] += len(offsets)
        seen = sum(offset in shown for offset in offsets)
        if seen not in (0, len(offsets)):
            report.fault(f"{name}: read_committed shows {seen} of {len(offsets)} records of transaction {transaction}")
