"""A lane: the catalogs and the engines of one run, and the cases that it plays."""

import functools
import importlib
import pathlib

import tables
from catalogs import Directory, Moto, SeaweedFs
from exporter import Exporter, table_name
from registry import Registry
from shared import Failed
from stand import Stand

CASES = {}
# Which catalogs and engines each lane has. An engine that cannot read a catalog is left out there.
LANES = {
    "tables": (("fs", "rest"), ("iceberg", "duck", "click")),
    "glue": (("glue",), ("iceberg", "duck", "click", "bear")),
    "spark": (("fs", "rest"), ("spark", "duck")),
    "trino": (("rest", "glue"), ("trino", "duck")),
    "cdc": (("fs",), ("duck", "click")),
}


def case(*lanes):
    """A case of these lanes: a function of a lane, that answers what it has seen in a few words."""
    def taken(function):
        CASES[function.__name__] = (lanes, function)
        return function

    return taken


def load():
    for path in sorted((pathlib.Path(__file__).parent / "cases").glob("*.py")):
        if path.stem != "__init__":
            importlib.import_module(f"cases.{path.stem}")


class Lane:
    """What all cases of a run share. Servers start when they are first asked for."""

    def __init__(self, name, binary):
        self.name, self.stand = name, Stand(binary)
        self.kinds, engines = LANES[name]
        self.engines = [importlib.import_module(f"engines.{engine}") for engine in engines]
        self.compared = []
        if name == "trino":
            from engines import trino

            trino.start(self.stand.home, self.stand.logs, self.catalogs)

    @functools.cached_property
    def catalogs(self):
        return [getattr(self, kind) for kind in self.kinds]

    @functools.cached_property
    def fs(self):
        return Directory(self.stand.home)

    @functools.cached_property
    def rest(self):
        return SeaweedFs(self.stand.home, self.stand.logs)

    @functools.cached_property
    def glue(self):
        return Moto(self.stand.home, self.stand.logs)

    @functools.cached_property
    def registry(self):
        return Registry()

    def exporters(self, *topics, **settings):
        """`(catalog, exporter)` for each catalog of the lane."""
        return [(catalog, Exporter(self.stand, catalog, list(topics), **settings)) for catalog in self.catalogs]

    def table(self, catalog, topic, suffix=""):
        return tables.Table(catalog, table_name(topic) + suffix)

    def hold(self, table, rows, types=None, columns=None, **options):
        """All engines of the lane agree with the expected rows; `types` are the columns that the table has beside Kafka's."""
        if types is not None:
            have = {name: shape(kind) for name, kind in table.columns() if not name.startswith("kafka_")}
            if have != types:
                raise Failed(f"{table} has the columns {have}, expected {types}")
        engines = [engine for engine in self.engines if options.pop(engine.name, True)]
        return tables.hold(table, rows, engines, columns=columns, counted=self.compared, **options)

    def hold_dead(self, table, rows, reasons=None):
        """The table of dead letters has exactly `rows`. `reasons` says by offset which words may stand as the reason. Answers the rows
        as the first engine reads them; what is for people is not compared."""
        columns = [(name, kind) for name, kind in table.columns() if name not in ("dlq_error", "dlq_field", "exported_at")]
        found = self.engines[0].rows(table) if rows or table.exists() else []
        words = {(row["kafka_partition"], row["kafka_offset"]): row["dlq_reason"] for row in found}
        for row in rows:
            word = words.get((row["kafka_partition"], row["kafka_offset"]))
            allowed = (reasons or {}).get(row["kafka_offset"])
            if word is not None and allowed is not None and word not in allowed:
                raise Failed(f"{table}: {row['kafka_value']!r:.80} is called {word!r}, expected {sorted(allowed)}")
        wanted = [{**row, "dlq_reason": words.get((row["kafka_partition"], row["kafka_offset"]))} for row in rows]
        tables.hold(table, wanted, self.engines, columns=columns, counted=self.compared)
        return found

    def seen(self):
        """How many rows were compared since it was last asked."""
        told, self.compared = self.compared, []
        return f"{len({table for table, _, _ in told})} tables, {sum(count for _, _, count in told)} rows compared"


def shape(kind):
    """A type without ids."""
    if not isinstance(kind, dict):
        return kind.replace(" ", "") if kind.startswith("decimal") else kind
    if kind["type"] == "list":
        return ["list", shape(kind["element"])]
    if kind["type"] == "map":
        return ["map", shape(kind["key"]), shape(kind["value"])]
    return ["struct", {field["name"]: shape(field["type"]) for field in kind["fields"]}]
