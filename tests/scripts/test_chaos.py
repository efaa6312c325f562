"""Tests of the checker of tests/chaos: each kind of loss must be seen, and nothing else."""

import pathlib
import struct
import sys
import types
import unittest
import zlib

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "chaos"))

from children import Failed  # noqa: E402
from records import HEAD, Damaged, batches, checksum, records  # noqa: E402
from verdict import Found, Report, committed_check, place, runs, take_dead  # noqa: E402


def line(offset, crc, transaction=None):
    return types.SimpleNamespace(offset=offset, crc=crc, transaction=transaction, ms=0)


def zigzag(value):
    value = (value << 1) ^ (value >> 63)
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def field(data):
    return zigzag(-1) if data is None else zigzag(len(data)) + data


def batch(base, contents, gzip=False, attributes=0):
    """A batch of `(timestamp, key, value, headers)` as a broker writes it; its own CRC is left out."""
    body = b""
    for number, (ms, key, value, headers) in enumerate(contents):
        record = b"\0" + zigzag(ms - contents[0][0]) + zigzag(number) + field(key) + field(value) + zigzag(len(headers))
        record += b"".join(field(name.encode()) + field(data) for name, data in headers)
        body += zigzag(len(record)) + record
    if gzip:
        packer = zlib.compressobj(wbits=31)
        body = packer.compress(body) + packer.flush()
    first = contents[0][0]
    head = HEAD.pack(
        base, HEAD.size - 12 + len(body), 7, 2, 0, attributes | gzip, len(contents) - 1, first, first, 42, 0, 0, len(contents)
    )
    return head + body


class RecordsTests(unittest.TestCase):
    contents = [(1000, b"k", b"value", [("n", b"1"), ("empty", None)]), (1300, None, None, []), (900, b"", b"x" * 300, [])]

    def test_a_batch_gives_the_checksums_of_its_records(self):
        for gzip in (False, True):
            data = batch(17, self.contents, gzip)
            (found,) = batches(data)
            expected = [(17 + n, checksum(*content)) for n, content in enumerate(self.contents)]
            self.assertEqual(list(records(data, found)), expected)
            self.assertEqual((found.next, found.epoch, found.producer), (20, 7, 42))

    def test_each_part_of_a_record_is_in_its_checksum(self):
        first = (1, b"ab", b"c", [("h", b"v")])
        others = [
            (2, b"ab", b"c", [("h", b"v")]), (1, b"a", b"bc", [("h", b"v")]), (1, b"ab", b"c", []), (1, b"ab", b"c", [("hv", b"")]),
            (1, None, b"abc", [("h", b"v")]), (1, b"ab", None, [("h", b"v")]), (1, b"ab", b"c", [("h", None)]),
        ]
        self.assertEqual(len({checksum(*content) for content in (first, *others)}), len(others) + 1)

    def test_bytes_that_are_no_batches_are_refused(self):
        data = batch(0, self.contents)
        with self.assertRaises(Damaged):
            list(batches(data[:-1]))
        with self.assertRaises(Damaged):
            list(batches(data + bytes(10)))
        with self.assertRaises(Damaged):
            list(batches(data[:8] + struct.pack(">i", 5) + data[12:]))


