"""Scenarios of what is set for topics: the unsealed tail in pieces, and encryption."""

import json
import random
import time

from children import Failed, wait_until
from records import batches, records
from rig import TOPICS
from scenarios import Running, only, scenario

# As long as it takes to write a segment here, so that many pieces stand before it is sealed.
WRITTEN_MS = "12000"
# A piece each second: what the bucket lacks is younger than this, when nothing is wrong.
RECOVERY_SECONDS = 6.0


@scenario
def the_tail_goes_up_in_pieces_and_sidecars_die_between(binary, seed, rate):
    """Sidecars die among the pieces, and after the upload that is to replace them, whose commit never arrives."""
    dice = random.Random(seed)
    slow = {"plain": (2, 3, 2, {"segment.ms": WRITTEN_MS, "retention.ms": "90000"})}
    with Running(binary, seed, rate, topics=slow, settings={"tail_interval": "1s"}) as rig:
        # The commits that a fault here hangs up on.
        rig.expected.append(r"a turn failed.*changed under each of \d+ attempts to change it")
        for partition in (0, 1):
            wait_until(f"pieces of plain/{partition}", 40, lambda p=partition: len(pieces(rig, p)) >= 2)
        leader = rig.sidecars[rig.leader("plain", 0)]
        wait_until(f"a recovery point of {RECOVERY_SECONDS} s", 30, lambda: 0 < recovery_point(leader) < RECOVERY_SECONDS)
        for _ in range(3):
            leader.kill()
            time.sleep(dice.uniform(0, 2))
            leader.start()
            time.sleep(dice.uniform(0.5, 3))
        for _ in range(2):
            die_before_the_commit(rig, leader)
        rig.settle()
        report = rig.check()
        for partition in (0, 1):
            kinds = [rig.tier.kind(segment.key) for segment in rig.tier.segments()[rig.ids["plain", 0], partition]]
            if "segment" not in kinds or kinds != sorted(kinds):
                raise Failed(f"plain/{partition}: pieces stand below a segment: {kinds}")
        return report


def pieces(rig, partition):
    """The tail's pieces at the tier's end."""
    run = []
    for segment in reversed(rig.tier.segments()[rig.ids["plain", 0], partition]):
        if rig.tier.kind(segment.key) != "tail_piece":
            break
        run.insert(0, segment)
    return run


def recovery_point(sidecar):
    return sidecar.metrics().get("firnline_recovery_point_seconds", 0.0)


def die_before_the_commit(rig, leader):
    """What is to take the pieces' place is uploaded, and its sidecar dies before any manifest names it."""
    stand = wait_until("two pieces", 60, lambda: (run := pieces(rig, 0))[1:] and run)
    first = stand[0].base
    rig.gateway.weather.closed = ("PUT", f"plain.{rig.ids['plain', 0]}/0/manifest")
    begun = leader.log.stat().st_size
    wait_until("the replacement is uploaded", 60, lambda: first in uploaded(leader, begun), step=0.05)
    leader.kill()
    if not rig.tier.kind(at(rig, first).key) == "tail_piece":
        raise Failed(f"the pieces from {first} were replaced, although no manifest could be written")
    rig.gateway.weather.clear()
    leader.start()
    wait_until("one segment stands in their place", 60, lambda: rig.tier.kind(at(rig, first).key) == "segment")
    if at(rig, first).next < stand[-1].next:
        raise Failed(f"{at(rig, first)} does not cover {stand}")


def at(rig, base):
    """What the tier has from an offset on."""
    return next(segment for segment in rig.tier.segments()[rig.ids["plain", 0], 0] if segment.base == base)


def uploaded(sidecar, begun):
    """First offsets of what was uploaded of plain/0 since the log had so many bytes."""
    with open(sidecar.log, "rb") as log:
        log.seek(begun)
        lines = [json.loads(line) for line in log.read().splitlines() if b'"segment uploaded"' in line]
    return [int(line["range"].split("..")[0]) for line in lines if "/0/" in line["key"] and "/plain." in f"/{line['key']}"]


