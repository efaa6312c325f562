//! How segments may end, and how they may not.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use firnline_index::log_source::{Run, SourceErrorKind};
use firnline_logdir::{Damage, PartitionDir, ReadError, SegmentStream, SourceOptions, Tail, TornReason};

use crate::support::{Fixture, batch, concat};

fn append(path: &Path, bytes: &[u8]) {
    OpenOptions::new().append(true).open(path).unwrap().write_all(bytes).unwrap();
}

/// Reads one segment in runs of at most `max_bytes`.
fn read(partition: &PartitionDir, index: usize, max_bytes: usize) -> Result<(Vec<Run>, Tail), ReadError> {
    let mut stream = SegmentStream::open(&partition.segments[index], &SourceOptions::default())?;
    let mut runs = Vec::new();
    while let Some(run) = stream.next_run(max_bytes)? {
        runs.push(run);
    }
    Ok((runs, stream.tail().unwrap()))
}

fn damage(outcome: Result<(Vec<Run>, Tail), ReadError>) -> (u64, Damage) {
    match outcome {
        Err(error @ ReadError::Damaged { position, damage, .. }) => {
            assert_eq!(error.kind(), SourceErrorKind::Damaged);
            (position, damage)
        }
        other => panic!("{other:?}"),
    }
}

/// Three batches in a sealed segment and one in the active one; gives the position where the sealed one's last begins.
fn two_segments() -> (Fixture, u64) {
    let fixture = Fixture::new(4, 1000, 3100);
    let partition = fixture.scan();
    assert_eq!(partition.segments.len(), 2);
    let len = partition.segments[0].len;
    (fixture, len / 3 * 2)
}

#[test]
fn a_torn_batch_ends_the_active_segment_before_it() {
    let fixture = Fixture::new(3, 1000, 1 << 20);
    let whole = fixture.bytes.len() as u64;
    let torn = batch(30, 10, 1000);
    // Shorter pieces are the leading zeros of an offset, which nothing tells from preallocated space.
    for cut in [8, 16, 17, 40, 60, 61, 62, torn.len() - 1] {
        fs::write(fixture.segment(0), [&fixture.bytes[..], &torn[..cut]].concat()).unwrap();
        for max_bytes in [1, 1500, 1 << 20] {
            let (runs, tail) = read(&fixture.scan(), 0, max_bytes).unwrap();
            assert_eq!(concat(&runs), fixture.bytes);
            let bytes = cut as u64;
            assert_eq!(
                tail,
                Tail::Torn { position: whole, bytes, why: TornReason::Incomplete },
                "cut at {cut}"
            );
        }
    }
}

#[test]
fn a_sealed_segment_that_ends_inside_a_batch_is_damaged_there() {
    let (fixture, last) = two_segments();
    let len = fixture.scan().segments[0].len;
    for cut in [1, 100, len - last - 61, len - last - 8] {
        let file = OpenOptions::new().write(true).open(fixture.segment(0)).unwrap();
        file.set_len(len - cut).unwrap();
        let (position, what) = damage(read(&fixture.scan(), 0, 1 << 20));
        assert_eq!(position, last, "cut by {cut}");
        assert!(matches!(what, Damage::Truncated { missing } if missing > 0), "{what}");
    }
}

#[test]
fn zeros_end_the_active_segment() {
    let fixture = Fixture::new(3, 1000, 1 << 20);
    let position = fixture.bytes.len() as u64;
    for zeros in [1, 16, 17, 60, 61, 4096, 3 << 20] {
        fs::write(fixture.segment(0), [&fixture.bytes[..], &vec![0; zeros]].concat()).unwrap();
        let (runs, tail) = read(&fixture.scan(), 0, 1 << 20).unwrap();
        assert_eq!(concat(&runs), fixture.bytes);
        assert_eq!(tail, Tail::Zeros { position }, "{zeros} zeros");
    }
}

#[test]
fn zeros_with_something_behind_them_are_damage() {
    let fixture = Fixture::new(3, 1000, 1 << 20);
    let mut bytes = fixture.bytes.clone();
    bytes.extend(vec![0; 1 << 20]);
    bytes.push(1);
    fs::write(fixture.segment(0), bytes).unwrap();
    let (position, what) = damage(read(&fixture.scan(), 0, 1 << 20));
    assert_eq!((position, what), (fixture.bytes.len() as u64, Damage::Batch));
}

#[test]
fn zeros_end_a_sealed_segment_only_where_the_next_one_begins() {
    let (fixture, last) = two_segments();
    append(&fixture.segment(0), &[0; 500]);
    let (runs, tail) = read(&fixture.scan(), 0, 1 << 20).unwrap();
    assert!(matches!(tail, Tail::Zeros { .. }));
    assert_eq!(runs.last().unwrap().range.end(), fixture.scan().segments[1].base);

    // What a power cut leaves: the last batch's blocks were never written.
    let mut bytes = fs::read(fixture.segment(0)).unwrap();
    bytes[last as usize..].fill(0);
    fs::write(fixture.segment(0), bytes).unwrap();
    let (position, what) = damage(read(&fixture.scan(), 0, 1 << 20));
    assert_eq!(position, last);
    assert!(matches!(what, Damage::Zeros { .. }), "{what}");
}

