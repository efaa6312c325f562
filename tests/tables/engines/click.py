"""ClickHouse, as the library chdb: `icebergLocal` and `icebergS3` read from the newest metadata file below the table."""

import io

import pyarrow as pa
from canonical import of_time
from catalogs import ACCESS, SECRET
from engines.arrow import rows_of

name = "clickhouse"
equality_deletes = True
# Bytes stay bytes; what it reads of a table's metadata is not remembered.
SETTINGS = "output_format_arrow_string_as_string=0, output_format_arrow_fixed_string_as_fixed_byte_array=1, use_iceberg_metadata_files_cache=0"


def source(table):
    place = table.catalog.place(table.name)
    if table.catalog.kind == "fs":
        return f"icebergLocal('{place}')"
    path = str(place).removeprefix("s3://")
    return f"icebergS3('{table.catalog.s3}/{path}/', '{ACCESS}', '{SECRET}')"


def arrow(sql):
    import chdb

    return read(chdb.query(f"{sql} SETTINGS {SETTINGS}", "ArrowStream"))


def read(answer):
    return pa.ipc.open_stream(io.BytesIO(answer.bytes())).read_all()


def rows(table):
    found = rows_of(arrow(f"SELECT * FROM {source(table)}"))
    for column, kind in table.columns():
        for row in found:
            row[column] = as_told(row[column], kind)
    return found


def as_told(value, kind):
    """It has one type for bytes and text, and no time without a zone: UTC stands for none."""
    if value is None:
        return None
    if kind == "string" and isinstance(value, bytes):
        return value.decode()
    if kind == "timestamp":
        return value.replace(tzinfo=None)
    if isinstance(kind, dict) and kind["type"] == "list":
        return [as_told(item, kind["element"]) for item in value]
    if isinstance(kind, dict) and kind["type"] == "map":
        return [(as_told(key, kind["key"]), as_told(item, kind["value"])) for key, item in value]
    if isinstance(kind, dict):
        return {field["name"]: as_told(value[field["name"]], field["type"]) for field in kind["fields"]}
    return value


def count(table):
    return arrow(f"SELECT count() AS n FROM {source(table)}").column(0)[0].as_py()


def shows(value, kind):
    """It knows no null of a list, a map or a structure, and of a time of day the seconds only."""
    if isinstance(kind, dict):
        if kind["type"] == "list":
            return [shows(item, kind["element"]) for item in value or []]
        if kind["type"] == "map":
            pairs = value.items() if isinstance(value, dict) else value or []
            return [(key, shows(item, kind["value"])) for key, item in pairs]
        return {field["name"]: shows((value or {}).get(field["name"]), field["type"]) for field in kind["fields"]}
    if kind == "time" and value is not None:
        return of_time(value) // 1_000_000
    return value
