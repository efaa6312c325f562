use super::*;
use proptest::prelude::*;

#[derive(Debug, Clone)]
struct Block {
    offsets: i64,
    time: i64,
    raw: u64,
    stored: u64,
}

fn build(start: i64, blocks: &[Block]) -> Bytes {
    let mut builder = BlockIndexBuilder::default();
    let mut offset = start;
    for (i, block) in blocks.iter().enumerate() {
        let crc = Crc32c::new(u32::try_from(i).unwrap().wrapping_mul(2_654_435_761));
        builder.push(
            Offset::new(offset).unwrap(),
            TimestampMs::from_kafka(block.time),
            block.raw,
            block.stored,
            crc,
        );
        offset += block.offsets;
    }
    builder.finish().into()
}

fn blocks(compressed: bool) -> impl Strategy<Value = Vec<Block>> {
    let block = (
        1_i64..100_000,
        prop_oneof![Just(-1_i64), 0..i64::MAX, 1_700_000_000_000..1_700_000_100_000_i64],
        61_u64..2_000_000,
    )
        .prop_flat_map(move |(offsets, time, raw)| {
            let stored = if compressed { (10..=raw).boxed() } else { Just(raw).boxed() };
            stored.prop_map(move |stored| Block { offsets, time, raw, stored })
        });
    prop::collection::vec(block, 1..400)
}

fn check(start: i64, blocks: &[Block]) {
    let index = BlockIndex::parse(build(start, blocks)).unwrap();
    let (mut offset, mut raw, mut stored) = (start, 0, 0);
    assert_eq!(index.len() as usize, blocks.len());
    for (number, block) in blocks.iter().enumerate() {
        let number = u32::try_from(number).unwrap();
        let entry = index.entry(number).unwrap();
        assert_eq!(entry.first_offset.get(), offset);
        assert_eq!((entry.raw, entry.stored), (raw..raw + block.raw, stored..stored + block.stored));
        assert_eq!(entry.max_timestamp, TimestampMs::from_kafka(block.time));
        for at in [offset, offset + block.offsets - 1] {
            assert_eq!(index.find_offset(Offset::new(at).unwrap()), Some(number));
        }
        for at in [raw, raw + block.raw - 1] {
            assert_eq!(index.find_raw(RawPosition::new(at)), Some(number));
        }
        offset += block.offsets;
        raw += block.raw;
        stored += block.stored;
    }
    assert_eq!(index.entry(index.len()), None);
    assert_eq!(index.find_raw(RawPosition::new(raw)), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_value_comes_back_and_every_look_up_finds_its_block(start in 0_i64..1_000_000, raw in blocks(false), zstd in blocks(true)) {
        check(start, &raw);
        check(start, &zstd);
    }

    #[test]
    fn times_are_found_as_a_walk_finds_them(list in blocks(false), time in 0_i64..i64::MAX) {
        let index = BlockIndex::parse(build(0, &list)).unwrap();
        let expected = list.iter().position(|b| b.time >= time).map(|i| u32::try_from(i).unwrap());
        prop_assert_eq!(index.find_timestamp(TimestampMs::new(time).unwrap()), expected);
    }

    #[test]
    fn any_bytes_parse_or_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(index) = BlockIndex::parse(bytes.into()) {
            prop_assert_eq!(index.entries().count(), index.len() as usize);
        }
    }
}

#[test]
fn truncated_sections_are_refused() {
    let list = vec![Block { offsets: 3, time: 5, raw: 100, stored: 60 }; 200];
    let bytes = build(7, &list);
    for length in 0..bytes.len() {
        assert!(BlockIndex::parse(bytes.slice(..length)).is_err(), "{length}");
    }
    assert!(BlockIndex::parse([&bytes[..], &[0]].concat().into()).is_err());
}

#[test]
fn below_the_first_block_nothing_is_found() {
    let index = BlockIndex::parse(build(7, &[Block { offsets: 3, time: 5, raw: 100, stored: 100 }])).unwrap();
    assert_eq!(index.find_offset(Offset::new(6).unwrap()), None);
    assert_eq!(index.find_offset(Offset::new(7_000).unwrap()), Some(0));
}

#[test]
fn an_index_without_blocks_is_refused() {
    let empty = BlockIndexBuilder::default().finish();
    assert_eq!(
        BlockIndex::parse(empty.into()).unwrap_err(),
        BlockIndexError::Blocks { blocks: 0, length: HEADER_LEN }
    );
}

