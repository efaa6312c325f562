"""Protobuf by a registry: every type, presence, messages within messages, message indexes, imports, and fields that come later."""

import datetime

import real
from lane import case
from sent import Sent

COMMON = """syntax = "proto3";
package shop;
message Money { int64 cents = 1; string unit = 2; }
"""
ORDER = """syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
import "common.proto";
enum State { NEW = 0; PAID = 1; }
message Unused { int32 nothing = 1; message Inner { int32 n = 1; string t = 2; } }
message Order {
  int32 small = 1; int64 id = 2; sint64 zig = 3; uint32 u = 4; uint64 big_u = 5; fixed64 fix = 6; sfixed32 sfix = 7;
  float single = 8; double twice = 9; bool paid = 10; string customer = 11; bytes raw = 12; State state = 13;
  optional int32 maybe = 14; repeated int32 packed = 15; repeated string tags = 16; map<string, int64> counts = 17;
  Money total = 18; repeated Money parts = 19; google.protobuf.Timestamp at = 20; google.protobuf.StringValue wrapped = 21;
  oneof either { string text = 22; int64 number = 23; Money money = 24; }
  message Address { string street = 1; optional int32 zip = 2; }
  Address address = 25;
}
"""
TYPES = {
    "small": "int", "id": "long", "zig": "long", "u": "long", "big_u": "decimal(20,0)", "fix": "decimal(20,0)", "sfix": "int", "single": "float", "twice": "double",
    "paid": "boolean", "customer": "string", "raw": "binary", "state": "string", "maybe": "int", "packed": ["list", "int"], "tags": ["list", "string"],
    "counts": ["map", "string", "long"], "total": ["struct", {"cents": "long", "unit": "string"}], "parts": ["list", ["struct", {"cents": "long", "unit": "string"}]],
    "at": "timestamptz", "wrapped": "string", "text": "string", "number": "long", "money": ["struct", {"cents": "long", "unit": "string"}],
    "address": ["struct", {"street": "string", "zip": "int"}],
}
# What a field without presence has where nobody set it.
DEFAULTS = {
    "small": 0, "id": 0, "zig": 0, "u": 0, "big_u": 0, "fix": 0, "sfix": 0, "single": 0.0, "twice": 0.0, "paid": False, "customer": "", "raw": b"", "state": "NEW",
    "packed": [], "tags": [], "counts": {}, "parts": [],
}


def fill(message, number):
    """Sets fields; answers the row."""
    if number % 10 == 0:
        return dict(DEFAULTS)
    values = {
        "small": (-(2**31), 2**31 - 1)[number % 2], "id": (-(2**63), 2**63 - 1, number)[number % 3], "zig": -number, "u": 2**32 - 1, "big_u": 2**64 - 1 - number,
        "fix": 2**63 + number, "sfix": -number, "single": (1.5, float("inf"))[number % 2], "twice": (0.1, float("nan"))[number % 2], "paid": True,
        "customer": "ä€\U0001f600", "raw": b"\x00\xff",
    }
    for name, value in values.items():
        setattr(message, name, value)
    message.state = number % 3
    row = {**DEFAULTS, **values, "state": ("NEW", "PAID", "2")[number % 3]}
    lists = {"packed": [1, -2, number], "tags": ["a", ""]}
    for name, items in lists.items():
        getattr(message, name).extend(items)
    message.counts["a"] = number
    row |= {**lists, "counts": {"a": number}}
    if number % 2:
        message.maybe, row["maybe"] = 0, 0
        message.total.cents = number
        message.parts.add(cents=1, unit="EUR")
        message.wrapped.value = ""
        message.address.street = "s"
        moment = datetime.datetime(2026, 9, 21, 14, 0, 0, number, datetime.timezone.utc)
        message.at.FromDatetime(moment)
        row |= {
            "total": {"cents": number, "unit": ""}, "parts": [{"cents": 1, "unit": "EUR"}], "wrapped": "", "address": {"street": "s", "zip": None}, "at": moment,
        }
    which = number % 4
    if which == 1:
        message.text, row["text"] = "", ""
    elif which == 2:
        message.number, row["number"] = 7, 7
    elif which == 3:
        message.money.unit, row["money"] = "EUR", {"cents": 0, "unit": "EUR"}
    return row


@case("tables", "spark", "trino")
def protobuf_of_every_type(lane):
    topic = "proto.orders"
    sent = Sent(lane, topic, 2)
    classes = real.compiled(lane.registry, common=COMMON, order=ORDER)
    order = classes("shop.Order")
    values = real.protobuf(lane.registry, topic, order)
    for number in range(300):
        message = order()
        row = fill(message, number)
        sent.send(values(message), row)
    sent.offload()
    for catalog, exporter in lane.exporters({"name": "proto\\.orders", "value": "registry"}, registry=lane.registry):
        exporter.run()
        lane.hold(lane.table(catalog, topic), sent.expected(), types=TYPES)


@case("tables")
def protobuf_of_a_message_within_another_named_in_headers(lane):
    topic = "proto.inner"
    sent = Sent(lane, topic)
    inner = real.compiled(lane.registry, common=COMMON, order=ORDER)("shop.Unused.Inner")
    plain, named = real.protobuf(lane.registry, topic, inner), real.protobuf(lane.registry, topic, inner, in_header=True)
    for number in range(60):
        message = inner(n=number, t=f"t{number}")
        data, headers = named(message) if number % 2 else (plain(message), [])
        sent.send(data, {"n": number, "t": f"t{number}"}, headers=headers)
    sent.offload()
    for catalog, exporter in lane.exporters({"name": "proto\\.inner", "value": "registry"}, registry=lane.registry):
        exporter.run()
        lane.hold(lane.table(catalog, topic), sent.expected(), types={"n": "int", "t": "string"})


@case("tables")
def protobuf_that_changes_in_the_middle_of_a_topic(lane):
    topic = "proto.changes"
    sent = Sent(lane, topic)
    first = real.compiled(lane.registry, thing='syntax = "proto3"; message Thing { int32 n = 1; string goes = 2; }')("Thing")
    second = real.compiled(lane.registry, thing='syntax = "proto3"; message Thing { int64 n = 1; optional double added = 3; }')("Thing")
    old, new = real.protobuf(lane.registry, topic, first), real.protobuf(lane.registry, topic, second)
    for number in range(120):
        if number < 40 or number % 3 == 0:
            sent.send(old(first(n=number, goes="x")), {"n": number, "goes": "x"})
        else:
            sent.send(new(second(n=2**40, added=0.5)), {"n": 2**40, "added": 0.5})
    sent.offload()
    for catalog, exporter in lane.exporters({"name": "proto\\.changes", "value": "registry"}, registry=lane.registry):
        exporter.run()
        lane.hold(lane.table(catalog, topic), sent.expected(), types={"n": "long", "goes": "string", "added": "double"})
