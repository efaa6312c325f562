"""The faults that one cluster can bear one after the other. Each does its harm under load; what it must leave intact is
checked by whoever called it, after everything is back.
"""

import time

from children import Failed, wait_until
from confluent_kafka.admin import OffsetSpec
from rig import SOLO_RETENTION_MS

ALL = {}
# The soak draws from these; a fault with a weight of 0 is for its own scenario alone.
WEIGHTS = {}


def fault(weight=1):
    def register(function):
        ALL[function.__name__] = function
        WEIGHTS[function.__name__] = weight
        return function

    return register


def replicated(random):
    topic, partitions = random.choice([("plain", 3), ("packed", 2), ("paid", 2), ("slow", 2), ("pair", 2)])
    return topic, random.randrange(partitions)


def anyone(rig, random):
    return random.choice(list(rig.sidecars))


@fault(weight=3)
def leaders_move_there_and_back(rig, random):
    """Leadership goes from A to B and back to A, several times, while segments are written."""
    for _ in range(3):
        topic, partition = replicated(random)
        first = rig.leader(topic, partition)
        other = random.choice([node for node in rig.cluster.partitions(topic)[partition][1] if node != first])
        for node in (other, first):
            rig.lead(topic, partition, node)
            time.sleep(random.uniform(1, 4))


@fault()
def unsent_segments_that_the_next_leader_never_had(rig, random):
    """The store is down while A seals segments and Kafka deletes them; then B, a new replica, leads; then A again."""
    topic, partition = "solo", 0
    first = rig.leader(topic, partition)
    other = random.choice([node for node in rig.sidecars if node != first])
    rig.gateway.weather.down = True
    start = rig.log_start(topic, partition)
    wait_until("Kafka deletes what was not sent", 60, lambda: rig.log_start(topic, partition) > start, step=0.5)
    time.sleep(random.uniform(2, 6))
    rig.assign(topic, partition, [other])
    time.sleep(2)
    rig.gateway.weather.clear()
    time.sleep(random.uniform(2, 10))
    rig.assign(topic, partition, [first])


@fault(weight=3)
def a_sidecar_is_killed(rig, random):
    node = anyone(rig, random)
    rig.sidecars[node].kill()
    time.sleep(random.uniform(1, 15))
    rig.sidecars[node].start()


@fault(weight=2)
def a_worker_is_killed_under_its_guard(rig, random):
    node = anyone(rig, random)
    for _ in range(2):
        before = rig.sidecars[node].workers()
        rig.sidecars[node].kill_worker()
        wait_until("the guard starts another worker", 60, lambda seen=before: set(rig.sidecars[node].workers()) - set(seen))
        time.sleep(random.uniform(0, 5))


@fault(weight=2)
def a_broker_is_killed(rig, random):
    broker = rig.cluster.broker(anyone(rig, random))
    broker.kill()
    time.sleep(random.uniform(1, 15))
    rig.cluster.start()


@fault()
def a_broker_is_restarted_in_order(rig, random):
    broker = rig.cluster.broker(anyone(rig, random))
    broker.stop()
    time.sleep(random.uniform(0, 5))
    rig.cluster.start()


@fault()
def broker_and_sidecar_die_together(rig, random):
    node = anyone(rig, random)
    rig.sidecars[node].kill()
    rig.cluster.broker(node).kill()
    time.sleep(random.uniform(1, 10))
    rig.cluster.start()
    rig.sidecars[node].start()


@fault(weight=2)
def the_store_is_killed(rig, random):
    rig.minio.kill()
    time.sleep(random.uniform(1, 15))
    rig.minio.start()


@fault(weight=2)
def a_sidecar_stops_for_longer_than_a_leadership(rig, random):
    """SIGSTOP: it wakes up with an old idea of who leads, perhaps in the middle of an upload."""
    topic, partition = replicated(random)
    first = rig.leader(topic, partition)
    replicas = rig.cluster.partitions(topic)[partition][1]
    other = random.choice([node for node in replicas if node != first])
    rig.sidecars[first].pause()
    rig.lead(topic, partition, other)
    time.sleep(random.uniform(5, 12))
    if random.random() < 0.5:
        rig.lead(topic, partition, first)
    rig.sidecars[first].go_on()


@fault()
def a_second_sidecar_is_refused(rig, random):
    node = anyone(rig, random)
    # Its own port, its own log: what it says is what is looked at.
    second = rig.sidecars[node].spawn(log=rig.logs / f"second-{node}.log")
    wait_until("the second sidecar gives up", 30, lambda: not second.running())
    if second.process.returncode != 4:
        raise Failed(f"a second sidecar ended with {second.process.returncode}, not refused:\n{second.tail()}")
    if not rig.sidecars[node].running():
        raise Failed("the first sidecar ended with the second")


