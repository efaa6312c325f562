#!/usr/bin/env python3
"""Sends records at a fixed rate with acks=all and writes how long each took: librdkafka, and nothing of the project.

usage: steady.py BOOTSTRAP TOPIC PARTITIONS RECORDS-A-SECOND RECORD-BYTES FILE       ends in order at SIGTERM

FILE gets two doubles a record: when it was due (CLOCK_MONOTONIC) and the seconds from then to its acknowledgement. They begin
when it was due and not when it was sent, so that a sender that is held up does not hide it.
"""

import functools
import os
import signal
import struct
import sys
import threading
import time

from confluent_kafka import Producer

TICK_SECONDS = 0.002


def main(bootstrap, topic, partitions, rate, size, path):
    partitions, rate, size = int(partitions), float(rate), int(size)
    client = Producer({
        "bootstrap.servers": bootstrap, "acks": "all", "linger.ms": 0, "log_level": 2, "queue.buffering.max.kbytes": 1 << 20,
        "socket.nagle.disable": True,
    })
    ended, lines = threading.Event(), []
    signal.signal(signal.SIGTERM, lambda *_: ended.set())

    def acknowledged(due, error, _):
        if error:
            print(f"not acknowledged: {error}", file=sys.stderr, flush=True)
            os._exit(1)
        lines.append(struct.pack("=dd", due, time.monotonic() - due))

    def serve():
        with open(path, "wb") as file:
            flushed = time.monotonic()
            while not ended.is_set() or len(client):
                client.poll(0.1)
                if time.monotonic() - flushed > 0.5:
                    file.write(b"".join(lines))
                    lines.clear()
                    file.flush()
                    flushed = time.monotonic()
            file.write(b"".join(lines))

    server = threading.Thread(target=serve)
    server.start()
    noise, sent, begun = os.urandom(size + 4096), 0, time.monotonic()
    while not ended.is_set():
        now = time.monotonic()
        while (due := begun + sent / rate) <= now:
            at = sent % 4096
            client.produce(topic, noise[at : at + size], partition=sent % partitions, on_delivery=functools.partial(acknowledged, due))
            sent += 1
        time.sleep(TICK_SECONDS)
    server.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
