//! Wrappers and messages of magic 0 and 1.

use bytes::Bytes;
use firnline_index::batch::{Compression, TimestampType};
use firnline_records::encode::{LegacyMagic, MessageSet, NewRecord, message_set};
use firnline_records::{DecodeLimits, Problem};

use crate::support::{LEGACY_CODECS, chain, decode, decode_unchecked, header, offset, split, time};

const MAGICS: [LegacyMagic; 2] = [LegacyMagic::Zero, LegacyMagic::One];

fn set(magic: LegacyMagic, compression: Compression) -> MessageSet {
    MessageSet { magic, compression, base_offset: offset(1000), timestamp_type: TimestampType::Create }
}

fn records() -> Vec<NewRecord<'static>> {
    (0..5)
        .map(|n| NewRecord {
            timestamp: Some(time(100 + n)),
            key: (n % 2 == 0).then_some(b"key"),
            value: (n != 3).then_some(b"value"),
            headers: &[],
        })
        .collect()
}

#[test]
fn offsets_and_contents_come_back_from_wrappers_and_from_plain_messages() {
    for magic in MAGICS {
        for compression in LEGACY_CODECS {
            let bytes = message_set(&set(magic, compression), &records()).unwrap();
            let batches = split(&bytes);
            assert_eq!(batches.len(), if compression == Compression::None { 5 } else { 1 });
            let decoded: Vec<_> = batches.into_iter().flat_map(|batch| decode(batch).unwrap()).collect();
            assert_eq!(decoded.len(), 5);
            for ((n, decoded), written) in (0..).zip(&decoded).zip(records()) {
                assert_eq!(decoded.offset, offset(1000 + n), "{magic:?} {compression:?}");
                let timestamp = written.timestamp.filter(|_| magic == LegacyMagic::One);
                assert_eq!(decoded.timestamp, timestamp);
                assert_eq!(decoded.key.as_deref(), written.key);
                assert_eq!(decoded.value.as_deref(), written.value);
            }
        }
    }
}

#[test]
fn the_wrappers_time_holds_for_all_messages_when_the_broker_set_it() {
    let set =
        MessageSet { timestamp_type: TimestampType::LogAppend, ..set(LegacyMagic::One, Compression::Gzip) };
    let batch = message_set(&set, &records()).unwrap();
    for record in decode(&batch).unwrap() {
        assert_eq!(record.timestamp, Some(time(104)));
        assert_eq!(record.timestamp_type, TimestampType::LogAppend);
    }
}

#[test]
fn a_wrapper_moved_by_a_broker_tells_its_offsets_from_its_last_one() {
    let mut batch = message_set(&set(LegacyMagic::One, Compression::Lz4), &records()).unwrap();
    batch[..8].copy_from_slice(&5_000_i64.to_be_bytes());
    let offsets: Vec<_> = decode(&batch).unwrap().iter().map(|record| record.offset.get()).collect();
    assert_eq!(offsets, [4_996, 4_997, 4_998, 4_999, 5_000]);
}

#[test]
fn a_wrapper_whose_offset_leaves_no_room_is_refused() {
    let mut batch = message_set(&set(LegacyMagic::One, Compression::Gzip), &records()).unwrap();
    batch[..8].copy_from_slice(&2_i64.to_be_bytes());
    let error = decode(&batch).unwrap_err();
    assert!(matches!(error.problem, Problem::OffsetOrder { offset: -2, .. }), "{error:?}");
}

/// Wraps `content` as it is.
fn wrap(magic: LegacyMagic, content: &[u8]) -> Vec<u8> {
    // A gzip wrapper around one message whose value is `content`, then the value taken for the message set itself.
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, content).unwrap();
    let packed = packed.finish().unwrap();
    let plain = MessageSet { compression: Compression::None, ..set(magic, Compression::None) };
    let mut batch =
        message_set(&plain, &[NewRecord { value: Some(&packed), ..NewRecord::default() }]).unwrap();
    batch[17] |= 1;
    let mut crc = flate2::Crc::new();
    crc.update(&batch[16..]);
    batch[12..16].copy_from_slice(&crc.sum().to_be_bytes());
    batch
}

#[test]
fn a_wrapper_in_a_wrapper_is_refused_as_kafka_refuses_it() {
    for magic in MAGICS {
        let inner = message_set(&set(magic, Compression::Gzip), &records()).unwrap();
        let error = decode(&wrap(magic, &inner)).unwrap_err();
        assert!(matches!(error.problem, Problem::InnerCompressed), "{error:?}");
    }
}

#[test]
fn mixed_magics_and_wrong_inner_crcs_are_refused() {
    let inner = message_set(&set(LegacyMagic::Zero, Compression::None), &records()).unwrap();
    let error = decode(&wrap(LegacyMagic::One, &inner)).unwrap_err();
    assert!(matches!(error.problem, Problem::InnerMagic { outer: 1, inner: 0 }), "{error:?}");

    let mut inner = message_set(&set(LegacyMagic::One, Compression::None), &records()).unwrap();
    let last = inner.len() - 1;
    inner[last] ^= 1;
    let error = decode(&wrap(LegacyMagic::One, &inner)).unwrap_err();
    assert!(matches!(error.problem, Problem::InnerCrc { .. }), "{error:?}");
    assert!(
        chain(&error).starts_with("decode record 4 of the batch at offset 0: inner message has CRC"),
        "{}",
        chain(&error)
    );
}

#[test]
fn a_wrapper_around_nothing_is_refused() {
    let error = decode(&wrap(LegacyMagic::One, &[])).unwrap_err();
    assert!(matches!(error.problem, Problem::EmptyWrapper), "{error:?}");
}

#[test]
fn content_cut_or_flipped_anywhere_never_panics_and_never_reads_as_something_else() {
    for magic in MAGICS {
        for compression in LEGACY_CODECS {
            let bytes = message_set(&set(magic, compression), &records()).unwrap();
            let good = split(&bytes)[0].to_vec();
            let expected = decode(&good).unwrap();
            for at in 18..good.len() {
                let mut bad = good.clone();
                bad[at] ^= 0x10;
                if compression != Compression::None {
                    // Even with the outer CRC unchecked, the inner ones and the codecs' own leave little through.
                    let _ = decode_unchecked(&bad, DecodeLimits::default());
                }
                let crc = firnline_index::batch::verify_crc(&header(&bad), &bad);
                assert!(crc.is_err(), "{magic:?} {compression:?}: byte {at}");
            }
            let limits = DecodeLimits::default();
            let again = firnline_records::decode_batch(&header(&good), Bytes::from(good), &limits).unwrap();
            assert_eq!(again.collect::<Result<Vec<_>, _>>().unwrap(), expected);
        }
    }
}
