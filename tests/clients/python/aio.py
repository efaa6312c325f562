"""aiokafka: a client of its own on asyncio, without fetch sessions."""

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from contract import PLAN, Pause, is_over, record, share, tell

PARTITIONS = [TopicPartition(PLAN["topic"], partition) for partition in range(PLAN["partitions"])]


def consumer(*topics, group=True):
    return AIOKafkaConsumer(
        *topics, bootstrap_servers=PLAN["bootstrap"], group_id=PLAN["group"] if group else None,
        isolation_level=PLAN["isolation"], auto_offset_reset="earliest", enable_auto_commit=False, check_crcs=True,
        session_timeout_ms=45_000, heartbeat_interval_ms=1000,
    )


def take(member, polled):
    for at, records in polled.items():
        for one in records:
            record(member, at.partition, one.offset, one.timestamp, one.key, one.value)


async def group():
    one, pause = consumer(PLAN["topic"]), Pause()
    await one.start()
    while not is_over():
        take(0, await one.getmany(timeout_ms=200, max_records=100))
        due = pause.due()
        if due and PARTITIONS[0] in one.assignment():
            (one.pause if due == "pause" else one.resume)(PARTITIONS[0])
    try:
        await one.commit()
    except KafkaError as error:
        tell(fault=str(error))
    await one.stop()


async def members():
    both = [consumer(PLAN["topic"])]
    await both[0].start()
    left = False
    while not is_over():
        if len(both) == 1 and not left and share(1, 3):
            both.append(consumer(PLAN["topic"]))
            await both[1].start()
        if len(both) == 2 and share(2, 3):
            await both.pop().stop()
            left = True
        for member, one in enumerate(both):
            polled = await one.getmany(timeout_ms=200, max_records=100)
            take(member, polled)
            if polled:
                try:
                    await one.commit()
                except KafkaError:
                    # The group is being divided anew; what was not committed is read again.
                    pass
    for one in both:
        await one.stop()


async def seek():
    one = consumer(group=False)
    await one.start()
    for partition, offset in PLAN["list"]:
        one.assign([PARTITIONS[partition]])
        one.seek(PARTITIONS[partition], offset)
        while not is_over():
            polled = await one.getmany(timeout_ms=200, max_records=1)
            if polled:
                take(0, polled)
                break
    await one.stop()


async def times():
    one = consumer(group=False)
    await one.start()
    for partition, at in PLAN["list"]:
        found = (await one.offsets_for_times({PARTITIONS[partition]: at}))[PARTITIONS[partition]]
        tell(at=[partition, at, -1 if found is None else found.offset])
    begins, ends = await one.beginning_offsets(PARTITIONS), await one.end_offsets(PARTITIONS)
    for at in PARTITIONS:
        tell(bounds=[at.partition, begins[at], ends[at]])
    await one.stop()


asyncio.run({"group": group, "members": members, "seek": seek, "times": times}[PLAN["do"]]())
