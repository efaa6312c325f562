"""Rows of an Arrow table as dictionaries."""

import pyarrow as pa


def rows_of(arrow):
    """Durations of the day and times come as whole microseconds: Python's own types would round what is finer."""
    columns = {}
    for field, column in zip(arrow.schema, arrow.columns, strict=True):
        columns[field.name] = plain(field.type, column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column)
    names = list(columns)
    return [dict(zip(names, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def plain(kind, column):
    if pa.types.is_time64(kind) and kind.unit == "us":
        column = column.cast(pa.int64())
    elif pa.types.is_timestamp(kind) and kind.unit == "ms":
        column = column.cast(pa.timestamp("us", kind.tz))
    return column.to_pylist(maps_as_pydicts=None)
