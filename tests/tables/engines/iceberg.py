"""pyiceberg: through the catalog where there is one, else from the metadata file."""

from catalogs import ACCESS, REGION, SECRET
from engines.arrow import rows_of

name = "pyiceberg"
# It refuses tables with equality deletes.
equality_deletes = False


def open_table(table):
    from pyiceberg.catalog import load_catalog
    from pyiceberg.table import StaticTable

    catalog = table.catalog
    s3 = {} if catalog.kind == "fs" else {
        "s3.endpoint": catalog.s3, "s3.access-key-id": ACCESS, "s3.secret-access-key": SECRET, "s3.region": REGION, "s3.path-style-access": "true",
    }
    if catalog.kind == "rest":
        found = load_catalog("rest", **{
            "type": "rest", "uri": catalog.rest, "warehouse": catalog.bucket, "credential": f"{ACCESS}:{SECRET}",
            "oauth2-server-uri": f"{catalog.rest}/v1/oauth/tokens", **s3,
        })
        return found.load_table((table.namespace, table.name))
    if catalog.kind == "glue":
        found = load_catalog("glue", **{
            "type": "glue", "glue.endpoint": catalog.url, "glue.region": REGION, "glue.access-key-id": ACCESS,
            "glue.secret-access-key": SECRET, **s3,
        })
        return found.load_table((table.namespace, table.name))
    return StaticTable.from_metadata(table.metadata_location())


def rows(table):
    kinds = dict(table.columns())
    found = rows_of(open_table(table).scan().to_arrow())
    return [{name: shows(value, kinds[name]) for name, value in row.items()} for row in found]


def count(table):
    return open_table(table).scan().count()


def shows(value, kind):
    """It reads a null list of structures as an empty one, unless the file has no such column at all."""
    if not isinstance(kind, dict):
        return value
    if kind["type"] == "list":
        element = kind["element"]
        if value is None:
            return [] if isinstance(element, dict) else None
        return [shows(item, element) for item in value]
    if kind["type"] == "struct" and isinstance(value, dict):
        return {field["name"]: shows(value.get(field["name"]), field["type"]) for field in kind["fields"]}
    return value
