"""Debezium's records once more in Avro, by Confluent's serializer, in the schemas that its AvroConverter for Connect makes.

That converter is not to be had from Maven Central; the records are the connector's own, and this is the form most people have them in.
"""

import base64
import json

import real
from cdc.envelope import scaled
from shared import Failed

PLAIN = {"int16": "int", "int32": "int", "int64": "long", "string": "string", "boolean": "boolean", "double": "double", "float": "float", "bytes": "bytes"}
DECIMAL = "org.apache.kafka.connect.data.Decimal"


def avro_type(schema, known):
    """What AvroConverter makes of a Connect schema. A record that comes twice is named the second time."""
    kind = schema["type"]
    told = {}
    if kind == "struct":
        full = schema.get("name") or f"ConnectDefault{len(known)}"
        if full in known:
            return full
        known.add(full)
        space, _, name = full.rpartition(".")
        fields = [field_of(field, known) for field in schema["fields"]]
        told = {"type": "record", "name": name, **({"namespace": space} if space else {}), "fields": fields}
    elif kind == "array":
        told = {"type": "array", "items": optional(schema["items"], known)}
    elif "name" not in schema:
        return PLAIN[kind]
    else:
        told = {"type": PLAIN[kind]}
    if schema.get("name") == DECIMAL:
        scale = int(schema["parameters"]["scale"])
        told |= {"logicalType": "decimal", "scale": scale, "precision": int(schema["parameters"].get("connect.decimal.precision", 64))}
    if "version" in schema:
        told["connect.version"] = schema["version"]
    if "parameters" in schema:
        told["connect.parameters"] = schema["parameters"]
    if "name" in schema:
        told["connect.name"] = schema["name"]
    return told


def optional(schema, known):
    told = avro_type(schema, known)
    return ["null", told] if schema.get("optional") else told


def field_of(schema, known):
    told = {"name": schema["field"], "type": optional(schema, known)}
    return {**told, "default": None} if schema.get("optional") else told


def value(schema, told):
    """As fastavro takes it."""
    if told is None:
        return None
    kind = schema["type"]
    if schema.get("name") == DECIMAL:
        return scaled(told, int(schema["parameters"]["scale"]))
    if kind == "bytes":
        return base64.b64decode(told)
    if kind == "array":
        return [value(schema["items"], item) for item in told]
    if kind == "struct":
        return {field["field"]: value(field, told.get(field["field"])) for field in schema["fields"]}
    return told


class Bridge:
    """Copies what is new of a topic into another. Remembers which record each copy is of."""

    def __init__(self, stand, registry, topic, to):
        self.stand, self.registry, self.topic, self.to = stand, registry, topic, to
        self.done, self.serializers, self.origins = {}, {}, {}

    def serializer(self, schema, key):
        known = json.dumps(schema, sort_keys=True)
        if (known, key) not in self.serializers:
            text = json.dumps(avro_type(schema, set()))
            self.serializers[known, key] = real.avro(self.registry, self.to, text, key=key)
        return self.serializers[known, key]

    def side(self, data, key):
        if data is None:
            return None
        told = json.loads(data)
        return self.serializer(told["schema"], key)(value(told["schema"], told["payload"]))

    def run(self):
        client = self.stand.producer(enable_idempotence=True)
        for record in self.stand.records(self.topic, dict.fromkeys(range(self.stand.partitions[self.topic]), 2**62)):
            if record.offset < self.done.get(record.partition, 0):
                continue
            self.done[record.partition] = record.offset + 1
            if record.key is None and record.value is None:
                continue  # the stand's own, that seals a segment

            def told(error, message, record=record):
                if error:
                    raise Failed(f"{self.to}: {error}")
                self.origins[message.partition(), message.offset()] = record

            client.produce(
                self.to, key=self.side(record.key, True), value=self.side(record.value, False), partition=record.partition, timestamp=record.timestamp,
                on_delivery=told,
            )
        if client.flush(60):
            raise Failed(f"{self.to}: not all was acknowledged")

    def origin(self, record):
        """The record of the connector that this is a copy of, or None for one of the stand's own."""
        return self.origins.get((record.partition, record.offset))
