//! Everything in order.

use std::time::Duration;

use firnline_index::{Offset, OffsetRange};
use firnline_reader::{ErrorKind, Isolation, Reader, ReaderSettings, Scan, ScanItem, Workers};
use firnline_store::sim::{Rule, SimFault, When};

use crate::log::{Log, at, joined};
use crate::reads::ALL;
use crate::tier::{TestTier, gets, tip};

fn range(start: i64, end: i64) -> OffsetRange {
    OffsetRange::new(at(start), at(end)).expect("forward")
}

/// All bytes of a scan; any item but batches is a failure.
async fn bytes_of(mut scan: Scan) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(item) = scan.next().await.expect("reads") {
        match item {
            ScanItem::Batches(batches) => all.extend_from_slice(&batches.chain.to_bytes()),
            other => panic!("{other:?}"),
        }
    }
    all
}

/// Segments of 2 MiB in blocks of 64 KiB.
fn large(segments: i64) -> (Log, TestTier) {
    let mut log = Log::from(0);
    let mut tier = TestTier::starting_at(at(0));
    tier.block_size = 64 << 10;
    for _ in 0..segments {
        for _ in 0..32 {
            log.data(10, 64 << 10);
        }
        tier.upload(&log, log.end());
    }
    tier.commit();
    (log, tier)
}

/// Many short segments with holes.
fn small() -> (Log, TestTier) {
    let mut log = Log::from(0);
    let mut tier = TestTier::starting_at(at(0));
    for number in 0..40 {
        for _ in 0..5 {
            log.data(2, 300);
            if number % 3 == 0 {
                log.hole(7);
            }
        }
        // A segment ends behind its last batch; the hole belongs to the next one.
        let end = log.batches.last().expect("some").next;
        tier.upload(&log, end);
    }
    tier.commit();
    (log, tier)
}

#[tokio::test(start_paused = true)]
async fn a_scan_gives_what_the_model_has_between_any_two_offsets() {
    let (log, tier) = small();
    let (reader, _) = tier.reader();
    let end = tier.manifest.tier_end.get();
    for (start, end) in
        [(0, end), (0, i64::MAX), (1, 2), (13, 14), (30, 400), (77, end - 3), (5, 5), (end, end + 9)]
    {
        let found = bytes_of(reader.scan(&tip(), range(start, end), ALL)).await;
        let expected = if start == end { Vec::new() } else { joined(log.between(at(start), at(end))) };
        assert!(found == expected, "{start}..{end}");
    }
}

