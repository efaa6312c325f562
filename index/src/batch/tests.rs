use super::*;
use crate::ids::{Offset, RawPosition};
use proptest::prelude::*;

/// A batch of magic 2 with an empty body, as fields say.
fn v2(base: i64, delta: i32, epoch: i32, count: i32, body: &[u8], attributes: i16) -> Vec<u8> {
    let mut batch = Vec::new();
    batch.extend(base.to_be_bytes());
    batch.extend(i32::try_from(49 + body.len()).unwrap().to_be_bytes());
    batch.extend(epoch.to_be_bytes());
    batch.push(2);
    batch.extend([0; 4]);
    batch.extend(attributes.to_be_bytes());
    batch.extend(delta.to_be_bytes());
    batch.extend(1000_i64.to_be_bytes());
    batch.extend(2000_i64.to_be_bytes());
    batch.extend(7_i64.to_be_bytes());
    batch.extend(3_i16.to_be_bytes());
    batch.extend(0_i32.to_be_bytes());
    batch.extend(count.to_be_bytes());
    batch.extend(body);
    let crc = crc_fast::crc32_iscsi(&batch[21..]);
    batch[17..21].copy_from_slice(&crc.to_be_bytes());
    batch
}

fn scan(bytes: &[u8]) -> Result<Vec<BatchHeader>, BatchError> {
    Batches::new(bytes, RawPosition::ZERO, Offset::ZERO, BatchLimits::DEFAULT)
        .map(|b| b.map(|b| b.header))
        .collect()
}

#[test]
fn headers_of_magic_2_tell_their_fields() {
    let bytes = v2(10, 4, 2, 5, b"xyz", 0x14);
    let header = scan(&bytes).unwrap()[0];
    assert_eq!((header.base_offset.get(), header.last_offset.get(), header.size), (10, 14, 64));
    assert_eq!(header.compression, Compression::Zstd);
    assert!(header.transactional && !header.control);
    assert_eq!(header.producer.unwrap().id.get(), 7);
    verify_crc(&header, &bytes).unwrap();
}

#[test]
fn any_flip_below_kafkas_crc_is_seen() {
    let bytes = v2(0, 0, 0, 1, b"record", 0);
    for at in 17..bytes.len() {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        let seen = scan(&bad).and_then(|headers| verify_crc(&headers[0], &bad));
        assert!(seen.is_err(), "byte {at}");
    }
}

#[test]
fn offsets_that_go_back_are_refused_with_their_place() {
    let bytes = [v2(5, 4, 0, 5, b"", 0), v2(9, 0, 0, 1, b"", 0)].concat();
    let error = scan(&bytes).unwrap_err();
    assert_eq!(error.position(), Some(RawPosition::new(61)));
    assert!(matches!(error.fault(), BatchError::OffsetBack { .. }));
}

#[test]
fn epochs_that_go_back_are_refused() {
    let bytes = [v2(0, 0, 3, 1, b"", 0), v2(1, 0, 2, 1, b"", 0)].concat();
    assert!(matches!(scan(&bytes).unwrap_err().fault(), BatchError::EpochBack { .. }));
}

#[test]
fn holes_between_offsets_are_allowed() {
    let bytes = [v2(0, 0, 0, 1, b"", 0), v2(100, 9, 0, 0, b"", 0)].concat();
    assert_eq!(scan(&bytes).unwrap().len(), 2);
}

#[test]
fn every_truncation_is_an_end_not_a_panic() {
    let bytes = v2(0, 0, 0, 1, b"record", 0);
    for length in 1..bytes.len() {
        assert!(scan(&bytes[..length]).unwrap_err().is_end(), "{length}");
    }
}

#[test]
fn zeros_are_the_end_of_a_preallocated_log() {
    let bytes = [v2(0, 0, 0, 1, b"", 0), vec![0; 4096]].concat();
    assert_eq!(scan(&bytes).unwrap_err().fault(), &BatchError::Zeros);
}

#[test]
fn impossible_fields_are_refused_by_name() {
    let spoil = |at: usize, with: &[u8]| {
        let mut bytes = v2(0, 0, 0, 1, b"", 0);
        bytes[at..at + with.len()].copy_from_slice(with);
        scan(&bytes).unwrap_err().fault().clone()
    };
    assert!(matches!(spoil(0, &(-1_i64).to_be_bytes()), BatchError::Field { field: "baseOffset", .. }));
    assert!(matches!(spoil(0, &i64::MAX.to_be_bytes()), BatchError::Field { field: "baseOffset", .. }));
    assert!(matches!(spoil(8, &(-5_i32).to_be_bytes()), BatchError::Length { .. }));
    assert!(matches!(spoil(8, &i32::MAX.to_be_bytes()), BatchError::Length { .. }));
    assert!(matches!(spoil(16, &[3]), BatchError::Magic(3)));
    assert!(matches!(
        spoil(12, &i32::MIN.to_be_bytes()),
        BatchError::Field { field: "partitionLeaderEpoch", .. }
    ));
    assert!(matches!(spoil(23, &(-1_i32).to_be_bytes()), BatchError::Field { field: "lastOffsetDelta", .. }));
    assert!(matches!(spoil(57, &2_i32.to_be_bytes()), BatchError::Field { field: "records count", .. }));
    assert!(matches!(spoil(22, &[7]), BatchError::Field { field: "compression codec", .. }));
}

