use super::*;
use firnline_index::Crc32c;
use firnline_index::block_index::BlockIndexBuilder;

/// Ten blocks of 100 raw bytes, ten offsets each, from offset 1000.
fn index() -> BlockIndex {
    let mut builder = BlockIndexBuilder::default();
    for number in 0..10 {
        let first = Offset::new(1000 + number * 10).expect("positive");
        builder.push(first, None, 100, 100, Crc32c::new(0));
    }
    BlockIndex::parse(builder.finish().into()).expect("just built")
}

fn at(offset: i64) -> Offset {
    Offset::new(offset).expect("positive")
}

#[test]
fn a_read_needs_the_blocks_that_its_bytes_span() {
    let index = index();
    for (offset, max_bytes, blocks) in [
        (1000, 1, 0..1),
        (1000, 100, 0..1),
        (1000, 101, 0..2),
        (1009, 250, 0..3),
        (1010, 100, 1..2),
        (1095, 1_000_000, 9..10),
        (1000, usize::MAX, 0..10),
        (1000, 0, 0..1),
        (500, 1, 0..1),
    ] {
        assert_eq!(blocks_for(&index, at(offset), max_bytes), blocks, "{offset} {max_bytes}");
    }
}

#[test]
fn runs_are_contiguous_and_within_the_limit() {
    let index = index();
    assert_eq!(runs(&index, 0..10, 400), [0..4, 4..8, 8..10]);
    assert_eq!(runs(&index, [0, 1, 3, 4, 9], 1000), [0..2, 3..5, 9..10]);
    assert_eq!(runs(&index, 2..4, 50), [2..3, 3..4], "a longer block is a run of its own");
    assert!(runs(&index, [], 50).is_empty());
}
