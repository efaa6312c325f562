use super::*;
use crate::batch::BatchLimits;
use crate::ids::{Offset, Salt, TimestampMs};
use crate::transactions::TransactionStart;
use bytes::Bytes;
use proptest::prelude::*;

/// A batch of magic 2 around a body, as a broker would write it.
pub(super) fn batch(base: i64, records: i32, producer: i64, attributes: i16, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend(base.to_be_bytes());
    out.extend(i32::try_from(49 + body.len()).unwrap().to_be_bytes());
    out.extend(4_i32.to_be_bytes());
    out.push(2);
    out.extend([0; 4]);
    out.extend(attributes.to_be_bytes());
    out.extend((records - 1).to_be_bytes());
    out.extend((1_700_000_000_000 + base).to_be_bytes());
    out.extend((1_700_000_000_000 + base + i64::from(records) - 1).to_be_bytes());
    out.extend(producer.to_be_bytes());
    out.extend(0_i16.to_be_bytes());
    out.extend(0_i32.to_be_bytes());
    out.extend(records.to_be_bytes());
    out.extend(body);
    let crc = crc_fast::crc32_iscsi(&out[21..]);
    out[17..21].copy_from_slice(&crc.to_be_bytes());
    out
}

/// An abort marker.
fn abort(base: i64, producer: i64) -> Vec<u8> {
    batch(base, 1, producer, 0x30, &[32, 0, 0, 0, 8, 0, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0])
}

fn origin() -> SegmentOrigin {
    SegmentOrigin {
        cluster_id: ClusterId::new("J8nB1x9RTGqN3oGQx5Lk2A").unwrap(),
        topic: TopicName::new("orders").unwrap(),
        topic_id: TopicId::from_bytes([7; 16]),
        partition: PartitionIndex::new(3).unwrap(),
        uuid: SegmentUuid::from_bytes([9; 16]),
    }
}

fn options(compression: BlockCompression) -> SegmentOptions {
    SegmentOptions {
        origin: origin(),
        salt: Salt::from_bytes([1; 16]),
        base: Offset::ZERO,
        block_size: BLOCK_SIZE,
        compression,
        transactions: TransactionStart::Known(vec![]),
        limits: BatchLimits::DEFAULT,
        kind: ObjectKind::Segment,
        replaces: vec![],
    }
}

fn write(options: SegmentOptions, runs: &[Bytes]) -> (Bytes, SegmentSummary) {
    let mut writer = SegmentWriter::new(options).unwrap();
    let mut out = Vec::new();
    for run in runs {
        writer.push(run.clone(), &mut out).unwrap();
    }
    let summary = writer.finish(&mut out).unwrap();
    let object: Bytes = out.concat().into();
    assert_eq!(object.len() as u64, summary.object_bytes);
    assert_eq!(Crc32c::of(&object), summary.object_crc);
    (object, summary)
}

/// What a reader does: tail, then every block.
fn read(object: &Bytes, tail_position: u64) -> Result<Vec<u8>, String> {
    let at = usize::try_from(tail_position).unwrap();
    let tail = object.get(at..).map(|_| object.slice(at..)).ok_or("short")?;
    let expect = ExpectedOrigin {
        uuid: Some(origin().uuid),
        topic_id: Some(origin().topic_id),
        partition: Some(origin().partition),
        cluster_id: Some(origin().cluster_id),
        ..Default::default()
    };
    let tail = SegmentTail::parse(tail, tail_position, &expect).map_err(|e| e.to_string())?;
    let mut raw = Vec::new();
    for entry in tail.index().entries() {
        let range = usize::try_from(entry.stored.start).unwrap()..usize::try_from(entry.stored.end).unwrap();
        let stored = object.get(range.clone()).map(|_| object.slice(range)).ok_or("short")?;
        raw.extend_from_slice(&decode_block(&entry, stored).map_err(|e| e.to_string())?);
    }
    Ok(raw)
}

use crate::ids::Crc32c;

/// A small log: text that compresses, an aborted transaction, one that stays open.
fn small_log() -> Vec<u8> {
    let text = b"the same words again and again ".repeat(20);
    [
        batch(0, 5, -1, 0, &text),
        batch(5, 1, 40, 0x10, b"lost"),
        abort(6, 40),
        batch(7, 2, 41, 0x10, &text),
    ]
    .concat()
}

#[test]
fn a_segment_tells_what_it_holds() {
    let log = small_log();
    let (object, summary) = write(options(BlockCompression::None), &[log.clone().into()]);
    assert_eq!(read(&object, summary.tail_position).unwrap(), log);
    let tail = SegmentTail::parse(object, 0, &ExpectedOrigin::default()).unwrap();
    assert_eq!(tail.footer().range.to_string(), "0..9");
    assert_eq!((tail.footer().batches, tail.footer().records), (4, 9));
    assert_eq!(tail.transactions().stable_end.get(), 7);
    assert_eq!(tail.transactions().aborted[0].first_offset.get(), 5);
    assert_eq!(tail.footer().epochs[0].epoch.get(), 4);
    assert_eq!(tail.footer().max_timestamp, TimestampMs::from_kafka(1_700_000_000_008));
    assert_eq!(tail.position(), summary.tail_position);
    assert_eq!(tail.transactions(), &summary.transactions);
}

