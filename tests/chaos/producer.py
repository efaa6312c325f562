#!/usr/bin/env python3
"""Writes to a cluster with acks=all and keeps the ledger: a line for each record that a broker has acknowledged.

usage: producer.py PLAN.json LEDGER      commands on standard input, answers on standard output

A program of its own around librdkafka: nothing of the project stands between it and the brokers. Lines of the ledger,
fields parted by tabs; each is on the disk (fsync) before the producer goes on:

    R  topic generation partition offset crc transaction-or-dash unix-ms
    T  transaction outcome          committed, aborted, or unknown (the coordinator never answered)
    S  writer seconds reason        the writer made no progress for so long
    E  writer text                  what the client library said

The commands are `pause TOPIC`, `resume TOPIC`, `generation TOPIC N` (a recreated topic begins a new one) and `quit`; each is
answered by one line when it is done. A paused topic has no record outstanding and no transaction open.
"""

import collections
import json
import os
import queue
import random
import sys
import threading
import time

from confluent_kafka import KafkaError, KafkaException, Producer
from records import checksum

STALL_SECONDS = 10
TICK_SECONDS = 0.1
DELIVERY_MS = 90_000


class Ledger:
    """The lines, in the order in which they became true."""

    def __init__(self, path):
        self.file = open(path, "ab")
        self.lock = threading.Lock()

    def write(self, lines):
        if lines:
            with self.lock:
                self.file.write("".join("\t".join(map(str, line)) + "\n" for line in lines).encode())
                self.file.flush()
                os.fsync(self.file.fileno())


class Topics:
    """Which topics are written to, and what generation of each."""

    def __init__(self, names):
        self.lock = threading.Condition()
        self.generation = dict.fromkeys(names, 0)
        self.paused = set()
        self.outstanding = dict.fromkeys(names, 0)

    def take(self, topic):
        """Counts a record that is about to be sent; none where the topic is paused."""
        with self.lock:
            if topic in self.paused:
                return None
            self.outstanding[topic] += 1
            return self.generation[topic]

    def release(self, topic, count=1):
        with self.lock:
            self.outstanding[topic] -= count
            self.lock.notify_all()

    def pause(self, topic):
        with self.lock:
            self.paused.add(topic)
            return self.lock.wait_for(lambda: self.outstanding[topic] == 0, timeout=180)

    def resume(self, topic):
        with self.lock:
            self.paused.discard(topic)

    def renew(self, topic, generation):
        with self.lock:
            self.generation[topic] = generation


