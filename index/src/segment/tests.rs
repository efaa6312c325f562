//! Values that the public API cannot write: footers and trailers of another kind.

use super::*;
use crate::ids::{
    ByteCount, ClusterId, Crc32c, KeyId, LeaderEpoch, Offset, OffsetRange, PartitionIndex,
    RemoteLogSegmentId, Salt, SegmentUuid, StoredPosition, TimestampMs, TopicId, TopicName,
};
use crate::lineage::EpochStart;
use crate::manifest::{EntryKind, Kip405};
use proptest::prelude::*;

fn offset(value: i64) -> Offset {
    Offset::new(value).unwrap()
}

fn epoch(epoch: i32, start: i64) -> EpochStart {
    EpochStart { epoch: LeaderEpoch::new(epoch).unwrap(), start: offset(start) }
}

fn footer() -> Footer {
    Footer {
        range: OffsetRange::new(offset(100), offset(200)).unwrap(),
        epochs: vec![epoch(3, 100), epoch(7, 150)],
        min_timestamp: None,
        max_timestamp: TimestampMs::from_kafka(1_700_000_000_000),
        log_bytes: ByteCount::new(1 << 30),
        blocks: 4_096,
        batches: 65_536,
        records: Some(100),
        codec: BlockCodec::Zstd,
        block_size: DEFAULT_BLOCK_SIZE,
        topic: TopicName::new("orders").unwrap(),
        software: "firnline 9.9.9".to_owned(),
        kind: EntryKind::TailPiece,
        replaces: vec![SegmentUuid::from_bytes([5; 16])],
        kip405: Some(Kip405 {
            segment_id: RemoteLogSegmentId::from_bytes([6; 16]),
            epochs: vec![epoch(2, 90)],
        }),
        sections: vec![Section {
            kind: SectionKind::Other(77),
            position: StoredPosition::new(1 << 29),
            length: ByteCount::new(3),
            crc: Crc32c::of(b"abc"),
        }],
    }
}

fn trailer(key_id: Option<KeyId>) -> Trailer {
    Trailer {
        footer_length: 200,
        footer_crc: Crc32c::new(0xdead_beef),
        tail_length: 34_000,
        partition: PartitionIndex::new(3).unwrap(),
        key_id,
        salt: Salt::from_bytes([1; 16]),
        topic_id: TopicId::from_bytes([2; 16]),
        uuid: SegmentUuid::from_bytes([3; 16]),
        cluster_id: ClusterId::new("J8nB1x9RTGqN3oGQx5Lk2A").unwrap(),
    }
}

#[test]
fn every_field_of_a_footer_comes_back() {
    assert_eq!(Footer::decode(&footer().encode()).unwrap(), footer());
}

#[test]
fn footers_with_values_of_no_known_meaning_are_refused_by_name() {
    let good = footer();
    let many = |count| vec![good.sections[0]; count];
    for (what, changed) in [
        ("the epochs", Footer { epochs: vec![epoch(7, 150), epoch(3, 160)], ..footer() }),
        ("the software", Footer { software: "a\nb".to_owned(), ..footer() }),
        ("the section table", Footer { sections: many(MAX_SECTIONS + 1), ..footer() }),
        ("replaced", Footer { replaces: vec![good.replaces[0]; MAX_REPLACES + 1], ..footer() }),
    ] {
        let error = Footer::decode(&changed.encode()).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    }
    // A message without fields has no kind, no codec and no topic.
    assert!(Footer::decode(&[]).is_err());
}

#[test]
fn every_field_of_a_trailer_comes_back() {
    for key_id in [None, Some(KeyId::from_bytes([4; 16]))] {
        let bytes = trailer(key_id).encode();
        assert_eq!(Trailer::parse(&bytes).unwrap(), trailer(key_id));
        assert_eq!(Trailer::parse(&[&[9; 1_000], &bytes[..]].concat()).unwrap(), trailer(key_id));
    }
}

#[test]
fn any_bit_of_a_trailer_flipped_is_refused() {
    let good = trailer(None).encode();
    for bit in 0..good.len() * 8 {
        let mut bad = good;
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(Trailer::parse(&bad).is_err(), "bit {bit}");
    }
}

/// Puts the right checksum on a changed trailer.
fn resealed(change: impl Fn(&mut [u8; TRAILER_LEN])) -> [u8; TRAILER_LEN] {
    let mut bytes = trailer(None).encode();
    change(&mut bytes);
    let crc = Crc32c::of(&bytes[..148]).get().to_le_bytes();
    bytes[148..152].copy_from_slice(&crc);
    bytes
}

