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
    let runs = |numbers: &[u32], limit| runs(&index, numbers.to_vec(), limit).collect::<Vec<_>>();
    assert_eq!(runs(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 400), [0..4, 4..8, 8..10]);
    assert_eq!(runs(&[0, 1, 3, 4, 9], 1000), [0..2, 3..5, 9..10]);
    assert_eq!(runs(&[2, 3], 50), [2..3, 3..4], "a longer block is a run of its own");
    assert_eq!(runs(&[], 50), []);
}

/// A scan asks for one run after the other: looking at all that is left each time would be quadratic.
#[test]
fn the_first_run_is_found_without_a_look_at_what_comes_later() {
    let index = index();
    let looked_at = std::cell::Cell::new(0);
    let numbers = (0..10).inspect(|_| looked_at.set(looked_at.get() + 1));
    assert_eq!(runs(&index, numbers, 200).next(), Some(0..2));
    assert_eq!(looked_at.get(), 4);
}

#[test]
fn a_short_rest_comes_along() {
    let index = index();
    // Blocks of 100 bytes: eight and one more, which is an eighth.
    assert_eq!(runs(&index, 0..9, 800).next(), Some(0..9));
    assert_eq!(runs(&index, 0..10, 800).collect::<Vec<_>>(), [0..8, 8..10]);
    assert_eq!(runs(&index, [0, 1, 2, 3, 4, 5, 6, 7, 9], 800).collect::<Vec<_>>(), [0..8, 9..10]);
}
