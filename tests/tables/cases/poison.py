"""Bad records: each ends as exactly one dead letter with its bytes and its reason, and damages no neighbour."""

import json

import real
from cases.jsons import declared
from lane import case
from sent import Sent
from shared import Failed


class Poisoned:
    """A topic with a good record on each side of each bad one."""

    def __init__(self, lane, topic, good, framed=True):
        self.lane, self.sent, self.good, self.reasons, self.number = lane, Sent(lane, topic, framed=framed), good, {}, 0
        self.neighbour()

    def neighbour(self):
        self.number += 1
        value, row = self.good(self.number)
        self.sent.send(value, row, key=b"good")

    def bad(self, value, *reasons, neighbours=True):
        self.reasons[self.sent.number] = set(reasons)
        self.sent.send(value, None, key=b"bad", headers=[("why", b"test")])
        if neighbours:
            self.neighbour()

    def check(self, registry=None, types=None, **topic):
        topic = {key.replace("__", "."): value for key, value in topic.items()}
        self.sent.offload()
        lane, name = self.lane, self.sent.topic
        for catalog, exporter in lane.exporters({"name": name.replace(".", "\\."), **topic}, registry=registry):
            exporter.run()
            lane.hold(lane.table(catalog, name), self.sent.expected(), types=types)
            dead = lane.table(catalog, name, "_dlq")
            rows = lane.hold_dead(dead, self.sent.dead(), self.reasons)
            if any(not row["dlq_error"] or row["exported_at"] is None for row in rows):
                raise Failed(f"{dead} does not say when and why")
            # Again: nothing is added.
            exporter.run()
            lane.hold_dead(dead, self.sent.dead(), self.reasons)
            lane.hold(lane.table(catalog, name), self.sent.expected())
        return f"{len(self.reasons)} poisons"


@case("tables", "spark", "trino")
def bad_json_costs_itself_alone(lane):
    def good(number):
        return json.dumps({"a": number, "b": f"t{number}", "c": [number]}).encode(), {"a": number, "b": f"t{number}", "c": [number]}

    topic = Poisoned(lane, "poison.json", good, framed=False)
    topic.bad(b'{"a":1}{"a":2}', "more_than_one_value")
    topic.bad(b'{"a":1}\n{"a":2}', "more_than_one_value")
    # Two halves in two records that follow each other.
    topic.bad(b'{"a":1', "truncated", neighbours=False)
    topic.bad(b',"b":"x"}', "not_json")
    topic.bad(b'{"a":1.5}', "not_an_integer")
    topic.bad(b'{"a":"15"}', "wrong_type")
    topic.bad(b'{"a":100000000000000000000}', "number_out_of_range")
    topic.bad(b'{"a":9223372036854775808}', "number_out_of_range")
    topic.bad(b'{"a":true}', "wrong_type")
    topic.bad(b'{"b":7}', "wrong_type")
    topic.bad(b'{"c":{"a":1}}', "wrong_type")
    topic.bad(b'{"c":[1,"x"]}', "wrong_type")
    topic.bad(b'{"c":[1,2.5]}', "not_an_integer")
    topic.bad(b"[1]", "wrong_type")
    topic.bad(b"7", "wrong_type")
    topic.bad(b'"text"', "wrong_type")
    topic.bad(b'{"a":1,"a":2}', "duplicate_key")
    topic.bad(b'{"b":"\xff\xfe"}', "invalid_utf8", "not_json")
    topic.bad(b'{"b":"\\ud800"}', "not_json", "invalid_utf8")
    topic.bad(b"", "truncated", "not_json")
    topic.bad(b"\x00\x01garbage", "not_json")
    topic.bad(b'{"a":1} x', "more_than_one_value", "trailing_bytes", "not_json")
    topic.bad(b"{'a':1}", "not_json")
    topic.bad(b'{"a":NaN}', "not_json")
    # What no column wants is skipped, however deep it is.
    topic.sent.send(b'{"x":' + b"[" * 200 + b"]" * 200 + b"}", {"a": None, "b": None, "c": None}, key=b"deep")
    topic.neighbour()
    fields = [{"name": "a", "type": "long"}, {"name": "b", "type": "string"}, {"name": "c", "type": {"list": "long"}}]
    types = {"a": "long", "b": "string", "c": ["list", "long"]}
    return topic.check(value="json", value_fields=declared(lane, "poison", fields), types=types)


