"""confluent-kafka-python: librdkafka below Python."""

from confluent_kafka import Consumer, KafkaException, OFFSET_INVALID, TopicPartition

from contract import PLAN, Pause, is_over, record, share, tell


def consumer(**more):
    return Consumer({
        "bootstrap.servers": PLAN["bootstrap"], "group.id": PLAN["group"], "isolation.level": PLAN["isolation"],
        "auto.offset.reset": "earliest", "enable.auto.commit": False, "check.crcs": True, "log_level": 3, **more,
        "error_cb": lambda error: None,
    })


def take(member, message):
    if message.error():
        tell(fault=str(message.error()))
        return False
    record(member, message.partition(), message.offset(), message.timestamp()[1], message.key(), message.value())
    return True


def group():
    one, pause = consumer(), Pause()
    one.subscribe([PLAN["topic"]])
    first = [TopicPartition(PLAN["topic"], 0)]
    while not is_over():
        for message in one.consume(100, 0.2):
            take(0, message)
        due = pause.due()
        held = [at for at in one.assignment() if at.partition == 0]
        if due and held:
            (one.pause if due == "pause" else one.resume)(first)
    try:
        one.commit(asynchronous=False)
    except KafkaException as error:
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
            both.pop().close()
            left = True
        for member, one in enumerate(both):
            messages = one.consume(50, 0.2)
            for message in messages:
                take(member, message)
            if messages:
                one.commit(asynchronous=False)
    for one in both:
        one.close()


def seek():
    one = consumer()
    for partition, offset in PLAN["list"]:
        one.assign([TopicPartition(PLAN["topic"], partition, offset)])
        while not is_over():
            message = one.poll(0.2)
            if message is not None and take(0, message):
                break
    one.close()


def times():
    one = consumer()
    for partition, at in PLAN["list"]:
        found = one.offsets_for_times([TopicPartition(PLAN["topic"], partition, at)], 30)[0]
        # Beyond all records it tells the end as -1 (OFFSET_END).
        tell(at=[partition, at, max(found.offset, -1) if found.offset != OFFSET_INVALID else -1])
    for partition in range(PLAN["partitions"]):
        begin, end = one.get_watermark_offsets(TopicPartition(PLAN["topic"], partition), 30)
        tell(bounds=[partition, begin, end])
    one.close()


{"group": group, "members": members, "seek": seek, "times": times}[PLAN["do"]]()
