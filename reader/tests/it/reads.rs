//! What reads give.

use firnline_index::OffsetRange;
use firnline_reader::{Batches, ErrorKind, Isolation, ReadError, ReadOutcome};

use crate::log::{Log, at, joined};
use crate::tier::{TestTier, tip};

pub(crate) const ALL: Isolation = Isolation::ReadUncommitted;

pub(crate) fn batches(outcome: ReadOutcome) -> Batches {
    match outcome {
        ReadOutcome::Batches(batches) => batches,
        other => panic!("expected batches, got {other:?}"),
    }
}

/// Twenty batches of three records and about 300 bytes, in two segments.
fn simple() -> (Log, TestTier) {
    let mut log = Log::from(100);
    for _ in 0..20 {
        log.data(3, 300);
    }
    let tier = TestTier::of(&log, &[at(130)]);
    (log, tier)
}

#[tokio::test]
async fn every_offset_gives_the_batch_that_holds_it_and_those_behind() {
    let (log, tier) = simple();
    let (reader, _) = tier.reader();
    for offset in 100..160 {
        let read = batches(reader.read(&tip(), at(offset), 1000, ALL).await.expect("reads"));
        let expected = log.between(at(offset), read.range.end());
        assert_eq!(read.chain.to_bytes(), joined(expected), "offset {offset}");
        assert_eq!(read.range.start(), expected[0].base);
        assert!(read.range.contains(at(offset)));
    }
}

#[tokio::test]
async fn an_answer_has_at_least_one_batch_and_at_most_the_bytes_asked_for() {
    let (log, tier) = simple();
    let (reader, _) = tier.reader();
    let one = log.batches[0].bytes.len();
    for (max_bytes, count) in [(0, 1), (1, 1), (one, 1), (2 * one - 1, 1), (2 * one, 2)] {
        let read = batches(reader.read(&tip(), at(100), max_bytes, ALL).await.expect("reads"));
        assert_eq!(read.chain.to_bytes(), joined(&log.batches[..count]), "{max_bytes}");
    }
}

#[tokio::test]
async fn an_answer_stays_within_one_segment_and_the_next_read_goes_on() {
    let (log, tier) = simple();
    let (reader, _) = tier.reader();
    let (mut offset, mut all) = (at(100), Vec::new());
    while offset < log.end() {
        let read = batches(reader.read(&tip(), offset, usize::MAX, ALL).await.expect("reads"));
        all.extend_from_slice(&read.chain.to_bytes());
        offset = read.range.end();
        assert!(offset == at(130) || offset == at(160), "{offset}");
    }
    assert_eq!(all, joined(&log.batches));
}

#[tokio::test]
async fn the_pieces_of_an_answer_are_slices_of_blocks() {
    let (_, tier) = simple();
    let (reader, _) = tier.reader();
    let first = batches(reader.read(&tip(), at(103), usize::MAX, ALL).await.expect("reads"));
    let second = batches(reader.read(&tip(), at(103), usize::MAX, ALL).await.expect("reads"));
    assert!(first.chain.parts().len() > 1);
    for (one, other) in first.chain.parts().iter().zip(second.chain.parts()) {
        assert_eq!(one.as_ptr(), other.as_ptr(), "nothing was copied between cache and answer");
    }
}

#[tokio::test]
async fn what_lies_outside_is_told_apart() {
    let (_, mut tier) = simple();
    tier.raise_floor(at(110));
    let (reader, _) = tier.reader();
    let bounds = reader.read(&tip(), at(120), 1, ALL).await.expect("reads").bounds();
    assert_eq!((bounds.start, bounds.serving_start), (at(110), at(110)), "a floor is where the tier starts");
    assert_eq!((bounds.last_stable, bounds.end), (at(160), at(160)));
    for offset in [0, 99, 109] {
        let outcome = reader.read(&tip(), at(offset), 1, ALL).await.expect("an answer");
        assert_eq!(outcome, ReadOutcome::BelowStart { bounds }, "{offset}");
    }
    for offset in [160, 161, i64::MAX] {
        let outcome = reader.read(&tip(), at(offset), 1, ALL).await.expect("an answer");
        assert_eq!(outcome, ReadOutcome::AtEnd { bounds }, "{offset}");
    }
    let first = batches(reader.read(&tip(), at(110), 1, ALL).await.expect("reads"));
    assert!(first.range.contains(at(110)));
}