@case("tables")
def bad_avro_costs_itself_alone(lane):
    schema = json.dumps({"type": "record", "name": "P", "fields": [
        {"name": "n", "type": "int"}, {"name": "s", "type": "string"}, {"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["A", "B"]}},
        {"name": "l", "type": {"type": "array", "items": "long"}},
    ]})
    values = real.avro(lane.registry, "poison.avro", schema)

    def good(number):
        row = {"n": number, "s": f"text {number}", "e": "B", "l": [1, number]}
        return values(row), row

    topic = Poisoned(lane, "poison.avro", good)
    whole = values({"n": 1, "s": "text", "e": "A", "l": [1, 2]})
    head = whole[:5]
    for cut in range(5, len(whole)):
        topic.bad(whole[:cut], "truncated")
    topic.bad(whole[:3], "truncated", "no_framing")
    topic.bad(whole + b"\0", "trailing_bytes")
    topic.bad(whole + whole, "trailing_bytes")
    topic.bad(head + b"\x02" + b"\x04\xff\xfe" + b"\x00\x00", "invalid_utf8")
    topic.bad(head + b"\x02" + b"\x02x" + b"\x08" + b"\x00", "unknown_enum", "number_out_of_range", "wrong_type")
    topic.bad(head + b"\x02" + b"\x01", "truncated", "number_out_of_range", "wrong_type", "too_large")
    topic.bad(head + b"\xfe\xff\xff\xff\x7f" + b"\x02x" + b"\x00\x00", "number_out_of_range")
    topic.bad(head + b"\xff" * 12, "number_out_of_range", "truncated", "wrong_type")
    topic.bad(head + b"\x02\x02x\x00" + b"\xfe\xff\xff\xff\xff\xff\xff\xff\x7f", "truncated", "too_large", "number_out_of_range")
    topic.bad(b"no magic", "no_framing")
    topic.bad(b"", "no_framing", "truncated")
    topic.bad(b'{"n":1}', "no_framing")
    topic.bad(b"\0\0\0\x27\x0f" + whole[5:], "unknown_schema")
    broken = lane.registry.register("broken", {"schema": '{"type": "record", "name": ', "schemaType": "AVRO"})["id"]
    topic.bad(b"\0" + broken.to_bytes(4, "big") + whole[5:], "unsupported_schema")
    types = {"n": "int", "s": "string", "e": "string", "l": ["list", "long"]}
    return topic.check(registry=lane.registry, value="registry", types=types)


@case("tables")
def bad_protobuf_costs_itself_alone(lane):
    text = 'syntax = "proto3"; message P { int32 n = 1; string s = 2; repeated int64 l = 3; P2 inner = 4; } message P2 { string t = 1; }'
    kind = real.compiled(lane.registry, poison=text)("P")
    values = real.protobuf(lane.registry, "poison.proto", kind)

    def good(number):
        return values(kind(n=number, s=f"t{number}", l=[number])), {"n": number, "s": f"t{number}", "l": [number], "inner": None}

    topic = Poisoned(lane, "poison.proto", good)
    whole = values(kind(n=1, s="text", l=[1, 2], inner={"t": "x"}))
    head = whole[:6]
    for cut in (7, 9, 12, len(whole) - 1):
        topic.bad(whole[:cut], "truncated")
    topic.bad(head + b"\x12\x02\xff\xfe", "invalid_utf8")
    topic.bad(head + b"\x22\x04\x0a\x02\xff\xfe", "invalid_utf8")
    topic.bad(head + b"\x08" + b"\xff" * 11, "number_out_of_range", "truncated", "wrong_type")
    topic.bad(head + b"\x0f\x01", "wrong_type", "truncated", "number_out_of_range")
    topic.bad(head + b"\x12\xff\xff\xff\xff\x0f", "truncated", "too_large")
    topic.bad(whole[:5] + b"\x02\x0e" + whole[6:], "no_framing", "unknown_schema", "unsupported_schema", "wrong_type")
    topic.bad(b"\x00\x00", "truncated", "no_framing")
    topic.bad(b"\x08\x01", "no_framing")
    types = {"n": "int", "s": "string", "l": ["list", "long"], "inner": ["struct", {"t": "string"}]}
    return topic.check(registry=lane.registry, value="registry", types=types)


@case("tables")
def a_bad_key_is_a_dead_letter_too_and_a_text_must_be_one(lane):
    sent = Sent(lane, "poison.keys", framed=False)
    sent.send(b"fine", {"kafka_value": "fine", "key_id": 1}, key=b'{"id":1}')
    sent.send(b"\xff\xfe", None, key=b'{"id":2}')
    sent.send(b"fine", None, key=b"no json")
    sent.send(None, {"kafka_value": None, "key_id": None}, key=None)
    sent.offload()
    fields = declared(lane, "key", [{"name": "id", "type": "long"}])
    reasons = {1: {"invalid_utf8"}, 2: {"not_json"}}
    for catalog, exporter in lane.exporters({"name": "poison\\.keys", "key": "json", "key_fields": fields, "value": "string"}):
        exporter.run()
        lane.hold(lane.table(catalog, "poison.keys"), sent.expected(), types={"key_id": "long"})
        lane.hold_dead(lane.table(catalog, "poison.keys", "_dlq"), sent.dead(), reasons)
