//! Every change to a manifest, by a process that dies before any of its steps, and over answers that are lost: what there is
//! afterwards is what was or what was to be, and doing it again makes it what was to be, once.

use std::sync::Arc;

use firnline_index::SegmentUuid;
use firnline_index::ids::GcBoundary;
use firnline_index::manifest::{DeadReason, EntryKind, GapReason, MAX_ENTRIES, Manifest};
use firnline_index::transactions::TransactionStart;
use firnline_store::RequestKind;
use firnline_store::sim::{Rule, SimFault, When};
use firnline_tier::change::{
    AddDead, ClaimPartition, CutTier, MarkDeleted, RaiseFloor, RecordGap, ReplacePieces, SetBoundary,
};
use firnline_tier::{
    Basis, CommitOutcome, Edit, EditOutcome, FaultPoint, Lost, Refused, Step, Tier, TierParts,
};

use crate::crashing::StopAt;
use crate::editing::{node, put_as};
use crate::support::*;

/// A world with a partition of a page, segments and two tail pieces, and a process whose steps are announced.
struct Scene {
    world: World,
    head: Manifest,
}

async fn scene(seed: u64) -> Scene {
    let world = World::new(seed);
    let tier = world.tier().await;
    let basis = Basis::of(None, offset(0));
    let log = Log::plain(1, 10);
    let first = upload(&tier, &tip(0), &basis, &log).await.unwrap();
    let segments = super::committing::made_up(&first, MAX_ENTRIES as u64 + 1);
    let end = segments.last().unwrap().entry.range.end().get();
    let outcome = tier.commit(&request(&tip(0), &basis, segments)).await.unwrap();
    assert!(matches!(outcome, CommitOutcome::Committed(_)));
    let mut next = Log::starting_at(end);
    next.append(2, 20, Some(4));
    put_as(&tier, EntryKind::Segment, &next).await;
    let mut one = Log::starting_at(next.next);
    one.append(2, 20, None);
    put_as(&tier, EntryKind::TailPiece, &one).await;
    let mut two = Log::starting_at(one.next);
    two.append(2, 20, None);
    let head = put_as(&tier, EntryKind::TailPiece, &two).await;
    Scene { world, head }
}

impl Scene {
    async fn tier(&self, faults: Arc<dyn FaultPoint>) -> Tier {
        let parts = TierParts { faults, ..self.world.parts() };
        let settings = settings(&parts.store);
        Tier::open_for_writing(parts, settings, &cluster()).await.unwrap()
    }

    async fn now(&self) -> Manifest {
        let tier = self.world.tier().await;
        tier.manifest(&tip(0)).await.unwrap().unwrap().manifest
    }
}

/// What a manifest says, without the ids of its commits and new pages and without times.
fn said(manifest: &Manifest) -> String {
    let uuids =
        |entries: &[firnline_index::manifest::Entry]| entries.iter().map(|e| e.uuid).collect::<Vec<_>>();
    let dead: Vec<_> = manifest
        .dead_branches
        .iter()
        .map(|b| (b.cut_at, b.reason, uuids(&b.entries), b.pages.iter().map(|p| p.range).collect::<Vec<_>>()))
        .collect();
    format!(
        "{:?}",
        (
            (
                manifest.tier_start,
                manifest.serving_start,
                manifest.tier_end,
                manifest.floor,
                manifest.began()
            ),
            (&manifest.claim, manifest.gc_boundary, manifest.deleted.map(|d| d.last_bound)),
            (
                manifest.totals,
                uuids(&manifest.entries),
                manifest.pages.iter().map(|p| p.range).collect::<Vec<_>>()
            ),
            manifest.gaps.iter().map(|g| (g.range, g.reason)).collect::<Vec<_>>(),
            (&manifest.lineage, &manifest.open_transactions, dead),
        )
    )
}

