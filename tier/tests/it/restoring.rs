use std::convert::Infallible;

use firnline_index::ids::Offset;
use firnline_index::manifest::Manifest;
use firnline_store::RequestKind;
use firnline_store::sim::{Rule, SimFault, When};
use firnline_tier::Tier;
use firnline_tier::restore::{Gaps, Pieces, RestoreError, RestorePlan, RestoreReport, RestoreRequest};

use crate::support::*;

/// Files by base offset.
type Files = Vec<(i64, Vec<u8>)>;

fn write(mut pieces: Pieces) -> Result<Files, Infallible> {
    let mut files = Vec::new();
    while let Some(base) = pieces.next_file() {
        let mut bytes = Vec::new();
        while let Some(batches) = pieces.next_batches() {
            bytes.extend_from_slice(&batches);
        }
        files.push((base.get(), bytes));
    }
    Ok(files)
}

fn ask(from: Option<i64>, until: Option<i64>) -> RestoreRequest {
    RestoreRequest { tip: tip(0), from: from.map(offset), until: until.map(offset), gaps: Gaps::Refuse }
}

async fn restore(tier: &Tier, plan: &RestorePlan) -> (Files, RestoreReport) {
    tier.restore(plan, write).await.unwrap()
}

/// A tier with `log` as one segment per so many batches.
async fn tier_of(world: &World, log: &Log, batches: usize) -> (Tier, Manifest) {
    let tier = world.tier().await;
    let mut rest = log.clone();
    let mut last = None;
    while !rest.batches.is_empty() {
        let one = if rest.batches.len() > batches {
            let (head, tail) = rest.split(batches);
            rest = tail;
            head
        } else {
            std::mem::take(&mut rest)
        };
        last = Some(put(&tier, &tip(0), &one).await.manifest);
    }
    (tier, last.unwrap())
}

async fn record_gap(tier: &Tier, lost: firnline_index::OffsetRange) {
    let mut head = tier.manifest(&tip(0)).await.unwrap().unwrap();
    let reason = firnline_index::manifest::GapReason::LocalRetention;
    head.manifest.record_gap(lost, reason, firnline_index::TimestampMs::ZERO).unwrap();
    let key = firnline_index::keys::ObjectKey::Manifest { tip: tip(0) }.to_string();
    tier.store().update(&key, head.manifest.encode().unwrap(), &head.version).await.unwrap();
}

#[tokio::test]
async fn everything_comes_back_byte_for_byte_in_one_file() {
    let world = World::new(1);
    let log = Log::plain(30, 300);
    let (tier, _) = tier_of(&world, &log, 10).await;
    let plan = tier.plan_restore(&ask(None, None)).await.unwrap();
    assert_eq!((plan.range, plan.entries.len()), (range(0, log.next), 3));
    let (files, report) = restore(&tier, &plan).await;
    assert_eq!(files, [(0, log.bytes())]);
    assert_eq!((report.batches, report.range), (30, Some(range(0, log.next))));
    assert_eq!(report.bytes, log.bytes().len() as u64);
}

#[tokio::test]
async fn a_range_is_restored_in_whole_batches() {
    let world = World::new(2);
    let log = Log::plain(30, 300);
    let (tier, _) = tier_of(&world, &log, 10).await;
    // Batches have three records: 10 lies in the fourth, 41 in the fourteenth.
    let plan = tier.plan_restore(&ask(Some(10), Some(41))).await.unwrap();
    let (files, report) = restore(&tier, &plan).await;
    assert_eq!(files, [(9, log.batches[3..14].concat())]);
    assert_eq!(report.range, Some(range(9, 42)));
    // Only what reaches into the range is read.
    let before = tier.store().counters();
    let plan = tier.plan_restore(&ask(Some(30), Some(33))).await.unwrap();
    assert_eq!(plan.entries.len(), 1);
    let (files, _) = restore(&tier, &plan).await;
    assert_eq!(files, [(30, log.batches[10].to_vec())]);
    let read = tier.store().counters().since(&before).bytes_in;
    assert!(read < log.bytes().len() as u64 / 2, "{read} bytes");
}

