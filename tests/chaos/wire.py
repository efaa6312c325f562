"""The one request that the client library does not have: AlterPartitionReassignments, version 0."""

import socket
import struct

from children import Failed

ALTER_PARTITION_REASSIGNMENTS = 45
TIMEOUT_MS = 20_000


def compact_string(text):
    return bytes([len(text) + 1]) + text.encode()


def reassign(address, topic, assignment):
    """Asks a broker to give partitions other replicas, `{partition: [node, …]}`; the first one is preferred."""
    partitions = b"".join(
        struct.pack(">i", partition) + bytes([len(nodes) + 1]) + b"".join(struct.pack(">i", node) for node in nodes) + b"\0"
        for partition, nodes in sorted(assignment.items())
    )
    topics = b"\2" + compact_string(topic) + bytes([len(assignment) + 1]) + partitions + b"\0"
    body = struct.pack(">i", TIMEOUT_MS) + topics + b"\0"
    head = struct.pack(">hhih", ALTER_PARTITION_REASSIGNMENTS, 0, 1, 5) + b"chaos" + b"\0"
    answer = exchange(address, head + body)
    # Correlation id, tags, throttle time, then the error of the whole.
    (error,) = struct.unpack_from(">h", answer, 4 + 1 + 4)
    errors = [error] if error else partition_errors(answer, 4 + 1 + 4 + 2)
    if any(errors):
        raise Failed(f"reassign {topic} {assignment}: error codes {errors}")


def partition_errors(answer, at):
    """The codes of all partitions; texts and names are passed over."""
    at = after_string(answer, at)
    topics, at = answer[at] - 1, at + 1
    errors = []
    for _ in range(topics):
        at = after_string(answer, at)
        partitions, at = answer[at] - 1, at + 1
        for _ in range(partitions):
            (code,) = struct.unpack_from(">h", answer, at + 4)
            errors.append(code)
            at = after_string(answer, at + 6) + 1
        at += 1
    return errors


def after_string(answer, at):
    return at + 1 + max(answer[at] - 1, 0)


def exchange(address, request):
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), timeout=TIMEOUT_MS / 1000) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        (length,) = struct.unpack(">i", receive(connection, 4))
        return receive(connection, length)


def receive(connection, count):
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            raise Failed("the broker closed the connection")
        data += piece
    return data
