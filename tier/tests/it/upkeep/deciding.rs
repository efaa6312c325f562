//! The decision of retention as a pure function, held against what it promises.

use firnline_index::ids::{ByteCount, SegmentUuid, TimestampMs};
use firnline_index::manifest::{Entry, EntryKind, Location};
use firnline_index::{Crc32c, StoredPosition};
use firnline_tier::retention::decide;
use proptest::prelude::*;

use super::*;

const NOW: i64 = 1_000_000_000;

fn entry(n: u64, log_bytes: u64, record: Option<i64>, committed: i64) -> Entry {
    let start = i64::try_from(n * 10).unwrap();
    let time = |ms: i64| TimestampMs::new(ms).unwrap();
    Entry {
        range: range(start, start + 10),
        uuid: SegmentUuid::from_bytes([u8::try_from(n % 256).unwrap(); 16]),
        leader_epoch: None,
        epochs: Vec::new(),
        location: Location {
            key: None,
            start: StoredPosition::ZERO,
            length: ByteCount::new(log_bytes + 100),
        },
        tail_position: StoredPosition::ZERO,
        log_bytes: ByteCount::new(log_bytes),
        records: Some(10),
        batches: 1,
        blocks: 1,
        min_timestamp: None,
        max_timestamp: record.map(time),
        stable_end: offset(start + 10),
        first_aborts: Vec::new(),
        aborts_truncated: false,
        object_crc: Crc32c::new(0),
        committed_at: time(committed),
        storage_class: None,
        kind: EntryKind::Segment,
        replaces: Vec::new(),
        key_id: None,
        kip405: None,
    }
}

fn decided(entries: &[Entry], limits: Limits, share: Share) -> RetentionDecision {
    let now = TimestampMs::new(NOW).unwrap();
    let end = entries.last().map_or(Offset::ZERO, |entry| entry.range.end());
    let clocks = Clocks { ours: now, store: now };
    decide(entries, end, limits, clocks, Duration::from_secs(600), share)
}

#[test]
fn the_later_of_record_time_and_commit_time_counts() {
    let limits = Limits { ms: Some(1_000), bytes: None };
    for (record, committed, goes) in [
        (Some(NOW - 1_001), NOW - 1_001, true),
        (Some(NOW - 1_000), NOW - 5_000, false),
        (Some(NOW - 5_000), NOW - 1_000, false),
        (None, NOW - 1_001, true),
        (None, NOW - 1_000, false),
        // A record from the future keeps its segment.
        (Some(NOW + 1_000_000), NOW - 5_000, false),
    ] {
        let decision = decided(&[entry(0, 10, record, committed)], limits, Share::ALL);
        assert_eq!(decision != RetentionDecision::Keep, goes, "{record:?} {committed}");
    }
}

#[test]
fn a_young_segment_protects_what_lies_behind_it() {
    let old = |n| entry(n, 10, None, 0);
    let young = entry(1, 10, None, NOW);
    let entries = [old(0), young, old(2)];
    let RetentionDecision::Retire { to, segments, .. } =
        decided(&entries, Limits { ms: Some(1_000), bytes: None }, Share::ALL)
    else {
        panic!()
    };
    assert_eq!((to, segments), (offset(10), 1));
}

#[test]
fn without_limits_or_segments_nothing_goes() {
    let entries = [entry(0, 10, None, 0)];
    assert_eq!(decided(&entries, Limits::default(), Share::ALL), RetentionDecision::Keep);
    assert_eq!(decided(&[], by_age(0), Share::ALL), RetentionDecision::Keep);
}

fn any_entries() -> impl Strategy<Value = Vec<Entry>> {
    let one = (0..1_000_u64, proptest::option::of(0..2 * NOW), 0..=NOW);
    proptest::collection::vec(one, 0..30).prop_map(|all| {
        let numbered = (0..).zip(all);
        numbered.map(|(n, (bytes, record, committed))| entry(n, bytes, record, committed)).collect()
    })
}

proptest! {
    #[test]
    fn what_goes_is_a_run_of_the_oldest_that_may_go_within_the_share(
        entries in any_entries(),
        ms in proptest::option::of(0..2 * NOW),
        bytes in proptest::option::of(0..20_000_u64),
        share in 0..=1_000_u16,
    ) {
        let limits = Limits { ms: ms.map(|ms| ms.unsigned_abs()), bytes };
        let decision = decided(&entries, limits, Share::per_mille(share));
        let live: u64 = entries.iter().map(|entry| entry.log_bytes.get()).sum();
        let RetentionDecision::Retire { to, segments, log_bytes, .. } = decision else {
            prop_assert_eq!(decision, RetentionDecision::Keep);
            return Ok(());
        };
        let (gone, left) = entries.split_at(usize::try_from(segments).unwrap());
        prop_assert!(!gone.is_empty());
        prop_assert_eq!(log_bytes, gone.iter().map(|entry| entry.log_bytes.get()).sum::<u64>());
        let border = left.first().map_or(entries.last().unwrap().range.end(), |entry| entry.range.start());
        prop_assert_eq!(to, border);
        prop_assert!(gone.len() == 1 || log_bytes * 1_000 <= live * u64::from(share));
        let mut rest = live;
        for entry in gone {
            rest -= entry.log_bytes.get();
            let born = entry.max_timestamp.unwrap_or(TimestampMs::ZERO).max(entry.committed_at).get();
            let old = ms.is_some_and(|ms| NOW - born > ms);
            prop_assert!(old || bytes.is_some_and(|bytes| rest >= bytes));
        }
    }

    #[test]
    fn a_longer_limit_and_a_smaller_share_never_take_more(
        entries in any_entries(),
        ms in 0..NOW,
        longer in 0..NOW,
        share in 0..=1_000_u16,
        smaller in 0..=1_000_u16,
    ) {
        let taken = |ms: i64, share: u16| {
            match decided(&entries, Limits { ms: Some(ms.unsigned_abs()), bytes: None }, Share::per_mille(share)) {
                RetentionDecision::Retire { segments, .. } => segments,
                _ => 0,
            }
        };
        prop_assert!(taken(ms + longer, share) <= taken(ms, share));
        prop_assert!(taken(ms, share.min(smaller)) <= taken(ms, share));
    }
}