@scenario
def topics_are_encrypted_and_all_keys_change(binary, seed, rate):
    """Encrypted from the first record on. The ring's key and the topics' keys change under load; a node without them waits."""
    names = ("plain", "paid")
    with Running(binary, seed, rate, sidecars=False, topics=only(*names)) as rig:
        keys = {name: key_file(rig, name, byte) for name, byte in (("old", "11"), ("new", "22"))}
        give_ring(rig, keys, ["old"])
        rig.start_sidecars()
        archived(rig, names)
        nothing_shows(rig)
        # A second key in each ring, active; then the topics' keys are wrapped by it, and others made.
        give_ring(rig, keys, ["old", "new"])
        for sidecar in rig.sidecars.values():
            sidecar.restart()
        wrapped = rig.tier.lines("rewrap", "--json")[-1]
        if wrapped["wrapped"] != len(names):
            raise Failed(f"not every topic's key was wrapped anew: {wrapped}")
        made = rig.tier.lines("rewrap", "--new-topic-keys", "--json")[-1]
        if made["made"] != len(names):
            raise Failed(f"not every topic has a new key: {made}")
        left_out = rig.sidecars[rig.leader("plain", 0)]
        rig.expected.append(r"has no key ..?new")
        left_out.encryption = ring(keys, ["old"])
        left_out.restart()
        fact = wait_until("status tells what is missing", 60, lambda: named(left_out, "FIRN-O221"))
        if "new" not in fact["text"]:
            raise Failed(f"the key is not named: {fact}")
        # The old key goes out of every ring: nothing needs it any more.
        give_ring(rig, keys, ["new"])
        for sidecar in rig.sidecars.values():
            sidecar.restart()
        wait_until("nothing is missing any more", 60, lambda: not named(left_out, "FIRN-O221"))
        archived(rig, names)
        rig.settle()
        report = rig.check()
        nothing_shows(rig)
        restored(rig, "plain", 0)
        return report


def key_file(rig, name, byte):
    path = rig.home / f"{name}.key"
    path.write_text(byte * 32 + "\n")
    path.chmod(0o600)
    return path


def ring(keys, names):
    return {"keys": [f"{name}=file:{keys[name]}" for name in names], "active": names[-1], "topics": True}


def give_ring(rig, keys, names):
    """To every sidecar, when it is started next, and to whoever reads the tier."""
    rig.tier.ring = rig.home / "ring.toml"
    told = ring(keys, names)
    rig.tier.ring.write_text("\n".join(["[encryption]", *(f"{key} = {json.dumps(value)}" for key, value in told.items())]) + "\n")
    for sidecar in rig.sidecars.values():
        sidecar.encryption = told
        sidecar.write_config()


def archived(rig, names):
    """Until each partition has got further in the tier."""
    before = rig.tier_ends()
    for topic in names:
        for partition in range(TOPICS[topic][0]):
            where = rig.ids[topic, 0], partition
            wait_until(f"{topic}/{partition} goes on", 90, lambda w=where: rig.tier_ends().get(w, 0) > before.get(w, 0) + 10, step=0.5)


def nothing_shows(rig):
    """No batch stands in the clear in any object."""
    for (topic_id, partition), segments in rig.tier.segments().items():
        for segment in segments:
            clear = rig.tier.raw(f"{name_of(rig, topic_id)}/{partition}", segment.base, segment.next)
            # The header of the first batch: its CRC and producer make it like no other bytes.
            if clear[:61] in rig.tier.object(segment.key):
                raise Failed(f"{segment.key} is not encrypted")


def name_of(rig, topic_id):
    return next(f"{topic}@{topic_id}" for (topic, _), known in rig.ids.items() if known == topic_id)


def named(sidecar, code):
    return next((fact for fact in sidecar.facts() if fact["code"] == code), None)


def restored(rig, topic, partition):
    """A restore gives back the records that `cat` gives, at their offsets."""
    to = rig.home / "restored"
    rig.tier.run("restore", f"{topic}/{partition}", "--to", to)
    found = [record for path in sorted(to.glob("**/*.log")) for record in all_records(path.read_bytes())]
    segments = rig.tier.segments()[rig.ids[topic, 0], partition]
    wanted = all_records(rig.tier.raw(f"{topic}/{partition}", segments[0].base, segments[-1].next))
    if not wanted or found != wanted:
        raise Failed(f"{len(found)} records were restored, {len(wanted)} stand in the tier, and they differ")


def all_records(data):
    return [record for batch in batches(data) if not batch.control for record in records(data, batch)]
