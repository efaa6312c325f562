"""The producer as the rig drives it, and its ledger as the checker reads it."""

import collections
import json
import pathlib
import subprocess
import sys
import time

from children import Child, Failed

HERE = pathlib.Path(__file__).resolve().parent

Line = collections.namedtuple("Line", "offset crc transaction ms")


class ProducerProcess:
    """`producer.py` in a process of its own."""

    def __init__(self, plan, home, logs):
        self.path = home / "ledger"
        self.topics = sorted({topic for writer in plan["writers"] for topic in writer["topics"]})
        plan_file = home / "plan.json"
        plan_file.write_text(json.dumps(plan))
        self.child = Child(
            "producer", [sys.executable, HERE / "producer.py", plan_file, self.path], logs / "producer.log",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )

    def tell(self, command, expected):
        self.child.process.stdin.write(command + "\n")
        self.child.process.stdin.flush()
        answer = self.child.process.stdout.readline().strip()
        if answer != expected:
            raise Failed(f"the producer answered {answer!r} to {command!r}; its log: {self.child.tail()}")

    def pause(self, *topics):
        for topic in topics or self.topics:
            self.tell(f"pause {topic}", f"paused {topic}")

    def resume(self, *topics):
        for topic in topics or self.topics:
            self.tell(f"resume {topic}", f"resumed {topic}")

    def renew(self, topic, generation):
        self.tell(f"generation {topic} {generation}", f"generation {topic} {generation}")

    def quit(self):
        if self.child.running():
            self.tell("quit", "ended")
            self.child.process.wait(30)

    def ledger(self):
        return Ledger(self.path)

    def wait_for_records(self, topic, count, limit=60):
        """Until so many more records of a topic are acknowledged."""
        wanted = self.count(topic) + count
        end = time.monotonic() + limit
        while self.count(topic) < wanted:
            if not self.child.running():
                raise Failed(f"the producer ended:\n{self.child.tail()}")
            if time.monotonic() > end:
                raise Failed(f"{topic}: the producer has not got {count} records acknowledged in {limit} s")
            time.sleep(0.3)

    def count(self, topic):
        head = f"R\t{topic}\t".encode()
        return sum(line.startswith(head) for line in self.path.read_bytes().splitlines()) if self.path.exists() else 0


class Ledger:
    """What was acknowledged, by `(topic, generation, partition)`."""

    def __init__(self, path):
        self.partitions = collections.defaultdict(list)
        self.outcomes, self.stalls, self.errors = {}, [], collections.Counter()
        for text in path.read_text().splitlines():
            kind, *rest = text.split("\t")
            if kind == "R":
                topic, generation, partition, offset, crc, transaction, ms = rest
                line = Line(int(offset), int(crc), None if transaction == "-" else transaction, int(ms))
                self.partitions[topic, int(generation), int(partition)].append(line)
            elif kind == "T":
                self.outcomes[rest[0]] = rest[1]
            elif kind == "S":
                self.stalls.append((rest[0], float(rest[1])))
            elif kind == "E":
                self.errors[" ".join(rest)] += 1

    def records(self):
        return sum(map(len, self.partitions.values()))
