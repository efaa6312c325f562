"""kafka-python: Kafka's protocol in Python, with fetch sessions."""

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from contract import PLAN, is_over, record, share, tell

PARTITIONS = [TopicPartition(PLAN["topic"], partition) for partition in range(PLAN["partitions"])]


def consumer():
    return KafkaConsumer(
        bootstrap_servers=PLAN["bootstrap"], group_id=PLAN["group"], isolation_level=PLAN["isolation"],
        auto_offset_reset="earliest", enable_auto_commit=False, check_crcs=True, max_poll_records=100,
        session_timeout_ms=45_000, heartbeat_interval_ms=1000,
    )


def take(member, polled):
    for at, records in polled.items():
        for one in records:
            record(member, at.partition, one.offset, one.timestamp, one.key, one.value)


def group():
    # Nothing is paused: 3.0.12 never fetches a partition again that was paused with records in hand, at a broker itself, too.
    one = consumer()
    one.subscribe([PLAN["topic"]])
    while not is_over():
        take(0, one.poll(timeout_ms=200))
    try:
        one.commit()
    except KafkaError as error:
        tell(fault=str(error))
    one.close()


def members():
    both = [consumer()]
    both[0].subscribe([PLAN["topic"]])
    left = False
    while not is_over():
        if len(both) == 1 and not left and share(1, 3):
            both.append(consumer())
            both[1].subscribe([PLAN["topic"]])
        if len(both) == 2 and share(2, 3):
            both.pop().close(autocommit=False)
            left = True
        for member, one in enumerate(both):
            polled = one.poll(timeout_ms=200)
            take(member, polled)
            if polled:
                try:
                    one.commit()
                except KafkaError:
                    # The group is being divided anew; what was not committed is read again.
                    pass
    for one in both:
        one.close(autocommit=False)


def seek():
    one = consumer()
    for partition, offset in PLAN["list"]:
        one.assign([PARTITIONS[partition]])
        one.seek(PARTITIONS[partition], offset)
        while not is_over():
            polled = one.poll(timeout_ms=200, max_records=1)
            if polled:
                take(0, polled)
                break
    one.close()


def times():
    one = consumer()
    for partition, at in PLAN["list"]:
        found = one.offsets_for_times({PARTITIONS[partition]: at})[PARTITIONS[partition]]
        tell(at=[partition, at, -1 if found is None else found.offset])
    begins, ends = one.beginning_offsets(PARTITIONS), one.end_offsets(PARTITIONS)
    for at in PARTITIONS:
        tell(bounds=[at.partition, begins[at], ends[at]])
    one.close()


{"group": group, "members": members, "seek": seek, "times": times}[PLAN["do"]]()
