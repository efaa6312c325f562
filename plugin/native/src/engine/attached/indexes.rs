//! A broker's files, made of a segment's end. Numbers are big-endian, as Kafka writes them.

use bytes::Bytes;
use firnline_index::Offset;
use firnline_index::block_index::BlockIndex;
use firnline_index::transactions::SegmentTransactions;

/// `.index`: offset from the base (4 bytes), position (4). A line a block, but for the first, at which every search begins.
pub(super) fn offsets(base: Offset, size: u64, blocks: &BlockIndex) -> Bytes {
    let lines = blocks.entries().skip(1).take_while(|block| block.raw.start < size).filter_map(|block| {
        let relative = relative(base, block.first_offset)?;
        let position = i32::try_from(block.raw.start).ok()?;
        Some([relative.to_be_bytes(), position.to_be_bytes()].concat())
    });
    lines.flatten().collect::<Vec<u8>>().into()
}

/// `.timeindex`: timestamp (8 bytes), offset from the base (4). Where a block raises the largest timestamp so far: whatever is
/// younger than the line before, and not younger than this one, lies in this block.
pub(super) fn times(base: Offset, size: u64, blocks: &BlockIndex) -> Bytes {
    let mut out = Vec::new();
    let mut largest = None;
    for block in blocks.entries().take_while(|block| block.raw.start < size) {
        let Some(relative) = relative(base, block.first_offset) else { continue };
        let Some(timestamp) = block.max_timestamp.filter(|timestamp| largest < Some(*timestamp)) else {
            continue;
        };
        largest = Some(timestamp);
        out.extend(timestamp.get().to_be_bytes());
        out.extend(relative.to_be_bytes());
    }
    out.into()
}

/// `.txnindex`: version 0 (2 bytes), producer, first offset, last offset, last stable offset (8 each). A search ends at a
/// line whose last stable offset it does not go beyond, so this is the smallest first offset of an abort that stands
/// behind the line, in this segment or a later one.
pub(super) fn transactions(of: &SegmentTransactions, end: Offset) -> Bytes {
    let mut behind = of.stable_end.min(end);
    let mut lines = Vec::with_capacity(of.aborted.len());
    for abort in of.aborted.iter().rev().filter(|abort| abort.marker_offset < end) {
        let mut line = Vec::with_capacity(34);
        line.extend(0_i16.to_be_bytes());
        line.extend(abort.producer.get().to_be_bytes());
        line.extend(abort.first_offset.get().to_be_bytes());
        line.extend(abort.marker_offset.get().to_be_bytes());
        line.extend(behind.get().to_be_bytes());
        lines.push(line);
        behind = behind.min(abort.first_offset);
    }
    lines.into_iter().rev().flatten().collect::<Vec<u8>>().into()
}

/// `leader-epoch-checkpoint`: one epoch, 0, from the beginning. Version 0, one line.
pub(super) fn leader_epochs() -> Bytes {
    Bytes::from_static(b"0\n1\n0 0\n")
}

/// Offsets from the base have 31 bits.
fn relative(base: Offset, offset: Offset) -> Option<i32> {
    i32::try_from(offset.checked_sub(base)?).ok()
}

#[cfg(test)]
mod tests {
    use firnline_index::block_index::BlockIndexBuilder;
    use firnline_index::transactions::{AbortedTransaction, OpenTransaction};
    use firnline_index::{Crc32c, ProducerId, TimestampMs};

    use super::*;

    fn at(offset: i64) -> Offset {
        Offset::new(offset).unwrap()
    }

    /// A line a field: as Kafka reads it.
    fn numbers(bytes: &[u8], widths: &[usize]) -> Vec<Vec<i64>> {
        let width: usize = widths.iter().sum();
        assert_eq!(bytes.len() % width, 0);
        let number = |bytes: &[u8]| {
            let sign = if bytes[0] & 0x80 == 0 { 0 } else { 0xff };
            let mut wide = [sign; 8];
            wide[8 - bytes.len()..].copy_from_slice(bytes);
            i64::from_be_bytes(wide)
        };
        let line = |mut line: &[u8]| {
            let mut fields = Vec::new();
            for width in widths {
                let (field, rest) = line.split_at(*width);
                fields.push(number(field));
                line = rest;
            }
            fields
        };
        bytes.chunks(width).map(line).collect()
    }

    fn blocks(of: &[(i64, u64, Option<i64>)]) -> BlockIndex {
        let mut builder = BlockIndexBuilder::default();
        for (offset, length, timestamp) in of {
            let timestamp = timestamp.map(|ms| TimestampMs::new(ms).unwrap());
            builder.push(at(*offset), timestamp, *length, *length, Crc32c::of(b""));
        }
        BlockIndex::parse(builder.finish().into()).unwrap()
    }

    #[test]
    fn a_search_by_offset_begins_with_a_block() {
        let blocks = blocks(&[(100, 1000, None), (150, 2000, None), (170, 10, None)]);
        assert_eq!(numbers(&offsets(at(100), 3010, &blocks), &[4, 4]), [[50, 1000], [70, 3000]]);
        assert_eq!(numbers(&offsets(at(100), 3000, &blocks), &[4, 4]), [[50, 1000]]);
    }

    #[test]
    fn a_line_of_times_stands_where_its_block_begins() {
        let blocks = blocks(&[
            (100, 10, None),
            (110, 10, Some(7)),
            (120, 10, Some(5)),
            (130, 10, Some(7)),
            (140, 10, Some(9)),
        ]);
        // What is younger than 7 lies behind offset 120; what has the time 7 itself is found from 110 on.
        assert_eq!(numbers(&times(at(100), 50, &blocks), &[8, 4]), [[7, 10], [9, 40]]);
        assert_eq!(numbers(&times(at(100), 40, &blocks), &[8, 4]), [[7, 10]]);
    }

    #[test]
    fn a_search_for_aborts_ends_where_none_can_follow() {
        let aborted =
            [(1, 20, 50), (2, 10, 100), (1, 110, 120)].map(|(producer, first, marker)| AbortedTransaction {
                producer: ProducerId::new(producer).unwrap(),
                first_offset: at(first),
                marker_offset: at(marker),
            });
        let open = OpenTransaction {
            producer: ProducerId::new(3).unwrap(),
            first_offset: at(115),
            last_timestamp: None,
        };
        let of = SegmentTransactions {
            aborted: aborted.to_vec(),
            first_markers: Vec::new(),
            open: vec![open],
            stable_end: at(115),
        };
        let lines = numbers(&transactions(&of, at(200)), &[2, 8, 8, 8, 8]);
        assert_eq!(lines, [[0, 1, 20, 50, 10], [0, 2, 10, 100, 110], [0, 1, 110, 120, 115]]);
        let lines = numbers(&transactions(&of, at(105)), &[2, 8, 8, 8, 8]);
        assert_eq!(lines, [[0, 1, 20, 50, 10], [0, 2, 10, 100, 105]]);
        assert!(transactions(&SegmentTransactions::none(at(200)), at(200)).is_empty());
    }
}
