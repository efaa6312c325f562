"""Tables that pyiceberg writes: what the readers are proven on before a table of Firnline's is held against them."""

import datetime
import decimal
import math
import shutil

import pyarrow as pa
from catalogs import ACCESS, NAMESPACE, REGION, SECRET
from pyiceberg.catalog import load_catalog
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import (
    BinaryType, BooleanType, DateType, DecimalType, DoubleType, FixedType, FloatType, IntegerType, ListType, LongType, MapType, NestedField, StringType,
    StructType, TimestampType, TimestamptzType, TimeType, UUIDType,
)

UTC = datetime.timezone.utc
# Every type that a table of ours may have. Spark has no time of day.
SCHEMA = Schema(
    NestedField(1, "kafka_partition", IntegerType(), required=True),
    NestedField(2, "kafka_offset", LongType(), required=True),
    NestedField(3, "kafka_timestamp", TimestamptzType()),
    NestedField(4, "kafka_value", BinaryType()),
    NestedField(5, "yes", BooleanType()),
    NestedField(6, "small", IntegerType()),
    NestedField(7, "big", LongType()),
    NestedField(8, "single", FloatType()),
    NestedField(9, "twice", DoubleType()),
    NestedField(10, "money", DecimalType(38, 10)),
    NestedField(11, "day", DateType()),
    NestedField(12, "clock", TimeType()),
    NestedField(13, "wall", TimestampType()),
    NestedField(14, "words", StringType()),
    NestedField(15, "id", UUIDType()),
    NestedField(16, "three", FixedType(3)),
    NestedField(17, "kafka_headers", ListType(18, StructType(
        NestedField(19, "key", StringType()), NestedField(20, "value", BinaryType()),
    ), element_required=False)),
    NestedField(21, "counts", MapType(22, StringType(), 23, LongType(), value_required=False)),
    NestedField(24, "inner", StructType(NestedField(25, "a", LongType()), NestedField(26, "b", ListType(27, StringType(), element_required=False)))),
)


def all_types(count=200):
    """Rows with the ends of each type, nulls in each place where one may stand, and nothing twice."""
    first = datetime.datetime(2026, 11, 1, 23, 59, 59, 999_999, UTC)
    found = []
    for number in range(count):
        row = {"kafka_partition": number % 3, "kafka_offset": number // 3}
        if number % 7 != 3:
            row |= {
                "kafka_timestamp": first + datetime.timedelta(hours=number, microseconds=number), "kafka_value": bytes([number % 256, 0, 255]),
                "yes": number % 2 == 0, "small": (-(2**31), 2**31 - 1, 0)[number % 3], "big": (-(2**63), 2**63 - 1, number)[number % 3],
                "single": (1.5, -0.0, math.inf, math.nan, 3.4028234663852886e38)[number % 5],
                "twice": (0.1, -0.0, -math.inf, math.nan, 5e-324)[number % 5],
                "money": (decimal.Decimal("0.1"), decimal.Decimal("-9999999999999999999999999999.9999999999"), decimal.Decimal(number))[number % 3],
                "day": datetime.date(1, 1, 1) if number == 5 else datetime.date(2026, 1, 1) + datetime.timedelta(days=number),
                "clock": datetime.time(23, 59, 59, 999_999 - number), "wall": datetime.datetime(1969, 12, 31, 23, 0, 0, number),
                "words": ("", "ä€😀", "a\x00b", f"w{number}")[number % 4], "id": bytes(range(number % 16, number % 16 + 16)), "three": bytes([0, number % 256, 255]),
                "kafka_headers": [[], [{"key": "k", "value": None}], [{"key": "", "value": b""}, {"key": "k", "value": b"\x00"}]][number % 3],
                "counts": {"a": number, "b": None} if number % 2 else {}, "inner": {"a": None, "b": ["x", None]} if number % 3 else {"a": number, "b": None},
            }
        # pyiceberg writes a null list of structures as an empty one.
        row.setdefault("kafka_headers", [])
        found.append({field.name: row.get(field.name) for field in SCHEMA.fields})
    return found


# Three partitions, one of which is that of null.
PARTITIONS = PartitionSpec(PartitionField(5, 1000, IdentityTransform(), "yes"))


def write(catalog, name, rows, home, schema=SCHEMA, pieces=2):
    """Makes the table in the catalog, in some commits."""
    options = {} if catalog.kind == "fs" else {
        "s3.endpoint": catalog.s3, "s3.access-key-id": ACCESS, "s3.secret-access-key": SECRET, "s3.region": REGION, "s3.path-style-access": "true",
    }
    if catalog.kind == "rest":
        options |= {
            "type": "rest", "uri": catalog.rest, "warehouse": catalog.bucket, "credential": f"{ACCESS}:{SECRET}",
            "oauth2-server-uri": f"{catalog.rest}/v1/oauth/tokens",
        }
    elif catalog.kind == "glue":
        options |= {"type": "glue", "glue.endpoint": catalog.url, "glue.region": REGION, "glue.access-key-id": ACCESS, "glue.secret-access-key": SECRET}
    else:
        options |= {"type": "sql", "uri": f"sqlite:///{home}/{name}.db", "warehouse": f"file://{catalog.root}"}
    with_catalog = load_catalog("writer", **options)
    if catalog.kind != "glue":
        with_catalog.create_namespace_if_not_exists(NAMESPACE)
    where = {"location": f"file://{catalog.place(name)}"} if catalog.kind == "fs" else {}
    table = with_catalog.create_table((NAMESPACE, name), schema, partition_spec=PARTITIONS, **where)
    arrow = pa.Table.from_pylist(rows, schema=table.schema().as_arrow())
    step = max(1, -(-len(rows) // pieces))
    for start in range(0, len(rows), step):
        table.append(arrow.slice(start, step))
    if catalog.kind == "fs":
        # As a catalog that is a directory names it.
        at = with_catalog.load_table((NAMESPACE, name)).metadata_location.removeprefix("file://")
        shutil.copy(at, catalog.place(name) / "metadata" / "v1.metadata.json")
        (catalog.place(name) / "metadata" / "version-hint.text").write_text("1")