/// Every kind of change, with the steps that it must be seen to take.
async fn changes(scene: &Scene) -> Vec<(Box<dyn Edit>, &'static [Step])> {
    let tier = scene.world.tier().await;
    let head = &scene.head;
    let end = head.tier_end.get();
    let segment = |log: Log, basis: Basis| {
        let tier = tier.clone();
        async move { upload(&tier, &tip(0), &basis, &log).await.unwrap() }
    };
    let start = head.entries[head.entries.len() - 2].range.start();
    let before = &head.entries[head.entries.len() - 3];
    assert!(before.stable_end < before.range.end(), "a transaction is open where the pieces begin");
    let open = tier.segment_tail(&tip(0), before).await.unwrap().transactions().open.clone();
    let whole = Basis {
        base: start,
        transactions: TransactionStart::Known(open),
        ..Basis::of(Some(head), offset(0))
    };
    let mut sealed = Log::starting_at(start.get());
    sealed.append(2, 20, None).append(2, 20, None).append(1, 20, None);
    let sealed = segment(sealed, whole).await;
    let unknown = Basis {
        base: offset(5),
        transactions: TransactionStart::Unknown { span_start: offset(5) },
        ..Basis::of(Some(head), offset(0))
    };
    let mut never = Log { epoch: 1, ..Log::starting_at(5) };
    never.append(3, 20, None);
    let never = segment(never, unknown).await;
    let pieces: Vec<SegmentUuid> = head.entries.iter().rev().take(2).rev().map(|e| e.uuid).collect();
    let cut = |at: i64| CutTier {
        at: offset(at),
        reason: DeadReason::Truncation,
        tier_end: head.tier_end,
        last_epoch: head.lineage.last().map(|last| last.epoch),
    };
    let claim = ClaimPartition {
        epoch: epoch(2),
        node: node(1),
        wanted: vec![range(end, end + 5)],
        start: None,
        topic_partitions: 1,
    };
    let dead = AddDead {
        segments: vec![never],
        reason: DeadReason::NeverCommitted,
        cut_at: offset(5),
        gc_boundary: None,
    };
    vec![
        (Box::new(claim), &[]),
        (Box::new(cut(start.get() + 1)), &[Step::CommitLoad]),
        (Box::new(cut(100)), &[Step::CommitLoad, Step::CommitPage]),
        (Box::new(RecordGap { range: range(end, end + 9), reason: GapReason::Reserve }), &[]),
        (Box::new(ReplacePieces { pieces, segment: sealed, gc_boundary: None }), &[]),
        (Box::new(dead), &[]),
        (Box::new(RaiseFloor { floor: offset(100) }), &[Step::CommitLoad]),
        (Box::new(SetBoundary { boundary: GcBoundary::from_bytes([7; 16]) }), &[]),
        (Box::new(MarkDeleted { last_bound: Some(offset(end)) }), &[]),
    ]
}

async fn make(tier: &Tier, change: &dyn Edit) -> EditOutcome {
    let writer = tier.writer(node(1), Some(epoch(2)));
    tier.edit(&tip(0), Some(writer), change).await.unwrap()
}

/// Whether the outcome of doing it again says that it had landed.
fn had_landed(outcome: &EditOutcome) -> bool {
    match outcome {
        EditOutcome::Nothing(_) => true,
        // A cut and a gap are decided for one tier end, which has moved by their own landing.
        EditOutcome::Refused(Refused::Lost(Lost::TierEndMoved { .. })) => true,
        EditOutcome::Changed { .. } => false,
        EditOutcome::Refused(other) => panic!("{other}"),
    }
}

const COUNT: usize = 9;

#[tokio::test(start_paused = true)]
async fn a_change_that_dies_before_any_step_has_landed_or_has_not_and_lands_once() {
    for which in 0..COUNT {
        let (expected, counter) = {
            let scene = scene(1).await;
            let (change, must_come) = changes(&scene).await.swap_remove(which);
            let counter = StopAt::new(None, 0);
            let tier = scene.tier(counter.clone()).await;
            assert!(matches!(make(&tier, &*change).await, EditOutcome::Changed { .. }), "{change:?}");
            for step in must_come.iter().chain(&[Step::CommitRead, Step::CommitPut, Step::CommitReadBack]) {
                assert!(counter.times(*step) > 0, "{step} never came in {change:?}");
            }
            (said(&scene.now().await), counter)
        };
        for step in Step::OFFLOAD.into_iter().filter(|step| step.name().starts_with("commit")) {
            for nth in 0..counter.times(step) {
                let scene = scene(1).await;
                let (change, _) = changes(&scene).await.swap_remove(which);
                let place = format!("{step} {nth} of {change:?}");
                let stop = StopAt::new(Some(step), nth);
                let tier = scene.tier(stop.clone()).await;
                tokio::select! {
                    _ = make(&tier, &*change) => panic!("{place}: the process was to die there"),
                    () = stop.died() => {}
                }
                let left = scene.now().await;
                let landed = step == Step::CommitReadBack;
                let is = if landed { expected.clone() } else { said(&scene.head) };
                assert_eq!(said(&left), is, "{place}");
                let next = scene.world.tier().await;
                assert_eq!(had_landed(&make(&next, &*change).await), landed, "{place}");
                let after = scene.now().await;
                assert_eq!(said(&after), expected, "{place}");
                assert_eq!(after.generation, scene.head.generation + 1, "{place}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_lands_once_whatever_is_answered() {
    let cases = [
        None,
        Some((SimFault::LostAfter, When::First(1))),
        Some((SimFault::LostAfter, When::First(3))),
        Some((SimFault::LostBefore, When::First(2))),
    ];
    for which in 0..COUNT {
        let mut expected = None;
        for case in &cases {
            let scene = scene(2).await;
            let (change, _) = changes(&scene).await.swap_remove(which);
            if let Some((fault, when)) = case.clone() {
                let rule = Rule::new(fault, when).on(&[RequestKind::Update]).key_contains("manifest");
                scene.world.sim.rule(rule);
            }
            let tier = scene.world.tier().await;
            let outcome = make(&tier, &*change).await;
            assert!(matches!(outcome, EditOutcome::Changed { .. }), "{change:?}: {outcome:?}");
            let now = scene.now().await;
            assert_eq!(now.generation, scene.head.generation + 1, "{change:?}");
            let is = said(&now);
            assert_eq!(expected.get_or_insert_with(|| is.clone()), &is, "{change:?}");
        }
    }
}
