"""The rig itself: engines read what pyiceberg wrote, and a row that is lost, doubled or other than it should be is noticed."""

from engines import written
from lane import case
from pyiceberg.schema import Schema
from shared import Failed
from tables import Table, hold


@case("tables", "glue", "spark", "trino")
def engines_read_every_type_that_another_writer_wrote(lane):
    # Spark has no time of day.
    fields = [field for field in written.SCHEMA.fields if lane.name != "spark" or field.name != "clock"]
    rows = [{field.name: row[field.name] for field in fields} for row in written.all_types()]
    for catalog in lane.catalogs:
        written.write(catalog, "types", rows, lane.stand.home, Schema(*fields))
        lane.hold(Table(catalog, "types"), rows)


@case("tables")
def a_difference_of_one_row_is_noticed(lane):
    rows = written.all_types(60)
    catalog = lane.fs
    written.write(catalog, "noticed", rows, lane.stand.home)
    table = Table(catalog, "noticed")
    changed = {**rows[8], "twice": -0.25}
    faults = {
        "lost": rows[:-1] + [{**rows[-1], "kafka_offset": 10_000}], "there 1 times, expected 2": [*rows, rows[5]], "nobody's": rows[1:],
        "twice ": [*rows[:8], changed, *rows[9:]], "kafka_headers [": [*rows[:-1], {**rows[-1], "kafka_headers": None}],
    }
    for word, other in faults.items():
        try:
            hold(table, other, lane.engines[:2])
        except Failed as failure:
            if word not in str(failure):
                raise Failed(f"a fault is told in other words than {word!r}: {failure}") from None
        else:
            raise Failed(f"nothing was noticed that is {word!r}")
    hold(table, rows, lane.engines[:2], counted=lane.compared)