@fault(weight=2)
def partitions_go_to_other_brokers(rig, random):
    """Each partition of a topic with two replicas moves on by one broker; the new one begins in the middle of a segment."""
    for partition in range(2):
        replicas = rig.cluster.partitions("pair")[partition][1]
        (third,) = [node for node in rig.sidecars if node not in replicas]
        rig.assign("pair", partition, [third, replicas[0]])
        time.sleep(random.uniform(1, 4))


@fault()
def records_are_deleted(rig, random):
    """Kafka's DeleteRecords up to the high watermark. Nobody told the tier, so the archive keeps everything."""
    topic, partition = replicated(random)
    end = rig.delete_records(topic, partition, -1)
    time.sleep(random.uniform(1, 5))
    if rig.log_start(topic, partition) < end:
        raise Failed(f"{topic}/{partition}: Kafka did not delete up to {end}")


@fault()
def a_follower_leads_from_a_log_start_within_a_segment(rig, random):
    """Its log start was told it by the leader, and lies in the middle of a segment. That is no floor: the archive stays."""
    topic, partition = replicated(random)
    first, replicas, _ = rig.cluster.partitions(topic)[partition]
    start = rig.log_start(topic, partition)
    end = rig.offsets(topic, OffsetSpec.latest())[partition]
    deleted = rig.delete_records(topic, partition, (start + end) // 2)
    rig.lead(topic, partition, random.choice([node for node in replicas if node != first]))
    if rig.log_start(topic, partition) < deleted:
        raise Failed(f"{topic}/{partition}: the next leader did not take over the log start {deleted}")
    time.sleep(random.uniform(2, 6))


@fault()
def a_topic_is_deleted_and_made_again(rig, random):
    """With the store down before it, so that the pins of the deleted topic are all that is left of it."""
    topic = "fleeting"
    hidden = random.random() < 0.7
    rig.gateway.weather.down = hidden
    time.sleep(random.uniform(3, 6))
    rig.producer.pause(topic)
    rig.seal([topic])
    # What is committed must have been told, and remembered beside the pins, before nobody is left to tell it.
    time.sleep(25 if hidden else 4)
    rig.recreate(topic)
    rig.producer.resume(topic)
    time.sleep(random.uniform(1, 4))
    rig.gateway.weather.clear()


@fault()
def the_store_is_down(rig, random):
    rig.gateway.weather.down = True
    time.sleep(random.uniform(20, 45))
    rig.gateway.weather.clear()


@fault(weight=2)
def the_store_is_overloaded(rig, random):
    """Some requests are refused, some are done and their answers lost, all bodies are slow."""
    weather = rig.gateway.weather
    weather.refused, weather.lost, weather.pace = 0.3, 0.1, 256 * 1024
    time.sleep(random.uniform(10, 20))
    weather.refused, weather.lost = 0.9, 0.0
    time.sleep(random.uniform(3, 6))
    weather.clear()


@fault()
def the_config_changes_under_load(rig, random):
    """Settings change and are read again, one of them a bad one, which changes nothing."""
    for _ in range(3):
        for sidecar in rig.sidecars.values():
            sidecar.settings["target_size"] = random.choice(["0B", "1MiB", "64MiB"])
            sidecar.settings["max_lag"] = random.choice(["1s", "3s", "6s"])
            sidecar.topics = random.choice([[], [{"name": "packed", "compression": "none", "priority": 1, "target_size": "0B"}]])
            sidecar.reload()
        time.sleep(random.uniform(2, 5))
    node = anyone(rig, random)
    good = dict(rig.sidecars[node].settings)
    rig.sidecars[node].settings["max_lag"] = "soon"
    rig.sidecars[node].reload()
    time.sleep(3)
    rig.sidecars[node].settings = good
    rig.sidecars[node].reload()
    if not rig.sidecars[node].running():
        raise Failed("a bad config ended a running sidecar")


@fault()
def one_node_has_a_stale_config(rig, random):
    """One node is told to keep records for a minute only. The bucket says for ever, and that holds."""
    node = anyone(rig, random)
    rig.sidecars[node].topics = [{"name": ".*", "retention.time": "1m", "retention.size": "1MiB"}]
    rig.sidecars[node].reload()
    time.sleep(random.uniform(15, 25))
    rig.sidecars[node].topics = []
    rig.sidecars[node].reload()


@fault(weight=0)
def the_store_is_down_for_minutes(rig, random):
    rig.gateway.weather.down = True
    time.sleep(150)
    rig.gateway.weather.clear()


@fault(weight=0)
def a_sidecar_stops_for_longer_than_the_grace_of_gc(rig, random):
    """It stops with uploads under way, and wakes up when their objects may have been collected."""
    # Nobody else has the records of this topic: within local retention its sidecar is back.
    rig.configure("solo", retention_ms="900000")
    rig.gateway.weather.pace = 64 * 1024
    time.sleep(4)
    node = anyone(rig, random)
    rig.sidecars[node].pause()
    rig.gateway.weather.clear()
    time.sleep(150)
    rig.sidecars[node].go_on()
    rig.settle()
    rig.configure("solo", retention_ms=SOLO_RETENTION_MS)
