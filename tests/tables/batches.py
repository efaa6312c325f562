"""A broker's log files read without any of Firnline's code, and without Kafka's: record batches of format 2, all codecs."""

import collections
import io
import struct
import zlib

import pyarrow as pa

HEAD = struct.Struct(">qiiBIhiqqqhii")  # everything before the records, 61 bytes
CODECS = {0: None, 1: "gzip", 2: "snappy", 3: "lz4", 4: "zstd"}
LOG_APPEND, TRANSACTIONAL, CONTROL = 0x08, 0x10, 0x20
NO_TIME = -1
XERIAL = b"\x82SNAPPY\x00"

Record = collections.namedtuple(
    "Record", "partition offset timestamp timestamp_type leader_epoch producer_id producer_epoch sequence headers key value control transactional",
)


class Damaged(Exception):
    """Bytes that are no batches."""


def read_partition(directory, partition):
    """All records of a partition's directory in order, markers of transactions too."""
    for path in sorted(directory.glob("*.log")):
        yield from read(path.read_bytes(), partition)


def read(data, partition):
    at = 0
    while at < len(data):
        if len(data) - at < HEAD.size:
            raise Damaged(f"{len(data) - at} bytes at {at} are no batch")
        (base, length, epoch, magic, crc, attributes, _last, first, newest, producer, producer_epoch, sequence, count) = HEAD.unpack_from(data, at)
        end = at + 12 + length
        if magic != 2 or end > len(data):
            raise Damaged(f"the batch at {at} has magic {magic} and length {length} of {len(data) - at}")
        body = unpacked(data[at + HEAD.size : end], attributes & 7)
        append = bool(attributes & LOG_APPEND)
        for place, (delta_ms, delta, key, value, headers) in enumerate(records(body, count)):
            # The broker's time is that of the whole batch.
            time = newest if append else (NO_TIME if first == NO_TIME else first + delta_ms)
            yield Record(
                partition, base + delta, time, int(append), epoch, none(producer), none(producer_epoch),
                None if sequence < 0 else (sequence + place) % 2**31, headers, key, value, bool(attributes & CONTROL),
                bool(attributes & TRANSACTIONAL),
            )
        at = end


def none(number):
    return None if number < 0 else number


def unpacked(data, codec):
    if codec not in CODECS:
        raise Damaged(f"codec {codec}")
    name = CODECS[codec]
    if name is None:
        return data
    if name == "gzip":
        return zlib.decompress(data, wbits=31)
    if name == "snappy":
        return unsnapped(data)
    return pa.CompressedInputStream(pa.BufferReader(data), name).read()


def unsnapped(data):
    """Java writes blocks behind a head of 16 bytes, librdkafka a single one."""
    if not data.startswith(XERIAL):
        return unsnapped_block(data)
    out, source = io.BytesIO(), io.BytesIO(data[16:])
    while head := source.read(4):
        out.write(unsnapped_block(source.read(struct.unpack(">i", head)[0])))
    return out.getvalue()


def unsnapped_block(data):
    size = shift = 0
    for byte in data:
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    return pa.decompress(data, size, codec="snappy", asbytes=True)


def records(data, count):
    """`(time delta, offset delta, key, value, headers)`"""
    at = 0
    for _ in range(count):
        length, at = varint(data, at)
        end = at + length
        delta_ms, at = varint(data, at + 1)
        delta, at = varint(data, at)
        key, at = field(data, at)
        value, at = field(data, at)
        number, at = varint(data, at)
        headers = []
        for _ in range(number):
            name, at = field(data, at)
            content, at = field(data, at)
            headers.append((name.decode(), content))
        if at != end:
            raise Damaged(f"a record ends at {at}, not at {end}")
        yield delta_ms, delta, key, value, headers
    if at != len(data):
        raise Damaged(f"{len(data) - at} bytes behind {count} records")


def field(data, at):
    length, at = varint(data, at)
    return (None, at) if length < 0 else (bytes(data[at : at + length]), at + length)


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), at
        shift += 7
