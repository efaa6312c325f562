"""What docs/warehouses tells people to type works."""

import expected
import pages
from cases.jsons import declared, text
from engines import click, duck
from engines.arrow import rows_of
from exporter import Exporter
from lane import case
from sent import Sent


def orders(lane):
    """The table of the examples, in a REST catalog and in a directory. Answers how many rows it has."""
    if not hasattr(lane, "orders"):
        sent = Sent(lane, "orders", 2, framed=False)
        for number in range(120):
            value, row = text(number)
            sent.send(value, row)
        sent.offload()
        for catalog in (lane.rest, lane.fs):
            topic = {"name": "orders", "value": "json", "value_fields": declared(lane, "orders")}
            Exporter(lane.stand, catalog, [topic], name="pages").run()
        lane.orders = len(expected.rows(sent.records))
    return lane.orders


def by_duckdb(statement):
    return rows_of(duck.arrow(statement)) if statement.upper().startswith("SELECT") else duck.session().execute(statement) and []


def by_clickhouse(session):
    def say(statement):
        if statement.upper().startswith("SELECT"):
            return rows_of(click.read(session.query(statement, "ArrowStream")))
        session.query(statement)
        return []

    return say


@case("tables")
def pages_of_duckdb_clickhouse_and_python(lane):
    import chdb.session

    count = orders(lane)
    session = chdb.session.Session()
    told = pages.play("duckdb", by_duckdb, None, lane.rest, lane.fs, count)
    told += pages.play("clickhouse", by_clickhouse(session), None, lane.rest, lane.fs, count)
    told += pages.play("python", None, None, lane.rest, lane.fs, count)
    session.close()
    return f"{told} counts"


@case("spark")
def pages_of_spark(lane):
    from engines import spark

    def configure(properties):
        for key, value in properties.items():
            spark.session().spark.conf.set(key, value)

    count = orders(lane)
    return f"{pages.play('spark', lambda one: [row.asDict() for row in spark.session().sql(one).collect()], configure, lane.rest, lane.fs, count)} counts"


@case("trino")
def pages_of_trino(lane):
    from engines import trino

    def configure(properties):
        told = ", ".join(f"\"{key}\" = '{value}'" for key, value in properties.items() if key != "connector.name")
        trino.running.ask(f"CREATE CATALOG lakehouse USING {properties['connector.name']} WITH ({told})")

    def say(statement):
        columns, rows = trino.running.ask(statement)
        return [dict(zip([column["name"] for column in columns], row, strict=True)) for row in rows]

    return f"{pages.play('trino', say, configure, lane.rest, lane.fs, orders(lane))} counts"
