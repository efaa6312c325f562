"""What a topic's table has to hold, found without any of the exporter's code.

Which records are visible is what a consumer of committed records is shown (librdkafka); what it does not tell, the batch's producer
and sequence, is read from the broker's log files by `batches`. Both must agree on every record.
"""

from batches import read_partition
from confluent_kafka import Consumer, KafkaError, TopicPartition
from shared import Failed


def visible(bootstrap, topic, partitions, ends):
    """`{(partition, offset): message}` of committed records below `ends` (partition: offset)."""
    consumer = Consumer({
        "bootstrap.servers": bootstrap, "group.id": "tables", "isolation.level": "read_committed", "enable.auto.commit": False,
        "enable.partition.eof": True, "check.crcs": True, "auto.offset.reset": "error", "log_level": 2, "fetch.max.bytes": 64 << 20, "fetch.wait.max.ms": 50,
    })
    found, waiting = {}, set(range(partitions))
    try:
        consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])
        while waiting:
            message = consumer.poll(30)
            if message is None:
                raise Failed(f"{topic}: the broker tells nothing more of {waiting}")
            if message.error():
                if message.error().code() != KafkaError._PARTITION_EOF:
                    raise Failed(f"{topic}/{message.partition()}: {message.error()}")
                waiting.discard(message.partition())
            elif message.offset() < ends[message.partition()]:
                found[message.partition(), message.offset()] = message
    finally:
        consumer.close()
    return found


def records(broker, topic, partitions, ends):
    """The visible records below `ends` that nothing behind it is needed to decide on, in order."""
    shown = visible(broker.address, topic, partitions, ends)
    found = []
    for partition in range(partitions):
        mine = [record for record in read_partition(broker.partition_dir(topic, partition), partition) if record.offset < ends[partition]]
        undecided = first_undecided(mine, ends[partition])
        for record in mine:
            message = shown.pop((partition, record.offset), None)
            if message is not None and record.offset < undecided:
                agree(topic, record, message)
                found.append(record)
    if shown:
        raise Failed(f"{topic}: a consumer is shown what is in no log file: {sorted(shown)[:5]}")
    return found


def first_undecided(records, end):
    """Where the first transaction begins whose marker is not among the records: it lies behind the tier's end."""
    open_from = {}
    for record in records:
        if record.control:
            open_from.pop(record.producer_id, None)
        elif record.transactional:
            open_from.setdefault(record.producer_id, record.offset)
    return min(open_from.values(), default=end)


def agree(topic, record, message):
    told = message.key(), message.value(), message.headers() or [], message.leader_epoch()
    mine = record.key, record.value, record.headers, record.leader_epoch
    if told != mine or record.control or max(message.timestamp()[1], -1) != record.timestamp:
        raise Failed(f"{topic}/{record.partition}@{record.offset}: a consumer is shown {told} {message.timestamp()}, the log file has {record}")


def row(record):
    """The columns that every record has, whichever of them a table has."""
    return {
        "kafka_partition": record.partition, "kafka_offset": record.offset,
        "kafka_timestamp": None if record.timestamp < 0 else record.timestamp * 1000, "kafka_timestamp_type": record.timestamp_type,
        "kafka_leader_epoch": record.leader_epoch, "kafka_producer_id": record.producer_id, "kafka_producer_epoch": record.producer_epoch,
        "kafka_sequence": record.sequence, "kafka_headers": [{"key": name, "value": value} for name, value in record.headers],
        "kafka_key": record.key, "kafka_value": record.value, "kafka_schema_id": schema_id(record.value),
    }


def schema_id(value):
    """The id of Confluent's framing, where the value begins with one."""
    return int.from_bytes(value[1:5], "big") if value is not None and len(value) >= 5 and value[0] == 0 else None


def rows(found, decode=None):
    """A row for each record. `decode(record)` gives further columns, or None where the record is to be a dead letter."""
    out = []
    for record in found:
        more = {} if decode is None else decode(record)
        if more is not None:
            out.append({**row(record), **more})
    return out
