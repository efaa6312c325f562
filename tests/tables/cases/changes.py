"""Change data capture: a real PostgreSQL, through Debezium's own connector in a real Connect worker, into a changelog and a current table."""

import functools

import expected
import kafka
import tables
from cdc.bridge import Bridge
from cdc.connect import Connect, debezium
from cdc.envelope import enveloped, unwrapped
from cdc.postgres import Postgres
from engines import duck, iceberg
from lane import case
from shared import Failed, wait_until

CUSTOMERS = """CREATE TABLE customers(id bigint PRIMARY KEY, name text, balance numeric(12,2), born date, "At" timestamptz, wall timestamp, tags text[],
  extra jsonb, u uuid, ok boolean, f double precision, free numeric, small int)"""
# What psql is asked for, so that each column is in the form that the table has. Debezium leaves out zeros at a number's end.
SELECTED = 'id, name, balance, born, "At" AS at, wall, tags, extra::text AS extra, u::text AS u, ok, f, trim_scale(free)::text AS free, small'
TABLES = {
    "customers": (CUSTOMERS, 2), "stock": ("CREATE TABLE stock(shop int, item text, n int, PRIMARY KEY (shop, item))", 1),
    "docs": ("CREATE TABLE docs(id int PRIMARY KEY, body text, n int); ALTER TABLE docs REPLICA IDENTITY FULL", 1),
    "notes": ("CREATE TABLE notes(id int PRIMARY KEY, body text, n int)", 1), "marks": ("CREATE TABLE marks(id int PRIMARY KEY)", 1),
}
# What the connectors write: JSON with its schema beside it. `shop` and `flat` are theirs, `avro` has the records of `shop` in Avro.
FORMS = {
    "shop": {"cdc": "debezium"}, "flat": {"cdc": "unwrapped"},
    "avro": {"cdc": "debezium", "key": "registry", "value": "registry"},
}
WRAP = "io.debezium.transforms.ExtractNewRecordState"


class Source:
    """PostgreSQL and Connect with a connector of envelopes and one that unwraps them, shared by the cases of the lane."""

    def __init__(self, lane):
        stand = self.stand = lane.stand
        self.postgres = Postgres(stand.home, stand.logs)
        self.connect = Connect(stand.home, stand.logs, stand.cluster.bootstrap, kafka.VERSION)
        self.marks = 0
        for name, (text, partitions) in TABLES.items():
            self.postgres.sql(text)
            for prefix in FORMS:
                stand.topic(f"{prefix}.public.{name}", partitions)
        self.bridges = {name: Bridge(stand, lane.registry, f"shop.public.{name}", f"avro.public.{name}") for name in TABLES}
        self.fill()
        every = [f"public.{name}" for name in TABLES]
        self.connect.connectors = {
            "shop": debezium("shop", self.postgres, "shop", every),
            "flat": debezium(
                "flat", self.postgres, "flat", every, transforms="unwrap", transforms__unwrap__type=WRAP,
                transforms__unwrap__delete__tombstone__handling__mode="rewrite", transforms__unwrap__add__fields="op,lsn,source.ts_ms",
            ),
        }
        self.connect.start()

    def fill(self):
        self.postgres.sql("""
          INSERT INTO customers SELECT i, 'name ' || i, i * 1.25, date '1969-12-25' + i, timestamptz '2026-01-01 00:00:00.123456Z' + i * interval '1 hour',
            timestamp '1969-12-31 23:59:59.5' + i * interval '1 day', ARRAY['a', NULL, 't' || i], jsonb_build_object('x', i),
            ('00112233-4455-6677-8899-aabbccddee' || lpad(i::text, 2, '0'))::uuid, i % 2 = 0, i / 8.0, i / 1000.0, i FROM generate_series(1, 40) i;
          INSERT INTO customers(id) VALUES (100), (-9223372036854775808);
          INSERT INTO stock SELECT i / 5, 'item ' || i % 5, i FROM generate_series(0, 24) i;
          INSERT INTO docs SELECT i, (SELECT string_agg(md5((i * 1000 + j)::text), '') FROM generate_series(1, 400) j), i FROM generate_series(1, 6) i;
          INSERT INTO notes SELECT id, body, n FROM docs""")

    def settle(self):
        """Until both connectors have told all that was done before."""
        self.marks += 1
        self.postgres.sql(f"INSERT INTO marks VALUES ({self.marks})")
        for prefix in ("shop", "flat"):
            topic = f"{prefix}.public.marks"
            wait_until(f"mark {self.marks} in {topic}", 60, lambda t=topic: self.seen(t))

    def seen(self, topic):
        records = expected.records(self.stand.broker, topic, 1, {0: 2**62})
        return any(f'"id":{self.marks}' in record.value.decode().replace(" ", "") for record in records if record.value)

    def offload(self, *names):
        """All that was done at the source is in the tier, in each form."""
        self.settle()
        for name in names:
            self.bridges[name].run()
        self.stand.offload(*[f"{prefix}.public.{name}" for prefix in FORMS for name in names])

    def decoders(self, name):
        """How the records of each form are read."""
        def bridged(record):
            origin = self.bridges[name].origin(record)
            return origin and enveloped(origin)

        return {"shop": enveloped, "flat": unwrapped, "avro": bridged}

    def rows(self, name):
        """The table as it is at the source."""
        found = self.postgres.rows(f"(SELECT {SELECTED if name == 'customers' else '*'} FROM {name})")
        for row in found:
            if row.get("f") is not None:
                row["f"] = float(row["f"])
        return found