class VerdictTests(unittest.TestCase):
    def setUp(self):
        self.report = Report()
        self.live = Found("orders/0", self.report)

    def place(self, one, dead=None, gaps=(), floor=0):
        place(self.report, "orders/0", one, self.live, dead or {}, gaps, floor)

    def test_each_class_is_told_apart(self):
        self.live.add(1, 11)
        self.place(line(1, 11))
        self.place(line(2, 22), dead={2: {22: 2, 23: 2}})
        self.place(line(3, 33), gaps=[(3, 4)])
        self.place(line(0, 5), floor=1)
        self.assertEqual(self.report.wrong, [])
        self.assertEqual(dict(self.report.counts), {"live": 1, "dead_branch": 1, "gap": 1, "floor": 1})
        with self.assertRaises(Failed):
            self.report.expect_only({"gap", "floor"})

    def test_a_lost_record_is_a_fault(self):
        self.place(line(1, 11), gaps=[(2, 3)], dead={1: {12: 1}})
        self.assertIn("nowhere", self.report.wrong[0])

    def test_another_record_at_the_offset_is_a_fault(self):
        self.live.add(1, 12)
        self.place(line(1, 11))
        self.assertIn("another record", self.report.wrong[0])

    def test_a_record_in_two_places_is_a_fault(self):
        self.live.add(1, 11)
        self.place(line(1, 11), gaps=[(0, 5)])
        self.assertIn("more than one place: live, gap", self.report.wrong[0])

    def test_what_a_branch_repeats_from_below_its_cut_is_in_one_place(self):
        for offset in (1, 2):
            self.live.add(offset, 10 + offset)
            self.place(line(offset, 10 + offset), dead={offset: {10 + offset: 2}})
        self.place(line(3, 13), dead={3: {13: 4}})
        self.assertEqual(dict(self.report.counts), {"live": 1, "dead_branch": 1})
        self.assertEqual(len(self.report.wrong), 1)
        self.assertIn("offset 2 is in more than one place: live, dead_branch", self.report.wrong[0])

    def test_what_was_sent_again_at_its_offset_is_in_one_place(self):
        for offset, reasons in [(5, ["never_committed"]), (6, ["truncation"]), (7, ["never_committed", "truncation"])]:
            self.live.add(offset, 50)
            dead = {offset: {}}
            for reason in reasons:
                take_dead(dead, offset, 50, 5, reason)
            self.place(line(offset, 50), dead=dead)
        dead = {8: {}}
        take_dead(dead, 8, 50, 5, "never_committed")
        self.place(line(8, 50), dead=dead)
        self.assertEqual(dict(self.report.counts), {"live": 1, "dead_branch": 1})
        self.assertEqual([fault[:18] for fault in self.report.wrong], ["orders/0: offset 6", "orders/0: offset 7"])

    def test_an_offset_that_is_there_twice_is_a_fault(self):
        self.live.add(1, 11)
        self.live.add(1, 11)
        self.assertIn("twice", self.report.wrong[0])

    def test_overlapping_segments_are_a_fault_and_holes_part_the_spans(self):
        segment = lambda base, end: types.SimpleNamespace(base=base, next=end)  # noqa: E731
        self.assertEqual(runs("p", [segment(0, 5), segment(5, 9), segment(12, 20)], self.report), [(0, 9), (12, 20)])
        self.assertEqual(self.report.wrong, [])
        runs("p", [segment(0, 5), segment(4, 9)], self.report)
        self.assertIn("overlaps", self.report.wrong[0])

    def committed(self, outcomes, lines, shown, shown_to=100):
        for one in lines:
            self.live.add(one.offset, one.crc)
        committed_check(self.report, "p", types.SimpleNamespace(outcomes=outcomes), lines, self.live, shown, shown_to)
        return self.report.wrong

    def test_readers_of_committed_records_see_the_committed_ones_alone(self):
        lines = [line(1, 1), line(2, 2, "c"), line(3, 3, "a"), line(4, 4, "u"), line(5, 5, "u"), line(200, 6)]
        self.assertEqual(self.committed({"c": "committed", "a": "aborted"}, lines, {1, 2, 4, 5}), [])

    def test_an_aborted_record_that_is_shown_is_a_fault(self):
        self.assertIn("shows offset 3", self.committed({"a": "aborted"}, [line(3, 3, "a")], {3})[0])

    def test_a_committed_record_that_is_hidden_is_a_fault(self):
        self.assertIn("hides offset 3", self.committed({"c": "committed"}, [line(3, 3, "c")], set())[0])

    def test_half_a_transaction_is_a_fault(self):
        self.assertIn("1 of 2", self.committed({}, [line(3, 3, "u"), line(4, 4, "u")], {3})[0])


if __name__ == "__main__":
    unittest.main()
