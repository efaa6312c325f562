use super::*;
use crate::ids::{Offset, RawPosition};

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
    Batches::new(bytes, RawPosition::ZERO, Offset::ZERO, BatchLimits::DEFAULT).map(|b| b.map(|b| b.header)).collect()
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
fn wrappers_of_magic_1_take_the_lower_bound_as_base() {
    let mut bytes = Vec::new();
    bytes.extend(9_i64.to_be_bytes());
    bytes.extend(22_i32.to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend([1, 1]);
    bytes.extend(77_i64.to_be_bytes());
    bytes.extend((-1_i32).to_be_bytes());
    bytes.extend(0_i32.to_be_bytes());
    let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32IsoHdlc, &bytes[16..]);
    bytes[12..16].copy_from_slice(&u32::try_from(crc).unwrap().to_be_bytes());
    let mut batches =
        Batches::new(&bytes, RawPosition::ZERO, Offset::new(6).unwrap(), BatchLimits::DEFAULT);
    let batch = batches.next().unwrap().unwrap();
    assert_eq!((batch.header.base_offset.get(), batch.header.last_offset.get()), (6, 9));
    assert_eq!(batch.header.record_count, None);
    verify_crc(&batch.header, batch.bytes).unwrap();
}
