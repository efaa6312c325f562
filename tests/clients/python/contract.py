"""What the Python programs share: the plan, and the lines that tell what is seen. See ../README.md."""

import json
import sys
import time
import zlib

PLAN = json.loads(sys.argv[1])
DEADLINE = time.monotonic() + PLAN["seconds"]
LINGER_SECONDS = 1

seen = set()
_full_since = None


def tell(**fact):
    print(json.dumps(fact), flush=True)


def crc(data):
    return None if data is None else zlib.crc32(data)


def record(member, partition, offset, timestamp, key, value):
    seen.add((partition, offset))
    tell(r=[member, partition, offset, timestamp, crc(key), crc(value)])


def share(part, of):
    """Whether so much of the expected records was seen."""
    return len(seen) * of >= PLAN["count"] * part


def is_over():
    """All was seen and nothing came after it, or the time is over."""
    global _full_since
    now = time.monotonic()
    if len(seen) >= PLAN["count"] > 0:
        _full_since = _full_since or now
        return now > _full_since + LINGER_SECONDS
    return now > DEADLINE


class Pause:
    """Partition 0 is paused for a second, once."""

    def __init__(self):
        self.state, self.since = "before", 0.0

    def due(self):
        if self.state == "before" and share(1, 3):
            self.state, self.since = "paused", time.monotonic()
            return "pause"
        if self.state == "paused" and time.monotonic() > self.since + 1:
            self.state = "after"
            return "resume"
        return None
