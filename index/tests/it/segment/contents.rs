//! What a segment tells is what was pushed into it.

use bytes::Bytes;
use firnline_index::batch::BatchLimits;
use firnline_index::segment::{
    BlockCompression, ExpectedOrigin, SegmentOptions, SegmentTail, SegmentWriter, Trailer,
};
use firnline_index::transactions::{AbortedTransaction, OpenTransaction, Outcome, TransactionStart};
use firnline_index::{Offset, ProducerId, StoredPosition, TimestampMs};
use proptest::prelude::*;

use super::sample::{Batch, START_MS, marker, message, noise, open, options, origin, read, small_log, write};

fn offset(value: i64) -> Offset {
    Offset::new(value).unwrap()
}

fn producer(id: i64) -> ProducerId {
    ProducerId::new(id).unwrap()
}

#[test]
fn a_segment_tells_what_it_holds() {
    let log = small_log();
    let (object, summary) = write(options(BlockCompression::None), &[log.clone().into()]);
    assert_eq!(read(&object, summary.tail_position).unwrap(), log);
    let tail = open(&object, summary.tail_position).unwrap();
    let footer = tail.footer();
    assert_eq!(footer.range.to_string(), "0..15");
    assert_eq!((footer.batches, footer.records, u64::from(footer.blocks)), (7, Some(15), 3));
    assert_eq!(footer.log_bytes.get(), log.len() as u64);
    let epochs: Vec<_> = footer.epochs.iter().map(|start| (start.epoch.get(), start.start.get())).collect();
    assert_eq!(epochs, [(4, 0), (5, 10)]);
    assert_eq!(footer.min_timestamp, TimestampMs::from_kafka(START_MS));
    assert_eq!(footer.max_timestamp, TimestampMs::from_kafka(START_MS + 14));
    assert_eq!(tail.origin(), origin());
    let transactions = tail.transactions();
    assert_eq!(transactions, &summary.transactions);
    let aborted =
        AbortedTransaction { producer: producer(40), first_offset: offset(5), marker_offset: offset(6) };
    assert_eq!(transactions.aborted, [aborted]);
    let first: Vec<_> =
        transactions.first_markers.iter().map(|m| (m.marker_offset.get(), m.outcome)).collect();
    assert_eq!(first, [(6, Outcome::Aborted), (9, Outcome::Committed)]);
    assert_eq!(transactions.open[0].first_offset, offset(10));
    assert_eq!(transactions.stable_end, offset(10));
}

/// Who copies one segment of many knows nothing of what was open before it; the broker does.
#[test]
fn what_is_told_as_open_at_the_end_stands_in_the_place_of_what_the_batches_tell() {
    let told = |producer_id, first| OpenTransaction {
        producer: producer(producer_id),
        first_offset: offset(first),
        last_timestamp: None,
    };
    let with = |open: Option<Vec<OpenTransaction>>, base: i64| SegmentOptions {
        open_at_end: open,
        base: offset(base),
        transactions: TransactionStart::Unknown { span_start: offset(base) },
        ..options(BlockCompression::None)
    };
    let log = [marker(10, 1, false), Batch::of_transaction(11, 2, 3).around(b"goes on")].concat();
    let (object, summary) = write(with(Some(vec![told(3, 11), told(9, 4)]), 10), &[log.clone().into()]);
    let tail = open(&object, summary.tail_position).unwrap();
    assert_eq!(tail.transactions().open, [told(9, 4), told(3, 11)]);
    assert_eq!(tail.transactions().stable_end, offset(4), "below the segment's base, as told");
    assert_eq!(tail.transactions().aborted[0].first_offset, offset(10));
    let (object, summary) = write(with(Some(Vec::new()), 10), &[log.clone().into()]);
    assert_eq!(open(&object, summary.tail_position).unwrap().transactions().stable_end, offset(13));
    let mut writer = SegmentWriter::new(with(Some(vec![told(3, 13)]), 10)).unwrap();
    writer.push(log.into(), &mut Vec::new()).unwrap();
    let error = writer.finish(&mut Vec::new()).unwrap_err().to_string();
    assert!(error.contains("producer 3") && error.contains("begins at offset 13"), "{error}");
}

