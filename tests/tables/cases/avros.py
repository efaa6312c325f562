"""Avro by a registry: every type, nulls in every place, both framings, references, keys of their own, and schemas that change."""

import datetime
import decimal
import json
import uuid

import real
from lane import case
from sent import Sent

UTC = datetime.timezone.utc
KEY = json.dumps({"type": "record", "name": "Key", "namespace": "shop", "fields": [{"name": "Id", "type": "long"}]})


def logical(kind, of, **more):
    return {"type": kind, "logicalType": of, **more}


def optional(kind):
    return ["null", kind]


LINE = {"type": "record", "name": "Line", "fields": [{"name": "sku", "type": "string"}, {"name": "n", "type": optional("int")}]}
# Avro's type, and the column's.
ORDER = {
    "orderId": ("long", "long"),
    "small": ("int", "int"),
    "single": ("float", "float"),
    "twice": ("double", "double"),
    "paid": ("boolean", "boolean"),
    "customer": ("string", "string"),
    "raw": ("bytes", "binary"),
    "price": (logical("bytes", "decimal", precision=12, scale=2), "decimal(12,2)"),
    "exact": (logical("fixed", "decimal", name="Exact", size=9, precision=20, scale=4), "decimal(20,4)"),
    "day": (logical("int", "date"), "date"),
    "at": (logical("long", "timestamp-micros"), "timestamptz"),
    "seen": (logical("long", "timestamp-millis"), "timestamptz"),
    "wall": (logical("long", "local-timestamp-micros"), "timestamp"),
    "clock": (logical("int", "time-millis"), "time"),
    "fine": (logical("long", "time-micros"), "time"),
    "uid": (logical("string", "uuid"), "uuid"),
    "hash": ({"type": "fixed", "name": "Hash", "size": 4}, "fixed[4]"),
    "state": ({"type": "enum", "name": "State", "symbols": ["NEW", "PAID", "SENT"]}, "string"),
    "tags": ({"type": "array", "items": optional("string")}, ["list", "string"]),
    "lines": ({"type": "array", "items": LINE}, ["list", ["struct", {"sku": "string", "n": "int"}]]),
    "counts": ({"type": "map", "values": optional("long")}, ["map", "string", "long"]),
    "address": ({"type": "record", "name": "Address", "fields": [
        {"name": "street", "type": optional("string")}, {"name": "zip", "type": "int"},
    ]}, ["struct", {"street": "string", "zip": "int"}]),
}
# No table has a time of day that Spark reads.
CLOCKS = ("clock", "fine")


def schema(fields, name="Order"):
    """Each field may be null."""
    told = [{"name": field, "type": optional(kind)} for field, (kind, _) in fields.items()]
    node = {"type": "record", "name": "Node", "fields": [{"name": "value", "type": "int"}, {"name": "next", "type": optional("Node")}]}
    told.append({"name": "either", "type": ["null", "string", "long", "boolean"]})
    told.append({"name": "tree", "type": optional(node)})
    return json.dumps({"type": "record", "name": name, "namespace": "shop", "fields": told})


def columns(fields):
    return {
        "key_id": "long", **{name.lower(): kind for name, (_, kind) in fields.items()},
        "either": ["struct", {"string": "string", "long": "long", "boolean": "boolean"}],
        # What leads back into itself is left out of it.
        "tree": ["struct", {"value": "int"}],
    }


