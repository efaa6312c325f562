//! Changes to a manifest besides commits, over a store that fails.

use firnline_index::ids::{GcBoundary, NodeId, Offset};
use firnline_index::manifest::{
    Claim, Coverage, DeadReason, EntryKind, GapReason, MAX_ENTRIES, Manifest, ManifestKind,
};
use firnline_index::transactions::TransactionStart;
use firnline_store::RequestKind;
use firnline_store::sim::{Rule, SimFault, When};
use firnline_tier::change::{
    AddDead, ClaimPartition, CutTier, DivideWanted, MarkDeleted, RaiseFloor, RecordGap, ReplacePieces,
    SetBoundary, UnmarkDeleted,
};
use firnline_tier::check::{CheckDepth, Finding};
use firnline_tier::{Basis, CommitOutcome, Edit, EditError, EditOutcome, Lost, Refused, Tier};

use crate::support::*;

pub(crate) fn node(n: i32) -> NodeId {
    NodeId::new(n).unwrap()
}

fn claim(of: i32, by: i32) -> ClaimPartition {
    ClaimPartition { epoch: epoch(of), node: node(by), wanted: vec![], start: None, topic_partitions: 1 }
}

async fn head(tier: &Tier) -> Manifest {
    tier.manifest(&tip(0)).await.unwrap().unwrap().manifest
}

/// Makes a change in the name of an epoch; it must land.
async fn edit(tier: &Tier, of: Option<i32>, change: &dyn Edit) -> Manifest {
    let writer = of.map(|of| tier.writer(node(1), Some(epoch(of))));
    match tier.edit(&tip(0), writer, change).await.unwrap() {
        EditOutcome::Changed { now, .. } => now.manifest,
        other => panic!("{change:?}: {other:?}"),
    }
}

async fn refused(tier: &Tier, of: Option<i32>, change: &dyn Edit) -> Refused {
    let before = head(tier).await;
    let writer = of.map(|of| tier.writer(node(1), Some(epoch(of))));
    let outcome = tier.edit(&tip(0), writer, change).await.unwrap();
    assert_eq!(head(tier).await, before);
    match outcome {
        EditOutcome::Refused(refused) => refused,
        other => panic!("{change:?}: {other:?}"),
    }
}

fn cut(manifest: &Manifest, at: i64) -> CutTier {
    CutTier {
        at: offset(at),
        reason: DeadReason::Truncation,
        tier_end: manifest.tier_end,
        last_epoch: manifest.lineage.last().map(|last| last.epoch),
    }
}