#[test]
fn the_trailer_alone_finds_the_tail() {
    let (object, summary) = write(options(BlockCompression::None), &[small_log().into()]);
    let trailer = Trailer::parse(&object).unwrap();
    let at = object.len() as u64 - u64::from(trailer.tail_length);
    assert_eq!(StoredPosition::new(at), summary.tail_position);
    let tail = object.slice(usize::try_from(at).unwrap()..);
    assert!(SegmentTail::parse(tail, summary.tail_position, &ExpectedOrigin::default()).is_ok());
}

#[test]
fn raw_blocks_are_not_copied() {
    let run = Bytes::from(small_log());
    let mut out = Vec::new();
    SegmentWriter::new(options(BlockCompression::None)).unwrap().push(run.clone(), &mut out).unwrap();
    assert_eq!(out.len(), 1);
    assert_eq!(out[0].as_ptr(), run.as_ptr());
    // Blocks that do not compress are not copied either, even where zstd was tried.
    let dense = Bytes::from(
        [Batch::new(0, 1).around(&noise(1, 2_000)), Batch::new(1, 1).around(&noise(2, 2_000))].concat(),
    );
    let mut out = Vec::new();
    let mut writer = SegmentWriter::new(options(BlockCompression::Zstd { level: 1 })).unwrap();
    writer.push(dense.clone(), &mut out).unwrap();
    assert_eq!(out.iter().map(Bytes::len).sum::<usize>(), dense.len());
    assert!(out.iter().all(|piece| dense.as_ptr_range().contains(&piece.as_ptr())));
}

#[test]
fn zstd_is_used_where_it_pays() {
    let text = b"words ".repeat(3_000);
    let log: Vec<u8> = (0..40).flat_map(|i| Batch::new(i * 5, 5).around(&text)).collect();
    let (object, summary) = write(options(BlockCompression::Zstd { level: 1 }), &[log.clone().into()]);
    assert!(summary.object_bytes.get() < summary.log_bytes.get() / 20);
    assert_eq!(read(&object, summary.tail_position).unwrap(), log);
    // A block whose batches are all compressed already is not tried, whatever it holds.
    let gzip: Vec<u8> =
        (0..40).flat_map(|i| Batch { attributes: 1, ..Batch::new(i * 5, 5) }.around(&text)).collect();
    let (_, summary) = write(options(BlockCompression::Zstd { level: 1 }), &[gzip.into()]);
    assert_eq!(summary.tail_position.get(), summary.log_bytes.get());
}

#[test]
fn a_batch_larger_than_a_block_is_a_block_of_its_own() {
    let large = noise(3, 70_000);
    let log = [Batch::new(0, 1).around(b"a"), Batch::new(1, 1).around(&large), Batch::new(2, 1).around(b"b")]
        .concat();
    for compression in [BlockCompression::None, BlockCompression::Zstd { level: 1 }] {
        let (object, summary) = write(options(compression), &[log.clone().into()]);
        let tail = open(&object, summary.tail_position).unwrap();
        let lengths: Vec<_> = tail.index().entries().map(|entry| entry.raw_len()).collect();
        assert_eq!(lengths, [62, 70_061, 62]);
        assert_eq!(read(&object, summary.tail_position).unwrap(), log);
    }
}

#[test]
fn blocks_end_at_the_first_batch_past_the_grid() {
    let log: Vec<u8> = (0..100).flat_map(|i| Batch::new(i, 1).around(&noise(4, 239))).collect();
    let (object, summary) = write(options(BlockCompression::None), &[log.into()]);
    for entry in open(&object, summary.tail_position).unwrap().index().entries() {
        let start = entry.raw.start;
        assert!(start % 1_024 < 300, "block {} starts at {start}", entry.number);
        assert_eq!(start / 1_024, u64::from(entry.number));
    }
}

#[test]
fn messages_of_magic_0_and_1_are_kept_and_their_hidden_counts_are_not_made_up() {
    let plain = [message(0, 20, 0, b"zero"), message(1, 21, 0, b"one")].concat();
    let base = || SegmentOptions { base: offset(20), ..options(BlockCompression::None) };
    let (_, summary) = write(base(), &[plain.clone().into()]);
    assert_eq!((summary.records, summary.range.to_string()), (Some(2), "20..22".to_owned()));
    assert!(summary.epochs.is_empty());
    assert_eq!(summary.min_timestamp, TimestampMs::from_kafka(START_MS + 21));
    // A wrapper tells its last offset only: the segment still covers all from the base on.
    let log = [message(0, 25, 1, b"opaque"), Batch::new(26, 2).around(b"two")].concat();
    let (object, summary) = write(base(), &[log.clone().into()]);
    assert_eq!((summary.records, summary.range.to_string()), (None, "20..28".to_owned()));
    assert_eq!(read(&object, summary.tail_position).unwrap(), log);
}

