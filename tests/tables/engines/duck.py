"""DuckDB with its iceberg extension: `ATTACH` for a REST catalog, `iceberg_scan` of the metadata file otherwise."""

import functools
import re
import threading

from catalogs import ACCESS, REGION, SECRET
from engines.arrow import rows_of

name = "duckdb"
equality_deletes = True
lock = threading.Lock()


@functools.cache
def session():
    """One connection, with the extensions that came as wheels: nothing is downloaded."""
    import duckdb
    from duckdb_extensions import import_extension

    con = duckdb.connect(config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false", "threads": "2"})
    for extension in ("avro", "httpfs", "iceberg"):
        import_extension(extension, con=con)
        con.execute(f"LOAD {extension}")
    con.execute("SET TimeZone='UTC'")
    return con


def secret(endpoint):
    host = endpoint.removeprefix("http://")
    return (
        f"CREATE OR REPLACE SECRET s3 (TYPE s3, KEY_ID '{ACCESS}', SECRET '{SECRET}', REGION '{REGION}', ENDPOINT '{host}', "
        "URL_STYLE 'path', USE_SSL false)"
    )


def attach(catalog):
    return (
        f"ATTACH OR REPLACE '{catalog.bucket}' AS lakehouse (TYPE iceberg, ENDPOINT '{catalog.rest}', CLIENT_ID '{ACCESS}', "
        f"CLIENT_SECRET '{SECRET}', OAUTH2_SERVER_URI '{catalog.rest}/v1/oauth/tokens', ACCESS_DELEGATION_MODE 'none')"
    )


def source(table):
    """What stands behind FROM."""
    con = session()
    if table.catalog.kind == "fs":
        return f"iceberg_scan('{table.metadata_location()}')"
    con.execute(secret(table.catalog.s3))
    if table.catalog.kind == "rest":
        # Anew each time: it remembers what it has read of a table.
        con.execute(attach(table.catalog))
        return f"lakehouse.{table.namespace}.{table.name}"
    return f"iceberg_scan('{table.metadata_location()}')"


def arrow(sql):
    with lock:
        answer = session().execute(sql).arrow()
    return answer.read_all() if hasattr(answer, "read_all") else answer


def execute(sql):
    with lock:
        session().execute(sql)


def rows(table):
    return rows_of(arrow(f"SELECT * FROM {source(table)}"))


def count(table):
    return arrow(f"SELECT count(*) AS n FROM {source(table)}").column(0)[0].as_py()


def through_view(table, text):
    """Rows of a view that `text` makes over the table, under the table's own names."""
    con = session()
    con.execute(f'CREATE SCHEMA IF NOT EXISTS "{table.namespace}"')
    con.execute(f'CREATE OR REPLACE VIEW "{table.namespace}"."{table.name}" AS SELECT * FROM {source(table)}')
    con.execute(text)
    return rows_of(arrow(f"SELECT * FROM {re.search(r'CREATE OR REPLACE VIEW (.+) AS', text)[1]}"))
