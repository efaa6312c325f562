//! The batch at an offset.

use std::fs;

use firnline_index::{Offset, TimestampMs};
use firnline_logdir::{LocalLog, LocalRead, ReadError, SourceOptions};

use crate::support::{Fixture, batch, offset};

fn log(fixture: &Fixture) -> LocalLog {
    LocalLog::new(fixture.scan(), SourceOptions::default())
}

fn data(read: LocalRead) -> (Vec<u8>, i64, i64) {
    match read {
        LocalRead::Data { bytes, range } => (bytes.to_vec(), range.start().get(), range.end().get()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_offset_leads_to_its_batch() {
    let fixture = Fixture::new(60, 1000, 10_000);
    let log = log(&fixture);
    for at in 0..600 {
        let (bytes, start, end) = data(log.read(offset(at), 1).unwrap());
        assert_eq!((start, end), (at / 10 * 10, at / 10 * 10 + 10));
        assert_eq!(&bytes[..8], start.to_be_bytes());
    }
    assert_eq!(log.read(offset(600), 1).unwrap(), LocalRead::AtEnd { end: offset(600) });
    assert_eq!(log.read(Offset::MAX, 1).unwrap(), LocalRead::AtEnd { end: offset(600) });
    assert_eq!(log.end().unwrap(), offset(600));
}

#[test]
fn more_batches_come_where_they_fit() {
    let fixture = Fixture::new(60, 1000, 10_000);
    let log = log(&fixture);
    let size = fixture.bytes.len() / 60;
    let (bytes, start, end) = data(log.read(offset(15), size * 3 + 5).unwrap());
    assert_eq!((start, end), (10, 40));
    assert_eq!(bytes, fixture.bytes[size..size * 4]);
}

#[test]
fn below_the_first_segment_the_start_is_told() {
    let fixture = Fixture::new(60, 1000, 10_000);
    let second = fixture.scan().segments[1].base;
    fs::remove_file(fixture.segment(0)).unwrap();
    assert_eq!(log(&fixture).read(offset(0), 1).unwrap(), LocalRead::BelowStart { start: second });
}

#[test]
fn bad_hints_change_no_answer() {
    let fixture = Fixture::new(60, 1000, 20_000);
    let name = "00000000000000000000.index";
    let good = fs::read(fixture.dir.join(name)).unwrap();
    assert!(good.len() >= 16, "{} bytes", good.len());
    let mut shifted = good.clone();
    for entry in shifted.chunks_mut(8) {
        entry[7] ^= 5;
    }
    let mut high = good.clone();
    for entry in high.chunks_mut(8) {
        entry[4] = 0xff;
    }
    let mut swapped = good.clone();
    swapped.reverse();
    let preallocated = [&good[..], &vec![0; 1 << 16]].concat();
    let hints =
        [good, shifted, high, swapped, preallocated, vec![0xff; 800], vec![0; 80], vec![1, 2, 3], Vec::new()];
    for (n, hint) in hints.iter().enumerate() {
        fs::write(fixture.dir.join(name), hint).unwrap();
        let log = log(&fixture);
        for at in (0..600).step_by(7) {
            let (_, start, _) = data(log.read(offset(at), 1).unwrap());
            assert_eq!(start, at / 10 * 10, "hint {n}");
        }
    }
}

#[test]
fn what_is_served_has_its_crc_checked() {
    let fixture = Fixture::new(60, 1000, 10_000);
    let mut bytes = fs::read(fixture.segment(0)).unwrap();
    let size = fixture.bytes.len() / 60;
    bytes[size + 100] ^= 1;
    fs::write(fixture.segment(0), bytes).unwrap();
    let log = log(&fixture);
    data(log.read(offset(0), 1).unwrap());
    for at in [0, 10] {
        let error = log.read(offset(at), size * 3).unwrap_err();
        assert!(matches!(error, ReadError::Damaged { position, .. } if position == size as u64), "{error:?}");
    }
}

#[test]
fn a_torn_tail_is_beyond_the_end() {
    let fixture = Fixture::new(5, 1000, 1 << 20);
    let torn = batch(50, 10, 1000);
    let mut wrong = torn.clone();
    wrong[700] ^= 1;
    for tail in [&torn[..500], &torn[..20], &wrong] {
        fs::write(fixture.segment(0), [&fixture.bytes[..], tail].concat()).unwrap();
        let log = log(&fixture);
        assert_eq!(log.end().unwrap(), offset(50));
        assert_eq!(log.read(offset(50), 1).unwrap(), LocalRead::AtEnd { end: offset(50) });
        assert_eq!(data(log.read(offset(45), 1 << 20).unwrap()).2, 50);
    }
}

#[test]
fn a_stretch_of_the_log_is_copied_exactly_or_not_at_all() {
    let fixture = Fixture::new(60, 1000, 10_000);
    let log = log(&fixture);
    let size = fixture.bytes.len() / 60;
    for (first, batches) in [(0, 1), (0, 60), (10, 3), (100, 20), (590, 1)] {
        let at = first / 10 * size;
        let copied = log.copy(offset(i64::try_from(first).unwrap()), batches * size).unwrap().unwrap();
        assert_eq!(copied, fixture.bytes[at..at + batches * size], "{batches} from {first}");
    }
    assert_eq!(log.copy(offset(5), size).unwrap(), None);
    assert_eq!(log.copy(offset(0), size + 1).unwrap(), None);
    assert_eq!(log.copy(offset(0), size - 1).unwrap(), None);
    assert_eq!(log.copy(offset(590), 2 * size).unwrap(), None);
    assert_eq!(log.copy(offset(600), size).unwrap(), None);
}

#[test]
fn a_time_leads_to_the_first_batch_that_reaches_it() {
    let fixture = Fixture::new(60, 1000, 10_000);
    let log = log(&fixture);
    let at = |time: i64| log.find_timestamp(TimestampMs::new(1_700_000_000_000 + time).unwrap()).unwrap();
    for (time, base) in [(-1000, 0), (0, 0), (9, 0), (10, 10), (555, 550), (599, 590)] {
        let (range, timestamp) = at(time).unwrap();
        assert_eq!(range.start(), offset(base));
        assert_eq!(timestamp.get(), 1_700_000_000_000 + base + 9);
    }
    assert_eq!(at(600), None);
}

#[test]
fn a_batch_larger_than_the_scanning_window_is_stepped_over() {
    let batches = vec![batch(0, 1, 300_000), batch(1, 1, 100), batch(2, 1, 200_000), batch(3, 1, 100)];
    let fixture = Fixture::of([batches, vec![batch(4, 1, 100)]].concat(), 500_500);
    assert_eq!(fixture.scan().segments.len(), 2);
    let log = log(&fixture);
    for at in 0..5 {
        assert_eq!(data(log.read(offset(at), 1).unwrap()).1, at);
    }
}

#[test]
fn a_partition_without_segments_is_at_its_end() {
    let fixture = Fixture::of(Vec::new(), 1 << 20);
    assert_eq!(log(&fixture).read(offset(0), 1).unwrap(), LocalRead::AtEnd { end: offset(0) });
    fs::remove_file(fixture.segment(0)).unwrap();
    assert_eq!(log(&fixture).read(offset(0), 1).unwrap(), LocalRead::AtEnd { end: offset(0) });
}
