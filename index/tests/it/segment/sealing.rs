//! Sealed segments: they read back with their key alone, and any part that is not where it was sealed is refused.

use bytes::Bytes;
use firnline_index::segment::{
    BlockCompression, ExpectedOrigin, SEAL_LEN, SegmentOptions, SegmentOrigin, SegmentReadError, SegmentTail,
    Trailer,
};
use firnline_index::topic_key::TopicKey;
use firnline_index::{Crc32c, KeyId, PartitionIndex, Salt, SegmentUuid, StoredPosition};
use proptest::prelude::*;

use super::sample::{Batch, noise, options, small_log, write};

const NEEDLE: &[u8] = b"the customer's own words";

fn key(id: u8, secret: u8) -> TopicKey {
    TopicKey::new(KeyId::from_bytes([id; 16]), [secret; 32].into())
}

fn sealed(compression: BlockCompression) -> SegmentOptions {
    SegmentOptions { seal: Some(key(7, 8)), ..options(compression) }
}

fn open(object: &Bytes, at: StoredPosition, key: Option<&TopicKey>) -> Result<SegmentTail, SegmentReadError> {
    let from = usize::try_from(at.get()).unwrap().min(object.len());
    SegmentTail::open(object.slice(from..), at, &ExpectedOrigin::default(), key)
}

fn read(object: &Bytes, at: StoredPosition, key: &TopicKey) -> Result<Vec<u8>, String> {
    let tail = open(object, at, Some(key)).map_err(|error| error.to_string())?;
    let mut raw = Vec::new();
    for entry in tail.index().entries() {
        let range = usize::try_from(entry.stored.start).unwrap()..usize::try_from(entry.stored.end).unwrap();
        let block = tail.blocks().decode(&entry, object.slice(range)).map_err(|error| error.to_string())?;
        raw.extend_from_slice(&block);
    }
    Ok(raw)
}

fn log_with_needle() -> Vec<u8> {
    (0..40)
        .flat_map(|at| Batch::new(at, 1).around(&[NEEDLE, &noise(7 + at.unsigned_abs(), 90)].concat()))
        .collect()
}

