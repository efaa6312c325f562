"""Debezium's records as rows of a changelog, by the words of its documentation and without any of the exporter's code.

A record is what Connect's JsonConverter writes with its schema: `{"schema": …, "payload": …}`.
"""

import base64
import datetime
import decimal
import json

EPOCH = datetime.datetime(1970, 1, 1)


def value(schema, told):
    """A value as its column has it: Connect's names say what a number or bytes are."""
    if told is None:
        return None
    name = schema.get("name")
    if name in CONVERSIONS:
        return CONVERSIONS[name](schema, told)
    kind = schema["type"]
    if kind == "bytes":
        return base64.b64decode(told)
    if kind == "array":
        return [value(schema["items"], item) for item in told]
    if kind == "struct":
        return struct(schema, told)
    return told


def struct(schema, told):
    return {field["field"]: value(field, told.get(field["field"])) for field in schema["fields"]}


def scaled(data, scale):
    number = int.from_bytes(base64.b64decode(data), "big", signed=True)
    return decimal.Decimal(number).scaleb(-scale, decimal.Context(prec=80))


CONVERSIONS = {
    "io.debezium.time.Date": lambda _, days: EPOCH.date() + datetime.timedelta(days=days),
    "io.debezium.time.MicroTime": lambda _, micros: micros,
    "io.debezium.time.MicroTimestamp": lambda _, micros: EPOCH + datetime.timedelta(microseconds=micros),
    "io.debezium.time.Timestamp": lambda _, millis: EPOCH + datetime.timedelta(milliseconds=millis),
    "io.debezium.time.ZonedTimestamp": lambda _, text: text,
    "org.apache.kafka.connect.data.Decimal": lambda schema, data: scaled(data, int(schema["parameters"]["scale"])),
    "io.debezium.data.VariableScaleDecimal": lambda _, told: format(scaled(told["value"], told["scale"]), "f"),
}


def enveloped(record):
    """The row of a record, or None where there is none: what follows a delete."""
    if record.value is None:
        return None
    told = json.loads(record.value)
    fields = {field["field"]: field for field in told["schema"]["fields"]}
    payload = told["payload"]
    image = payload["after"] if payload["after"] is not None else payload["before"]
    row = struct(fields["after"], image) if image is not None else {field["field"]: None for field in fields["after"]["fields"]}
    source = {f"cdc_source_{name}": item for name, item in payload["source"].items() if not name.startswith("ts_")}
    return {"cdc_op": payload["op"], **source, **row}


def unwrapped(record):
    """What `ExtractNewRecordState` leaves: the row, and what is about it behind two underscores."""
    if record.value is None:
        return None
    told = json.loads(record.value)
    row = struct(told["schema"], told["payload"])
    return {"cdc_op": row["__op"], **{name: item for name, item in row.items() if not name.startswith("__")}}