#[test]
fn zstd_is_used_where_it_pays() {
    let text: Vec<u8> = (0..40).flat_map(|i| batch(i * 5, 5, -1, 0, &b"words ".repeat(3000))).collect();
    let (object, summary) = write(options(BlockCompression::Zstd { level: 1 }), &[text.clone().into()]);
    assert!(summary.object_bytes < summary.log_bytes / 20);
    assert_eq!(read(&object, summary.tail_position).unwrap(), text);
}

/// Every bit of an object: the reader refuses, or the bytes are right and the object's own checksum tells.
#[test]
fn any_bit_flipped_is_noticed() {
    for compression in [BlockCompression::None, BlockCompression::Zstd { level: 3 }] {
        let log = small_log();
        let (object, summary) = write(options(compression), &[log.clone().into()]);
        let mut harmless = 0;
        for bit in 0..object.len() * 8 {
            let mut bad = object.to_vec();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(Crc32c::of(&bad), summary.object_crc, "bit {bit}");
            if let Ok(raw) = read(&bad.into(), summary.tail_position) {
                assert_eq!(raw, log, "bit {bit}: wrong bytes served");
                assert!(bit / 8 < usize::try_from(summary.tail_position).unwrap(), "bit {bit} of the tail went unnoticed");
                harmless += 1;
            }
        }
        // Only a zstd frame has bits that its decoder ignores.
        assert!(harmless == 0 || compression != BlockCompression::None, "{harmless}");
    }
}

#[test]
fn truncated_at_any_length_is_refused() {
    let (object, summary) = write(options(BlockCompression::None), &[small_log().into()]);
    for length in 0..object.len() {
        assert!(read(&object.slice(..length), summary.tail_position).is_err(), "{length}");
    }
}

#[test]
fn a_newer_version_is_refused_naming_both() {
    let (object, _) = write(options(BlockCompression::None), &[small_log().into()]);
    let mut newer = object.to_vec();
    let at = newer.len() - TRAILER_LEN + 134;
    newer[at..at + 2].copy_from_slice(&(crate::FORMAT_VERSION + 1).to_le_bytes());
    let error = Trailer::parse(&newer).unwrap_err();
    assert_eq!(error, SegmentReadError::Version { found: crate::FORMAT_VERSION + 1, known: crate::FORMAT_VERSION });
}

#[test]
fn another_objects_tail_is_refused_by_name() {
    let (object, _) = write(options(BlockCompression::None), &[small_log().into()]);
    let expect = ExpectedOrigin { uuid: Some(SegmentUuid::from_bytes([8; 16])), ..Default::default() };
    let error = SegmentTail::parse(object, 0, &expect).unwrap_err();
    assert!(matches!(error, SegmentReadError::Origin { what: "segment id", .. }), "{error}");
}

#[test]
fn damaged_batches_are_not_stored() {
    let log = small_log();
    for at in [17, 25, 61, 300] {
        let mut bad = log.clone();
        bad[at] ^= 1;
        let mut writer = SegmentWriter::new(options(BlockCompression::None)).unwrap();
        assert!(writer.push(bad.into(), &mut Vec::new()).is_err(), "byte {at}");
    }
}

#[test]
fn an_empty_segment_is_refused() {
    let writer = SegmentWriter::new(options(BlockCompression::None)).unwrap();
    assert_eq!(writer.finish(&mut Vec::new()).unwrap_err(), SegmentWriteError::Empty);
}

#[test]
fn a_batch_larger_than_a_block_is_a_block_of_its_own() {
    let large = vec![3; 700_000];
    let log = [batch(0, 1, -1, 0, b"a"), batch(1, 1, -1, 0, &large), batch(2, 1, -1, 0, b"b")].concat();
    let (object, summary) = write(options(BlockCompression::None), &[log.into()]);
    let tail = SegmentTail::parse(object, 0, &ExpectedOrigin::default()).unwrap();
    let lengths: Vec<_> = tail.index().entries().map(|entry| entry.raw_len()).collect();
    assert_eq!(lengths, [62, 700_061, 62]);
    assert_eq!(summary.blocks, 3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// However the batches are cut into runs, the object is the same, and reads back to the log.
    #[test]
    fn runs_do_not_matter(sizes in prop::collection::vec((1_usize..60_000, 1_i32..50), 1..40), cuts in prop::collection::vec(any::<bool>(), 40), zstd in any::<bool>()) {
        let compression = if zstd { BlockCompression::Zstd { level: 1 } } else { BlockCompression::None };
        let mut base = 0;
        let mut batches = Vec::new();
        for (size, records) in sizes {
            batches.push(batch(base, records, -1, 0, &vec![u8::try_from(size % 251).unwrap(); size]));
            base += i64::from(records);
        }
        let whole: Bytes = batches.concat().into();
        let mut runs = vec![Vec::new()];
        for (batch, cut) in batches.iter().zip(cuts) {
            if cut && !runs.last().unwrap().is_empty() {
                runs.push(Vec::new());
            }
            runs.last_mut().unwrap().extend_from_slice(batch);
        }
        let runs: Vec<Bytes> = runs.into_iter().map(Bytes::from).collect();
        let (one, summary) = write(options(compression), std::slice::from_ref(&whole));
        let (many, _) = write(options(compression), &runs);
        prop_assert_eq!(&one, &many);
        prop_assert_eq!(read(&one, summary.tail_position).unwrap(), whole);
    }

    #[test]
    fn any_bytes_are_refused_as_a_tail(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(SegmentTail::parse(bytes.into(), 0, &ExpectedOrigin::default()).is_err());
    }
}
