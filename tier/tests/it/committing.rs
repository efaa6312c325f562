use std::time::Duration;

use firnline_index::ids::{GcBoundary, Offset, SegmentUuid, TimestampMs};
use firnline_index::keys::ObjectKey;
use firnline_index::lineage::EpochStart;
use firnline_index::manifest::{Claim, DeadReason, MAX_ENTRIES, Manifest, Tombstone};
use firnline_store::RequestKind;
use firnline_store::sim::{Rule, SimFault, When};
use firnline_tier::{Basis, CommitError, CommitOutcome, Lost, Tier, UploadedSegment};

use crate::support::*;

fn committed(outcome: CommitOutcome) -> Manifest {
    match outcome {
        CommitOutcome::Committed(now) => now.manifest,
        CommitOutcome::Lost(lost) => panic!("lost: {lost}"),
    }
}

fn lost(outcome: CommitOutcome) -> Lost {
    match outcome {
        CommitOutcome::Lost(lost) => lost,
        CommitOutcome::Committed(_) => panic!("it was committed"),
    }
}

/// A partition with one segment, and another one uploaded to follow it.
async fn half_way(world: &World, tier: &Tier) -> (Basis, UploadedSegment) {
    let log = Log::plain(8, 100);
    let (first, second) = log.split(4);
    let now = put(tier, &tip(0), &first).await;
    let basis = Basis::of(Some(&now.manifest), offset(0));
    let segment = upload(tier, &tip(0), &basis, &second).await.unwrap();
    assert_eq!(world.data_keys().len(), 3);
    (basis, segment)
}