@functools.cache
def source(lane):
    return Source(lane)


def exporters(lane, *names, **more):
    topics = [{"name": f"{prefix}\\.public\\.{name}", "cdc_current": True, **form, **more} for prefix, form in FORMS.items() for name in names]
    return lane.exporters(*topics, registry=lane.registry)


def rows_of(lane, topic, decode):
    """What the changelog is to hold."""
    records = lane.stand.records(topic)
    return [{**expected.row(record), **row} for record in records if (row := decode(record)) is not None]


def hold_changelog(lane, catalog, topic, decode):
    table = lane.table(catalog, topic)
    rows = rows_of(lane, topic, decode)
    names = set().union(*rows) if rows else set()
    columns = [(name, kind) for name, kind in table.columns() if name in names or name.lower() in {one.lower() for one in names}]
    lower = [{name.lower(): item for name, item in row.items()} for row in rows]
    filled = [{**dict.fromkeys(name for name, _ in columns), **row} for row in lower]
    tables.hold(table, filled, [*lane.engines, iceberg], columns=columns, counted=lane.compared)


def hold_current(lane, catalog, topic, rows, key):
    """The current table is the source's, and one row a key."""
    table = lane.table(catalog, topic, "_current")
    names = set(rows[0]) if rows else {name for name, _ in table.columns()}
    columns = [(name, kind) for name, kind in table.columns() if name in names]
    if missing := names - {name for name, _ in columns}:
        raise Failed(f"{table} has no {missing}")
    tables.hold(table, rows, lane.engines, columns=columns, key=key, counted=lane.compared)


def hold_all(lane, of, found, name, key, forms=tuple(FORMS)):
    """Both tables of each form."""
    of.offload(name)
    for catalog, exporter in found:
        exporter.run()
        hold_forms(lane, of, catalog, name, key, forms)


def hold_forms(lane, of, catalog, name, key, forms=tuple(FORMS)):
    for prefix, decode in of.decoders(name).items():
        hold_changelog(lane, catalog, f"{prefix}.public.{name}", decode)
        if prefix in forms:
            hold_current(lane, catalog, f"{prefix}.public.{name}", of.rows(name), key)


TYPES = [
    ("id", "long"), ("name", "string"), ("balance", "decimal(12, 2)"), ("born", "date"), ("at", "timestamptz"), ("wall", "timestamp"),
    ("tags", {"type": "list", "element": "string"}), ("extra", "string"), ("u", "string"), ("ok", "boolean"), ("f", "double"), ("free", "string"), ("small", "long"),
]


@case("cdc")
def the_rig_reads_changes_as_they_are_at_the_source(lane):
    """Its own reading of Debezium's records, folded by key, is the source's table."""
    of = source(lane)
    of.postgres.sql("UPDATE customers SET name = 'before', id = id + 500 WHERE id = 40; DELETE FROM customers WHERE id = 39")
    of.offload("customers")
    for prefix, decode in of.decoders("customers").items():
        state = {}
        for row in rows_of(lane, f"{prefix}.public.customers", decode):
            row = {name.lower(): item for name, item in row.items()}
            if row["cdc_op"] == "d":
                state.pop(row["id"], None)
            else:
                state[row["id"]] = row
        seen, wanted = (tables.Seen(name, rows, TYPES, ("id",)) for name, rows in (("changes", state.values()), ("source", of.rows("customers"))))
        if faults := list(seen.differences(wanted)):
            raise Failed(f"{prefix}: {len(faults)} differ: {faults[:3]}")
        lane.compared.append((prefix, "rig", seen.count()))


