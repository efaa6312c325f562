"""JSON with declared fields, with fields that were sampled and frozen, and by JSON Schema of a registry."""

import datetime
import json

import real
from lane import case
from sent import Sent
from shared import Failed

FIELDS = [
    {"name": "id", "type": "long", "doc": "the order"},
    {"name": "Small", "type": "int"},
    {"name": "ratio", "type": "double"},
    {"name": "paid", "type": "boolean"},
    {"name": "customer", "type": "string"},
    {"name": "price", "type": "decimal(12,2)"},
    {"name": "day", "type": "date"},
    {"name": "at", "type": "timestamptz"},
    {"name": "tags", "type": {"list": "string"}},
    {"name": "counts", "type": {"map": "long"}},
    {"name": "address", "type": {"struct": [{"name": "street", "type": "string"}, {"name": "zip", "type": "int"}]}},
]
TYPES = {
    "id": "long", "small": "int", "ratio": "double", "paid": "boolean", "customer": "string", "price": "decimal(12,2)", "day": "date", "at": "timestamptz",
    "tags": ["list", "string"], "counts": ["map", "string", "long"], "address": ["struct", {"street": "string", "zip": "int"}],
}


def declared(lane, name, fields=FIELDS):
    path = lane.stand.home / f"{name}.fields.json"
    path.write_text(json.dumps(fields))
    return str(path)


def text(number):
    """A value as producers write it, and its row. Fields that nobody declared are passed by; those that lack are null."""
    row = {
        "id": (-(2**63), 2**63 - 1, number)[number % 3], "small": (2**31 - 1, -(2**31), None)[number % 3], "ratio": (0.1, -2.5e-300, 3.0)[number % 3],
        "paid": (True, False, None)[number % 3], "customer": ("Ada", "", "ä€\U0001f600", "a\"\\\n\x00b")[number % 4], "price": ("0.01", "-9999999999.99", "7.00")[number % 3],
        "day": ("1969-12-31", "2026-02-28", None)[number % 3], "at": 1_790_000_000_123_456 + number, "tags": ([], ["a", None, ""], None)[number % 3],
        "counts": ({}, {"a": number, "b": None}, None)[number % 3], "address": (None, {"street": None, "zip": 1}, {"street": "x", "zip": number})[number % 3],
    }
    seconds, micros = divmod(row["at"], 1_000_000)
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S") + f".{micros:06}"
    value = {name: item for name, item in row.items() if item is not None or number % 2}
    value["Small"] = value.pop("small", None)
    # With its zone, in three ways of writing it.
    value["at"] = moment + ("Z", "+00:00")[number % 2]
    told = json.dumps({**value, "nobody's": {"deep": [number]}}, ensure_ascii=number % 2 == 0)
    # Numbers in their text: Python's would be binary.
    told = told.replace(json.dumps(row["price"]), row["price"])
    return told.encode(), row


@case("tables", "spark", "trino")
def json_with_declared_fields(lane):
    topic = "json.declared"
    sent = Sent(lane, topic, 2)
    for number in range(400):
        value, row = text(number)
        if number % 19 == 0:
            value, row = (None, {}) if number % 2 else (b"{}", {})
        sent.send(value, row, key=json.dumps({"id": number}).encode())
    sent.offload()
    topics = {"name": "json\\.declared", "value": "json", "value_fields": declared(lane, "order"), "keep_value": True}
    for catalog, exporter in lane.exporters(topics):
        exporter.run()
        lane.hold(lane.table(catalog, topic), sent.expected(), types=TYPES)


@case("tables")
def json_whose_fields_were_sampled(lane):
    """What `--infer` prints is a declaration that takes all that was sampled; what comes later and does not fit is a dead letter."""
    topic = "json.sampled"
    sent = Sent(lane, topic, framed=False)
    for number in range(120):
        row = {"n": number, "x": number / 4, "word": f"w{number}", "maybe": None if number % 2 else True, "list": [number, number + 1], "in": {"a": number, "b": "t"}}
        value = {name: (int(item) if name == "x" and item == int(item) else item) for name, item in row.items()}
        sent.send(json.dumps(value).encode(), row)
    sent.offload()
    fields = lane.stand.home / "sampled.fields.json"
    fields.write_bytes(lane.stand.firnline("export", f"file://{lane.stand.tier}", "--infer", "--topic", "json\\.sampled"))
    sent.send(b'{"n": 1.5}', None)
    sent.send(b'{"n": 7, "new": 1}', {"n": 7})
    sent.offload()
    types = {"n": "long", "x": "double", "word": "string", "maybe": "boolean", "list": ["list", "long"], "in": ["struct", {"a": "long", "b": "string"}]}
    for catalog, exporter in lane.exporters({"name": "json\\.sampled", "value": "json", "value_fields": str(fields)}):
        exporter.run()
        lane.hold(lane.table(catalog, topic), sent.expected(), types=types)
        lane.hold_dead(lane.table(catalog, topic, "_dlq"), sent.dead(), {121: {"not_an_integer"}})


@case("tables")
def json_schema_by_a_registry(lane):
    topic = "json.schema"
    sent = Sent(lane, topic)
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#", "title": "Order", "type": "object", "properties": {
            "id": {"type": "integer"}, "ratio": {"type": "number"}, "name": {"type": ["string", "null"]}, "paid": {"type": "boolean"},
            "at": {"type": "string", "format": "date-time"}, "tags": {"type": "array", "items": {"type": "string"}},
            "address": {"type": "object", "properties": {"street": {"type": "string"}, "zip": {"type": "integer"}}},
        },
    }
    values = real.json_schema(lane.registry, topic, json.dumps(schema))
    grown = {**schema, "properties": {**schema["properties"], "note": {"type": "string"}}}
    newer = real.json_schema(lane.registry, topic, json.dumps(grown), in_header=True)
    for number in range(150):
        value = {"id": number, "ratio": number / 8, "name": None if number % 2 else "n", "paid": number % 3 == 0, "at": "2026-09-21T14:00:00.25Z", "tags": ["a"] * (number % 3)}
        if number % 4:
            value["address"] = {"street": "s", "zip": number}
        row = dict(value)
        if number < 100:
            sent.send(values(value), row)
        else:
            data, headers = newer({**value, "note": "new"})
            sent.send(data, {**row, "note": "new"}, headers=headers)
    sent.offload()
    types = {
        "id": "long", "ratio": "double", "name": "string", "paid": "boolean", "at": "string", "tags": ["list", "string"],
        "address": ["struct", {"street": "string", "zip": "long"}], "note": "string",
    }
    for catalog, exporter in lane.exporters({"name": "json\\.schema", "value": "registry"}, registry=lane.registry):
        exporter.run()
        table = lane.table(catalog, topic)
        lane.hold(table, sent.expected(), types=types)
        if lane.table(catalog, topic, "_dlq").exists():
            raise Failed(f"{table} has dead letters")
