"""The tier as a person reads it: the binary's own commands, and plain GETs of objects."""

import collections
import json
import subprocess

from children import Failed

Segment = collections.namedtuple("Segment", "base next key log_bytes")


class Tier:
    """Reads one tier with the `firnline` binary."""

    def __init__(self, binary, minio, prefix="some/prefix"):
        self.binary, self.minio, self.prefix = binary, minio, prefix
        self.url = f"s3://{minio.bucket}/{prefix}"
        # A config that holds the key ring, where topics are encrypted.
        self.ring = None
        self.kinds = {}

    def environment(self, endpoint=None):
        from minio import SECRET, USER

        return {
            "FIRNLINE_STORE": self.url,
            "AWS_ENDPOINT_URL": endpoint or f"http://127.0.0.1:{self.minio.port}",
            "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": USER, "AWS_SECRET_ACCESS_KEY": SECRET,
        }

    def run(self, *arguments, codes=(0,)):
        """Standard output of one run; any other exit code is a failure."""
        done = subprocess.run(
            [self.binary, *arguments, *(("--config", self.ring) if self.ring else ())], env={"PATH": "/usr/bin:/bin", **self.environment()}, capture_output=True,
        )
        if done.returncode not in codes:
            text = done.stderr.decode(errors="replace")
            raise Failed(f"firnline {' '.join(map(str, arguments))}: exit {done.returncode}\n{text}")
        return done.stdout

    def lines(self, *arguments, codes=(0,)):
        return [json.loads(line) for line in self.run(*arguments, codes=codes).splitlines()]

    def segments(self):
        """All live segments: `{(topic id, partition): [segment, …]}` in the order that `ls` gives."""
        found = collections.defaultdict(list)
        for line in self.lines("ls", "--json"):
            segment = Segment(line["base_offset"], line["next_offset"], line["object_key"], line["log_bytes"])
            found[line["topic_id"], line["partition"]].append(segment)
        return found

    def manifest(self, name):
        """`inspect` of a partition, if the tier has it. An algebra that does not hold is exit code 1, a failure here."""
        found = [line for line in self.lines("inspect", name, "--json", codes=(0, 2)) if line["kind"] == "manifest"]
        return found[0] if found else None

    def raw(self, name, start, end):
        """The exact bytes of all batches of a range without gaps."""
        return self.run("cat", name, "--raw", "--from", str(start), "--until", str(end))

    def committed(self, name, start, end):
        """Offsets that readers of committed records are shown."""
        out = self.run("cat", name, "--isolation", "read_committed", "--from", str(start), "--until", str(end))
        # A line begins with version, partition, offset; values are large, and of no interest here.
        return [json.loads(line)["offset"] for line in out.splitlines()]

    def kind(self, key):
        """Of a segment: `segment` or `tail_piece`. It never changes."""
        if key not in self.kinds:
            self.kinds[key] = self.lines("inspect", key, "--json")[0]["entry_kind"]
        return self.kinds[key]

    def object(self, key):
        return self.minio.get(f"{self.minio.bucket}/{self.prefix}/{key}")
