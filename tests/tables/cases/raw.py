"""Rows of bytes: whatever stands in a record comes back as it is."""

import expected
import handmade
from lane import case
from shared import Failed

HOUR = 3_600_000
DAY_1 = 1_790_000_000_000  # 2026-09-21, in the middle of a day


def anything(number):
    """A record with what a record may have: null and empty keys and values, headers that repeat, have no value, or are none."""
    key = (None, b"", b"key-%d" % number, bytes([number % 256, 0, 255, 0xC3]))[number % 4]
    value = (b"value %d" % number, b"", None, b"\xff\xfe" * (number % 50), b"v" * (number * 7 % 3000))[number % 5]
    headers = (None, [("h", b"1"), ("h", b"2")], [("", b""), ("none", None)], [("trace", bytes(range(16)))])[number % 4]
    # Not in order: a producer's clock may go back.
    time = DAY_1 + number * 2 * 60_000 - (number % 3) * 7 * HOUR
    return {"key": key, "value": value, "headers": headers, "timestamp": time, "partition": number % 3}


def fill(lane, topic, count=2_000, **config):
    """A topic of three partitions with segments of all codecs, over some days."""
    lane.stand.topic(topic, 3, **config)
    codecs = ("none", "gzip", "snappy", "lz4", "zstd")
    step = count // len(codecs)
    for place, codec in enumerate(codecs):
        numbers = range(place * step, (place + 1) * step)
        lane.stand.produce(topic, [anything(number) for number in numbers], compression_type=codec, linger_ms=50)


@case("tables", "glue", "spark", "trino")
def bytes_with_nulls_everywhere_in_all_codecs(lane):
    topic = "raw.all-kinds"
    fill(lane, topic)
    lane.stand.offload(topic)
    rows = expected.rows(lane.stand.records(topic))
    for catalog, exporter in lane.exporters({"name": "raw\\.all-kinds"}):
        exporter.run()
        table = lane.table(catalog, topic)
        lane.hold(table, rows, types={})
        required = {field["name"] for field in table.fields() if field["required"]}
        if required != {"kafka_partition", "kafka_offset"}:
            raise Failed(f"{table}: required are {required}")
        spec = table.metadata()["partition-specs"][-1]["fields"]
        if [field["transform"] for field in spec] != ["day"]:
            raise Failed(f"{table} is partitioned by {spec}")


@case("tables")
def a_table_grows_run_by_run_and_a_run_without_news_adds_nothing(lane):
    topic = "grows"
    lane.stand.topic(topic, 2)
    exporters = lane.exporters({"name": topic})
    for round_ in range(4):
        numbers = range(round_ * 150, round_ * 150 + 150)
        lane.stand.produce(topic, [anything(number) | {"partition": number % 2} for number in numbers])
        lane.stand.offload(topic)
        rows = expected.rows(lane.stand.records(topic))
        for catalog, exporter in exporters:
            table = lane.table(catalog, topic)
            exporter.run()
            lane.hold(table, rows)
            before = len(table.snapshots()), table.head()["summary"].get("total-records")
            exporter.run()
            if (now := table.head()["summary"].get("total-records")) != before[1]:
                raise Failed(f"{table}: a run without news made {before} into {now} records")


@case("tables")
def times_of_the_broker_and_no_times_at_all(lane):
    topic = "times"
    lane.stand.topic(topic, 2)
    lane.stand.configure(topic, message_timestamp_type="LogAppendTime")
    lane.stand.produce(topic, [anything(number) | {"partition": 0} for number in range(200)])
    lane.stand.configure(topic, message_timestamp_type="CreateTime")
    # Its time is what the segment rolls by: one without a time would wait for the clock.
    lane.stand.produce(topic, [{"value": b"has a time", "partition": 1, "timestamp": DAY_1}])
    for number in range(20):
        records = [(b"k", b"no time %d" % number, [(b"a", None)]), (None, None, [])]
        handmade.produce(lane.stand.broker.address, topic, 1, handmade.batch(records, -1))
    lane.stand.offload(topic)
    rows = expected.rows(lane.stand.records(topic))
    kinds = {(row["kafka_partition"], row["kafka_timestamp"] is None, row["kafka_timestamp_type"]) for row in rows}
    if kinds != {(0, False, 1), (1, True, 0), (1, False, 0)}:
        raise Failed(f"the topic is not as it should be: {kinds}")
    for catalog, exporter in lane.exporters({"name": topic}):
        exporter.run()
        lane.hold(lane.table(catalog, topic), rows)


@case("tables")
def texts_and_keys_that_are_left_out(lane):
    topic = "texts"
    lane.stand.topic(topic)
    values = ["plain", "ä€😀", "", None, "a\x00b", "long " * 5_000]
    lane.stand.produce(topic, [
        {"key": b"\xff", "value": None if text is None else text.encode(), "timestamp": DAY_1 + number * HOUR}
        for number, text in enumerate(values * 10)
    ])
    lane.stand.offload(topic)
    rows = [row | {"kafka_value": decoded(row["kafka_value"])} for row in expected.rows(lane.stand.records(topic))]
    for catalog, exporter in lane.exporters({"name": topic, "key": "none", "value": "string", "headers": "none"}):
        exporter.run()
        table = lane.table(catalog, topic)
        lane.hold(table, rows, types={})
        names = [name for name, _ in table.columns()]
        if table.type_of("kafka_value") != "string" or "kafka_key" in names or "kafka_headers" in names:
            raise Failed(f"{table} has the columns {table.columns()}")


def decoded(value):
    return None if value is None else value.decode()


@case("tables", "spark", "trino")
def a_table_of_format_3(lane):
    topic = "third"
    lane.stand.topic(topic, 2)
    exporters = lane.exporters({"name": topic}, format_version=3)
    for start in (0, 200):
        lane.stand.produce(topic, [anything(number) | {"partition": number % 2} for number in range(start, start + 200)])
        lane.stand.offload(topic)
        rows = expected.rows(lane.stand.records(topic))
        for catalog, exporter in exporters:
            exporter.run()
            table = lane.table(catalog, topic)
            lane.hold(table, rows)
            if table.metadata()["format-version"] != 3 or table.metadata()["next-row-id"] < len(rows):
                raise Failed(f"{table} is of format {table.metadata()['format-version']}, its next row id {table.metadata().get('next-row-id')}")