class Writer(threading.Thread):
    """One client: what all kinds of writers share."""

    def __init__(self, plan, settings, topics, ledger):
        super().__init__(name=plan["name"], daemon=True)
        self.plan, self.settings, self.topics, self.ledger = plan, settings, topics, ledger
        self.random = random.Random(plan["seed"])
        self.ended = threading.Event()
        self.lines, self.sent = [], 0
        self.progress = time.monotonic()
        self.fatal = False
        # Single records that the present client was given and has not answered for, by topic; and which client that is.
        self.open, self.clients = collections.Counter(), 0

    def client(self, **more):
        config = {
            **self.settings, "client.id": self.name, "acks": "all", "enable.idempotence": True, "linger.ms": 20,
            "delivery.timeout.ms": DELIVERY_MS, "compression.type": self.plan["codec"], "error_cb": self.on_error,
            "log_level": 2, "sticky.partitioning.linger.ms": 0, "topic.metadata.refresh.interval.ms": 5000,
            "reconnect.backoff.max.ms": 1000, "retry.backoff.ms": 50, **more,
        }
        return Producer(config)

    def on_error(self, error):
        self.fatal |= error.code() == KafkaError._FATAL
        self.lines.append(("E", self.name, error.str().replace("\t", " ")))

    def send(self, client, topic, transaction="-"):
        """One record to a topic, unless it is paused."""
        generation = self.topics.take(topic)
        if generation is None:
            return False
        partition = self.random.randrange(self.plan["topics"][topic])
        self.sent += 1
        now = int(time.time() * 1000)
        key = None if self.random.random() < 0.1 else f"{self.name}-{self.sent}".encode()
        value = None if self.random.random() < 0.02 else self.value()
        headers = [("n", str(self.sent).encode()), ("empty", None)] if self.random.random() < 0.3 else []
        of, single = self.clients, transaction == "-"
        self.open[topic] += single
        crc = checksum(now, key, value, headers)

        def delivered(error, message):
            if error is None:
                line = ("R", topic, generation, message.partition(), message.offset(), crc, transaction, int(time.time() * 1000))
                self.lines.append(line)
                self.moved()
            else:
                self.lines.append(("E", self.name, f"{topic}: not delivered: {error.name()}"))
            if single and of == self.clients:
                self.open[topic] -= 1
                self.topics.release(topic)

        while True:
            try:
                client.produce(topic, value, key, partition, delivered, timestamp=now, headers=headers)
                return True
            except BufferError:
                client.poll(0.1)
            except KafkaException:
                self.open[topic] -= single
                self.topics.release(topic)
                raise

    def disown(self):
        """The client is given up: what it has not answered for by now was not acknowledged, and nobody waits for it."""
        self.clients += 1
        for topic, count in self.open.items():
            self.topics.release(topic, count)
        self.open.clear()

    def value(self):
        half = self.random.randbytes(self.random.randrange(self.plan["size"]) // 2)
        return half + b"firnline" * (len(half) // 8)

    def moved(self):
        """Something was acknowledged: a silence before it is told if it was long."""
        now = time.monotonic()
        if now - self.progress > STALL_SECONDS:
            self.lines.append(("S", self.name, round(now - self.progress, 1), "no acknowledgement"))
        self.progress = now

    def write_down(self):
        lines, self.lines = self.lines, []
        self.ledger.write(lines)

    def idle(self):
        """Nothing was to be sent, so silence is no stall."""
        self.progress = time.monotonic()


class Steady(Writer):
    """Single records at a rate."""

    def run(self):
        client, owed = self.client(), 0.0
        names = list(self.plan["topics"])
        while not self.ended.is_set():
            owed = min(owed + self.plan["rate"] * TICK_SECONDS, self.plan["rate"])
            began = time.monotonic()
            try:
                sent = False
                while owed >= 1:
                    sent |= self.send(client, self.random.choice(names))
                    owed -= 1
                if not sent and len(client) == 0:
                    self.idle()
                client.poll(0)
                if self.fatal:
                    raise KafkaException(KafkaError(KafkaError._FATAL))
            except KafkaException as error:
                # A fatal state of the idempotent producer, as after a topic was recreated or an unclean election: the rest is
                # given up. Where nothing is to be sent, only the error's callback tells of it.
                self.lines.append(("E", self.name, f"begins anew: {error.args[0].name()}"))
                give_up(client)
                self.disown()
                self.fatal, client = False, self.client()
            self.write_down()
            self.ended.wait(max(0, TICK_SECONDS - (time.monotonic() - began)))
        client.flush(DELIVERY_MS / 1000)
        self.write_down()


def give_up(client):
    """Lets go of what is queued, so that each record's callback is heard; a fatal state raises once more on the way."""
    client.purge()
    try:
        client.flush(5)
    except (KafkaException, SystemError):
        client.flush(5)


class Transactional(Writer):
    """Transactions that take `hold` seconds each; some are aborted, some left hanging for the coordinator to end."""

    def run(self):
        client, number = self.fresh(), 0
        while not self.ended.is_set():
            number += 1
            if client is None:
                client = self.fresh()
            client = self.transact(client, f"{self.name}.{number}")
            self.write_down()
        self.write_down()

    def fresh(self):
        while not self.ended.is_set():
            limit = self.plan["timeout_ms"]
            client = self.client(
                **{"transactional.id": self.name, "transaction.timeout.ms": limit, "delivery.timeout.ms": limit}
            )
            try:
                client.init_transactions(30)
                return client
            except KafkaException as error:
                self.lines.append(("E", self.name, f"init: {error.args[0].name()}"))
        return None

    def transact(self, client, name):
        """One transaction; answers the client to go on with, if it can."""
        names = list(self.plan["topics"])
        end = time.monotonic() + self.plan["hold"]
        taken = []
        outcome = "unknown"
        try:
            client.begin_transaction()
            while time.monotonic() < end and not self.ended.is_set():
                topic = self.random.choice(names)
                if self.send(client, topic, name):
                    taken.append(topic)
                elif not taken:
                    self.idle()
                client.poll(1 / self.plan["rate"])
                if taken and any(topic in self.topics.paused for topic in names):
                    break
            if not taken:
                client.abort_transaction(30)
                return client
            client.flush(DELIVERY_MS / 1000)
            dice = self.random.random()
            if dice < self.plan["hang"]:
                # The client goes away in the middle: the coordinator aborts when the transaction's time is over.
                return None
            outcome = self.finish(client, abort=dice > 1 - self.plan["abort"])
            return client
        except KafkaException as error:
            code = error.args[0]
            self.lines.append(("E", self.name, f"{name}: {code.name()}"))
            if code.txn_requires_abort():
                try:
                    outcome = self.finish(client, abort=True)
                    return client
                except KafkaException as again:
                    self.lines.append(("E", self.name, f"{name}: abort: {again.args[0].name()}"))
            give_up(client)
            return None
        finally:
            if taken:
                self.lines.append(("T", name, outcome))
                self.write_down()
            for topic in taken:
                self.topics.release(topic)

    def finish(self, client, abort):
        """Ends the transaction, asking again as long as that is what the library says to do."""
        limit = time.monotonic() + DELIVERY_MS / 1000
        while True:
            try:
                (client.abort_transaction if abort else client.commit_transaction)(30)
                return "aborted" if abort else "committed"
            except KafkaException as error:
                code = error.args[0]
                retriable = code.retriable() or code.code() == KafkaError._TIMED_OUT
                if not retriable or time.monotonic() > limit:
                    raise


def serve(commands, topics, writers):
    """Carries out commands until `quit`."""
    for line in iter(commands.get, None):
        words = line.split()
        if words[0] == "pause":
            done = topics.pause(words[1])
            print("paused" if done else "stuck", words[1], flush=True)
        elif words[0] == "resume":
            topics.resume(words[1])
            print("resumed", words[1], flush=True)
        elif words[0] == "generation":
            topics.renew(words[1], int(words[2]))
            print("generation", words[1], words[2], flush=True)
        elif words[0] == "quit":
            break
    for writer in writers:
        writer.ended.set()
    for writer in writers:
        writer.join(DELIVERY_MS / 1000 + 60)
    print("ended", flush=True)


def main(plan_path, ledger_path):
    with open(plan_path, encoding="utf-8") as file:
        plan = json.load(file)
    ledger = Ledger(ledger_path)
    topics = Topics({topic for writer in plan["writers"] for topic in writer["topics"]})
    kinds = {"steady": Steady, "transactional": Transactional}
    writers = [
        kinds[writer["kind"]](writer, {"bootstrap.servers": plan["bootstrap"]}, topics, ledger) for writer in plan["writers"]
    ]
    commands = queue.Queue()

    def read():
        for line in sys.stdin:
            commands.put(line)
        commands.put(None)

    # A writer that dies would leave a ledger that looks complete.
    threading.excepthook = lambda told: (sys.__excepthook__(*told[:3]), sys.stderr.flush(), os._exit(70))
    threading.Thread(target=read, daemon=True).start()
    for writer in writers:
        writer.start()
    serve(commands, topics, writers)


if __name__ == "__main__":
    main(*sys.argv[1:])