#[test]
fn a_hole_before_the_first_batch_belongs_to_the_first_block() {
    let log = Batch { last_delta: 9, ..Batch::new(50, 3) }.around(b"compacted");
    let (object, summary) = write(options(BlockCompression::None), &[log.into()]);
    assert_eq!(summary.range.to_string(), "0..60");
    let tail = open(&object, summary.tail_position).unwrap();
    assert_eq!(tail.index().find_offset(offset(0)), Some(0));
    assert_eq!(tail.index().find_offset(offset(59)), Some(0));
}

#[test]
fn what_was_open_before_is_closed_by_the_first_marker() {
    let open_before =
        OpenTransaction { producer: producer(40), first_offset: offset(2), last_timestamp: None };
    let log = [Batch::new(10, 1).around(b"x"), marker(11, 40, false)].concat();
    let known = SegmentOptions {
        base: offset(10),
        transactions: TransactionStart::Known(vec![open_before]),
        ..options(BlockCompression::None)
    };
    let (object, summary) = write(known, &[log.into()]);
    let tail = open(&object, summary.tail_position).unwrap();
    assert_eq!(tail.transactions().aborted[0].first_offset, offset(2));
    assert_eq!(tail.transactions().stable_end, offset(12));
}

#[test]
fn a_delete_horizon_is_no_records_time() {
    let horizon = Batch { attributes: 0x40, base_ms: 5, ..Batch::new(0, 2) };
    let (_, summary) = write(options(BlockCompression::None), &[horizon.around(b"x").into()]);
    assert_eq!(summary.min_timestamp, TimestampMs::from_kafka(START_MS + 1));
    let plain = Batch { base_ms: 5, ..Batch::new(0, 2) };
    let (_, summary) = write(options(BlockCompression::None), &[plain.around(b"x").into()]);
    assert_eq!(summary.min_timestamp, TimestampMs::from_kafka(5));
}

#[test]
fn data_that_a_cleaner_emptied_opens_no_transaction() {
    let emptied = Batch { records: 0, ..Batch::of_transaction(0, 2, 40) };
    let (_, summary) = write(options(BlockCompression::None), &[emptied.around(b"").into()]);
    assert!(summary.transactions.open.is_empty());
    assert_eq!(summary.transactions.stable_end, offset(2));
}

#[test]
fn a_blocks_time_is_its_largest_batchs() {
    let late = Batch { max_ms: START_MS + 9_000, ..Batch::new(0, 1) };
    let log = [late.around(b"late"), Batch::new(1, 1).around(b"early")].concat();
    let (object, summary) = write(options(BlockCompression::None), &[log.into()]);
    let entry = open(&object, summary.tail_position).unwrap().index().entry(0).unwrap();
    assert_eq!(entry.max_timestamp, TimestampMs::from_kafka(START_MS + 9_000));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// However the batches are cut into runs, the object is the same, and reads back to the log.
    #[test]
    fn runs_do_not_matter(
        sizes in prop::collection::vec((1_usize..6_000, 1_i32..50, any::<bool>()), 1..40),
        cuts in prop::collection::vec(any::<bool>(), 40),
        zstd in any::<bool>(),
    ) {
        let compression = if zstd { BlockCompression::Zstd { level: 1 } } else { BlockCompression::None };
        let mut base = 0_i64;
        let mut batches = Vec::new();
        for (size, records, dense) in sizes {
            let body = if dense { noise(base.unsigned_abs(), size) } else { vec![7; size] };
            batches.push(Batch::new(base, records).around(&body));
            base += i64::from(records);
        }
        let whole: Bytes = batches.concat().into();
        let mut runs = vec![Vec::new()];
        for (batch, cut) in batches.iter().zip(cuts) {
            if cut {
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
}

#[test]
fn limits_are_the_callers() {
    let limits = BatchLimits { max_batch_bytes: 1_000 };
    let mut writer =
        SegmentWriter::new(SegmentOptions { limits, ..options(BlockCompression::None) }).unwrap();
    let large = Batch::new(0, 1).around(&noise(1, 1_000));
    assert!(writer.push(large.into(), &mut Vec::new()).is_err());
}
