"""kcat, the command line of librdkafka: it prints, and what it prints is taken apart here."""

import subprocess

from contract import PLAN, is_over, record, tell

# A head of its own line, then as many bytes as it says.
FORMAT = "%p %o %T %K %S\n%k%s"


class Kcat:
    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            ["kcat", "-q", "-b", PLAN["bootstrap"], "-f", FORMAT, "-u", "-X", f"isolation.level={PLAN['isolation']}",
             "-X", "check.crcs=true", *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )

    def next(self):
        head = self.process.stdout.readline()
        if not head:
            return None
        partition, offset, timestamp, key, value = map(int, head.split())
        key, value = (None if size < 0 else self.process.stdout.read(size) for size in (key, value))
        return partition, offset, timestamp, key, value

    def end(self):
        self.process.terminate()
        errors = self.process.communicate()[1].decode(errors="replace")
        return errors


def all_of(kcat):
    while (found := kcat.next()) is not None:
        record(0, *found)
    if kcat.process.wait() != 0:
        tell(fault=kcat.end())


def group():
    # It ends by itself at the end of all partitions.
    all_of(Kcat("-G", PLAN["group"], "-e", "-X", "auto.offset.reset=earliest", PLAN["topic"]))
    is_over()


def seek():
    for partition, offset in PLAN["list"]:
        all_of(Kcat("-C", "-t", PLAN["topic"], "-p", str(partition), "-o", str(offset), "-c", "1"))


def times():
    for partition, at in PLAN["list"]:
        asked = subprocess.run(
            ["kcat", "-b", PLAN["bootstrap"], "-Q", "-t", f"{PLAN['topic']}:{partition}:{at}"], capture_output=True, text=True,
        )
        # topic [partition] offset N
        words = asked.stdout.split()
        tell(at=[partition, at, int(words[3])]) if len(words) == 4 else tell(fault=asked.stderr)
    for partition in range(PLAN["partitions"]):
        bounds = []
        for at in (-2, -1):
            asked = subprocess.run(
                ["kcat", "-b", PLAN["bootstrap"], "-Q", "-t", f"{PLAN['topic']}:{partition}:{at}"], capture_output=True,
                text=True,
            )
            bounds.append(int(asked.stdout.split()[3]))
        tell(bounds=[partition, *bounds])


{"group": group, "seek": seek, "times": times}[PLAN["do"]]()
