"""Records as the ledger counts them, and Kafka's record batches read without any of Firnline's code."""

import struct
import zlib

HEAD = struct.Struct(">qiiBIhiqqqhii")  # everything before the records of a batch, 61 bytes
NONE, GZIP = 0, 1
TRANSACTIONAL, CONTROL = 0x10, 0x20


class Damaged(Exception):
    """Bytes that are no batches."""


def checksum(timestamp_ms, key, value, headers):
    """The CRC32 of one record's content: the same for the producer and for whoever reads it back."""
    crc = zlib.crc32(struct.pack(">q", timestamp_ms))
    for field in (key, value, *(part for name, data in headers for part in (name, data))):
        data = field.encode() if isinstance(field, str) else field
        # The length goes in as well, so that bytes cannot move from one field to the next; null is no empty field.
        crc = zlib.crc32(struct.pack(">i", -1 if data is None else len(data)), crc)
        crc = zlib.crc32(data or b"", crc)
    return crc


class Batch:
    """The head of one batch."""

    __slots__ = ("base", "count", "next", "epoch", "producer", "transactional", "control", "records", "codec", "first_ms")

    def __init__(self, data, start):
        if len(data) - start < HEAD.size:
            raise Damaged(f"{len(data) - start} bytes at {start} are no batch")
        (base, length, epoch, magic, _crc, attributes, last, first_ms, _max_ms, producer, _epoch, _sequence, count) = (
            HEAD.unpack_from(data, start)
        )
        end = start + 12 + length
        if magic != 2 or length < HEAD.size - 12 or end > len(data):
            raise Damaged(f"the batch at {start} has magic {magic} and length {length} of {len(data) - start}")
        self.base, self.next, self.epoch, self.count = base, base + last + 1, epoch, count
        self.producer, self.first_ms, self.codec = producer, first_ms, attributes & 7
        self.transactional, self.control = bool(attributes & TRANSACTIONAL), bool(attributes & CONTROL)
        self.records = (start + HEAD.size, end)


def batches(data, start=0, end=None):
    """The batches in `data[start:end]`, whole ones only."""
    end = len(data) if end is None else end
    while start < end:
        batch = Batch(data, start)
        yield batch
        start = batch.records[1]


def records(data, batch):
    """`(offset, checksum)` of each record of a batch."""
    at, end = batch.records
    if batch.codec == GZIP:
        data = zlib.decompress(data[at:end], wbits=31)
        at = 0
    elif batch.codec != NONE:
        raise Damaged(f"codec {batch.codec}: the chaos producer uses none of it")
    for _ in range(batch.count):
        _length, at = varint(data, at)
        at += 1  # attributes, which are unused
        delta_ms, at = varint(data, at)
        delta, at = varint(data, at)
        key, at = field(data, at)
        value, at = field(data, at)
        count, at = varint(data, at)
        headers = []
        for _ in range(count):
            name, at = field(data, at)
            content, at = field(data, at)
            headers.append((name, content))
        yield batch.base + delta, checksum(batch.first_ms + delta_ms, key, value, headers)


def field(data, at):
    length, at = varint(data, at)
    if length < 0:
        return None, at
    return bytes(data[at : at + length]), at + length


def varint(data, at):
    """A zigzag number of up to ten bytes."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), at
        shift += 7