def order(number):
    """A value with the ends of each type, and nulls: all of them in some."""
    if number % 11 == 4:
        return {"orderId": number}
    moment = datetime.datetime(2026, 9, 21, 14, 0, 0, number, UTC) + datetime.timedelta(minutes=number)
    return {
        "orderId": (-(2**63), 2**63 - 1, number)[number % 3], "small": (-(2**31), 2**31 - 1, 0, None)[number % 4], "single": (1.5, -0.0, float("nan"), 3.25)[number % 4],
        "twice": (0.1, float("inf"), 5e-324, None)[number % 4], "paid": (True, False, None)[number % 3], "customer": ("Ada", "", "ä€😀", None)[number % 4],
        "raw": (b"", b"\x00\xff", None)[number % 3], "price": (decimal.Decimal("0.01"), decimal.Decimal("-9999999999.99"), None)[number % 3],
        "exact": (decimal.Decimal("1234567890123456.7891"), decimal.Decimal("-0.0001"))[number % 2],
        "day": datetime.date(1969, 12, 31) if number % 5 == 0 else datetime.date(2026, 1, 1) + datetime.timedelta(days=number),
        "at": moment, "seen": moment.replace(microsecond=number % 1000 * 1000), "wall": moment.replace(tzinfo=None), "clock": datetime.time(23, 59, 59, 999_000),
        "fine": datetime.time(0, 0, 0, number), "uid": uuid.UUID(int=number * 7), "hash": bytes([0, 255, number % 256, 1]), "state": ("NEW", "PAID", "SENT")[number % 3],
        "tags": ([], ["a", None, ""], None)[number % 3], "lines": ([], [{"sku": "s", "n": None}, {"sku": "", "n": number}])[number % 2],
        "counts": ({}, {"a": number, "b": None})[number % 2], "address": (None, {"street": None, "zip": 1}, {"street": "x", "zip": -1})[number % 3],
        "either": (None, "text", number, True)[number % 4], "tree": {"value": 1, "next": {"value": 2, "next": None}} if number % 2 else None,
    }


def row_of(value, key=None):
    """The columns that the value has to make."""
    row = {name.lower(): item for name, item in value.items() if name not in ("tree", "either")}
    row["tree"] = value.get("tree") and {"value": value["tree"]["value"]}
    either = value.get("either")
    row["either"] = None if either is None else {kind: either if type(either) is of else None for kind, of in (("string", str), ("long", int), ("boolean", bool))}
    return {"key_id": key, **row}


@case("tables", "glue", "spark", "trino")
def avro_of_every_type_with_keys_of_their_own(lane):
    topic = "avro.orders"
    sent = Sent(lane, topic, 2)
    fields = {name: kind for name, kind in ORDER.items() if lane.name != "spark" or name not in CLOCKS}
    keys, values = real.avro(lane.registry, topic, KEY, key=True), real.avro(lane.registry, topic, schema(fields))
    for number in range(400):
        key = None if number % 13 == 0 else {"Id": number}
        value = {name: item for name, item in order(number).items() if lane.name != "spark" or name not in CLOCKS}
        # A tombstone is a row of nulls beside its key.
        data = None if number % 17 == 0 else values(value)
        sent.send(data, row_of({} if data is None else value, key and key["Id"]), key=None if key is None else keys(key))
    sent.offload()
    for catalog, exporter in lane.exporters({"name": "avro\\.orders", "key": "registry", "value": "registry"}, registry=lane.registry):
        exporter.run()
        lane.hold(lane.table(catalog, topic), sent.expected(), types=columns(fields))


@case("tables")
def avro_named_in_headers_and_by_references(lane):
    topic = "avro.headers"
    sent = Sent(lane, topic)
    money = json.dumps({"type": "record", "name": "Money", "namespace": "shop", "fields": [{"name": "cents", "type": "long"}, {"name": "unit", "type": "string"}]})
    text = json.dumps({"type": "record", "name": "Bill", "namespace": "shop", "fields": [{"name": "total", "type": ["null", "shop.Money"]}, {"name": "n", "type": "int"}]})
    values = real.avro(lane.registry, topic, text, in_header=True, references=[("shop.Money", "money", money)])
    for number in range(100):
        value = {"total": None if number % 3 == 0 else {"cents": number, "unit": "EUR"}, "n": number}
        data, headers = values(value)
        sent.send(data, dict(value), key=b"k", headers=[("before", b"x"), *headers])
    sent.offload()
    for catalog, exporter in lane.exporters({"name": "avro\\.headers", "value": "registry", "keep_value": True}, registry=lane.registry):
        exporter.run()
        table = lane.table(catalog, topic)
        lane.hold(table, sent.expected(), types={"total": ["struct", {"cents": "long", "unit": "string"}], "n": "int"})