#[tokio::test]
async fn what_is_undecided_at_the_end_is_cut_off_and_told() {
    let world = World::new(3);
    let mut log = Log::default();
    log.append(3, 100, Some(7)).end(7, true); // 0..3, marker 3
    log.append(2, 100, None); // 4..6
    log.append(2, 100, Some(8)); // 6..8, open to the end
    log.append(2, 100, Some(9)).end(9, false); // 8..10, marker 10
    log.append(1, 100, None); // 11
    let (tier, _) = tier_of(&world, &log, 2).await;
    let plan = tier.plan_restore(&ask(None, None)).await.unwrap();
    let cut = plan.cut.clone().unwrap();
    assert_eq!((cut.at, cut.wanted), (offset(6), offset(12)));
    assert_eq!(cut.open.iter().map(|o| o.producer.get()).collect::<Vec<_>>(), [8]);
    let (files, _) = restore(&tier, &plan).await;
    assert_eq!(files, [(0, log.batches[..3].concat())]);
    // From above its beginning, all of it is undecided.
    let error = tier.plan_restore(&ask(Some(8), None)).await.unwrap_err();
    assert!(matches!(error, RestoreError::Undecided { .. }), "{error}");
}

#[tokio::test]
async fn a_range_that_ends_inside_a_transaction_is_cut_to_its_beginning() {
    let world = World::new(4);
    let mut log = Log::default();
    log.append(3, 100, None); // 0..3
    log.append(3, 100, Some(7)); // 3..6
    log.append(3, 100, None); // 6..9
    log.end(7, true); // 9
    log.append(3, 100, None); // 10..13
    for batches in [1, 2, 3, 5] {
        let world = World::new(4 + batches as u64);
        let (tier, _) = tier_of(&world, &log, batches).await;
        for (until, end) in [(3, 3), (4, 3), (9, 3), (10, 10), (13, 13)] {
            let plan = tier.plan_restore(&ask(None, Some(until))).await.unwrap();
            assert_eq!(plan.range.end(), offset(end), "until {until} in segments of {batches}");
            assert_eq!(plan.cut.is_some(), end < until);
        }
    }
    drop(world);
}

#[tokio::test]
async fn no_transaction_is_open_where_a_restore_is_cut() {
    let mut log = Log::default();
    log.append(3, 100, None); // 0..3
    log.append(2, 100, Some(7)); // 3..5, decided at 8
    log.append(2, 100, Some(8)); // 5..7, open to the end
    log.append(1, 100, None).end(7, true); // 7, marker 8
    log.append(2, 100, None); // 9..11
    for batches in [1, 2, 3, 6] {
        let world = World::new(20 + batches as u64);
        let (tier, _) = tier_of(&world, &log, batches).await;
        for until in [None, Some(10), Some(9)] {
            let plan = tier.plan_restore(&ask(None, until)).await.unwrap();
            let cut = plan.cut.clone().unwrap();
            // At 5, where producer 8 begins, producer 7 is open.
            assert_eq!((plan.range, cut.at), (range(0, 3), offset(3)), "{until:?} in segments of {batches}");
            assert_eq!(cut.open[0].producer.get(), 8);
            let (files, _) = restore(&tier, &plan).await;
            assert_eq!(files, [(0, log.batches[0].to_vec())]);
        }
        let error = tier.plan_restore(&ask(Some(3), None)).await.unwrap_err();
        assert!(matches!(error, RestoreError::Undecided { .. }), "{error}");
    }
}

#[tokio::test]
async fn what_a_gap_leaves_undecided_is_cut_off_even_where_gaps_may_be_left_out() {
    let world = World::new(30);
    let mut log = Log::plain(2, 100); // 0..6
    log.append(2, 100, Some(7)); // 6..8, its marker is lost
    let (tier, _) = tier_of(&world, &log, 2).await;
    record_gap(&tier, range(8, 20)).await;
    put(&tier, &tip(0), Log::starting_at(20).append(3, 100, None)).await;
    let allowed = RestoreRequest { gaps: Gaps::LeaveOut, ..ask(None, None) };
    let plan = tier.plan_restore(&allowed).await.unwrap();
    let cut = plan.cut.clone().unwrap();
    assert_eq!((plan.range, cut.at, cut.wanted), (range(0, 6), offset(6), offset(23)));
    assert_eq!((cut.open[0].producer.get(), plan.gaps.len()), (7, 0), "the gap lies behind the cut");
    // What lies behind the gap can be had by itself.
    let behind = tier.plan_restore(&ask(Some(20), None)).await.unwrap();
    assert_eq!((behind.range, behind.cut), (range(20, 23), None));
}