#[test]
fn a_wrong_crc_at_the_very_end_of_the_active_segment_is_torn() {
    let fixture = Fixture::new(3, 1000, 1 << 20);
    let whole = fixture.bytes.len() as u64;
    let mut torn = batch(30, 10, 1000);
    torn[500..].fill(0);
    for zeros in [0, 10_000] {
        fs::write(fixture.segment(0), [&fixture.bytes[..], &torn, &vec![0; zeros]].concat()).unwrap();
        let (runs, tail) = read(&fixture.scan(), 0, 1 << 20).unwrap();
        assert_eq!(concat(&runs), fixture.bytes);
        let bytes = (torn.len() + zeros) as u64;
        assert_eq!(tail, Tail::Torn { position: whole, bytes, why: TornReason::Crc });
    }
}

#[test]
fn a_wrong_crc_with_batches_behind_it_is_damage() {
    let fixture = Fixture::new(3, 1000, 1 << 20);
    let mut bytes = fixture.bytes.clone();
    bytes[200] ^= 1;
    fs::write(fixture.segment(0), bytes).unwrap();
    assert_eq!(damage(read(&fixture.scan(), 0, 1 << 20)), (0, Damage::Batch));
}

#[test]
fn garbage_behind_the_last_batch_is_damage_with_its_position() {
    let fixture = Fixture::new(3, 1000, 1 << 20);
    append(&fixture.segment(0), &[0x55; 100]);
    let partition = fixture.scan();
    let (position, what) = damage(read(&partition, 0, 1 << 20));
    assert_eq!((position, what), (fixture.bytes.len() as u64, Damage::Batch));
}

#[test]
fn an_empty_segment_has_no_batches() {
    let fixture = Fixture::of(Vec::new(), 1 << 20);
    let (runs, tail) = read(&fixture.scan(), 0, 1 << 20).unwrap();
    assert!(runs.is_empty());
    assert_eq!(tail, Tail::Whole);
}

#[test]
fn a_batch_outside_its_segments_offsets_is_damage() {
    let (fixture, _) = two_segments();
    let next_base = fixture.scan().segments[1].base.get();
    fs::rename(fixture.segment(0), fixture.segment(5)).unwrap();
    let (position, what) = damage(read(&fixture.scan(), 0, 1 << 20));
    assert_eq!(position, 0);
    assert!(matches!(what, Damage::BelowBase { .. }), "{what}");

    fs::rename(fixture.segment(5), fixture.segment(0)).unwrap();
    fs::rename(fixture.segment(next_base), fixture.segment(next_base - 1)).unwrap();
    let (_, what) = damage(read(&fixture.scan(), 0, 1 << 20));
    assert!(matches!(what, Damage::PastNextSegment { .. }), "{what}");
}

#[test]
fn offsets_and_epochs_that_go_back_are_damage() {
    use crate::support::batch_of_epoch;
    let (first, second) = (batch_of_epoch(0, 10, 500, 4), batch_of_epoch(10, 10, 500, 3));
    let fixture = Fixture::of(vec![first.clone()], 1 << 20);
    for second in [second, first.clone()] {
        fs::write(fixture.segment(0), [&first[..], &second, &batch(20, 1, 50)].concat()).unwrap();
        let (position, what) = damage(read(&fixture.scan(), 0, 1 << 20));
        assert_eq!((position, what), (first.len() as u64, Damage::Batch));
    }
}

#[test]
fn a_wrong_crc_is_found_again_with_file_and_position() {
    let fixture = Fixture::new(12, 1000, 3100);
    let partition = fixture.scan();
    let options = SourceOptions::default();
    let all = (partition.segments[0].base, partition.segments[3].base);
    assert!(partition.find_damage(all.0, all.1, &options).is_none());
    let (damaged, last) = (&partition.segments[2], partition.segments[2].len / 3 * 2);
    let mut bytes = fs::read(&damaged.path).unwrap();
    bytes[last as usize + 100] ^= 1;
    fs::write(&damaged.path, bytes).unwrap();
    let partition = fixture.scan();
    match partition.find_damage(all.0, all.1, &options) {
        Some(ReadError::Damaged { path, position, damage: Damage::Batch, source: Some(_) }) => {
            assert_eq!((&path, position), (&damaged.path, last));
        }
        other => panic!("{other:?}"),
    }
    assert!(partition.find_damage(all.0, damaged.base, &options).is_none(), "only where it was asked");
}