#[tokio::test]
async fn a_recorded_gap_is_an_answer_of_its_own() {
    let (mut log, mut tier) = simple();
    tier.gap(at(200));
    log.hole(40);
    log.data(3, 300);
    tier.upload(&log, log.end());
    tier.commit();
    let (reader, _) = tier.reader();
    for offset in [160, 170, 199] {
        match reader.read(&tip(), at(offset), 1, ALL).await.expect("an answer") {
            ReadOutcome::Gap { gap, bounds } => {
                assert_eq!(gap.range, OffsetRange::new(at(160), at(200)).expect("forward"));
                assert_eq!((bounds.start, bounds.serving_start), (at(100), at(200)));
            }
            other => panic!("{offset}: {other:?}"),
        }
    }
    let behind = batches(reader.read(&tip(), at(200), 1, ALL).await.expect("reads"));
    assert_eq!(behind.range.start(), at(200));
}

#[tokio::test]
async fn holes_that_compaction_left_are_stepped_over() {
    let mut log = Log::from(0);
    log.data(2, 100);
    log.hole(500);
    log.data(2, 3000).data(2, 100);
    log.hole(50);
    let cut = log.end();
    // The first segment ends in a hole of its own: its range reaches over it.
    log.data(1, 10);
    let mut tier = TestTier::starting_at(at(0));
    let (mut entry, summary) = tier.write(&log, at(0), cut);
    assert_eq!(entry.range.end(), at(506));
    entry.range = summary.range;
    tier.manifest.append(entry, Vec::new()).expect("follows");
    let base = tier.manifest.tier_end;
    let (entry, _) = tier.write(&log, base, log.end());
    tier.manifest.append(entry, Vec::new()).expect("follows");
    tier.commit();
    let (reader, _) = tier.reader();
    for (offset, base) in
        [(0, 0), (1, 0), (2, 502), (300, 502), (504, 504), (505, 504), (506, 556), (555, 556), (556, 556)]
    {
        let read = batches(reader.read(&tip(), at(offset), 1, ALL).await.expect("reads"));
        assert_eq!(read.range.start(), at(base), "{offset}");
    }
}

#[tokio::test]
async fn a_batch_larger_than_anything_asked_for_comes_whole() {
    let mut log = Log::from(0);
    log.data(1, 10).data(3, 3 << 20).data(1, 10);
    let tier = TestTier::of(&log, &[]);
    let (reader, _) = tier.reader();
    let read = batches(reader.read(&tip(), at(2), 100, ALL).await.expect("reads"));
    assert_eq!(read.chain.to_bytes(), log.batches[1].bytes);
}

#[tokio::test]
async fn compressed_blocks_give_the_same_bytes() {
    let mut log = Log::from(0);
    for _ in 0..50 {
        // Eight records of one byte each: the batch's frame is what can be compressed.
        log.data(8, 8);
    }
    let mut tier = TestTier::starting_at(at(0));
    tier.compression = firnline_index::segment::BlockCompression::Zstd { level: 3 };
    let entry = tier.upload(&log, log.end());
    assert!(entry.tail_position.get() < entry.log_bytes.get(), "something was compressed");
    tier.commit();
    let (reader, _) = tier.reader();
    let read = batches(reader.read(&tip(), at(0), usize::MAX, ALL).await.expect("reads"));
    assert_eq!(read.chain.to_bytes(), joined(&log.batches));
}

#[tokio::test]
async fn a_partition_without_manifest_is_not_found() {
    let (_, tier) = simple();
    let (reader, _) = tier.reader();
    let mut other = tip();
    other.partition = firnline_index::PartitionIndex::ZERO;
    let error = reader.read(&other, at(0), 1, ALL).await.expect_err("nothing there");
    assert!(matches!(error, ReadError::NoManifest { .. }), "{error:?}");
    assert_eq!((error.kind(), error.code().code), (ErrorKind::NotFound, "FIRN-R001"));
}