#[test]
fn trailers_are_checked_in_order_and_name_what_failed() {
    assert!(matches!(Trailer::parse(&[0; 159]), Err(TrailerError::Short { available: 159, needed: 160 })));
    assert!(matches!(Trailer::parse(&[0; 160]), Err(TrailerError::Magic { .. })));
    // A newer version may have another length and another checksum: only its number is looked at.
    let mut newer = [0xff; 160];
    newer[152..].copy_from_slice(b"FIRNLSEG");
    let supported = crate::FORMAT_VERSION;
    assert_eq!(Trailer::parse(&newer), Err(TrailerError::NewerVersion { found: 0xffff, supported }));
    let length = |at: usize| resealed(move |bytes| bytes[at..at + 2].fill(0xff));
    assert!(matches!(Trailer::parse(&length(144)), Err(TrailerError::Size { what: "trailer length", .. })));
    assert!(matches!(Trailer::parse(&length(2)), Err(TrailerError::Size { what: "footer length", .. })));
    assert!(matches!(Trailer::parse(&length(10)), Err(TrailerError::Size { what: "tail length", .. })));
    let mut flipped = trailer(None).encode();
    flipped[4] ^= 1;
    assert!(matches!(Trailer::parse(&flipped), Err(TrailerError::Crc { .. })));
    assert_eq!(Trailer::parse(&resealed(|bytes| bytes[130] = 1)), Err(TrailerError::Reserved));
    assert!(matches!(Trailer::parse(&resealed(|bytes| bytes[80] = 48)), Err(TrailerError::Size { .. })));
    assert!(matches!(Trailer::parse(&resealed(|bytes| bytes[81] = b'/')), Err(TrailerError::Value(_))));
    assert!(matches!(Trailer::parse(&resealed(|bytes| bytes[15] = 0xff)), Err(TrailerError::Value(_))));
}

#[test]
fn a_sealed_segment_is_refused_naming_its_key() {
    let key_id = KeyId::from_bytes([4; 16]);
    let tail = trailer(Some(key_id)).encode();
    let error = SegmentTail::parse(tail.to_vec().into(), StoredPosition::ZERO, &ExpectedOrigin::default())
        .unwrap_err();
    assert!(matches!(error, SegmentReadError::Sealed { key_id: found } if found == key_id), "{error}");
    assert!(error.to_string().contains("04040404-0404-0404-0404-040404040404"), "{error}");
}

proptest! {
    #[test]
    fn any_bytes_are_a_footer_or_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(footer) = Footer::decode(&bytes) {
            prop_assert_eq!(Footer::decode(&footer.encode()).unwrap(), footer);
        }
    }
}

/// What Python's `cryptography` computes: `HKDF(SHA256, 32, salt=bytes([1])*16, info=bytes([3])*16 + bytes([1])*16)` of
/// `bytes(range(32))`, then `AESGCM(key).encrypt(kind + number, b"firnline", cluster + topic_id + partition + uuid + kind +
/// number)`, all numbers little-endian.
#[test]
fn parts_are_sealed_as_others_compute_it() {
    use super::seal::{Part, SealOrigin, SegmentKey};
    let trailer = trailer(None);
    let secret = std::array::from_fn(|at| u8::try_from(at).unwrap());
    let topic_key =
        crate::topic_key::TopicKey::new(KeyId::from_bytes([9; 16]), zeroize::Zeroizing::new(secret));
    let of = SealOrigin {
        cluster_id: &trailer.cluster_id,
        topic_id: trailer.topic_id,
        partition: trailer.partition,
        uuid: trailer.uuid,
        salt: trailer.salt,
    };
    let key = SegmentKey::derive(&topic_key, of);
    let sealed = |part| {
        let mut bytes = b"firnline".to_vec();
        key.seal(part, &mut bytes);
        assert_eq!(key.open(part, &bytes).unwrap(), b"firnline");
        bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    assert_eq!(sealed(Part::Block(5)), "03336336357267f84ca8c8a43f29df10b2970554fc384b4a");
    assert_eq!(
        sealed(Part::Section(SectionKind::Footer)),
        "1f0e463583e45bf92a056869764b8ca3f749666f0dd8a7ac"
    );
    assert!(format!("{key:?}").len() < 60, "a key is printed by its id alone");
}
