//! Batches across segments, from one offset to another.

use std::fs;

use firnline_index::log_source::{Finality, LogSource as _, Run, SourceErrorKind};
use firnline_logdir::{BufferPool, FileSource, SourceOptions, Tail};
use firnline_records::encode::{BatchBuilder, LegacyMagic, MessageSet, NewRecord, message_set};
use proptest::prelude::*;

use crate::support::{Fixture, batch, chain, concat, drain, offset};

fn source(fixture: &Fixture, from: i64, until: Option<i64>) -> FileSource {
    FileSource::open(&fixture.scan(), offset(from), until.map(offset), &SourceOptions::default())
}

/// Runs must follow each other and hold what they say.
fn check_runs(runs: &[Run], max_bytes: usize) {
    for run in runs {
        assert!(run.batches == 1 || run.bytes.len() <= max_bytes);
        assert_eq!(&run.bytes[..8], run.range.start().get().to_be_bytes());
    }
    for pair in runs.windows(2) {
        assert!(pair[0].range.end() <= pair[1].range.start());
    }
}

#[test]
fn all_batches_come_in_order_whatever_the_size_of_runs() {
    let fixture = Fixture::new(60, 1000, 10_000);
    for max_bytes in [0, 1, 999, 1000, 3333, 65_536, 1 << 30] {
        let mut source = source(&fixture, 0, None);
        let runs = drain(&mut source, max_bytes).unwrap();
        assert_eq!(concat(&runs), fixture.bytes);
        check_runs(&runs, max_bytes);
        assert_eq!(runs.iter().map(|run| run.batches).sum::<u32>(), 60);
        assert_eq!(source.tail(), Some(Tail::Whole));
        assert_eq!(source.next_offset(), offset(600));
        assert_eq!(source.finish().unwrap(), Finality::Stable);
    }
}

#[test]
fn only_the_active_segments_runs_are_not_sealed() {
    let fixture = Fixture::new(60, 1000, 10_000);
    let active = fixture.scan().segments.last().unwrap().base;
    for run in drain(&mut source(&fixture, 0, None), 1 << 20).unwrap() {
        assert_eq!(run.sealed, run.range.start() < active);
        assert_eq!(run.hole_before, None);
    }
}

#[test]
fn a_bound_inside_a_batch_cuts_before_that_batch() {
    let fixture = Fixture::new(60, 1000, 10_000);
    for (until, end) in
        [(0, 0), (9, 0), (10, 10), (11, 10), (299, 290), (300, 300), (600, 600), (10_000, 600)]
    {
        let mut source = source(&fixture, 0, Some(until));
        let runs = drain(&mut source, 5000).unwrap();
        assert_eq!(runs.last().map_or(0, |run| run.range.end().get()), end, "until {until}");
        assert_eq!(source.finish().unwrap(), Finality::Stable);
    }
}

#[test]
fn a_start_inside_a_batch_means_that_log_and_tier_have_diverged() {
    let fixture = Fixture::new(60, 1000, 10_000);
    let error = source(&fixture, 305, None).next_run(1 << 20).unwrap_err();
    assert_eq!(error.kind, SourceErrorKind::Diverged);
    let text = chain(&error);
    assert!(
        text.starts_with(
            "the log and the tier have diverged: offset 305 lies inside the batch 300..310 at position"
        ),
        "{text}"
    );
}

#[test]
fn a_missing_segment_shows_as_a_hole_before_the_next_one() {
    let fixture = Fixture::new(60, 1000, 10_000);
    let partition = fixture.scan();
    let (gone, next) = (&partition.segments[2], &partition.segments[3]);
    fs::remove_file(&gone.path).unwrap();
    let runs = drain(&mut source(&fixture, 0, None), 1 << 20).unwrap();
    let holes: Vec<_> = runs.iter().filter_map(|run| run.hole_before).collect();
    assert_eq!(holes.len(), 1);
    assert_eq!((holes[0].start(), holes[0].end()), (gone.base, next.base));
}

#[test]
fn a_log_that_begins_above_the_start_shows_a_hole_before_its_first_batch() {
    let fixture = Fixture::new(60, 1000, 10_000);
    let first = fixture.scan().segments[1].base;
    fs::remove_file(fixture.segment(0)).unwrap();
    let runs = drain(&mut source(&fixture, 0, None), 1 << 20).unwrap();
    let hole = runs[0].hole_before.unwrap();
    assert_eq!((hole.start(), hole.end()), (offset(0), first));
}

