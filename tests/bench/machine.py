"""What this machine can do at best, measured in the same run as the figures that stand beside it."""

import os
import subprocess
import time


def describe():
    model = next(
        (line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "unknown"
    )
    memory = next(line for line in open("/proc/meminfo") if line.startswith("MemTotal")).split()[1]
    return f"{os.cpu_count()} x {model}, {int(memory) >> 20} GiB, Linux {os.uname().release}"


def best_of(times, work):
    best = None
    for _ in range(times):
        start = time.perf_counter()
        work()
        took = time.perf_counter() - start
        best = took if best is None else min(best, took)
    return best


def read_rate(path, pieces=1 << 20):
    """MB/s of reading a file that is in the page cache, in pieces of 1 MiB into one buffer."""
    size = os.path.getsize(path)
    buffer = bytearray(pieces)

    def work():
        with open(path, "rb", buffering=0) as file:
            while file.readinto(buffer):
                pass

    return size / best_of(5, work) / 1e6


def loopback_rate(megabytes=1024):
    """MB/s of one TCP connection over the loopback address, sender and receiver on a core each."""
    import socket
    import threading

    block = b"\0" * (1 << 20)

    def work():
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)

        def receive():
            peer, _ = listener.accept()
            buffer = bytearray(1 << 20)
            while peer.recv_into(buffer):
                pass
            peer.close()

        receiver = threading.Thread(target=receive)
        receiver.start()
        sender = socket.create_connection(listener.getsockname())
        for _ in range(megabytes):
            sender.sendall(block)
        sender.close()
        receiver.join()
        listener.close()

    return megabytes * (1 << 20) / best_of(3, work) / 1e6


def openssl_rate(algorithm):
    """MB/s of one core, by `openssl speed` on blocks of 16 KiB; None where openssl is missing."""
    try:
        out = subprocess.run(
            ["openssl", "speed", "-mr", "-seconds", "1", "-bytes", "16384", "-evp", algorithm],
            capture_output=True, text=True, check=True, timeout=30,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    rows = [line for line in out.splitlines() if line.startswith("+F")]
    return float(rows[-1].split(":")[-1]) / 1e6 if rows else None