#[tokio::test]
async fn a_restore_from_the_tiers_start_does_not_need_what_was_retired_before_it() {
    let world = World::new(31);
    let mut log = Log::default();
    log.append(3, 100, None).append(2, 100, Some(7)); // 0..5, open where the segment ends
    log.append(2, 100, None).end(7, true).append(3, 100, None); // 5..7, marker 7, 8..11
    let (tier, manifest) = tier_of(&world, &log, 2).await;
    let mut head = tier.manifest(&tip(0)).await.unwrap().unwrap();
    head.manifest.tier_start = offset(5);
    head.manifest.serving_start = offset(5);
    let key = firnline_index::keys::ObjectKey::Manifest { tip: tip(0) }.to_string();
    tier.store().update(&key, head.manifest.encode().unwrap(), &head.version).await.unwrap();
    world.sim.lose(&manifest.entries[0].object_key(&tip(0)));
    let plan = tier.plan_restore(&ask(None, Some(7))).await.unwrap();
    assert_eq!((plan.range, plan.cut), (range(5, 7), None));
}

#[tokio::test]
async fn segments_that_overlap_are_not_restored_as_one_log() {
    use firnline_index::manifest::{Kip405, ManifestKind, Totals};
    let world = World::new(32);
    let log = Log::plain(6, 100); // 0..18
    let tier = world.tier().await;
    put(&tier, &tip(0), &log.split(4).0).await; // 0..12
    let basis = firnline_tier::Basis::of(None, offset(6));
    let second = upload(&tier, &tip(0), &basis, &log.split(2).1).await.unwrap().entry; // 6..18
    let mut head = tier.manifest(&tip(0)).await.unwrap().unwrap();
    let manifest = &mut head.manifest;
    manifest.kind = ManifestKind::Kip405;
    manifest.totals = manifest.totals.plus(Totals::of(&second)).unwrap();
    manifest.tier_end = second.range.end();
    manifest.entries.push(second);
    for (number, entry) in (0..).zip(&mut manifest.entries) {
        let segment_id = firnline_index::RemoteLogSegmentId::from_bytes([number; 16]);
        entry.kip405 = Some(Kip405 { segment_id, epochs: Vec::new() });
    }
    let key = firnline_index::keys::ObjectKey::Manifest { tip: tip(0) }.to_string();
    tier.store().update(&key, head.manifest.encode().unwrap(), &head.version).await.unwrap();
    let plan = tier.plan_restore(&ask(None, None)).await.unwrap();
    let error = tier.restore(&plan, write).await.unwrap_err();
    assert!(matches!(&error, RestoreError::NotABatch { .. }), "{error:?}");
    let (files, _) = restore(&tier, &tier.plan_restore(&ask(None, Some(6))).await.unwrap()).await;
    assert_eq!(files, [(0, log.batches[..2].concat())]);
}

#[tokio::test]
async fn a_range_that_is_not_there_is_refused_by_name() {
    let world = World::new(5);
    let log = Log::plain(10, 10);
    let (tier, manifest) = tier_of(&world, &log, 10).await;
    let refused = async |request| tier.plan_restore(&request).await.unwrap_err();
    assert!(matches!(refused(ask(Some(5), Some(5))).await, RestoreError::Backwards { .. }));
    assert!(matches!(refused(ask(Some(6), Some(5))).await, RestoreError::Backwards { .. }));
    assert!(matches!(refused(ask(Some(manifest.tier_end.get()), None)).await, RestoreError::Outside { .. }));
    let other = RestoreRequest { tip: tip(9), ..ask(None, None) };
    assert!(matches!(refused(other).await, RestoreError::Unknown { .. }));
    // An end beyond the tier's is the tier's.
    let plan = tier.plan_restore(&ask(Some(3), Some(i64::MAX - 1))).await.unwrap();
    assert_eq!(plan.range.end(), manifest.tier_end);
}