#[test]
fn control_markers_tell_commit_from_abort() {
    for (kind, marker) in [(0, Marker::Abort), (1, Marker::Commit), (5, Marker::Other(5))] {
        // length 16 (zigzag 32), attributes, deltas, key length 4, key, value length 6, value, no headers
        let record = [32, 0, 0, 0, 8, 0, 0, 0, kind, 12, 0, 0, 0, 0, 0, 0, 0];
        let bytes = v2(0, 0, 0, 1, &record, 0x30);
        let header = scan(&bytes).unwrap()[0];
        assert_eq!(control_marker(&header, &bytes).unwrap(), marker);
        for length in 61..61 + 9 {
            assert!(control_marker(&header, &bytes[..length]).is_err(), "{length}");
        }
    }
}

#[test]
fn control_batches_that_no_broker_writes_are_refused() {
    let refused = |record: &[u8], attributes: i16| {
        let bytes = v2(0, 0, 0, 1, record, attributes);
        control_marker(&scan(&bytes).unwrap()[0], &bytes).unwrap_err().to_string()
    };
    assert!(
        refused(&[32, 0, 0, 0, 8, 0xff, 0xff, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], 0x30)
            .contains("version is negative")
    );
    assert!(refused(&[32, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], 0x31).contains("compressed"));
    assert!(
        refused(&[32, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], 0x10).contains("not a control batch")
    );
    assert!(refused(&[0xff; 11], 0x30).contains("length is not a number"));
    assert!(refused(&[1, 0, 0, 0], 0x30).contains("length is negative"));
}

/// A message of magic 0 or 1, or a wrapper where `codec` is not 0.
fn message(magic: u8, offset: i64, codec: u8, body: &[u8]) -> Vec<u8> {
    let mut content = vec![magic, codec];
    if magic == 1 {
        content.extend(77_i64.to_be_bytes());
    }
    content.extend((-1_i32).to_be_bytes());
    content.extend(i32::try_from(body.len()).unwrap().to_be_bytes());
    content.extend(body);
    let mut bytes = offset.to_be_bytes().to_vec();
    bytes.extend(i32::try_from(content.len() + 4).unwrap().to_be_bytes());
    bytes.extend(crc_fast::crc32_iso_hdlc(&content).to_be_bytes());
    bytes.extend(content);
    bytes
}

#[test]
fn wrappers_take_the_lower_bound_as_base_and_plain_messages_their_own_offset() {
    for magic in [0, 1] {
        let bytes = [message(magic, 9, 1, b"packed"), message(magic, 12, 0, b"plain")].concat();
        let batches = Batches::new(&bytes, RawPosition::ZERO, Offset::new(6).unwrap(), BatchLimits::DEFAULT);
        let batches: Vec<_> = batches.map(Result::unwrap).collect();
        let offsets: Vec<_> =
            batches.iter().map(|b| (b.header.base_offset.get(), b.header.last_offset.get())).collect();
        assert_eq!(offsets, [(6, 9), (12, 12)]);
        let counts: Vec<_> = batches.iter().map(|b| b.header.record_count).collect();
        assert_eq!(counts, [None, Some(1)]);
        assert_eq!(batches[0].header.max_timestamp.map(|t| t.get()), (magic == 1).then_some(77));
        for batch in &batches {
            verify_crc(&batch.header, batch.bytes).unwrap();
            // What follows the batch is not looked at.
            verify_crc(&batch.header, &[batch.bytes, b"more"].concat()).unwrap();
            assert!(verify_crc(&batch.header, &batch.bytes[..batch.bytes.len() - 1]).is_err());
        }
    }
}

#[test]
fn a_wrapper_below_the_lower_bound_is_refused() {
    let bytes = message(1, 5, 1, b"packed");
    let mut batches = Batches::new(&bytes, RawPosition::ZERO, Offset::new(6).unwrap(), BatchLimits::DEFAULT);
    let error = batches.next().unwrap().unwrap_err();
    assert_eq!(error.fault().to_string(), "offset 5 comes after offset 6 was due");
    assert!(batches.next().is_none());
}

#[test]
fn messages_of_magic_0_and_1_have_no_zstd_and_a_least_length() {
    let bad = message(1, 0, 4, b"");
    assert!(matches!(
        scan(&bad).unwrap_err().fault(),
        BatchError::Field { field: "compression codec", value: 4 }
    ));
    for (magic, least) in [(0, 26), (1, 34)] {
        let mut short = message(magic, 0, 0, b"");
        assert_eq!(i64::try_from(short.len()).unwrap(), least);
        short[11] -= 1;
        let error = scan(&short).unwrap_err();
        assert!(matches!(error.fault(), BatchError::Length { min, .. } if *min == least), "{error}");
    }
}