#[test]
fn evenly_spaced_columns_cost_their_checksums_and_little_more() {
    let blocks = 4_096_usize;
    let list = vec![Block { offsets: 160, time: 1_700_000_000_000, raw: 262_144, stored: 262_144 }; blocks];
    let length = build(0, &list).len();
    assert!(length < blocks * 4 + HEADER_LEN + 32 * 16, "{length}");
}

#[test]
fn one_wild_timestamp_widens_its_own_frame_only() {
    let mut list = vec![Block { offsets: 16, time: 1_700_000_000_000, raw: 262_144, stored: 262_144 }; 1_024];
    let tame = build(0, &list).len();
    list[300].time = i64::MAX;
    let wild = build(0, &list).len();
    check(0, &list);
    assert!(wild - tame < 128 * 8 + 32, "{wild} after {tame}");
}

/// Any bit of a section flipped: refused, or every look-up still answers within bounds. (That it is noticed at all is
/// the section table's CRC's work.)
#[test]
fn damaged_sections_never_panic_or_leave_their_bounds() {
    let list: Vec<Block> = (0..140_u32)
        .map(|i| Block {
            offsets: i64::from(i % 7 + 1),
            time: i64::from(i) * 10,
            raw: 1_000 + u64::from(i % 13),
            stored: 500 + u64::from(i % 11),
        })
        .collect();
    let good = build(1 << 40, &list);
    let mut accepted = 0;
    // Any bits are a checksum, so one of those stands for all.
    for bit in 0..(good.len() - 4 * 139) * 8 {
        let mut bad = good.to_vec();
        bad[bit / 8] ^= 1 << (bit % 8);
        let Ok(index) = BlockIndex::parse(bad.into()) else { continue };
        accepted += 1;
        let (mut raw, mut stored) = (0, 0);
        for entry in index.entries() {
            assert_eq!((entry.raw.start, entry.stored.start), (raw, stored), "bit {bit}");
            (raw, stored) = (entry.raw.end, entry.stored.end);
            assert_eq!(index.find_offset(entry.first_offset), Some(entry.number), "bit {bit}");
            assert_eq!(index.find_raw(RawPosition::new(entry.raw.start)), Some(entry.number), "bit {bit}");
        }
        assert_eq!((raw, stored), (index.raw_len(), index.stored_len()), "bit {bit}");
    }
    assert!(accepted >= 32, "at least every bit of a checksum: {accepted}");
}

/// Found by the property test above: a jump at the end of a frame tilts its line, so that it begins below values of the
/// frame before. Its base alone would lead a search into the wrong frame, or to the wrong end of the right one.
#[test]
fn values_that_jump_are_found_all_the_same() {
    for jump in [100, 1_000, 2_000, 50_000_000] {
        let mut list = vec![Block { offsets: 10, time: 1, raw: 1_000, stored: 1_000 }; 450];
        list[382].offsets = jump;
        check(3, &list);
    }
    // Here the last frame's base lies below most of the first frame's values.
    let even = |offsets| Block { offsets, time: 1, raw: 1_000, stored: 1_000 };
    let mut list = [vec![even(1_000); 128], vec![even(1); 256]].concat();
    list[382].offsets = 100_000;
    check(3, &list);
}

#[test]
fn a_block_longer_stored_than_raw_is_refused() {
    let list = [(100, 60), (100, 101)].map(|(raw, stored)| Block { offsets: 3, time: 5, raw, stored });
    let error = BlockIndex::parse(build(0, &list)).unwrap_err();
    assert_eq!(error, BlockIndexError::BlockLength { number: 1, raw: 100, stored: 101 });
}

/// Found by fuzzing: the smallest 64-bit slope has no absolute value.
#[test]
fn a_slope_beyond_its_range_is_refused() {
    for slope in [i64::MIN, i64::MAX, -column::MAX_SLOPE - 1, column::MAX_SLOPE + 1] {
        let mut bytes =
            build(0, &[Block { offsets: 3, time: 5, raw: 100, stored: 100 }])[..HEADER_LEN].to_vec();
        crate::varint::put_signed(&mut bytes, 0);
        crate::varint::put_signed(&mut bytes, slope);
        bytes.push(0);
        assert_eq!(
            BlockIndex::parse(bytes.into()).unwrap_err(),
            BlockIndexError::Line { frame: 0 },
            "{slope}"
        );
    }
}
