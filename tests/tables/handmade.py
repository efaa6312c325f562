"""A batch made by hand and the request that brings it to a broker: what no client library produces."""

import struct

from batches import HEAD
from shared import Failed
from wire import exchange

PRODUCE, VERSION = 0, 7


def crc32c(data):
    table = crc32c.table
    crc = 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def of_byte(value):
    for _ in range(8):
        value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
    return value


crc32c.table = [of_byte(value) for value in range(256)]


def varint(number):
    number = (number << 1) ^ (number >> 63)
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out) + bytes([number])


def field(data):
    return varint(-1) if data is None else varint(len(data)) + data


def batch(records, first_ms):
    """`[(key, value, headers)]` as one batch without a codec, all of one time; −1 is none."""
    body = b""
    for delta, (key, value, headers) in enumerate(records):
        told = b"".join(field(name) + field(content) for name, content in headers)
        record = b"\0" + varint(0) + varint(delta) + field(key) + field(value) + varint(len(headers)) + told
        body += varint(len(record)) + record
    after_crc = struct.pack(">hiqqqhii", 0, len(records) - 1, first_ms, first_ms, -1, -1, -1, len(records)) + body
    head = struct.pack(">qiiBI", 0, HEAD.size - 12 + len(body), -1, 2, crc32c(after_crc))
    return head + after_crc


def produce(address, topic, partition, data):
    """Asks the broker to append a batch, and answers its first offset."""
    name = topic.encode()
    body = struct.pack(">hhi", -1, -1, 20_000) + struct.pack(">ih", 1, len(name)) + name + struct.pack(">iii", 1, partition, len(data)) + data
    head = struct.pack(">hhih", PRODUCE, VERSION, 1, 6) + b"tables"
    answer = exchange(address, head + body)
    at = 4 + 4 + 2 + len(name) + 4 + 4
    error, base = struct.unpack_from(">hq", answer, at)
    if error:
        raise Failed(f"produce to {topic}/{partition}: error code {error}")
    return base