#[test]
fn a_batch_without_epoch_may_follow_one_with_but_a_smaller_epoch_may_not() {
    let lowered = [v2(0, 0, 3, 1, b"", 0), message(1, 1, 0, b""), v2(2, 0, 3, 1, b"", 0)].concat();
    assert_eq!(scan(&lowered).unwrap().len(), 3);
    let back = [v2(0, 0, 3, 1, b"", 0), message(1, 1, 0, b""), v2(2, 0, 2, 1, b"", 0)].concat();
    assert!(matches!(scan(&back).unwrap_err().fault(), BatchError::EpochBack { .. }));
}

#[test]
fn the_largest_offset_is_reached_but_not_passed() {
    let last = i64::MAX - 1;
    assert_eq!(scan(&v2(last - 4, 4, 0, 5, b"", 0)).unwrap()[0].next_offset(), Offset::MAX);
    assert!(scan(&v2(last - 4, 5, 0, 5, b"", 0)).is_err());
}

#[test]
fn a_prefix_that_is_too_short_says_how_much_it_takes() {
    let bytes = v2(0, 0, 0, 1, b"record", 0);
    for length in 0..HEADER_PEEK {
        let parsed = BatchHeader::parse(&bytes[..length], Offset::ZERO, &BatchLimits::DEFAULT).unwrap();
        assert_eq!(parsed, Parsed::NeedMore(HEADER_PEEK), "{length}");
    }
    assert!(matches!(
        BatchHeader::parse(&bytes[..HEADER_PEEK], Offset::ZERO, &BatchLimits::DEFAULT),
        Ok(Parsed::Header(header)) if header.size == 67
    ));
}

/// A log of any of the three magics.
fn log() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let one = (0_u8..3, 0_i64..1_000, 1_i32..50, prop::collection::vec(any::<u8>(), 0..200), any::<bool>());
    prop::collection::vec(one, 0..20).prop_map(|batches| {
        let mut next = 0;
        let log = batches.into_iter().map(|(magic, hole, count, body, packed)| {
            let base = next + hole;
            let last = if magic == 2 || packed { base + i64::from(count) - 1 } else { base };
            next = last + 1;
            if magic == 2 {
                v2(base, count - 1, 1, count, &body, 0)
            } else {
                message(magic, last, u8::from(packed), &body)
            }
        });
        log.collect()
    })
}

proptest! {
    #[test]
    fn a_log_comes_apart_into_its_batches(log in log()) {
        let whole = log.concat();
        let mut batches = Batches::new(&whole, RawPosition::ZERO, Offset::ZERO, BatchLimits::DEFAULT);
        let mut next = Offset::ZERO;
        for (batch, bytes) in batches.by_ref().zip(&log) {
            let batch = batch.unwrap();
            prop_assert_eq!(batch.bytes, &bytes[..]);
            prop_assert!(batch.header.base_offset >= next);
            verify_crc(&batch.header, batch.bytes).unwrap();
            next = batch.header.next_offset();
        }
        prop_assert!(batches.next().is_none());
        prop_assert_eq!(batches.position().get(), whole.len() as u64);
        prop_assert_eq!(batches.sequence().next_offset(), next);
    }

    /// Where a log is cut does not matter to those who go on with what the first part told.
    #[test]
    fn scanning_goes_on_where_it_stopped(log in log(), cut in any::<prop::sample::Index>()) {
        let whole = log.concat();
        let cut: usize = log[..cut.index(log.len() + 1)].iter().map(Vec::len).sum();
        let mut first = Batches::new(&whole[..cut], RawPosition::ZERO, Offset::ZERO, BatchLimits::DEFAULT);
        let mut headers: Vec<_> = first.by_ref().map(|batch| batch.unwrap().header).collect();
        let rest = Batches::resume(&whole[cut..], first.position(), first.sequence(), BatchLimits::DEFAULT);
        headers.extend(rest.map(|batch| batch.unwrap().header));
        prop_assert_eq!(headers, scan(&whole).unwrap());
    }

    #[test]
    fn any_bytes_are_batches_or_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..300), magic in 0_u8..4) {
        let mut bytes = bytes;
        if let Some(at) = bytes.get_mut(16) {
            *at = magic;
        }
        let limits = BatchLimits { max_batch_bytes: 200 };
        for batch in Batches::new(&bytes, RawPosition::ZERO, Offset::ZERO, limits) {
            let Ok(batch) = batch else { break };
            prop_assert!(batch.bytes.len() <= 200);
            let _ = (verify_crc(&batch.header, batch.bytes), control_marker(&batch.header, batch.bytes));
        }
    }
}