/// Replaces the manifest as another writer would.
async fn change(tier: &Tier, change: impl FnOnce(&mut Manifest)) {
    let mut head = tier.manifest(&tip(0)).await.unwrap().unwrap();
    change(&mut head.manifest);
    let key = ObjectKey::Manifest { tip: tip(0) }.to_string();
    tier.store().update(&key, head.manifest.encode().unwrap(), &head.version).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn several_segments_share_one_commit() {
    let world = World::new(1);
    let tier = world.tier().await;
    let log = Log::plain(8, 100);
    let (first, second) = log.split(4);
    let basis = Basis::of(None, offset(0));
    let one = upload(&tier, &tip(0), &basis, &first).await.unwrap();
    let next = Basis { base: one.entry.range.end(), ..basis.clone() };
    let two = upload(&tier, &tip(0), &next, &second).await.unwrap();
    let before = tier.store().counters();
    let now = committed(tier.commit(&request(&tip(0), &basis, vec![one, two])).await.unwrap());
    let spent = tier.store().counters().since(&before);
    assert_eq!(now.entries.len(), 2);
    // The topic's object and the manifest.
    assert_eq!((spent.of(RequestKind::Create), spent.of(RequestKind::Update)), (2, 0));
    assert_eq!(read_all(&tier, &now).await, log.bytes());
}

#[tokio::test(start_paused = true)]
async fn an_answer_lost_after_the_put_is_settled_by_reading_not_by_writing_again() {
    for (kind, existing) in [(RequestKind::Update, true), (RequestKind::Create, false)] {
        let world = World::new(2);
        let tier = world.tier().await;
        let (basis, segment) = if existing {
            half_way(&world, &tier).await
        } else {
            let basis = Basis::of(None, offset(0));
            let segment = upload(&tier, &tip(0), &basis, &Log::plain(4, 100)).await.unwrap();
            (basis, segment)
        };
        world.sim.rule(Rule::new(SimFault::LostAfter, When::First(1)).on(&[kind]).key_contains("manifest"));
        let before = tier.store().counters();
        let uuid = segment.entry.uuid;
        let now = committed(tier.commit(&request(&tip(0), &basis, vec![segment])).await.unwrap());
        let spent = tier.store().counters().since(&before);
        assert_eq!(spent.of(kind) - u64::from(!existing), 1, "one put of the manifest");
        assert_eq!(now.entries.iter().filter(|e| e.uuid == uuid).count(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_put_that_never_arrived_is_made_again() {
    let world = World::new(3);
    let tier = world.tier().await;
    let (basis, segment) = half_way(&world, &tier).await;
    world.sim.rule(Rule::new(SimFault::LostBefore, When::First(2)).on(&[RequestKind::Update]));
    let now = committed(tier.commit(&request(&tip(0), &basis, vec![segment])).await.unwrap());
    assert_eq!(now.entries.len(), 2);
    assert_eq!(now.generation, 2);
}

#[tokio::test(start_paused = true)]
async fn a_lost_race_costs_one_read_and_no_write() {
    let world = World::new(4);
    let tier = world.tier().await;
    let (basis, segment) = half_way(&world, &tier).await;
    let rival = world.tier().await;
    let (_, second) = Log::plain(8, 100).split(4);
    put(&rival, &tip(0), &second).await;
    let before = tier.store().counters();
    let reason = lost(tier.commit(&request(&tip(0), &basis, vec![segment])).await.unwrap());
    assert_eq!(reason, Lost::TierEndMoved { expected: offset(12), now: offset(24) });
    let spent = tier.store().counters().since(&before);
    assert_eq!((spent.of(RequestKind::Get), spent.total()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_race_lost_at_the_put_itself_is_seen_by_reading_again() {
    let world = World::new(5);
    let tier = world.tier().await;
    let (basis, segment) = half_way(&world, &tier).await;
    // Another writer that changes nothing of ours gets in between reading and putting.
    let rival = world.tier().await;
    world
        .sim
        .rule(Rule::new(SimFault::Slow(Duration::from_secs(5)), When::First(1)).on(&[RequestKind::Update]));
    let commit_request = request(&tip(0), &basis, vec![segment]);
    let commit = tier.commit(&commit_request);
    let interfere = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        change(&rival, |head| head.stamp(firnline_index::CommitId::from_bytes([9; 16]), None)).await;
    };
    let (outcome, ()) = futures::future::join(commit, interfere).await;
    let now = committed(outcome.unwrap());
    assert_eq!(now.entries.len(), 2);
    assert!(now.has_commit(firnline_index::CommitId::from_bytes([9; 16])), "the other's commit is kept");
}

#[tokio::test(start_paused = true)]
async fn what_changed_since_the_upload_began_loses_by_name() {
    type Change = fn(&mut Manifest);
    type Expected = fn(&Lost) -> bool;
    let cases: [(&str, Change, Expected); 6] = [
        ("gc", |head| head.gc_boundary = Some(GcBoundary::from_bytes([7; 16])), |l| *l == Lost::Collected),
        (
            "claim",
            |head| {
                head.claim =
                    Some(Claim { epoch: epoch(3), node: firnline_index::NodeId::ZERO, wanted: vec![] })
            },
            |l| matches!(l, Lost::Claimed { ours: None, .. }),
        ),
        (
            "tombstone",
            |head| head.deleted = Some(Tombstone { at: TimestampMs::ZERO, last_bound: Some(offset(13)) }),
            |l| matches!(l, Lost::TopicDeleted { .. }),
        ),
        (
            "history",
            |head| {
                // A truncation, and other records up to the same end.
                let last = head.entries.pop().unwrap();
                head.dead_branches.push(firnline_index::manifest::DeadBranch {
                    cut_at: Offset::ZERO,
                    reason: DeadReason::Truncation,
                    recorded_at: TimestampMs::ZERO,
                    entries: vec![last.clone()],
                    pages: vec![],
                });
                let mut other = Manifest::new(
                    head.kind,
                    head.cluster_id.clone(),
                    head.tip.clone(),
                    Offset::ZERO,
                    head.commit,
                );
                let mut entry = last;
                entry.uuid = SegmentUuid::from_bytes([8; 16]);
                entry.epochs = vec![EpochStart { epoch: epoch(1), start: Offset::ZERO }];
                entry.leader_epoch = Some(epoch(1));
                other.append(entry, vec![]).unwrap();
                other.dead_branches = std::mem::take(&mut head.dead_branches);
                other.generation = head.generation;
                *head = other;
            },
            |l| matches!(l, Lost::HistoryChanged { .. }),
        ),
        (
            "wanted bound",
            |head| head.deleted = Some(Tombstone { at: TimestampMs::ZERO, last_bound: None }),
            |l| matches!(l, Lost::TopicDeleted { last_bound: None }),
        ),
        (
            "later leader",
            |head| {
                let writer = firnline_index::manifest::Writer {
                    node: firnline_index::NodeId::ZERO,
                    leader_epoch: Some(epoch(2)),
                    incarnation: firnline_index::ids::Incarnation::from_bytes([1; 16]),
                };
                head.stamp(firnline_index::CommitId::from_bytes([6; 16]), Some(writer));
            },
            |l| matches!(l, Lost::Claimed { .. }),
        ),
    ];
    for (name, how, expected) in cases {
        let world = World::new(6);
        let tier = world.tier().await;
        let (basis, segment) = half_way(&world, &tier).await;
        change(&tier, how).await;
        let before = tier.manifest(&tip(0)).await.unwrap().unwrap();
        let reason = lost(tier.commit(&request(&tip(0), &basis, vec![segment])).await.unwrap());
        assert!(expected(&reason), "{name}: {reason}");
        let after = tier.manifest(&tip(0)).await.unwrap().unwrap();
        assert_eq!(before.manifest, after.manifest, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_of_the_same_epoch_commits_over_its_own_claim() {
    let world = World::new(7);
    let tier = world.tier().await;
    let (basis, segment) = half_way(&world, &tier).await;
    change(&tier, |head| {
        head.claim = Some(Claim { epoch: epoch(3), node: firnline_index::NodeId::ZERO, wanted: vec![] });
    })
    .await;
    let mut ours = request(&tip(0), &basis, vec![segment]);
    ours.bound_epoch = Some(epoch(3));
    committed(tier.commit(&ours).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_manifest_that_vanished_is_not_made_anew() {
    let world = World::new(8);
    let tier = world.tier().await;
    let (basis, segment) = half_way(&world, &tier).await;
    let key = ObjectKey::Manifest { tip: tip(0) }.to_string();
    world.sim.lose(&key);
    let reason = lost(tier.commit(&request(&tip(0), &basis, vec![segment])).await.unwrap());
    assert_eq!(reason, Lost::ManifestGone);
    assert_eq!(world.sim.peek(&key), None);
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_never_gets_through_gives_up_and_says_so() {
    let world = World::new(9);
    let tier = world.tier().await;
    let (basis, segment) = half_way(&world, &tier).await;
    world.sim.rule(Rule::new(SimFault::LostBefore, When::Always).on(&[RequestKind::Update]));
    let error = tier.commit(&request(&tip(0), &basis, vec![segment])).await.unwrap_err();
    let CommitError::InDoubt(cause) = &error else { panic!("{error:?}") };
    assert!(matches!(**cause, CommitError::Contended { attempts: 8, .. }), "{cause}");
    assert!(error.is_passing());
}

#[tokio::test(start_paused = true)]
async fn what_an_unanswered_attempt_may_still_commit_is_not_called_uncommitted() {
    for (lost, changed) in [(1, false), (8, false), (1, true)] {
        let world = World::new(11);
        let tier = world.tier().await;
        let (basis, segment) = half_way(&world, &tier).await;
        let updates = || Rule::new(SimFault::LostBefore, When::First(lost)).on(&[RequestKind::Update]);
        world.sim.rule(updates());
        world.sim.rule(Rule::new(SimFault::Denied, When::Always).on(&[RequestKind::Update]));
        if changed {
            // The manifest that the lost attempt was conditional on is gone: it cannot land any more.
            let request = request(&tip(0), &basis, vec![segment]);
            let other = async {
                tokio::time::sleep(Duration::from_millis(1)).await;
                let mut head = tier.manifest(&tip(0)).await.unwrap().unwrap();
                head.manifest.generation += 1;
                let key = ObjectKey::Manifest { tip: tip(0) }.to_string();
                world.sim.plant(&key, head.manifest.encode().unwrap());
            };
            world.sim.latency(Duration::from_millis(1)..Duration::from_millis(2));
            let (outcome, ()) = futures::future::join(tier.commit(&request), other).await;
            let error = outcome.unwrap_err();
            assert!(matches!(error, CommitError::Store { .. }) && !error.may_have_landed(), "{error:?}");
        } else {
            let error = tier.commit(&request(&tip(0), &basis, vec![segment])).await.unwrap_err();
            assert!(error.may_have_landed(), "{lost} lost: {error:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_cannot_be_looked_up_is_called_unknown() {
    let world = World::new(10);
    let tier = world.tier().await;
    let (basis, segment) = half_way(&world, &tier).await;
    world.sim.rule(Rule::new(SimFault::LostAfter, When::Always).on(&[RequestKind::Update]));
    world
        .sim
        .rule(Rule::new(SimFault::Denied, When::Nth(1)).on(&[RequestKind::Get]).key_contains("manifest"));
    let error = tier.commit(&request(&tip(0), &basis, vec![segment])).await.unwrap_err();
    assert!(matches!(error, CommitError::Unknown { .. }) && error.may_have_landed(), "{error}");
    world.sim.heal();
    assert_eq!(tier.manifest(&tip(0)).await.unwrap().unwrap().manifest.entries.len(), 2, "it had landed");
}

#[tokio::test(start_paused = true)]
async fn commits_keep_their_distance_where_the_store_wants_it() {
    let world = World::new(11);
    let parts = world.parts();
    let mut with_interval = settings(&parts.store);
    with_interval.commit_interval = Duration::from_secs(1);
    let tier = Tier::open_for_writing(parts, with_interval, &cluster()).await.unwrap();
    let begun = tokio::time::Instant::now();
    let mut log = Log::default();
    for _ in 0..4 {
        let next = Log::starting_at(log.next).append(2, 10, None).clone();
        put(&tier, &tip(0), &next).await;
        log.next = next.next;
    }
    assert_eq!(begun.elapsed(), Duration::from_secs(3));
}

/// Segments that were never uploaded, for what depends on their number alone.
pub(crate) fn made_up(first: &UploadedSegment, count: u64) -> Vec<UploadedSegment> {
    let span = first.entry.range.span();
    (0..count)
        .map(|n| {
            let mut segment = first.clone();
            let start = first.entry.range.start().checked_add(n * span).unwrap();
            let end = start.checked_add(span).unwrap();
            segment.entry.range = firnline_index::OffsetRange::new(start, end).unwrap();
            segment.entry.stable_end = end;
            segment.entry.epochs = vec![EpochStart { epoch: epoch(0), start }];
            let mut id = [0; 16];
            id[..8].copy_from_slice(&n.to_be_bytes());
            segment.entry.uuid = SegmentUuid::from_bytes(id);
            segment
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn the_bytes_of_a_commit_do_not_grow_with_history() {
    let world = World::new(12);
    let tier = world.tier().await;
    let basis = Basis::of(None, offset(0));
    let first = upload(&tier, &tip(0), &basis, &Log::plain(1, 10)).await.unwrap();
    let mut segments = made_up(&first, 2 * MAX_ENTRIES as u64 + 10);
    let mut basis = basis;
    let mut largest = 0;
    while !segments.is_empty() {
        let rest = segments.split_off(segments.len().min(500));
        let now = committed(tier.commit(&request(&tip(0), &basis, segments)).await.unwrap());
        let key = ObjectKey::Manifest { tip: tip(0) }.to_string();
        largest = largest.max(world.sim.peek(&key).unwrap().len());
        assert!(now.entries.len() <= MAX_ENTRIES);
        basis = Basis::of(Some(&now), offset(0));
        segments = rest;
    }
    let head = tier.manifest(&tip(0)).await.unwrap().unwrap().manifest;
    assert_eq!(head.totals.entries, 2 * MAX_ENTRIES as u64 + 10);
    assert_eq!(head.pages.len(), 2);
    assert!(largest < 160_000, "{largest} bytes");
    let mut entries = tier.entries(&head, range(0, 1 << 40));
    let mut next = offset(0);
    while let Some(chunk) = entries.next_chunk().await.unwrap() {
        for entry in chunk {
            assert_eq!(entry.range.start(), next);
            next = entry.range.end();
        }
    }
    assert_eq!(next, head.tier_end);
    // A range in the middle costs its page and no other.
    let before = tier.store().counters();
    let mut some = tier.entries(&head, range(3, 4));
    assert_eq!(some.next_chunk().await.unwrap().unwrap().len(), 1);
    assert_eq!(some.next_chunk().await.unwrap(), None);
    assert_eq!(tier.store().counters().since(&before).total(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_tier_goes_on_from_its_end_wherever_a_new_writers_log_begins() {
    let world = World::new(1);
    let tier = world.tier().await;
    let (first, rest) = Log::plain(12, 100).split(4);
    let (_, late) = rest.split(4);
    let now = put(&tier, &tip(0), &first).await.manifest;
    let log_start = range_of(&late.batches[0]).start();
    assert!(now.tier_end < log_start, "records lie between");
    let basis = Basis::of(Some(&now), log_start);
    assert_eq!((basis.base, &basis.lineage), (now.tier_end, &now.lineage));
    // A new partition has nothing to go on from.
    assert_eq!(Basis::of(None, log_start).base, log_start);
}