@case("cdc")
def changes_of_rows_and_of_keys_and_a_connector_that_is_killed(lane):
    of = source(lane)
    found = exporters(lane, "customers")
    hold_all(lane, of, found, "customers", ("id",))
    sql = of.postgres.sql
    sql("UPDATE customers SET name = 'changed ' || id, balance = NULL WHERE id % 3 = 0; DELETE FROM customers WHERE id % 7 = 0")
    sql("INSERT INTO customers(id, name) VALUES (200, 'new'); UPDATE customers SET id = 201 WHERE id = 200; DELETE FROM customers WHERE id = 1")
    sql("INSERT INTO customers(id, name) VALUES (1, 'again'); BEGIN; UPDATE customers SET small = -1; ROLLBACK")
    # The same key many times in one round, the last of which is a delete, or is not.
    sql("DO $$BEGIN FOR i IN 1..20 LOOP UPDATE customers SET small = i WHERE id IN (2, 4); END LOOP; END$$; DELETE FROM customers WHERE id = 4")
    hold_all(lane, of, found, "customers", ("id",))
    # Down in the middle of changes: what it had not noted it tells again.
    sql("UPDATE customers SET name = name || ' 1'")
    of.connect.kill()
    sql("UPDATE customers SET name = name || ' 2'; INSERT INTO customers(id) SELECT 300 + i FROM generate_series(1, 5) i; DELETE FROM customers WHERE id = 2")
    of.connect.start()
    hold_all(lane, of, found, "customers", ("id",))


@case("cdc")
def a_schema_that_changes_at_the_source(lane):
    of = source(lane)
    found = exporters(lane, "customers")
    sql = of.postgres.sql
    sql("ALTER TABLE customers ADD COLUMN added text DEFAULT 'was there'; ALTER TABLE customers ALTER COLUMN small TYPE bigint")
    sql("UPDATE customers SET small = 5000000000, added = 'now' WHERE id % 2 = 0; INSERT INTO customers(id, added) VALUES (400, NULL)")
    of.offload("customers")
    for catalog, exporter in found:
        exporter.run()
        # Rows that were not touched keep null in the new column: what a default is, the source's log does not say.
        hold_forms(lane, of, catalog, "customers", ("id",))
        rows = {row["id"]: row["added"] for row in of.postgres.rows("(SELECT id, added FROM customers WHERE id % 2 = 0 OR id = 400)")}
        for prefix in FORMS:
            table = lane.table(catalog, f"{prefix}.public.customers", "_current")
            told = {row["id"]: row["added"] for row in duck.rows(table) if row["id"] in rows}
            if told != rows or table.type_of("small") != "long":
                raise Failed(f"{table}: added is {told}, expected {rows}; small is {table.type_of('small')}")


@case("cdc")
def a_table_that_is_emptied_and_a_key_of_two_columns(lane):
    of = source(lane)
    found = exporters(lane, "stock", **{"cdc_truncate": "delete"})
    hold_all(lane, of, found, "stock", ("shop", "item"))
    of.postgres.sql("UPDATE stock SET n = -n WHERE shop = 1; UPDATE stock SET shop = 9 WHERE shop = 2; TRUNCATE stock")
    of.postgres.sql("INSERT INTO stock VALUES (1, 'item 1', 77), (10, 'new', 1)")
    # What unwraps the records drops those that empty a table.
    hold_all(lane, of, found, "stock", ("shop", "item"), ("shop", "avro"))


@case("cdc")
def values_that_the_source_left_out(lane):
    """With the whole row in the log all is told; without it the current table stops rather than to lose a value."""
    of = source(lane)
    found = exporters(lane, "docs", "notes")
    for name in ("docs", "notes"):
        hold_all(lane, of, found, name, ("id",))
    before = of.rows("notes")
    of.postgres.sql("UPDATE docs SET n = n + 1; UPDATE notes SET n = n + 1")
    of.offload("docs", "notes")
    for catalog, exporter in found:
        exporter.run(codes=(4, 5))
        hold_forms(lane, of, catalog, "docs", ("id",))
        for prefix, decode in of.decoders("notes").items():
            changelog = lane.table(catalog, f"{prefix}.public.notes")
            hold_changelog(lane, catalog, f"{prefix}.public.notes", decode)
            hold_current(lane, catalog, f"{prefix}.public.notes", before, ("id",))
            told = {row["body"] for row in duck.rows(changelog) if row["cdc_op"] == "u"}
            if told != {"__debezium_unavailable_value"}:
                raise Failed(f"{changelog} says {str(told)[:200]} of values that were left out")


@case("cdc")
def the_view_of_a_changelog_is_the_source(lane):
    of = source(lane)
    found = exporters(lane, "customers")
    hold_all(lane, of, found, "customers", ("id",))
    for catalog, exporter in found:
        table = lane.table(catalog, "shop.public.customers")
        text = exporter.command("export", "view", "--topic", "shop\\.public\\.customers", "--dialect", "duckdb").decode()
        rows = duck.through_view(table, text)
        wanted = of.rows("customers")
        columns = [(name, kind) for name, kind in table.columns() if wanted and name in wanted[0]]
        faults = list(tables.Seen("the view", rows, columns, ("id",)).differences(tables.Seen("the source", wanted, columns, ("id",))))
        if faults:
            raise Failed(f"the view of {table} differs from the source: {faults[:3]}\n{text}")
        lane.compared.append((f"view of {table}", "duckdb", len(rows)))
