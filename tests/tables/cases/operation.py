"""The program itself: killed at any moment, two at once, a topic made anew."""

import random
import time

import expected
from cases.raw import anything
from lane import case
from shared import Child, Failed


def start(lane, exporter, name):
    stand = lane.stand
    return Child(
        name, [stand.binary, "export", "--config", exporter.config, "--once"], stand.logs / f"{name}.log",
        env={"HOME": str(stand.home), "RUST_BACKTRACE": "1", **exporter.environment()},
    )


@case("tables")
def killed_at_any_moment_it_loses_and_doubles_nothing(lane):
    topic = "killed"
    lane.stand.topic(topic, 2)
    exporters = lane.exporters({"name": topic})
    dice = random.Random(11)
    for round_ in range(4):
        numbers = range(round_ * 100, round_ * 100 + 100)
        lane.stand.produce(topic, [anything(number) | {"partition": number % 2} for number in numbers])
        lane.stand.offload(topic)
        rows = expected.rows(lane.stand.records(topic))
        for catalog, exporter in exporters:
            for attempt in range(3):
                child = start(lane, exporter, f"killed-{catalog.kind}-{round_}-{attempt}")
                time.sleep(dice.uniform(0.02, 0.8))
                child.kill()
            exporter.run()
            lane.hold(lane.table(catalog, topic), rows)


@case("tables")
def two_exporters_of_one_table_at_once(lane):
    topic = "twice"
    lane.stand.topic(topic, 2)
    exporters = lane.exporters({"name": topic})
    for round_ in range(4):
        numbers = range(round_ * 100, round_ * 100 + 100)
        lane.stand.produce(topic, [anything(number) | {"partition": number % 2} for number in numbers])
        lane.stand.offload(topic)
        rows = expected.rows(lane.stand.records(topic))
        for catalog, exporter in exporters:
            both = [start(lane, exporter, f"twice-{catalog.kind}-{round_}-{place}") for place in "ab"]
            codes = [child.process.wait(120) for child in both]
            # One of them may have been fenced; whoever is left does the rest.
            if 101 in codes:
                raise Failed(f"an exporter fell over: {codes}\n{both[codes.index(101)].tail()}")
            exporter.run()
            lane.hold(lane.table(catalog, topic), rows)


@case("tables")
def a_topic_made_anew_does_not_go_into_the_old_table(lane):
    topic = "anew"
    stand = lane.stand
    stand.topic(topic)
    stand.produce(topic, [anything(number) | {"partition": 0} for number in range(50)])
    stand.offload(topic)
    rows = expected.rows(stand.records(topic))
    exporters = lane.exporters({"name": topic})
    for _, exporter in exporters:
        exporter.run()
    stand.cluster.admin.delete_topics([topic], operation_timeout=30)[topic].result()
    time.sleep(2)
    stand.topic(topic)
    stand.produce(topic, [{"value": b"another log", "timestamp": 1_790_000_000_000 + number * 40_000} for number in range(30)])
    stand.offload(topic)
    for catalog, exporter in exporters:
        # One name, two topics in the tier: which one is meant has to be said. Or it is refused for safety.
        exporter.run(codes=(2, 4, 5))
        lane.hold(lane.table(catalog, topic), rows)


@case("tables")
def a_plan_changes_nothing(lane):
    topic = "planned"
    lane.stand.topic(topic, 2)
    lane.stand.produce(topic, [anything(number) | {"partition": number % 2} for number in range(100)])
    lane.stand.offload(topic)
    for catalog, exporter in lane.exporters({"name": topic}):
        exporter.command("export", "--plan", "--json")
        exporter.command("export", "--plan")
        if lane.table(catalog, topic).exists():
            raise Failed(f"a plan made {lane.table(catalog, topic)}")
