"""The checker: every line of the ledger is exactly one of live, in a dead branch, in a recorded gap, below a floor.

It reads the tier by the commands that a person has and parses batches itself; it shares no code with what wrote them.
"""

import collections

from confluent_kafka import KafkaError, TopicPartition
from records import batches, checksum, records
from verdict import Found, Report, committed_check, place, runs, take_dead


def check(rig, topics):
    """Holds the whole ledger of some topics against the tier, and against Kafka where the tier does not reach yet."""
    report, ledger = Report(), rig.producer.ledger()
    segments = rig.tier.segments()
    for (topic, generation, partition), lines in sorted(ledger.partitions.items()):
        if topic not in topics:
            continue
        topic_id = rig.ids[topic, generation]
        name = f"{topic}@{topic_id}/{partition}"
        current = generation == rig.generations[topic] and (topic, generation) not in rig.frozen
        partition_check(rig, report, ledger, name, topic if current else None, partition, lines, segments[topic_id, partition])
    rig.tier.run("verify", "--deep")
    return report


def partition_check(rig, report, ledger, name, topic, partition, lines, segments):
    offsets = collections.Counter(line.offset for line in lines)
    for offset, times in offsets.items():
        # After an unclean election Kafka itself gives an offset again.
        if times > 1 and name.split("@")[0] not in rig.rewritten:
            report.fault(f"{name}: Kafka acknowledged offset {offset} {times} times")
    manifest = rig.tier.manifest(name)
    live = Found(name, report)
    spans = runs(name, segments, report)
    for start, end in spans:
        read_span(rig, report, name, start, end, live)
    end = segments[-1].next if segments else 0
    shown, shown_to = committed_in_tier(rig, name, spans, manifest)
    if topic is not None and end <= max(offsets):
        report.counts["hot"] += read_hot(rig, report, topic, partition, end, live, shown)
        shown_to = max(offsets) + 1
    dead = dead_branches(rig, manifest)
    gaps = [(gap["start_offset"], gap["end_offset"]) for gap in manifest["gaps"]] if manifest else []
    floor = (manifest or {}).get("floor") or 0
    for line in lines:
        place(report, name, line, live, dead, gaps, floor)
    report.counts["extra"] += len(live.crcs.keys() - offsets.keys())
    committed_check(report, name, ledger, lines, live, shown, shown_to)


def read_span(rig, report, name, start, end, live):
    data = rig.tier.raw(name, start, end)
    last = start
    for batch in batches(data):
        if batch.base < last:
            report.fault(f"{name}: the batch at {batch.base} begins below {last}")
        last = batch.next
        if not batch.control:
            for offset, crc in records(data, batch):
                live.add(offset, crc)
    if last > end:
        report.fault(f"{name}: batches reach to {last}, the tier to {end}")


def committed_in_tier(rig, name, spans, manifest):
    """What readers of committed records see, and up to where that is all."""
    shown = set()
    for start, end in spans:
        shown.update(rig.tier.committed(name, start, end))
    undecided = [transaction["first_offset"] for transaction in (manifest or {}).get("open_transactions", [])]
    return shown, min([spans[-1][1] if spans else 0, *undecided])


def read_hot(rig, report, topic, partition, start, live, shown):
    """What only the broker has, from the tier's end on."""
    count = 0
    for isolation in ("read_uncommitted", "read_committed"):
        consumer = rig.consumer(isolation)
        first, end = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=20)
        if first > start:
            # Pending: what lies between is with pins, or lost. It is not found, and so it is told record by record.
            start = first
        consumer.assign([TopicPartition(topic, partition, start)])
        while start < end:
            message = consumer.poll(20)
            if message is None or (message.error() and message.error().code() == KafkaError._PARTITION_EOF):
                break
            if message.error():
                report.fault(f"{topic}/{partition}: reading from the broker: {message.error()}")
                break
            if isolation == "read_committed":
                shown.add(message.offset())
            elif message.offset() >= start:
                headers = message.headers() or []
                live.add(message.offset(), checksum(message.timestamp()[1], message.key(), message.value(), headers))
                count += 1
        consumer.close()
    return count


def dead_branches(rig, manifest):
    """`{offset: {crc: cut, …}}` of all dead branches, read from the objects that the manifest names."""
    dead = collections.defaultdict(dict)
    for branch in (manifest or {}).get("dead_branches", []):
        for segment in branch["segments"]:
            data = rig.tier.object(segment["object_key"])
            for batch in batches(data, 0, segment["log_bytes"]):
                if not batch.control:
                    for offset, crc in records(data, batch):
                        take_dead(dead, offset, crc, branch["cut_at"], branch["reason"])
    return dead
