"""Plain Parquet: files by day for whoever has no catalog, read by DuckDB and pandas."""

import datetime
import json

import expected
from cases.jsons import declared, text
from cases.raw import fill
from engines import duck
from engines.arrow import rows_of
from lane import case
from sent import Sent
from shared import Failed
from tables import Seen

# As the columns are: there is no catalog to ask.
KAFKA = [
    ("kafka_partition", "int"), ("kafka_offset", "long"), ("kafka_timestamp", "timestamptz"), ("kafka_timestamp_type", "int"), ("kafka_leader_epoch", "int"),
    ("kafka_producer_id", "long"), ("kafka_producer_epoch", "int"), ("kafka_sequence", "int"),
    ("kafka_headers", {"type": "list", "element": {"type": "struct", "fields": [{"name": "key", "type": "string"}, {"name": "value", "type": "binary"}]}}),
    ("kafka_key", "binary"), ("kafka_value", "binary"),
]


def files(directory):
    return {path: path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()}


def export(lane, topic, to, *more):
    name = topic.replace(".", "\\.")
    lane.stand.firnline("export", f"file://{lane.stand.tier}", "--topic", name, "--to", to, "--format", "parquet", *more)


def by_duckdb(directory):
    return rows_of(duck.arrow(f"SELECT * EXCLUDE (day, topic) FROM read_parquet('{directory}/**/*.parquet', hive_partitioning = true, union_by_name = true)"))


def by_pandas(directory):
    import pandas

    found = pandas.concat([pandas.read_parquet(path, dtype_backend="pyarrow") for path in sorted(directory.rglob("*.parquet"))], ignore_index=True)
    return [{name: plain(value) for name, value in row.items()} for row in found.to_dict("records")]


def plain(value):
    """pandas has its own nothing, and arrays for lists."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if value is None or value.__class__.__name__ in ("NAType", "NaTType"):
        return None
    return value.to_pydatetime() if hasattr(value, "to_pydatetime") else value


def hold(directory, rows, columns=KAFKA, lane=None):
    wanted = Seen("expected", rows, columns)
    for name, found in (("duckdb", by_duckdb(directory)), ("pandas", by_pandas(directory))):
        faults = list(Seen(name, found, columns).differences(wanted))
        if faults:
            raise Failed(f"{directory} by {name}: {len(found)} rows, expected {len(rows)}; {len(faults)} differ:\n  " + "\n  ".join(faults[:5]))
        lane.compared.append((str(directory), name, len(rows)))


@case("tables")
def plain_parquet_by_day_that_may_be_run_again(lane):
    topic = "plain.files"
    fill(lane, topic, count=1_000)
    lane.stand.offload(topic)
    rows = expected.rows(lane.stand.records(topic))
    to = lane.stand.home / "plain"
    export(lane, topic, to)
    hold(to, rows, lane=lane)
    days = {path.parent.name for path in files(to)}
    wanted = {f"day={datetime.datetime.fromtimestamp(row['kafka_timestamp'] / 1e6, datetime.timezone.utc).date()}" for row in rows}
    if days != wanted:
        raise Failed(f"the days are {sorted(days)}, expected {sorted(wanted)}")
    before = files(to)
    export(lane, topic, to)
    if files(to) != before:
        raise Failed("a second run changed files")
    # More of the topic: what stands stays, byte for byte; what is new is added.
    lane.stand.produce(topic, [{"value": b"later", "partition": number % 3, "timestamp": 1_791_000_000_000 + number} for number in range(90)])
    lane.stand.offload(topic)
    export(lane, topic, to)
    hold(to, expected.rows(lane.stand.records(topic)), lane=lane)
    if {path: data for path, data in files(to).items() if path in before} != before:
        raise Failed("a run with news changed files that stood")
    other = lane.stand.home / "plain-again"
    export(lane, topic, other)
    hold(other, expected.rows(lane.stand.records(topic)), lane=lane)
    if odd := [path for path in [*files(to), *files(other)] if path.suffix != ".parquet"]:
        raise Failed(f"other files were left: {odd[:3]}")


@case("tables")
def plain_parquet_of_declared_json_in_a_range(lane):
    topic = "plain.json"
    sent = Sent(lane, topic, framed=False)
    for number in range(300):
        value, row = text(number)
        sent.send(value, row)
    sent.offload()
    config = lane.stand.home / "plain.toml"
    config.write_text(
        f'[store]\nurl = "file://{lane.stand.tier}"\n[[export.topic]]\nname = "plain\\\\.json"\nvalue = "json"\nvalue_fields = {json.dumps(declared(lane, "plain"))}\n'
    )
    to = lane.stand.home / "plain-json"
    lane.stand.firnline(
        "export", "--config", config, "--topic", "plain\\.json", "--to", to, "--format", "parquet", "--from", "50", "--until", "250",
    )
    rows = [row for row in sent.expected() if 50 <= row["kafka_offset"] < 250]
    columns = [column for column in KAFKA if column[0] != "kafka_value"] + [
        ("id", "long"), ("small", "int"), ("ratio", "double"), ("paid", "boolean"), ("customer", "string"), ("price", "decimal(12, 2)"), ("day", "date"),
        ("tags", {"type": "list", "element": "string"}),
    ]
    hold(to, rows, [column for column in columns if column[0] != "day"], lane=lane)
