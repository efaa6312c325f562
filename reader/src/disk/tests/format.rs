use firnline_index::{Crc32c, SegmentUuid, TopicId};
use proptest::prelude::*;

use super::super::format::*;

fn keys() -> impl Strategy<Value = RecordKey> {
    let part = prop_oneof![any::<u32>().prop_map(Part::Block), Just(Part::Tail)];
    (any::<[u8; 16]>(), any::<[u8; 16]>(), any::<u32>(), part).prop_map(|(topic, segment, crc, part)| {
        RecordKey {
            topic_id: TopicId::from_bytes(topic),
            segment: SegmentUuid::from_bytes(segment),
            object_crc: Crc32c::new(crc),
            part,
        }
    })
}

fn headers() -> impl Strategy<Value = RecordHeader> {
    (keys(), any::<u32>(), any::<u32>()).prop_map(|(key, length, crc)| RecordHeader {
        key,
        length,
        crc: Crc32c::new(crc),
    })
}

fn tables() -> impl Strategy<Value = Vec<TableEntry>> {
    prop::collection::vec((any::<u64>(), 1_u32..1000), 0..50)
        .prop_map(|all| all.into_iter().map(|(fingerprint, at)| TableEntry { fingerprint, at }).collect())
}

proptest! {
    #[test]
    fn headers_come_back_and_no_bit_of_them_may_change(header in headers(), bit in 0..RECORD_HEADER_LEN * 8) {
        let mut bytes = header.encode();
        prop_assert_eq!(RecordHeader::parse(&bytes), Ok(header));
        for length in 0..bytes.len() {
            prop_assert_eq!(RecordHeader::parse(&bytes[..length]), Err(FormatError::Short));
        }
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(RecordHeader::parse(&bytes).is_err());
    }

    #[test]
    fn tables_come_back_and_no_bit_of_them_may_change(table in tables(), bit in any::<prop::sample::Index>()) {
        let from = 1000 * UNIT;
        let mut bytes = encode_table(&table);
        prop_assert_eq!(bytes.len() as u64, table_len(table.len()));
        prop_assert_eq!(table_entries(&bytes).map(|count| count as usize), Ok(table.len()));
        prop_assert_eq!(parse_table(&bytes, from), Ok(table.clone()));
        for length in 0..bytes.len() {
            prop_assert!(parse_table(&bytes[..length], from).is_err());
        }
        let last = table.iter().map(|entry| entry.at).max().unwrap_or(0);
        prop_assert_eq!(parse_table(&bytes, u64::from(last) * UNIT).is_err(), !table.is_empty());
        let bit = bit.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(parse_table(&bytes, from).is_err());
    }

    #[test]
    fn any_bytes_are_parsed_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = check_slab_header(&bytes);
        let _ = RecordHeader::parse(&bytes);
        let _ = parse_table(&bytes, u64::MAX);
    }

    #[test]
    fn other_keys_have_other_fingerprints(one in keys(), other in keys()) {
        prop_assert_eq!(one == other, one.fingerprint() == other.fingerprint());
    }
}

#[test]
fn each_field_of_a_key_moves_its_fingerprint() {
    let key = super::key(1);
    let others = [
        RecordKey { topic_id: TopicId::from_bytes([8; 16]), ..key },
        RecordKey { segment: SegmentUuid::from_bytes([8; 16]), ..key },
        RecordKey { object_crc: Crc32c::new(1), ..key },
        RecordKey { part: Part::Block(1), ..key },
        RecordKey { part: Part::Tail, ..key },
    ];
    for other in others {
        assert_ne!(key.fingerprint(), other.fingerprint(), "{other:?}");
    }
    let zero = RecordKey { part: Part::Block(0), ..key };
    assert_ne!(zero.fingerprint(), RecordKey { part: Part::Tail, ..key }.fingerprint());
}

#[test]
fn no_bit_of_a_slabs_header_may_change() {
    let sound = slab_header();
    assert_eq!(check_slab_header(&sound), Ok(()));
    for bit in 0..sound.len() * 8 {
        let mut bytes = sound;
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(check_slab_header(&bytes).is_err(), "bit {bit}");
    }
    assert_eq!(check_slab_header(&sound[..15]), Err(FormatError::Short));
}

#[test]
fn these_bytes_are_version_1() {
    let header = RecordHeader { key: super::key(4), length: 5, crc: Crc32c::of(b"12345") };
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!(hex(&slab_header()), GOLDEN_SLAB);
    assert_eq!(hex(&header.encode()), GOLDEN_RECORD);
    assert_eq!(
        hex(&encode_table(&[TableEntry { fingerprint: header.key.fingerprint(), at: 1 }])),
        GOLDEN_TABLE
    );
}

// Never edited: what a release has written, the next one finds.
const GOLDEN_SLAB: &str = "4649524e534c4142010000003f585d76";
const GOLDEN_RECORD: &str = "4652454301000000070707070707070707070707070707075a5a5a040000005a5a5a5a5a5a5a5a5aefbeadde01000000050000003523d1181c26024f";
const GOLDEN_TABLE: &str = "5dd6f8a806cab8fc010000004649524e5441424c0100000001000000329ad254";
