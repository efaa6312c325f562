"""Confluent's own serializers, against the registry of the lane: the bytes are theirs."""

import importlib.resources
import pathlib
import tempfile
import warnings

from shared import Failed


def client(registry):
    from confluent_kafka.schema_registry import SchemaRegistryClient

    return SchemaRegistryClient({"url": registry.url})


class Serializer:
    """`serializer(value)` gives bytes, or bytes and headers where the schema is named there."""

    def __init__(self, inner, topic, key=False, in_header=False):
        from confluent_kafka.serialization import MessageField, SerializationContext

        self.inner, self.in_header = inner, in_header
        self.context = lambda headers: SerializationContext(topic, MessageField.KEY if key else MessageField.VALUE, headers)

    def __call__(self, value):
        headers = []
        data = self.inner(value, self.context(headers))
        return (data, headers) if self.in_header else data


def settings(in_header):
    from confluent_kafka.schema_registry import header_schema_id_serializer

    return {"schema.id.serializer": header_schema_id_serializer} if in_header else {}


def avro(registry, topic, schema, key=False, in_header=False, references=()):
    from confluent_kafka.schema_registry import Schema, SchemaReference
    from confluent_kafka.schema_registry.avro import AvroSerializer

    known = client(registry)
    for name, subject, text in references:
        known.register_schema(subject, Schema(text, "AVRO"))
    told = Schema(schema, "AVRO", [SchemaReference(name, subject, 1) for name, subject, _ in references])
    return Serializer(AvroSerializer(known, told, conf=settings(in_header)), topic, key, in_header)


def json_schema(registry, topic, schema, key=False, in_header=False):
    from confluent_kafka.schema_registry.json_schema import JSONSerializer

    return Serializer(JSONSerializer(schema, client(registry), lambda value, _: value, conf=settings(in_header)), topic, key, in_header)


def protobuf(registry, topic, message, key=False, in_header=False):
    from confluent_kafka.schema_registry.protobuf import ProtobufSerializer

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        inner = ProtobufSerializer(message, client(registry), {"use.deprecated.format": False, **settings(in_header)})
    return Serializer(inner, topic, key, in_header)


def compiled(registry, **files):
    """Message classes of `.proto` texts, by full name, as protoc makes them. The client library registers a descriptor; a real
    registry gives it out as text, and so does ours: that text."""
    import base64

    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    from grpc_tools import protoc

    with tempfile.TemporaryDirectory() as home:
        for name, text in files.items():
            (pathlib.Path(home) / f"{name}.proto").write_text(text)
        known = importlib.resources.files("grpc_tools") / "_proto"
        out = pathlib.Path(home) / "set"
        argv = ["protoc", f"-I{home}", f"-I{known}", f"--descriptor_set_out={out}", "--include_imports", *(f"{home}/{name}.proto" for name in files)]
        if protoc.main(argv):
            raise Failed(f"protoc refuses {list(files)}")
        found = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in found.file:
        pool.Add(file)
    for name, text in files.items():
        serialized = pool.FindFileByName(f"{name}.proto").serialized_pb
        registry.texts[base64.standard_b64encode(serialized).decode()] = text
    return lambda name: message_factory.GetMessageClass(pool.FindMessageTypeByName(name))
