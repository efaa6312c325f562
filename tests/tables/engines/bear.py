"""polars: `scan_iceberg`."""

from catalogs import s3_environment
from engines import iceberg
from engines.arrow import rows_of

name = "polars"
equality_deletes = False


def frame(table):
    import polars

    options = None
    if table.catalog.kind != "fs":
        told = s3_environment(table.catalog.s3)
        options = {key.lower(): value for key, value in told.items() if key.startswith("AWS_")} | {"aws_allow_http": "true"}
    return polars.scan_iceberg(iceberg.open_table(table), storage_options=options)


def rows(table):
    return rows_of(frame(table).collect().to_arrow())


def count(table):
    import polars

    return frame(table).select(polars.len()).collect().item()
