"""What our own logs say, and whether it was to be expected."""

import json
import re

# A store or a broker that gives no answer, or no useful one.
AWAY = (
    r"(the connection was lost or timed out before the answer|503|SlowDown|timed out"
    # A broker, as `RequestError` says it.
    r"|127\.0\.0\.1:\d+ (cannot be asked|did not answer)|the connection to 127\.0\.0\.1:\d+ (broke|was busy))"
)
# What is done from time to time, told where it could not be done, and done again the next time.
DUTIES = (
    "floors cannot be", "floor cannot be", "topics cannot be", "what is decided of a topic cannot be",
    "summary cannot be", "summaries cannot be", "segments cannot be retired", "what nothing names cannot be collected",
    "nothing is (collected|deleted|retired)", "an object was not deleted", "an archive is not retired",
    "retention cannot be decided", "the scrub could not read", "an upload could not be aborted",
    "the cluster's state", "the lease of this node was not given back",
)
# What faults cause: it is told, and it passes.
ALWAYS = [
    # Kafka deletes files all the time here, also under a reader; the pin is read the next time.
    r"changed while it was read: it is gone",
    # Retention outruns what followers are told; the leader's sidecar has the same bytes.
    r"held bytes are not proven.*only what lies below \d+ was told committed",
    r'"found":"Undecided"',
    # The store, or a broker, is away or not itself.
    r"not ready any more.*store: it answers nothing",
    *(rf"\"message\":\"[^\"]*{duty}.*{AWAY}" for duty in DUTIES),
    # Each answer to the writing of an own object was lost; the next turn writes it again.
    r"summary cannot be written.*changed under each attempt",
    r"the cluster's state [^\"]*is not written.*changed under each attempt",
    r"a turn failed.*(read from the tier|write to the tier|the connection was lost|does not know the partition|error sending request|connection|Connect|SlowDown|503|timed out|deadline|no answer|not lead|fenced|Fenced|unavailable)",
    r"the worker has ended.*signal 9",
    # The bad config that a fault writes on purpose.
    r"the config was not read again", r"offload\.max_lag: ..soon",
    # A topic that the scenario deletes.
    r"the brokers do not know the topic any more",
    r"the topic is deleted: what was committed goes up",
]


def complaints(path, expected):
    """Lines of a sidecar's log that are warnings, errors, or no log lines at all, and that nothing explains."""
    patterns = [re.compile(pattern) for pattern in (*ALWAYS, *expected)]
    found = {}
    for text in path.read_text(errors="replace").splitlines() if path.exists() else []:
        try:
            level = json.loads(text).get("level", "?")
        except (ValueError, AttributeError):
            level = "?"
        if level not in ("INFO", "DEBUG", "TRACE") and not any(pattern.search(text) for pattern in patterns):
            shape = re.sub(r"\d+", "N", text)
            found.setdefault(shape, [text, 0])[1] += 1
    return [f"{path.name}: {count}x {text}" for text, count in found.values()]