fn holds(object: &[u8], needle: &[u8]) -> bool {
    object.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn a_sealed_segment_reads_back_and_shows_nothing() {
    for compression in [BlockCompression::None, BlockCompression::Zstd { level: 3 }] {
        let log = log_with_needle();
        let (clear, _) = write(options(BlockCompression::None), &[log.clone().into()]);
        assert!(holds(&clear, NEEDLE) && holds(&clear, b"orders"), "the test would see the words");
        let (object, summary) = write(sealed(compression), &[log.clone().into()]);
        assert_eq!(summary.key_id, Some(KeyId::from_bytes([7; 16])));
        assert!(!holds(&object, NEEDLE) && !holds(&object, b"orders"));
        assert_eq!(read(&object, summary.tail_position, &key(7, 8)).unwrap(), log);
        // Runs that are cut anywhere make the same object.
        let bytes = Bytes::from(log);
        let halves: Vec<Bytes> = bytes.chunks(bytes.len() / 40).map(Bytes::copy_from_slice).collect();
        assert_eq!(write(sealed(compression), &halves).0, object);
    }
}

#[test]
fn a_raw_block_grows_by_its_tag_alone() {
    let log = log_with_needle();
    let (clear, plain) = write(options(BlockCompression::None), &[log.clone().into()]);
    let (object, summary) = write(sealed(BlockCompression::None), &[log.into()]);
    let blocks = usize::try_from(summary.blocks).unwrap();
    assert_eq!(summary.tail_position.get(), plain.tail_position.get() + (blocks * SEAL_LEN) as u64);
    // The index gains a column of stored positions.
    assert!(object.len() < clear.len() + (blocks + 3) * SEAL_LEN + 200);
}

#[test]
fn no_key_another_key_and_a_false_key_are_told_apart() {
    let (object, summary) = write(sealed(BlockCompression::None), &[small_log().into()]);
    let at = summary.tail_position;
    for absent in [None, Some(key(6, 8))] {
        let error = open(&object, at, absent.as_ref()).unwrap_err();
        assert!(matches!(error, SegmentReadError::Sealed { key_id } if key_id == KeyId::from_bytes([7; 16])));
    }
    let error = open(&object, at, Some(&key(7, 9))).unwrap_err();
    assert!(matches!(error, SegmentReadError::Unauthentic { .. }), "{error}");
    // A key that nothing asks for changes nothing.
    let (clear, plain) = write(options(BlockCompression::None), &[small_log().into()]);
    assert!(open(&clear, plain.tail_position, Some(&key(7, 8))).is_ok());
}

#[test]
fn the_salt_makes_another_object_of_the_same_log() {
    let one = write(sealed(BlockCompression::None), &[small_log().into()]).0;
    let other = SegmentOptions { salt: Salt::from_bytes([99; 16]), ..sealed(BlockCompression::None) };
    let other = write(other, &[small_log().into()]).0;
    let equal = one.iter().zip(&other).filter(|(a, b)| a == b).count();
    assert!(equal < one.len() / 4, "{equal} of {} bytes are equal", one.len());
}

#[test]
fn any_byte_flipped_is_refused() {
    for compression in [BlockCompression::None, BlockCompression::Zstd { level: 3 }] {
        let (object, summary) = write(sealed(compression), &[small_log().into()]);
        for at in 0..object.len() {
            let mut bad = object.to_vec();
            bad[at] ^= 0x40;
            assert!(
                read(&bad.into(), summary.tail_position, &key(7, 8)).is_err(),
                "byte {at} went unnoticed"
            );
        }
    }
}

/// Parts of equal length from elsewhere: each is whole and authentic, in its own place.
#[test]
fn a_part_from_another_place_is_refused() {
    let log: Bytes = [Batch::new(0, 1).around(&noise(1, 2_000)), Batch::new(1, 1).around(&noise(2, 2_000))]
        .concat()
        .into();
    let (object, summary) = write(sealed(BlockCompression::None), std::slice::from_ref(&log));
    let tail = open(&object, summary.tail_position, Some(&key(7, 8))).unwrap();
    let (first, second) = (tail.index().entry(0).unwrap(), tail.index().entry(1).unwrap());
    let stored = |object: &Bytes, range: &std::ops::Range<u64>| {
        object.slice(usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap())
    };
    assert_eq!(first.stored_len(), second.stored_len());
    let swapped = tail.blocks().decode(&first, stored(&object, &second.stored)).unwrap_err();
    assert_eq!(swapped.to_string(), "block 0 does not authenticate: it was changed, or belongs elsewhere");

    let base = sealed(BlockCompression::None);
    let origin = |change: fn(&mut SegmentOrigin)| {
        let mut options = base.clone();
        change(&mut options.origin);
        options
    };
    for other in [
        origin(|of| of.uuid = SegmentUuid::from_bytes([77; 16])),
        origin(|of| of.partition = PartitionIndex::new(77).unwrap()),
        origin(|of| of.topic_id = firnline_index::TopicId::from_bytes([77; 16])),
        origin(|of| of.cluster_id = firnline_index::ClusterId::new("another").unwrap()),
        SegmentOptions { salt: Salt::from_bytes([77; 16]), ..base.clone() },
        SegmentOptions { seal: Some(key(7, 9)), ..base.clone() },
    ] {
        let (foreign, _) = write(other, std::slice::from_ref(&log));
        assert!(tail.blocks().decode(&first, stored(&foreign, &first.stored)).is_err());
        assert!(tail.blocks().decode(&first, stored(&object, &first.stored)).is_ok());
        // The same for the tail: all but the trailer of the other, under this one's trailer.
        let at = usize::try_from(summary.tail_position.get()).unwrap();
        let mut mixed = foreign.to_vec();
        if foreign.len() == object.len() {
            let trailer = Trailer::parse(&object).unwrap();
            let footer_crc = Trailer::parse(&foreign).unwrap().footer_crc;
            let end = mixed.len() - 160;
            mixed[end..].copy_from_slice(&Trailer { footer_crc, ..trailer }.encode());
            let error =
                open(&mixed.clone().into(), StoredPosition::new(at as u64), Some(&key(7, 8))).unwrap_err();
            assert!(matches!(error, SegmentReadError::Unauthentic { .. }), "{error}");
        }
        assert_ne!(Crc32c::of(&mixed), summary.object_crc);
    }
}

/// Who can write to the bucket can make every checksum right. Only what is sealed tells.
#[test]
fn sections_that_trade_places_with_right_checksums_are_refused() {
    let (object, summary) = write(sealed(BlockCompression::None), &[small_log().into()]);
    let trailer = Trailer::parse(&object).unwrap();
    let end = object.len() - 160;
    let footer = end - usize::try_from(trailer.footer_length).unwrap();
    let at = usize::try_from(summary.tail_position.get()).unwrap();
    // The block index in the footer's place, with a trailer that vouches for it.
    let swapped = [&object[..at], &object[footer..end], &object[at..footer]].concat();
    let footer_length = u32::try_from(footer - at).unwrap();
    let crc = Crc32c::of(&object[at..footer]);
    let forged = Trailer { footer_length, footer_crc: crc, ..trailer }.encode();
    let swapped = Bytes::from([&swapped[..], &forged].concat());
    let error = open(&swapped, summary.tail_position, Some(&key(7, 8))).unwrap_err();
    assert!(matches!(error, SegmentReadError::Unauthentic { .. }), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_log_reads_back(sizes in proptest::collection::vec(0_usize..5_000, 1..20), zstd: bool, secret: u8) {
        let mut log = Vec::new();
        for (at, size) in sizes.iter().enumerate() {
            let payload = if at % 2 == 0 { noise(at as u64, *size) } else { vec![b'w'; *size] };
            log.extend(Batch::new(i64::try_from(at).unwrap(), 1).around(&payload));
        }
        let compression = if zstd { BlockCompression::Zstd { level: 1 } } else { BlockCompression::None };
        let key = key(7, secret);
        let (object, summary) =
            write(SegmentOptions { seal: Some(key.clone()), ..options(compression) }, &[log.clone().into()]);
        prop_assert_eq!(read(&object, summary.tail_position, &key).unwrap(), log);
    }
}