#[test]
fn the_holes_of_compaction_are_read_over() {
    let mut first = BatchBuilder::new(offset(0));
    first.push_at(offset(3), NewRecord::default()).unwrap();
    first.extend_to(offset(8)).unwrap();
    let batches = vec![first.build().unwrap(), batch(20, 5, 200), batch(30, 5, 200)];
    let fixture = Fixture::of(batches, 300);
    assert_eq!(fixture.scan().segments.len(), 2);
    let runs = drain(&mut source(&fixture, 0, None), 1 << 20).unwrap();
    assert_eq!(concat(&runs), fixture.bytes);
    assert_eq!(source(&fixture, 8, None).next_run(1 << 20).unwrap().unwrap().range.start(), offset(20));
}

#[test]
fn a_batch_longer_than_any_buffer_comes_alone_and_whole() {
    let fixture = Fixture::of(vec![batch(0, 1, 100), batch(1, 1, 7 << 20), batch(2, 1, 100)], 1 << 30);
    let runs = drain(&mut source(&fixture, 0, None), 1 << 20).unwrap();
    assert_eq!(runs.iter().map(|run| run.batches).collect::<Vec<_>>(), [1, 1, 1]);
    assert_eq!(concat(&runs), fixture.bytes);
}

#[test]
fn a_partition_without_records_gives_nothing() {
    let fixture = Fixture::of(Vec::new(), 1 << 20);
    let mut source = source(&fixture, 0, None);
    assert_eq!(source.next_run(1 << 20).unwrap(), None);
    assert_eq!(source.finish().unwrap(), Finality::Stable);
}

#[test]
fn logs_of_magic_0_and_1_are_read_like_others() {
    let records = [NewRecord { value: Some(b"old"), ..NewRecord::default() }; 10];
    let batches: Vec<Vec<u8>> = (0..20)
        .map(|n| {
            let set = MessageSet {
                magic: if n < 10 { LegacyMagic::Zero } else { LegacyMagic::One },
                compression: firnline_index::batch::Compression::Gzip,
                base_offset: offset(n * 10),
                timestamp_type: firnline_index::batch::TimestampType::Create,
            };
            message_set(&set, &records).unwrap()
        })
        .chain([batch(200, 10, 300)])
        .collect();
    let fixture = Fixture::of(batches, 400);
    assert!(fixture.scan().segments.len() > 3);
    for from in [0, 10, 100, 190, 200] {
        let runs = drain(&mut source(&fixture, from, None), 1 << 20).unwrap();
        assert_eq!(runs[0].range.start(), offset(from), "from {from}");
        assert!(runs.iter().all(|run| run.hole_before.is_none()));
        assert!(fixture.bytes.ends_with(&concat(&runs)));
    }
}

#[test]
fn buffers_are_used_again() {
    let fixture = Fixture::new(3000, 1000, 1 << 30);
    let options = SourceOptions {
        buffers: BufferPool::new(64 << 10, 8),
        spare_page_cache: false,
        ..SourceOptions::default()
    };
    let mut source = FileSource::open(&fixture.scan(), offset(0), None, &options);
    while let Some(run) = source.next_run(64 << 10).unwrap() {
        drop(run);
        assert!(options.buffers.idle() <= 2, "no more than the one in use and the one before");
    }
    drop(source);
    assert!(options.buffers.idle() >= 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_start_and_bound_give_exactly_the_batches_between(
        batches in prop::collection::vec((1..20_i64, 50..3000_usize), 1..40),
        segment_bytes in 1000..20_000_u64,
        max_bytes in 1..20_000_usize,
        picks: (prop::sample::Index, prop::sample::Index),
        drop_indexes: bool,
    ) {
        let mut base = 0;
        let batches = batches.into_iter().map(|(count, bytes)| {
            base += count;
            batch(base - count, count, bytes)
        }).collect();
        let fixture = Fixture::of(batches, segment_bytes);
        if drop_indexes {
            for entry in fs::read_dir(&fixture.dir).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_some_and(|extension| extension == "index") {
                    fs::remove_file(path).unwrap();
                }
            }
        }
        let mut ends = fixture.bases.clone();
        ends.push(base);
        let (one, two) = (*picks.0.get(&ends), *picks.1.get(&ends));
        let (from, until) = (one.min(two), one.max(two));
        let runs = drain(&mut source(&fixture, from, Some(until)), max_bytes).unwrap();
        check_runs(&runs, max_bytes);
        let mut expected = Vec::new();
        let mut at = 0;
        while at < fixture.bytes.len() {
            let size = 12 + u32::from_be_bytes(fixture.bytes[at + 8..at + 12].try_into().unwrap()) as usize;
            let base = i64::from_be_bytes(fixture.bytes[at..at + 8].try_into().unwrap());
            if (from..until).contains(&base) {
                expected.extend_from_slice(&fixture.bytes[at..at + size]);
            }
            at += size;
        }
        prop_assert_eq!(concat(&runs), expected);
    }
}
