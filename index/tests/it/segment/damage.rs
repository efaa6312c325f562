//! Any damage to an object is refused before a wrong byte is served, and shows in the object's checksum.

use bytes::Bytes;
use firnline_index::segment::{BlockCompression, decode_block};
use firnline_index::{Crc32c, StoredPosition};

use super::sample::{open, options, read, small_log, write};

/// Every bit of an object. Where a reader accepts the bytes, what it serves is right all the same (a zstd frame has bits
/// that its decoder ignores), and only the object's own checksum names the damage.
#[test]
fn any_bit_flipped_is_noticed() {
    for compression in [BlockCompression::None, BlockCompression::Zstd { level: 3 }] {
        let log = small_log();
        let (object, summary) = write(options(compression), &[log.clone().into()]);
        let flipped = |bit: usize| {
            let mut bad = object.to_vec();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(Crc32c::of(&bad), summary.object_crc, "bit {bit}");
            Bytes::from(bad)
        };
        let tail_at = usize::try_from(summary.tail_position.get()).unwrap();
        for bit in tail_at * 8..object.len() * 8 {
            assert!(
                open(&flipped(bit), summary.tail_position).is_err(),
                "bit {bit} of the tail went unnoticed"
            );
        }
        let mut unnoticed = 0;
        for entry in open(&object, summary.tail_position).unwrap().index().entries() {
            let range =
                usize::try_from(entry.stored.start).unwrap()..usize::try_from(entry.stored.end).unwrap();
            let raw = usize::try_from(entry.raw.start).unwrap()..usize::try_from(entry.raw.end).unwrap();
            for bit in range.start * 8..range.end * 8 {
                if let Ok(decoded) = decode_block(&entry, flipped(bit).slice(range.clone())) {
                    assert_eq!(decoded, log[raw.clone()], "bit {bit}: wrong bytes served");
                    unnoticed += 1;
                }
            }
        }
        // About one in a thousand bits of text that repeats: another copy of the same words serves as well.
        let allowed = if compression == BlockCompression::None { 0 } else { object.len() * 8 / 100 };
        assert!(
            unnoticed <= allowed,
            "{unnoticed} bits went unnoticed by the reader, {allowed} expected at most"
        );
    }
}

#[test]
fn truncated_at_any_length_is_refused() {
    for compression in [BlockCompression::None, BlockCompression::Zstd { level: 3 }] {
        let (object, summary) = write(options(compression), &[small_log().into()]);
        for length in 0..object.len() {
            assert!(read(&object.slice(..length), summary.tail_position).is_err(), "{length}");
        }
        let longer = Bytes::from([&object[..], &[0]].concat());
        assert!(read(&longer, summary.tail_position).is_err());
    }
}

#[test]
fn a_tail_at_another_place_is_refused() {
    let (object, summary) = write(options(BlockCompression::None), &[small_log().into()]);
    let tail_position = summary.tail_position.get();
    for wrong in [0, 1, tail_position - 1, tail_position + 1, object.len() as u64 - 160, object.len() as u64]
    {
        assert!(read(&object, StoredPosition::new(wrong)).is_err(), "{wrong}");
    }
    // The right bytes under a wrong position: the segment's own words contradict the caller's.
    let shifted = Bytes::from([&[0; 64][..], &object[..]].concat());
    assert!(read(&shifted, StoredPosition::new(tail_position + 64)).is_err());
}

/// Two blocks of equal length that trade places: each is whole, neither is where it belongs.
#[test]
fn swapped_blocks_are_refused() {
    use super::sample::{Batch, noise};
    let log = [Batch::new(0, 1).around(&noise(1, 2_000)), Batch::new(1, 1).around(&noise(2, 2_000))].concat();
    let (object, summary) = write(options(BlockCompression::None), &[log.into()]);
    let half = usize::try_from(summary.tail_position.get() / 2).unwrap();
    let swapped = [&object[half..2 * half], &object[..half], &object[2 * half..]].concat();
    assert!(read(&swapped.into(), summary.tail_position).unwrap_err().contains("crc32c of block 0"));
}
