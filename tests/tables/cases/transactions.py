"""Transactions: aborted ones over borders of segments, several at once, and one that is open where the tier ends."""

import random

import expected
from lane import case
from shared import Failed

MINUTE = 60_000
# Later than now: a marker has the time of the broker's clock, and must not roll a segment by itself.
START = 1_830_000_000_000


class Writer:
    """A transactional producer. The times of its records are given, so that segments roll where the test wants it."""

    def __init__(self, stand, topic, name):
        self.topic, self.name, self.number = topic, name, 0
        self.client = stand.producer(transactional_id=f"{topic}-{name}", transaction_timeout_ms=600_000)
        self.client.init_transactions(30)
        self.open = False

    def write(self, partition, time):
        if not self.open:
            self.client.begin_transaction()
            self.open = True
        self.number += 1
        text = f"{self.name} {self.number}".encode()
        self.client.produce(self.topic, key=self.name.encode(), value=text, partition=partition, timestamp=time)
        # On its own, so that batches of writers lie among each other.
        if self.client.flush(30):
            raise Failed(f"{self.name} has not got its record acknowledged")

    def end(self, commit):
        (self.client.commit_transaction if commit else self.client.abort_transaction)(30)
        self.open = False


def play(lane, topic, seed=7, steps=260):
    """A random history of three writers and one without transactions; every third step or so a segment rolls."""
    dice, stand = random.Random(seed), lane.stand
    stand.topic(topic, 2)
    writers = [Writer(stand, topic, name) for name in ("a", "b", "c")]
    aborted, time = 0, START
    for step in range(steps):
        time += dice.choice([1, 1_000, 2 * MINUTE])
        writer = dice.choice(writers)
        if writer.open and dice.random() < 0.12:
            commit = dice.random() < 0.5
            aborted += not commit
            writer.end(commit)
        else:
            writer.write(step % 2, time)
        if step % 11 == 0:
            stand.produce(topic, [{"value": b"nobody's %d" % step, "partition": step % 2, "timestamp": time}], enable_idempotence=False)
    for writer in writers:
        if writer.open:
            writer.end(commit=writer.name != "b")
            aborted += writer.name == "b"
    return aborted


@case("tables", "spark")
def aborted_transactions_over_borders_of_segments(lane):
    topic = "paid"
    aborted = play(lane, topic)
    ends = lane.stand.offload(topic)[topic]
    records = lane.stand.records(topic)
    rows = expected.rows(records)
    gone = sum(ends.values()) - len(rows)
    segments = len(lane.stand.firnline("ls", f"file://{lane.stand.tier}", "--topic", topic, "--json").splitlines())
    if gone < 30 or aborted < 5 or segments < 20:
        raise Failed(f"the history is too tame: {gone} offsets without rows, {aborted} aborted transactions, {segments} segments")
    for catalog, exporter in lane.exporters({"name": topic}):
        exporter.run()
        lane.hold(lane.table(catalog, topic), rows)
    return f"{segments} segments, {aborted} transactions aborted, {gone} offsets without rows"


@case("tables")
def what_a_transaction_has_not_decided_waits_for_it(lane):
    topic = "held"
    stand = lane.stand
    stand.topic(topic)
    writers = {name: Writer(stand, topic, name) for name in ("keeps", "drops")}
    time = START
    for number in range(10):
        stand.produce(topic, [{"value": b"before %d" % number, "timestamp": time + number}])
    exporters = lane.exporters({"name": topic})
    held = None
    for writer in writers.values():
        for number in range(20):
            time += 2 * MINUTE
            writer.write(0, time)
            stand.produce(topic, [{"value": b"between %d" % number, "timestamp": time}])
        stand.offload(topic)
        # Nothing at or behind the first record of the open transaction.
        rows = expected.rows(stand.records(topic))
        if held is not None and len(rows) <= held:
            raise Failed(f"nothing was decided: {len(rows)} rows, {held} before")
        held = len(rows)
        for catalog, exporter in exporters:
            exporter.run()
            lane.hold(lane.table(catalog, topic), rows)
        writer.end(commit=writer.name == "keeps")
    stand.offload(topic)
    rows = expected.rows(stand.records(topic))
    mine = {row["kafka_key"] for row in rows}
    if b"keeps" not in mine or b"drops" in mine:
        raise Failed(f"the transactions ended otherwise: {mine}")
    for catalog, exporter in exporters:
        exporter.run()
        lane.hold(lane.table(catalog, topic), rows)