#[tokio::test(start_paused = true)]
async fn requests_grow_and_cross_segments_and_hide_latency() {
    let (log, tier) = large(12);
    tier.sim.latency(Duration::from_millis(50)..Duration::from_millis(51));
    let (reader, store) = tier.reader();
    let started = tokio::time::Instant::now();
    let found = bytes_of(reader.scan(&tip(), range(0, i64::MAX), ALL)).await;
    assert!(found == joined(&log.batches));
    let gets = gets(&store.counters());
    // A manifest, twelve tails, and little more than one run of blocks for each segment.
    assert!(gets <= 1 + 12 + 16, "{gets}");
    let one_by_one = Duration::from_millis(50) * u32::try_from(gets).expect("few");
    assert!(started.elapsed() < one_by_one / 2, "{:?}, one by one {one_by_one:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_scan_does_not_fill_the_caches() {
    let (_, tier) = large(2);
    let (reader, store) = tier.reader();
    bytes_of(reader.scan(&tip(), range(0, i64::MAX), ALL)).await;
    let before = store.counters();
    reader.read(&tip(), at(0), 1, ALL).await.expect("reads");
    assert_eq!(
        gets(&store.counters().since(&before)),
        2,
        "tail and block are read as if nobody had been here"
    );
}

#[tokio::test(start_paused = true)]
async fn who_wants_little_is_sent_little() {
    let (_, tier) = large(8);
    let (reader, store) = tier.reader();
    let mut scan = reader.scan(&tip(), range(0, i64::MAX), ALL);
    assert!(scan.next().await.expect("reads").is_some());
    drop(scan);
    let moved = store.counters().bytes_in;
    assert!(moved < 4 << 20, "{moved} bytes for the first item");
}

#[tokio::test(start_paused = true)]
async fn gaps_and_what_is_gone_are_items_of_their_own() {
    let mut log = Log::from(100);
    log.data(2, 100).data(2, 100);
    let mut tier = TestTier::starting_at(at(100));
    tier.upload(&log, log.end());
    tier.gap(at(200));
    log.hole(96);
    log.data(2, 100);
    tier.upload(&log, log.end());
    tier.commit();
    let (reader, _) = tier.reader();
    let mut scan = reader.scan(&tip(), range(0, i64::MAX), ALL);
    let mut seen = Vec::new();
    while let Some(item) = scan.next().await.expect("reads") {
        seen.push(match item {
            ScanItem::Gone(range) => format!("gone {range}"),
            ScanItem::Gap(gap) => format!("gap {}", gap.range),
            ScanItem::Batches(batches) => format!("batches {}", batches.range),
        });
    }
    assert_eq!(seen, ["gone 0..100", "batches 100..104", "gap 104..200", "batches 200..202"]);
    assert_eq!(scan.position(), at(202));
}

#[tokio::test(start_paused = true)]
async fn who_goes_on_from_where_a_scan_stood_misses_nothing_that_was_undecided() {
    let mut log = Log::from(0);
    log.data(2, 50);
    log.hole(4);
    log.in_transaction(5, 2).data(3, 50);
    let tier = TestTier::of(&log, &[]);
    let (reader, _) = tier.reader();
    // Begun in the hole: nothing can be given, though the block reaches further.
    let mut scan = reader.scan(&tip(), range(3, i64::MAX), Isolation::ReadCommitted);
    assert!(scan.next().await.expect("reads").is_none());
    assert_eq!((scan.undecided_from(), scan.position()), (Some(at(6)), at(6)));
}

#[tokio::test(start_paused = true)]
async fn committed_records_end_at_the_first_undecided_transaction() {
    let mut log = Log::from(0);
    let mut cuts = Vec::new();
    log.in_transaction(1, 1).data(3, 30).abort(1);
    cuts.push(log.end());
    log.data(2, 20).in_transaction(2, 2).data(2, 20);
    cuts.push(log.end());
    log.data(2, 20);
    let tier = TestTier::of(&log, &cuts);
    let (reader, _) = tier.reader();
    let mut scan = reader.scan(&tip(), range(0, i64::MAX), Isolation::ReadCommitted);
    let (mut all, mut aborted) = (Vec::new(), 0);
    while let Some(item) = scan.next().await.expect("reads") {
        let ScanItem::Batches(batches) = item else { panic!("{item:?}") };
        all.extend_from_slice(&batches.chain.to_bytes());
        aborted += batches.aborted.len();
    }
    assert_eq!(all, joined(log.between(at(0), at(7))));
    assert_eq!((scan.undecided_from(), aborted), (Some(at(7)), 1));
    let below = bytes_of(reader.scan(&tip(), range(0, 6), Isolation::ReadCommitted)).await;
    assert_eq!(below, joined(log.between(at(0), at(6))), "who stops before it never meets it");
}

#[tokio::test(start_paused = true)]
async fn what_overlapping_segments_hold_twice_is_given_once() {
    use firnline_index::RemoteLogSegmentId;
    use firnline_index::manifest::{Kip405, ManifestKind, Totals};
    let mut log = Log::from(0);
    for _ in 0..6 {
        log.data(3, 300);
    }
    let mut tier = TestTier::starting_at(at(0));
    let (first, _) = tier.write(&log, at(0), at(12));
    let (second, _) = tier.write(&log, at(6), at(18));
    tier.manifest.kind = ManifestKind::Kip405;
    tier.manifest.tier_end = at(18);
    for (number, mut entry) in [first, second].into_iter().enumerate() {
        let segment_id = RemoteLogSegmentId::from_bytes([u8::try_from(number).expect("few"); 16]);
        entry.kip405 = Some(Kip405 { segment_id, epochs: Vec::new() });
        tier.manifest.totals = tier.manifest.totals.plus(Totals::of(&entry)).expect("small");
        tier.manifest.entries.push(entry);
    }
    tier.commit();
    let (reader, _) = tier.reader();
    let all = bytes_of(reader.scan(&tip(), range(0, i64::MAX), ALL)).await;
    assert!(all == joined(&log.batches), "{} bytes of {}", all.len(), joined(&log.batches).len());
}

#[tokio::test(start_paused = true)]
async fn damage_is_met_where_it_lies_and_not_before() {
    let (log, tier) = large(3);
    let key = tier.manifest.entries[1].object_key(&tip());
    tier.tamper(&key, |bytes| bytes[1_000_000] ^= 4);
    let (reader, _) = tier.reader();
    let mut scan = reader.scan(&tip(), range(0, i64::MAX), ALL);
    let mut all = Vec::new();
    let error = loop {
        match scan.next().await {
            Ok(Some(ScanItem::Batches(batches))) => all.extend_from_slice(&batches.chain.to_bytes()),
            Ok(other) => panic!("{other:?}"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Damage);
    assert!(error.to_string().contains(&key), "{error}");
    let whole = joined(&log.batches);
    assert!(
        whole.starts_with(&all) && all.len() > (2 << 20) + 900_000,
        "{} sound bytes came first",
        all.len()
    );
    assert_eq!(scan.position(), log.between(scan.position(), Offset::MAX)[0].base);
}

#[tokio::test(start_paused = true)]
async fn a_scan_goes_on_by_the_newest_manifest_when_a_segment_is_replaced() {
    let mut log = Log::from(0);
    for _ in 0..20 {
        log.data(1, 100);
    }
    let mut tier = TestTier::starting_at(at(0));
    for cut in [at(10), at(20)] {
        let (mut entry, summary) = tier.write(&log, tier.manifest.tier_end, cut);
        entry.kind = firnline_index::manifest::EntryKind::TailPiece;
        tier.manifest.append(entry, summary.transactions.open).expect("follows");
    }
    tier.commit();
    let (reader, _) = tier.reader();
    reader.manifest(&tip()).await.expect("held from now on");
    let pieces: Vec<_> = tier.manifest.entries.iter().map(|entry| entry.uuid).collect();
    let old: Vec<_> = tier.manifest.entries.iter().map(|entry| entry.object_key(&tip())).collect();
    let (whole, summary) = tier.write(&log, at(0), at(20));
    tier.manifest.replace(&pieces, whole, summary.transactions.open).expect("fits");
    tier.commit();
    tier.sim.lose(&old[1]);
    let found = bytes_of(reader.scan(&tip(), range(3, i64::MAX), ALL)).await;
    assert_eq!(found, joined(&log.batches[3..]));
}

#[tokio::test(start_paused = true)]
async fn scans_that_share_a_small_budget_all_come_to_their_end() {
    let (log, tier) = large(2);
    tier.sim.latency(Duration::from_millis(1)..Duration::from_millis(30));
    tier.sim.rule(Rule::new(SimFault::ServerError, When::PerMille(50)));
    let settings =
        ReaderSettings { budget_bytes: 3 << 20, workers: Workers::Inline, ..ReaderSettings::default() };
    let (reader, _) = tier.reader_with(settings);
    let tip = tip();
    let scans = (0..16).map(|n| bytes_of(reader.scan(&tip, range(n * 20, i64::MAX), ALL)));
    let all = tokio::time::timeout(Duration::from_secs(120), futures::future::join_all(scans)).await;
    for (n, found) in (0..).zip(all.expect("no deadlock")) {
        assert!(found == joined(log.between(at(n * 20), Offset::MAX)), "{n}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_loses_nothing() {
    let (log, tier) = large(2);
    tier.sim.latency(Duration::from_millis(10)..Duration::from_millis(40));
    let (reader, _): (Reader, _) = tier.reader();
    let mut scan = reader.scan(&tip(), range(0, i64::MAX), ALL);
    let mut all = Vec::new();
    loop {
        match tokio::time::timeout(Duration::from_millis(7), scan.next()).await {
            Err(_) => {}
            Ok(Ok(Some(ScanItem::Batches(batches)))) => all.extend_from_slice(&batches.chain.to_bytes()),
            Ok(Ok(None)) => break,
            Ok(other) => panic!("{other:?}"),
        }
    }
    assert!(all == joined(&log.batches));
}

#[tokio::test]
async fn threads_give_the_same_bytes_as_the_caller_itself() {
    let (log, tier) = large(3);
    let (reader, _) = tier.reader_with(ReaderSettings::default());
    assert!(bytes_of(reader.scan(&tip(), range(0, i64::MAX), ALL)).await == joined(&log.batches));
}
