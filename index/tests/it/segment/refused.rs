//! Batches that are not stored, and segments that are not the one asked for.

use std::error::Error as _;

use firnline_index::batch::BatchError;
use firnline_index::segment::{
    BlockCompression, ExpectedOrigin, MAX_EPOCHS, SegmentOptions, SegmentReadError, SegmentTail,
    SegmentWriteError, SegmentWriter,
};
use firnline_index::{Offset, SegmentUuid};

use super::sample::{Batch, options, small_log, write};

fn push(log: Vec<u8>) -> Result<(), SegmentWriteError> {
    SegmentWriter::new(options(BlockCompression::None)).unwrap().push(log.into(), &mut Vec::new())
}

/// The fault of a refused batch and the position it names.
fn fault(log: Vec<u8>) -> (u64, String) {
    let error = push(log).unwrap_err();
    let Some(cause) = error.source().and_then(|cause| cause.downcast_ref::<BatchError>()) else {
        panic!("{error} has no batch error for a cause");
    };
    (cause.position().unwrap().get(), cause.fault().to_string())
}

#[test]
fn a_damaged_batch_is_refused_with_its_position() {
    let log = small_log();
    let first = Batch::new(0, 5).around(&b"the same words again and again ".repeat(20)).len();
    let mut bad = log.clone();
    bad[first + 61] ^= 1;
    let (position, message) = fault(bad);
    assert_eq!(position, first as u64);
    assert!(message.contains("kafka's own crc of the batch at offset 5"), "{message}");
}

#[test]
fn every_bit_under_kafkas_checksum_is_watched() {
    let log = Batch::new(0, 2).around(b"some records");
    for bit in 16 * 8..log.len() * 8 {
        let mut bad = log.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(push(bad).is_err(), "bit {bit}");
    }
}

#[test]
fn a_cut_off_run_is_refused_at_every_length() {
    let log = Batch::new(0, 2).around(b"some records");
    for length in 1..log.len() {
        let (position, message) = fault(log[..length].to_vec());
        assert_eq!(position, 0);
        assert!(message.contains("are left"), "{message}");
    }
}

#[test]
fn offsets_and_epochs_do_not_go_back() {
    let back = [Batch::new(5, 2).around(b"a"), Batch::new(6, 1).around(b"b")].concat();
    assert!(fault(back).1.contains("offset 6 comes after offset 7 was due"));
    let epochs =
        [Batch::new(0, 1).around(b"a"), Batch { epoch: 3, ..Batch::new(1, 1) }.around(b"b")].concat();
    assert!(fault(epochs).1.contains("leader epoch 3 at offset 1 comes after epoch 4"));
    // Across runs, too; and the base is a bound like any batch before.
    let mut writer = SegmentWriter::new(options(BlockCompression::None)).unwrap();
    writer.push(Batch::new(0, 3).around(b"a").into(), &mut Vec::new()).unwrap();
    assert!(writer.push(Batch::new(2, 1).around(b"b").into(), &mut Vec::new()).is_err());
    let base = SegmentOptions { base: Offset::new(1).unwrap(), ..options(BlockCompression::None) };
    let mut writer = SegmentWriter::new(base).unwrap();
    assert!(writer.push(Batch::new(0, 3).around(b"a").into(), &mut Vec::new()).is_err());
}

#[test]
fn a_writer_that_failed_stays_failed() {
    let mut writer = SegmentWriter::new(options(BlockCompression::None)).unwrap();
    let mut out = Vec::new();
    writer.push(Batch::new(0, 1).around(b"a").into(), &mut out).unwrap();
    assert!(writer.push(vec![1; 100].into(), &mut out).is_err());
    assert!(matches!(
        writer.push(Batch::new(1, 1).around(b"a").into(), &mut out),
        Err(SegmentWriteError::Spent)
    ));
    assert!(matches!(writer.finish(&mut out), Err(SegmentWriteError::Spent)));
}

#[test]
fn a_marker_that_cannot_be_read_is_refused() {
    let control = Batch { attributes: 0x30, producer: 9, ..Batch::new(0, 1) };
    assert!(fault(control.around(&[10, 0, 0, 0, 2, 0])).1.contains("the key is shorter than 4 bytes"));
    assert!(fault(control.around(&[])).1.contains("the record's length is not a number"));
    // A cleaner may have taken the record away; that is no damage.
    push(Batch { records: 0, ..control }.around(&[])).unwrap();
}

#[test]
fn an_empty_segment_is_refused() {
    let writer = SegmentWriter::new(options(BlockCompression::None)).unwrap();
    assert!(matches!(writer.finish(&mut Vec::new()), Err(SegmentWriteError::Empty)));
}

#[test]
fn settings_out_of_range_are_refused_by_name() {
    for (block_size, compression, what) in [
        (512, BlockCompression::None, "block size 512 lies outside 1024..=16777216"),
        (32 << 20, BlockCompression::None, "block size"),
        (4_096, BlockCompression::Zstd { level: 0 }, "zstd level 0 lies outside 1..=19"),
    ] {
        let options = SegmentOptions { block_size, ..options(compression) };
        let error = SegmentWriter::new(options).err().unwrap().to_string();
        assert!(error.contains(what), "{error}");
    }
}

#[test]
fn more_epochs_than_an_entry_holds_are_refused() {
    let count = i32::try_from(MAX_EPOCHS).unwrap() + 1;
    let log: Vec<u8> =
        (0..count).flat_map(|i| Batch { epoch: i, ..Batch::new(i64::from(i), 1) }.around(b"x")).collect();
    assert!(matches!(
        push(log),
        Err(SegmentWriteError::TooMany { what: "leader epochs", limit: MAX_EPOCHS })
    ));
}

#[test]
fn another_segment_than_the_expected_is_refused_by_what_differs() {
    let (object, summary) = write(options(BlockCompression::None), &[small_log().into()]);
    let tail = object.slice(usize::try_from(summary.tail_position.get()).unwrap()..);
    let uuid = ExpectedOrigin { uuid: Some(SegmentUuid::from_bytes([8; 16])), ..ExpectedOrigin::default() };
    let error = SegmentTail::parse(tail.clone(), summary.tail_position, &uuid).unwrap_err();
    assert!(matches!(error, SegmentReadError::Unexpected { what: "segment id", .. }), "{error}");
    let range = firnline_index::OffsetRange::new(Offset::ZERO, Offset::new(99).unwrap()).unwrap();
    let range = ExpectedOrigin { range: Some(range), ..ExpectedOrigin::default() };
    let error = SegmentTail::parse(tail, summary.tail_position, &range).unwrap_err().to_string();
    assert_eq!(error, "offset range is 0..15, expected 0..99");
}
