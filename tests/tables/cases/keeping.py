"""Others at the table: Spark compacts and expires between two exports, another engine inserts, somebody renames a column."""

import json

import expected
from cases.raw import anything
from lane import case
from shared import Failed


def produce(lane, topic, count, start):
    lane.stand.produce(topic, [anything(number) | {"partition": number % 2} for number in range(start, start + count)])
    lane.stand.offload(topic)
    return expected.rows(lane.stand.records(topic))


@case("spark")
def spark_compacts_and_expires_between_exports(lane):
    """What is kept of the position in snapshots alone is gone then; what comes next is neither lost nor doubled."""
    from engines import spark

    topic = "kept.by-spark"
    lane.stand.topic(topic, 2)
    exporters = lane.exporters({"name": "kept\\.by-spark"})
    for round_ in range(3):
        rows = produce(lane, topic, 60, round_ * 60)
        for _, exporter in exporters:
            exporter.run()
    for catalog, exporter in exporters:
        table = lane.table(catalog, topic)
        lane.hold(table, rows)
        spark.call(table, "rewrite_data_files", options="map('rewrite-all', 'true')")
        spark.call(table, "rewrite_manifests")
        spark.call(table, "expire_snapshots", retain_last=1, older_than="TIMESTAMP '2099-01-01 00:00:00'")
        if len(table.snapshots()) != 1:
            raise Failed(f"{table} has {len(table.snapshots())} snapshots")
        if "firnline.export.offsets" in (table.head()["summary"] or {}):
            raise Failed(f"{table}: the summary was to be Spark's")
        exporter.run()
        lane.hold(table, rows)
    rows = produce(lane, topic, 60, 180)
    for catalog, exporter in exporters:
        exporter.run()
        lane.hold(lane.table(catalog, topic), rows)


@case("spark")
def rows_of_another_engine_stay_and_a_renamed_column_is_found(lane):
    from engines import spark

    topic = "shared"
    lane.stand.topic(topic, 2)
    exporters = lane.exporters({"name": topic})
    rows = produce(lane, topic, 40, 0)
    for catalog, exporter in exporters:
        exporter.run()
        table = lane.table(catalog, topic)
        place = spark.place(table)
        spark.session().sql(f"ALTER TABLE {place} ADD COLUMN note string")
        spark.session().sql(f"ALTER TABLE {place} RENAME COLUMN kafka_value TO payload")
        spark.session().sql(f"INSERT INTO {place} (kafka_partition, kafka_offset, note) VALUES (-1, 7, 'by hand')")
    rows = produce(lane, topic, 40, 40)
    names = dict.fromkeys(rows[0])
    by_hand = {**names, "kafka_partition": -1, "kafka_offset": 7, "note": "by hand", "payload": None}
    wanted = [{**row, "payload": row["kafka_value"], "note": None} for row in rows] + [by_hand]
    for catalog, exporter in exporters:
        exporter.run()
        table = lane.table(catalog, topic)
        lane.hold(table, wanted, types={"payload": "binary", "note": "string"})


@case("tables")
def firnlines_own_tending_changes_no_row(lane):
    """Small files become few, and the export goes on; a dry run says so and does nothing."""
    topic = "tended"
    lane.stand.topic(topic, 2)
    # As many small files as a partition may have that is still written to.
    exporters = [one for one in lane.exporters({"name": topic, "partition_by": []}) if one[0].kind == "fs"]
    for round_ in range(66):
        rows = produce(lane, topic, 4, round_ * 4)
        for _, exporter in exporters:
            exporter.run()
    for catalog, exporter in exporters:
        table = lane.table(catalog, topic)
        before = table.metadata()
        exporter.command("export", "tend", "--topic", topic, "--dry-run", "--json")
        if table.metadata() != before:
            raise Failed(f"{table}: a dry run changed it")
        told = [json.loads(line) for line in exporter.command("export", "tend", "--topic", topic, "--json").splitlines()]
        lane.hold(table, rows)
        files = int(table.head()["summary"]["total-data-files"])
        was = int(next(one for one in before["snapshots"] if one["snapshot-id"] == before["current-snapshot-id"])["summary"]["total-data-files"])
        if files >= was:
            raise Failed(f"{table}: {was} files were to become few, there are {files}: {told}")
    rows = produce(lane, topic, 30, 300)
    for catalog, exporter in exporters:
        exporter.run()
        lane.hold(lane.table(catalog, topic), rows)


@case("tables")
def the_table_proves_itself_against_the_tier(lane):
    """`firnline verify --table` says yes, and no where a row is missing."""
    from engines import duck

    topic = "proven"
    lane.stand.topic(topic, 2)
    rows = produce(lane, topic, 80, 0)
    for catalog, exporter in lane.exporters({"name": topic}):
        exporter.run()
        exporter.command("verify", "--table", "--topic", topic)
        lane.hold(lane.table(catalog, topic), rows)
        if catalog.kind == "rest":
            duck.execute(f"DELETE FROM {duck.source(lane.table(catalog, topic))} WHERE kafka_partition = 1 AND kafka_offset = 5")
            exporter.command("verify", "--table", "--topic", topic, codes=(1,))