/// Uploads what continues the tier as `kind` and commits it.
pub(crate) async fn put_as(tier: &Tier, kind: EntryKind, log: &Log) -> Manifest {
    let known = tier.manifest(&tip(0)).await.unwrap();
    let first = range_of(&log.batches[0]).start();
    let basis = Basis::of(known.as_ref().map(|known| &known.manifest), first);
    let plan = firnline_tier::SegmentPlan { kind, ..plan(&tip(0), basis.base, &basis, 1 << 20) };
    let segment = match tier.upload_segment(log.source(), plan).await.unwrap() {
        firnline_tier::UploadOutcome::Uploaded(segment) => *segment,
        firnline_tier::UploadOutcome::Empty => panic!("the log is not empty"),
    };
    assert_eq!(segment.entry.kind, kind);
    assert_eq!(tier.segment_tail(&tip(0), &segment.entry).await.unwrap().footer().kind, kind);
    match tier.commit(&request(&tip(0), &basis, vec![segment])).await.unwrap() {
        CommitOutcome::Committed(now) => now.manifest,
        CommitOutcome::Lost(lost) => panic!("{lost}"),
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_claim_nobody_commits_under_an_older_epoch() {
    let world = World::new(1);
    let tier = world.tier().await;
    let (first, second) = Log::plain(8, 100).split(4);
    let now = put(&tier, &tip(0), &first).await.manifest;
    let basis = Basis::of(Some(&now), offset(0));
    let segment = upload(&tier, &tip(0), &basis, &second).await.unwrap();

    let claimed = edit(&tier, Some(5), &ClaimPartition { wanted: vec![range(12, 20)], ..claim(5, 1) }).await;
    let expected = Claim { epoch: epoch(5), node: node(1), wanted: vec![range(12, 20)] };
    assert_eq!(claimed.claim, Some(expected));
    let mut stale = request(&tip(0), &basis, vec![segment.clone()]);
    (stale.bound_epoch, stale.node) = (Some(epoch(4)), Some(node(2)));
    let outcome = tier.commit(&stale).await.unwrap();
    let lost = Lost::Claimed { claimed: epoch(5), ours: Some(epoch(4)) };
    assert!(matches!(outcome, CommitOutcome::Lost(found) if found == lost));
    let error = refused(&tier, Some(4), &claim(4, 2)).await;
    assert!(matches!(error, Refused::Lost(found) if found == lost));
    // The same epoch by another node is nobody's plan.
    let error = tier.edit(&tip(0), None, &claim(5, 2)).await.unwrap();
    assert!(matches!(error, EditOutcome::Refused(Refused::Lost(Lost::Claimed { .. }))), "{error:?}");
    let writer = tier.writer(node(2), Some(epoch(5)));
    let error = tier.edit(&tip(0), Some(writer), &claim(5, 2)).await.unwrap_err();
    assert!(matches!(error, EditError::Algebra { .. }), "{error:?}");
    // Saying the same again costs one look.
    let before = tier.store().counters();
    let again = ClaimPartition { wanted: vec![range(12, 20)], ..claim(5, 1) };
    let outcome = tier.edit(&tip(0), Some(tier.writer(node(1), Some(epoch(5)))), &again).await.unwrap();
    assert!(matches!(outcome, EditOutcome::Nothing(Some(_))));
    assert_eq!(tier.store().counters().since(&before).total(), 1);
    let mut fresh = request(&tip(0), &basis, vec![segment]);
    (fresh.bound_epoch, fresh.node) = (Some(epoch(6)), Some(node(1)));
    assert!(matches!(tier.commit(&fresh).await.unwrap(), CommitOutcome::Committed(_)));
}

#[tokio::test(start_paused = true)]
async fn a_gap_ends_where_somebody_holds_what_begins() {
    let world = World::new(1);
    let tier = world.tier().await;
    put(&tier, &tip(0), &Log::plain(4, 100)).await;
    edit(&tier, Some(5), &ClaimPartition { wanted: vec![range(12, 40)], ..claim(5, 1) }).await;
    // Whoever tells it need not lead, and the leader's claim is not forgotten for it.
    let divided = edit(&tier, None, &DivideWanted { epoch: epoch(5), at: offset(30) }).await;
    let wanted = vec![range(12, 30), range(30, 40)];
    assert_eq!(divided.claim, Some(Claim { epoch: epoch(5), node: node(1), wanted }));
    // Nor is what was told forgotten when the leader asks for more.
    let more = edit(&tier, Some(5), &ClaimPartition { wanted: vec![range(12, 50)], ..claim(5, 1) }).await;
    assert_eq!(more.claim.unwrap().wanted, [range(12, 30), range(30, 50)]);
    let late = DivideWanted { epoch: epoch(4), at: offset(20) };
    let outcome = tier.edit(&tip(0), None, &late).await.unwrap();
    assert!(matches!(outcome, EditOutcome::Nothing(Some(_))));
    let gap = RecordGap { range: range(12, 50), reason: GapReason::LocalRetention };
    assert_eq!(edit(&tier, Some(5), &gap).await.tier_end, offset(30));
    // An operator's word goes before.
    edit(&tier, Some(5), &DivideWanted { epoch: epoch(5), at: offset(35) }).await;
    let gap = RecordGap { range: range(30, 50), reason: GapReason::Operator };
    assert_eq!(edit(&tier, Some(5), &gap).await.tier_end, offset(50));
}

#[tokio::test(start_paused = true)]
async fn a_partition_without_a_manifest_is_claimed_only_where_its_start_is_known() {
    let world = World::new(2);
    let tier = world.tier().await;
    let outcome = tier.edit(&tip(0), None, &claim(3, 1)).await.unwrap();
    assert!(matches!(outcome, EditOutcome::Refused(Refused::NoManifest)));
    let now = edit(&tier, Some(3), &ClaimPartition { start: Some(offset(70)), ..claim(3, 1) }).await;
    assert_eq!((now.tier_start, now.tier_end, now.began()), (offset(70), offset(70), offset(70)));
    assert_eq!(tier.topics().await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_operators_change_does_not_open_the_fence() {
    let world = World::new(3);
    let tier = world.tier().await;
    let (first, second) = Log::plain(8, 100).split(4);
    let basis = Basis::of(None, offset(0));
    let one = upload(&tier, &tip(0), &basis, &first).await.unwrap();
    let mut by_leader = request(&tip(0), &basis, vec![one]);
    (by_leader.bound_epoch, by_leader.node) = (Some(epoch(7)), Some(node(1)));
    assert!(matches!(tier.commit(&by_leader).await.unwrap(), CommitOutcome::Committed(_)));
    let gap = RecordGap { range: range(12, 20), reason: GapReason::LocalRetention };
    let error = refused(&tier, None, &gap).await;
    assert!(matches!(error, Refused::Lost(Lost::Claimed { ours: None, .. })), "{error}");
    let now = edit(&tier, None, &RaiseFloor { floor: offset(3) }).await;
    assert_eq!((now.writer, now.fence()), (None, Some(epoch(7))));
    let basis = Basis::of(Some(&now), offset(0));
    let two = upload(&tier, &tip(0), &basis, &second).await.unwrap();
    let mut stale = request(&tip(0), &basis, vec![two]);
    stale.bound_epoch = Some(epoch(6));
    let outcome = tier.commit(&stale).await.unwrap();
    assert!(matches!(outcome, CommitOutcome::Lost(Lost::Claimed { .. })), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn a_cut_starts_the_next_writer_from_what_the_remaining_segment_left_open() {
    let world = World::new(4);
    let tier = world.tier().await;
    let mut log = Log::default();
    log.append(3, 100, Some(9)).append(2, 100, Some(8)).append(1, 50, None);
    let middle = log.next;
    let first = log.clone();
    log.end(9, true).append(2, 10, Some(7));
    let (_, second) = log.split(3);
    put(&tier, &tip(0), &first).await;
    let whole = put(&tier, &tip(0), &second).await.manifest;
    assert_eq!(whole.open_transactions.len(), 2);

    // Inside the second segment: it moves whole.
    let now = edit(&tier, Some(2), &cut(&whole, middle + 1)).await;
    assert_eq!((now.tier_end, now.entries.len()), (offset(middle), 1));
    let open: Vec<i64> = now.open_transactions.iter().map(|t| t.producer.get()).collect();
    assert_eq!(open, [9, 8], "as they stood at the end of the first segment");
    assert_eq!(now.dead_branches[0].entries[0].uuid, whole.entries[1].uuid);
    assert_eq!(now.dead_branches[0].cut_at, offset(middle + 1));

    // The log goes on with other records; the index of transactions is right again.
    let mut other = Log { epoch: 2, ..Log::starting_at(middle) };
    other.end(8, false).append(1, 10, None);
    let basis = Basis::of(Some(&now), offset(0));
    let segment = upload(&tier, &tip(0), &basis, &other).await.unwrap();
    let mut next = request(&tip(0), &basis, vec![segment]);
    (next.bound_epoch, next.node) = (Some(epoch(2)), Some(node(1)));
    let CommitOutcome::Committed(now) = tier.commit(&next).await.unwrap() else { panic!("lost") };
    let open: Vec<i64> = now.manifest.open_transactions.iter().map(|t| t.producer.get()).collect();
    assert_eq!(open, [9]);
    let note = |finding: Finding| panic!("{finding:?}");
    let report = tier.check(vec![tip(0)], CheckDepth::Content, 1, &note).await;
    assert_eq!((report.anomalies, report.unnamed, report.segments), (0, 0, 3));
}

#[tokio::test(start_paused = true)]
async fn a_cut_is_made_once_whatever_is_answered() {
    for (seed, fault, kind, when) in [
        (10, SimFault::LostAfter, RequestKind::Update, When::First(1)),
        (11, SimFault::LostBefore, RequestKind::Update, When::First(2)),
        (12, SimFault::LostAfter, RequestKind::Update, When::First(3)),
    ] {
        let world = World::new(seed);
        let tier = world.tier().await;
        let (first, second) = Log::plain(8, 100).split(4);
        put(&tier, &tip(0), &first).await;
        let whole = put(&tier, &tip(0), &second).await.manifest;
        world.sim.rule(Rule::new(fault, when).on(&[kind]).key_contains("manifest"));
        let now = edit(&tier, Some(1), &cut(&whole, 12)).await;
        assert_eq!((now.tier_end, now.dead_branches.len()), (offset(12), 1));
        assert_eq!(now.generation, whole.generation + 1);
        // Decided on what is no longer there.
        let error = refused(&tier, Some(1), &cut(&whole, 12)).await;
        assert!(matches!(error, Refused::Lost(Lost::TierEndMoved { .. })), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cut_into_a_page_takes_it_apart_and_names_every_segment_still() {
    let world = World::new(5);
    let tier = world.tier().await;
    let basis = Basis::of(None, offset(0));
    let first = upload(&tier, &tip(0), &basis, &Log::plain(1, 10)).await.unwrap();
    let segments = super::committing::made_up(&first, MAX_ENTRIES as u64 + 7);
    let CommitOutcome::Committed(_) = tier.commit(&request(&tip(0), &basis, segments)).await.unwrap() else {
        panic!("lost")
    };
    let whole = head(&tier).await;
    assert_eq!((whole.pages.len(), whole.entries.len()), (1, 7));
    // Entries have three offsets each; this lies in the 401st of the page.
    let before = tier.store().counters();
    let now = edit(&tier, Some(1), &cut(&whole, 1_201)).await;
    let spent = tier.store().counters().since(&before);
    assert_eq!(spent.of(RequestKind::Get), 3, "the manifest, the page, and the manifest again");
    assert_eq!((now.tier_end, now.pages.len(), now.entries.len()), (offset(1_200), 0, 400));
    let branch = &now.dead_branches[0];
    assert_eq!((branch.pages[0].range, branch.entries.len()), (range(1_200, 3_000), 7));
    assert_eq!(branch.pages[0].totals.entries, 600);
    assert_eq!(now.totals.entries, 400);
    let page = tier.page(&tip(0), &branch.pages[0]).await.unwrap();
    assert_eq!(page.range, range(1_200, 3_000));
}

#[tokio::test(start_paused = true)]
async fn a_gap_is_recorded_at_the_end_that_was_given_up_and_nowhere_else() {
    let world = World::new(6);
    let tier = world.tier().await;
    put(&tier, &tip(0), &Log::plain(4, 100)).await;
    let gap = RecordGap { range: range(12, 40), reason: GapReason::Reserve };
    world.sim.rule(Rule::new(SimFault::LostAfter, When::First(1)).on(&[RequestKind::Update]));
    let now = edit(&tier, Some(1), &gap).await;
    assert_eq!((now.tier_end, now.serving_start, now.gaps.len()), (offset(40), offset(40), 1));
    assert_eq!(now.transaction_start(), TransactionStart::Unknown { span_start: offset(40) });
    let error = refused(&tier, Some(1), &gap).await;
    assert!(matches!(error, Refused::Lost(Lost::TierEndMoved { .. })), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_sealed_segment_takes_the_place_of_its_pieces_in_one_commit() {
    let world = World::new(7);
    let tier = world.tier().await;
    let log = Log::plain(12, 100);
    let (start, tail) = log.split(4);
    let (one, rest) = tail.split(3);
    let (two, _) = rest.split(3);
    let before = put_as(&tier, EntryKind::Segment, &start).await;
    put_as(&tier, EntryKind::TailPiece, &one).await;
    let now = put_as(&tier, EntryKind::TailPiece, &two).await;
    let pieces: Vec<_> = now.entries[1..].iter().map(|e| e.uuid).collect();
    // From where the pieces begin, and beyond them: the segment was sealed later.
    let basis = Basis { gc_boundary: now.gc_boundary, ..Basis::of(Some(&before), offset(0)) };
    let segment = upload(&tier, &tip(0), &basis, &tail).await.unwrap();
    let replace = ReplacePieces { pieces: pieces.clone(), segment, gc_boundary: now.gc_boundary };
    world.sim.rule(Rule::new(SimFault::LostAfter, When::First(1)).on(&[RequestKind::Update]));
    let writer = tier.writer(node(1), Some(epoch(0)));
    let outcome = tier.edit(&tip(0), Some(writer), &replace).await.unwrap();
    let EditOutcome::Changed { now, dropped } = outcome else { panic!("{outcome:?}") };
    assert_eq!(dropped.entries.iter().map(|e| e.uuid).collect::<Vec<_>>(), pieces);
    assert_eq!((now.manifest.entries.len(), now.manifest.tier_end), (2, offset(36)));
    assert_eq!(read_all(&tier, &now.manifest).await, log.bytes());
    let outcome = tier.edit(&tip(0), Some(writer), &replace).await.unwrap();
    assert!(matches!(outcome, EditOutcome::Nothing(_)), "{outcome:?}");
    // After a collection the upload counts as deleted.
    edit(&tier, None, &SetBoundary { boundary: GcBoundary::from_bytes([5; 16]) }).await;
    let mut late = replace.clone();
    late.segment.entry.uuid = firnline_index::SegmentUuid::from_bytes([3; 16]);
    let error = refused(&tier, Some(0), &late).await;
    assert!(matches!(error, Refused::Lost(Lost::Collected)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn bytes_that_never_counted_are_kept_by_name() {
    let world = World::new(8);
    let tier = world.tier().await;
    let now = put(&tier, &tip(0), &Log::plain(4, 100)).await.manifest;
    let never = Log { epoch: 1, ..Log::starting_at(6) }.append(3, 20, None).clone();
    let basis = Basis {
        base: offset(6),
        transactions: TransactionStart::Unknown { span_start: offset(6) },
        ..Basis::of(Some(&now), offset(0))
    };
    let segment = upload(&tier, &tip(0), &basis, &never).await.unwrap();
    let uuid = segment.entry.uuid;
    let dead = AddDead {
        segments: vec![segment],
        reason: DeadReason::NeverCommitted,
        cut_at: offset(6),
        gc_boundary: None,
    };
    world.sim.rule(Rule::new(SimFault::LostAfter, When::First(1)).on(&[RequestKind::Update]));
    let after = edit(&tier, None, &dead).await;
    assert_eq!((after.tier_end, after.totals), (now.tier_end, now.totals));
    assert_eq!(after.dead_branches[0].entries[0].uuid, uuid);
    assert!(after.dead_branches[0].entries[0].committed_at > firnline_index::TimestampMs::ZERO);
    let outcome = tier.edit(&tip(0), None, &dead).await.unwrap();
    assert!(matches!(outcome, EditOutcome::Nothing(_)), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn marks_are_made_once() {
    let world = World::new(9);
    let tier = world.tier().await;
    put(&tier, &tip(0), &Log::plain(4, 100)).await;
    let now = edit(&tier, None, &MarkDeleted { last_bound: None }).await;
    let first = now.deleted.unwrap();
    let again = tier.edit(&tip(0), None, &MarkDeleted { last_bound: None }).await.unwrap();
    assert!(matches!(again, EditOutcome::Nothing(_)));
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    let now = edit(&tier, None, &MarkDeleted { last_bound: Some(offset(30)) }).await;
    assert_eq!(now.deleted.unwrap().last_bound, Some(offset(30)));
    assert_eq!(now.deleted.unwrap().at, first.at);
    let back = edit(&tier, None, &UnmarkDeleted).await;
    assert_eq!((back.deleted, back.tier_end), (None, now.tier_end));
    let again = tier.edit(&tip(0), None, &UnmarkDeleted).await.unwrap();
    assert!(matches!(again, EditOutcome::Nothing(_)), "there is no mark any more");
    let floor = edit(&tier, None, &RaiseFloor { floor: offset(100) }).await;
    assert_eq!((floor.tier_start, floor.floor, floor.entries.len()), (offset(12), Some(offset(100)), 0));
    assert_eq!(floor.began(), offset(0));
    let again = tier.edit(&tip(0), None, &RaiseFloor { floor: offset(99) }).await.unwrap();
    assert!(matches!(again, EditOutcome::Nothing(_)));
}

#[tokio::test(start_paused = true)]
async fn what_covers_a_range_is_found_in_head_and_pages() {
    let world = World::new(13);
    let tier = world.tier().await;
    let basis = Basis::of(None, offset(0));
    let first = upload(&tier, &tip(0), &basis, &Log::plain(1, 10)).await.unwrap();
    let segments = super::committing::made_up(&first, MAX_ENTRIES as u64 + 7);
    tier.commit(&request(&tip(0), &basis, segments)).await.unwrap();
    let now = head(&tier).await;
    let epochs = |of: i32, start: i64| {
        vec![firnline_index::lineage::EpochStart { epoch: epoch(of), start: offset(start) }]
    };
    let before = tier.store().counters();
    assert_eq!(tier.covers(&now, range(3_001, 3_021), &epochs(0, 3_001)).await.unwrap(), Coverage::Whole);
    assert_eq!(tier.store().counters().since(&before).total(), 0);
    assert_eq!(tier.covers(&now, range(2_000, 3_010), &epochs(0, 2_000)).await.unwrap(), Coverage::Whole);
    assert_eq!(tier.store().counters().since(&before).total(), 1);
    let beyond = tier.covers(&now, range(3_000, 3_022), &epochs(0, 3_000)).await.unwrap();
    assert_eq!(beyond, Coverage::Missing { from: offset(3_021) });
    let other = tier.covers(&now, range(2_000, 2_100), &epochs(1, 2_000)).await.unwrap();
    let differs = Coverage::Other { at: offset(2_000), given: Some(epoch(1)), entry: Some(epoch(0)) };
    assert_eq!(other, differs);
}

#[tokio::test(start_paused = true)]
async fn a_brokers_own_manifest_is_left_alone() {
    let world = World::new(14);
    let tier = world.tier().await;
    let mut foreign = Manifest::new(
        ManifestKind::Kip405,
        cluster(),
        tip(0),
        Offset::ZERO,
        firnline_index::CommitId::from_bytes([1; 16]),
    );
    foreign.generation = 3;
    let key = firnline_index::keys::ObjectKey::Manifest { tip: tip(0) }.to_string();
    world.sim.plant(&key, foreign.encode().unwrap());
    let error = refused(&tier, Some(9), &claim(9, 1)).await;
    assert!(matches!(error, Refused::Lost(Lost::NotOurs)), "{error}");
}