@case("tables", "spark", "trino")
def avro_that_changes_in_the_middle_of_a_topic(lane):
    """A column more, a wider number, a field that goes, and one whose type no column of its name can hold."""
    topic = "avro.changes"
    sent = Sent(lane, topic)
    first = json.dumps({"type": "record", "name": "Thing", "fields": [
        {"name": "id", "type": "int"}, {"name": "size", "type": "float"}, {"name": "goes", "type": ["null", "string"]}, {"name": "Clash", "type": "long"},
        {"name": "inner", "type": ["null", {"type": "record", "name": "Inner", "fields": [{"name": "a", "type": "int"}]}]},
    ]})
    second = json.dumps({"type": "record", "name": "Thing", "fields": [
        {"name": "added", "type": ["null", "string"]}, {"name": "id", "type": "long"}, {"name": "size", "type": "double"}, {"name": "Clash", "type": "string"},
        {"name": "inner", "type": ["null", {"type": "record", "name": "Inner", "fields": [{"name": "b", "type": "string"}, {"name": "a", "type": "long"}]}]},
    ]})
    old, new = real.avro(lane.registry, topic, first), real.avro(lane.registry, topic, second)

    def send_old(number):
        value = {"id": number, "size": 0.5, "goes": "x", "Clash": number, "inner": {"a": number}}
        sent.send(old(value), {"id": number, "size": 0.5, "goes": "x", "clash": number, "inner": {"a": number, "b": None}})

    def send_new(number):
        value = {"added": None if number % 2 else "new", "id": 2**40 + number, "size": 0.1, "Clash": "text", "inner": {"b": "b", "a": 2**33}}
        sent.send(new(value), {"added": value["added"], "id": value["id"], "size": 0.1, "clash_v2": "text", "inner": {"a": 2**33, "b": "b"}})

    exporters = lane.exporters({"name": "avro\\.changes", "value": "registry"}, registry=lane.registry)
    for number in range(60):
        send_old(number)
    sent.offload()
    for catalog, exporter in exporters:
        exporter.run()
        rows = [{**row, "inner": row["inner"] and {"a": row["inner"]["a"]}} for row in sent.expected()]
        lane.hold(lane.table(catalog, topic), rows, types={"id": "int", "size": "float", "goes": "string", "clash": "long", "inner": ["struct", {"a": "int"}]})
    # Some producers are newer than others for a while.
    for number in range(60, 180):
        (send_new if number % 3 else send_old)(number)
    sent.offload()
    types = {
        "id": "long", "size": "double", "goes": "string", "clash": "long", "inner": ["struct", {"a": "long", "b": "string"}], "added": "string", "clash_v2": "string",
    }
    for catalog, exporter in exporters:
        exporter.run()
        lane.hold(lane.table(catalog, topic), sent.expected(), types=types)


@case("tables")
def a_registry_that_is_down_is_waited_for(lane):
    """Its absence is no reason for a dead letter: nothing is written, and everything when it is back."""
    topic = "avro.waits"
    sent = Sent(lane, topic)
    values = real.avro(lane.registry, topic, json.dumps({"type": "record", "name": "W", "fields": [{"name": "n", "type": "int"}]}))
    for number in range(50):
        sent.send(values({"n": number}), {"n": number})
    sent.offload()
    for catalog, exporter in lane.exporters({"name": "avro\\.waits", "value": "registry"}, registry=lane.registry):
        lane.registry.down = True
        try:
            lane.stand.firnline_for(exporter, seconds=6)
        finally:
            lane.registry.down = False
        table, dead = lane.table(catalog, topic), lane.table(catalog, topic, "_dlq")
        if table.exists():
            lane.hold(table, [], types=None)
        if dead.exists():
            lane.hold_dead(dead, [])
        exporter.run()
        lane.hold(table, sent.expected(), types={"n": "int"})