#[tokio::test]
async fn a_recorded_gap_is_not_passed_over_unless_it_is_allowed() {
    let world = World::new(6);
    let (tier, _) = tier_of(&world, &Log::plain(4, 100), 4).await;
    record_gap(&tier, range(12, 20)).await;
    let after = Log::starting_at(20).append(3, 100, None).clone();
    put(&tier, &tip(0), &after).await;

    let error = tier.plan_restore(&ask(None, None)).await.unwrap_err();
    assert!(matches!(error, RestoreError::Gap { missing, .. } if missing == range(12, 20)), "{error}");
    let allowed = RestoreRequest { gaps: Gaps::LeaveOut, ..ask(None, None) };
    let plan = tier.plan_restore(&allowed).await.unwrap();
    assert_eq!(plan.gaps, [range(12, 20)]);
    let (files, _) = restore(&tier, &plan).await;
    assert_eq!(files, [(0, [Log::plain(4, 100).bytes(), after.bytes()].concat())]);
    // On either side of it there is no gap.
    assert!(tier.plan_restore(&ask(None, Some(12))).await.unwrap().gaps.is_empty());
    assert!(tier.plan_restore(&ask(Some(20), None)).await.unwrap().gaps.is_empty());
}

#[tokio::test]
async fn a_damaged_block_stops_the_restore_and_nothing_is_made_visible() {
    let world = World::new(7);
    let (tier, manifest) = tier_of(&world, &Log::plain(30, 300), 30).await;
    let key = manifest.entries[0].object_key(&tip(0));
    let mut bytes = world.sim.peek(&key).unwrap().to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    world.sim.plant(&key, bytes);
    let plan = tier.plan_restore(&ask(None, None)).await.unwrap();
    let error = tier.restore(&plan, write).await.unwrap_err();
    assert!(matches!(&error, RestoreError::Block { key: named, .. } if *named == key), "{error}");
}

#[tokio::test]
async fn a_writer_that_fails_or_leaves_early_is_told_apart_from_success() {
    let world = World::new(8);
    let (tier, _) = tier_of(&world, &Log::plain(200, 1000), 100).await;
    let plan = tier.plan_restore(&ask(None, None)).await.unwrap();
    let failing = |_| Err::<(), _>(std::io::Error::other("disk full"));
    let error = tier.restore(&plan, failing).await.unwrap_err();
    assert!(matches!(&error, RestoreError::Write(cause) if cause.to_string() == "disk full"), "{error:?}");
    let leaving = |_| Ok::<_, Infallible>(());
    assert!(matches!(tier.restore(&plan, leaving).await, Err(RestoreError::Write(_))));
}

#[tokio::test]
async fn a_store_that_fails_midway_fails_the_restore() {
    let world = World::new(9);
    let (tier, _) = tier_of(&world, &Log::plain(30, 300), 10).await;
    let plan = tier.plan_restore(&ask(None, None)).await.unwrap();
    world.sim.rule(Rule::new(SimFault::Denied, When::Nth(3)).on(&[RequestKind::Get]));
    let error = tier.restore(&plan, write).await.unwrap_err();
    assert!(matches!(error, RestoreError::Store { .. } | RestoreError::Tail(_)), "{error}");
}

#[tokio::test]
async fn the_report_tells_what_a_broker_will_mind() {
    let world = World::new(10);
    let mut log = Log { epoch: 3, ..Log::default() };
    log.append(2, 10, Some(7)).end(7, true);
    log.epoch = 9;
    log.append(2, 10, None);
    let (tier, _) = tier_of(&world, &log, 9).await;
    let plan = tier.plan_restore(&ask(None, None)).await.unwrap();
    let (_, report) = restore(&tier, &plan).await;
    assert_eq!(report.newest_epoch, Some(epoch(9)));
    let newest = report.newest_producer_timestamp.unwrap();
    assert_eq!(newest.get(), START_MS + 2, "the marker is the last that tells of the producer");
    assert_eq!(report.range.unwrap().start(), Offset::ZERO);
}
