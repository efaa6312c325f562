"""A table as the tests name it, and whether engines see in it what they should.

What its columns are is read from its own metadata, by this module alone; no engine is asked what it thinks the types are.
"""

import collections
import json

from canonical import digest, text
from catalogs import NAMESPACE
from shared import Failed

# By which rows are told apart, unless a test says otherwise.
POSITION = ("kafka_partition", "kafka_offset")
SHOWN = 5


class Table:
    """One table of one catalog."""

    def __init__(self, catalog, name):
        self.catalog, self.name, self.namespace = catalog, name, NAMESPACE

    def __str__(self):
        return f"{self.catalog.kind}:{self.namespace}.{self.name}"

    def exists(self):
        return self.catalog.metadata_location(self.name) is not None

    def metadata_location(self):
        at = self.catalog.metadata_location(self.name)
        if at is None:
            raise Failed(f"{self} is not in its catalog")
        return at

    def metadata(self):
        metadata = self.catalog.metadata(self.name)
        if metadata is None:
            raise Failed(f"{self} is not in its catalog")
        return metadata

    def fields(self):
        """The fields of the current schema, as the metadata has them."""
        metadata = self.metadata()
        return next(one for one in metadata["schemas"] if one["schema-id"] == metadata["current-schema-id"])["fields"]

    def columns(self):
        """`[(name, type)]`"""
        return [(field["name"], field["type"]) for field in self.fields()]

    def type_of(self, name):
        found = [field["type"] for field in self.fields() if field["name"] == name]
        if not found:
            raise Failed(f"{self} has no column {name}; it has {[field['name'] for field in self.fields()]}")
        return found[0]

    def snapshots(self):
        return self.metadata().get("snapshots") or []

    def head(self):
        """The current snapshot, or None."""
        metadata = self.metadata()
        current = metadata.get("current-snapshot-id", -1)
        return next((one for one in metadata.get("snapshots") or [] if one["snapshot-id"] == current), None)

    def properties(self):
        return self.metadata().get("properties") or {}


class Seen:
    """Rows of one reader: a checksum for each key, and the rows by their text for those that differ."""

    def __init__(self, reader, rows, columns, key=POSITION):
        self.reader, self.columns, self.key = reader, columns, key
        self.digests, self.texts = collections.defaultdict(list), {}
        for row in rows:
            if missing := [name for name, _ in columns if name not in row]:
                raise Failed(f"{reader}: a row has no {missing}; it has {sorted(row)}")
            where = tuple(digest(row, [(name, kind)]) if isinstance(row[name], (dict, list)) else plain(row[name]) for name, kind in columns if name in key)
            one = digest(row, columns)
            self.digests[where].append(one)
            self.texts[one] = text(row, columns)

    def count(self):
        return sum(map(len, self.digests.values()))

    def differences(self, expected):
        """What is lost, doubled, foreign or other than expected, a line for each."""
        for where in sorted(expected.digests.keys() | self.digests.keys(), key=repr):
            mine, wanted = sorted(self.digests.get(where, [])), sorted(expected.digests.get(where, []))
            if mine == wanted:
                continue
            if not mine:
                yield f"{where} is lost: {expected.texts[wanted[0]]}"
            elif not wanted:
                yield f"{where} is nobody's: {self.texts[mine[0]]}"
            elif len(mine) != len(wanted):
                yield f"{where} is there {len(mine)} times, expected {len(wanted)}"
            else:
                yield f"{where} is\n    {self.told(self.texts[mine[0]], expected.texts[wanted[0]])}"

    def told(self, mine, wanted):
        """The columns that differ."""
        pairs = zip(self.columns, json.loads(mine), json.loads(wanted), strict=True)
        return "; ".join(f"{name} {one!r:.300}, expected {other!r:.300}" for (name, _), one, other in pairs if one != other)


def plain(value):
    return value if isinstance(value, (int, str, bytes, type(None))) else str(value)


def shown(engine, row, columns):
    """The row as far as the engine can tell it: what it has no type for it cannot be held to."""
    return {name: engine.shows(row[name], kind) for name, kind in columns} if hasattr(engine, "shows") else row


def hold(table, expected, engines, columns=None, key=POSITION, counted=None):
    """Reads the table by each engine and compares counts and each row's checksum. Answers the number of comparisons made.

    `expected` is a list of rows. `columns` may leave some out, or name types; each column of the table is compared otherwise.
    """
    columns = columns or table.columns()
    if len(engines) < 2:
        raise Failed(f"{table} is to be read by two engines at least")
    for engine in engines:
        wanted = Seen("expected", [shown(engine, row, columns) for row in expected], columns, key)
        seen = Seen(engine.name, engine.rows(table), columns, key)
        faults = list(seen.differences(wanted))
        if faults:
            first = "\n  ".join(faults[:SHOWN])
            raise Failed(f"{table} by {engine.name}: {seen.count()} rows, expected {wanted.count()}; {len(faults)} differ:\n  {first}")
        told = engine.count(table)
        if told != wanted.count():
            raise Failed(f"{table} by {engine.name}: count(*) says {told}, its rows are {wanted.count()}")
        if counted is not None:
            counted.append((str(table), engine.name, wanted.count()))
    return len(engines)
