//! Writers and collectors that pause at the worst moment.

use std::sync::Arc;

use firnline_index::ids::{Incarnation, NodeId};
use firnline_index::manifest::{DeadBranch, DeadReason, Writer};
use firnline_tier::{CommitOutcome, FaultPoint, Lost, Step, TierParts};
use futures::future::BoxFuture;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_writer_that_pauses_over_a_collection_uploads_again() {
    let world = World::new(1);
    let tier = world.tier().await;
    let head = daily(&tier, 3, 1).await;
    let mut log = Log::starting_at(head.tier_end.get());
    log.append(3, 200, None);
    // Two writers upload the same range; one commits, the other sleeps for days.
    let (basis, sleeping) = orphan(&tier, &log).await;
    put(&tier, &tip(0), &log).await;
    tokio::time::sleep(3 * DAY).await;
    assert_eq!(collect(&tier).await.unwrap().objects, 1);
    let outcome = tier.commit(&request(&tip(0), &basis, vec![sleeping])).await.unwrap();
    let CommitOutcome::Lost(lost) = outcome else { panic!("it names an object that is gone") };
    assert_eq!(lost, Lost::TierEndMoved { expected: offset(9), now: offset(12) });
    sound(&tier).await;
}

#[tokio::test(start_paused = true)]
async fn the_boundary_alone_stops_a_writer_whose_range_is_still_free() {
    let world = World::new(2);
    let tier = world.tier().await;
    let head = daily(&tier, 3, 1).await;
    let mut log = Log::starting_at(head.tier_end.get());
    log.append(3, 200, None);
    // Rubbish to collect in the middle of the tier.
    let mut old = Log::starting_at(3);
    old.append(3, 200, None);
    let middle = Basis { base: offset(3), ..Basis::of(Some(&head), Offset::ZERO) };
    upload(&tier, &tip(0), &middle, &old).await.unwrap();
    tokio::time::sleep(DAY).await;
    let mut memory = GcMemory::new();
    let (basis, young) = orphan(&tier, &log).await;
    let GcOutcome::Condemned(condemned, _) = gc(&tier, &gc_settings(), &mut memory).await else { panic!() };
    assert_eq!(condemned.objects().len(), 1, "the young upload is left alone");
    let outcome = tier.commit(&request(&tip(0), &basis, vec![young])).await.unwrap();
    assert!(matches!(outcome, CommitOutcome::Lost(Lost::Collected)), "{outcome:?}");
    // The upload made under the new boundary is committed, and stays.
    let now = put(&tier, &tip(0), &log).await;
    tier.delete_condemned(&condemned, &mut memory).await.unwrap();
    assert_eq!(manifest(&tier).await.entries, now.manifest.entries);
    sound(&tier).await;
}

#[tokio::test(start_paused = true)]
async fn a_collector_that_sleeps_after_its_boundary_deletes_nothing_that_came_after() {
    let world = World::new(3);
    let tier = world.tier().await;
    let head = daily(&tier, 3, 1).await;
    let mut log = Log::starting_at(head.tier_end.get());
    log.append(3, 200, None);
    orphan(&tier, &log).await;
    put(&tier, &tip(0), &log).await;
    tokio::time::sleep(DAY).await;
    let mut memory = GcMemory::new();
    let GcOutcome::Condemned(condemned, _) = gc(&tier, &gc_settings(), &mut memory).await else { panic!() };
    // Days pass: the tier goes on, is retired, another collection runs.
    let mut next = Log::starting_at(log.next);
    for _ in 0..3 {
        next = Log::starting_at(next.next);
        next.append(3, 200, None);
        put(&tier, &tip(0), &next).await;
        tokio::time::sleep(DAY).await;
    }
    retire_and_delete(&tier, by_age(2)).await;
    let again = collect(&tier).await.unwrap();
    assert_eq!(again.objects, 1, "the other collector was faster");
    let before = objects(&world);
    let late = tier.delete_condemned(&condemned, &mut memory).await.unwrap();
    assert_eq!(late.objects, 1);
    assert_eq!(objects(&world), before);
    sound(&tier).await;
}

#[tokio::test(start_paused = true)]
async fn a_commit_between_listing_and_boundary_is_seen() {
    let world = World::new(4);
    let tier = world.tier().await;
    let head = daily(&tier, 3, 1).await;
    let mut log = Log::starting_at(head.tier_end.get());
    log.append(3, 200, None);
    let mut rubbish = Log::starting_at(3);
    rubbish.append(3, 200, None);
    let middle = Basis { base: offset(3), ..Basis::of(Some(&head), Offset::ZERO) };
    upload(&tier, &tip(0), &middle, &rubbish).await.unwrap();
    let (basis, slow) = orphan(&tier, &log).await;
    let slow_key = slow.entry.object_key(&tip(0));
    tokio::time::sleep(DAY).await;
    // Judged by the manifest as it is, the slow upload stops everything: it lies at the tier's end.
    let mut memory = GcMemory::new();
    assert!(matches!(gc(&tier, &gc_settings(), &mut memory).await, GcOutcome::Refused(..)));
    // It is committed while the collection stands between its listing and its boundary.
    world.sim.latency(Duration::from_millis(10)..Duration::from_millis(11));
    let commit_request = request(&tip(0), &basis, vec![slow]);
    let commit = async {
        tier.commit(&commit_request).await.unwrap();
    };
    let settings = gc_settings();
    let other = world.tier().await;
    let (clocks, tip_) = (other.clocks().await.unwrap(), tip(0));
    let request = gc_request(&tip_, clocks);
    let collect = other.gc(&request, &settings, &mut memory);
    let ((), outcome) = futures::future::join(commit, collect).await;
    if let GcOutcome::Condemned(condemned, _) = outcome.unwrap() {
        assert!(!condemned.objects().contains_key(&slow_key));
        tier.delete_condemned(&condemned, &mut memory).await.unwrap();
    }
    sound(&tier).await;
}

/// Puts another manifest in place right before a collection commits its boundary.
#[derive(Debug)]
struct CommitsBefore {
    sim: firnline_store::sim::Simulation,
    bytes: bytes::Bytes,
}

impl FaultPoint for CommitsBefore {
    fn before(&self, step: Step) -> BoxFuture<'_, ()> {
        if step == Step::GcBoundary {
            self.sim.plant(&ObjectKey::Manifest { tip: tip(0) }.to_string(), self.bytes.clone());
        }
        Box::pin(std::future::ready(()))
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_the_manifest_with_the_boundary_that_decides() {
    let world = World::new(5);
    let tier = world.tier().await;
    let head = daily(&tier, 3, 1).await;
    let mut log = Log::starting_at(3);
    log.append(3, 200, None);
    let middle = Basis { base: offset(3), ..Basis::of(Some(&head), Offset::ZERO) };
    let named_late = upload(&tier, &tip(0), &middle, &log).await.unwrap();
    let never_named = upload(&tier, &tip(0), &middle, &log).await.unwrap();
    tokio::time::sleep(DAY).await;
    let mut then = manifest(&tier).await;
    then.generation += 1;
    then.dead_branches.push(DeadBranch {
        cut_at: offset(3),
        reason: DeadReason::NeverCommitted,
        recorded_at: named_late.entry.committed_at,
        entries: vec![named_late.entry.clone()],
        pages: vec![],
    });
    let hook = CommitsBefore { sim: world.sim.clone(), bytes: then.encode().unwrap() };
    let parts = TierParts { faults: Arc::new(hook), ..world.parts() };
    let settings = settings(&parts.store);
    let collector = Tier::open_for_writing(parts, settings, &cluster()).await.unwrap();
    let GcOutcome::Condemned(condemned, _) = gc(&collector, &gc_settings(), &mut GcMemory::new()).await
    else {
        panic!()
    };
    let doomed: Vec<_> = condemned.objects().keys().collect();
    assert_eq!(doomed, [&never_named.entry.object_key(&tip(0))]);
}

/// Writers, a retention and collectors at once, over a store that loses answers; whatever comes of it, all that the
/// manifest names is there and reads as it was written, and nothing is deleted before it is due.
#[tokio::test(start_paused = true)]
async fn whatever_is_lost_on_the_way_nothing_named_is_ever_gone() {
    use firnline_store::sim::{Rule, SimFault, When};
    for seed in 0..60 {
        let world = World::new(1_000 + seed);
        let tier = world.tier().await;
        let head = daily(&tier, 4, 1).await;
        let mut next = head.tier_end.get();
        world.sim.latency(Duration::from_millis(1)..Duration::from_millis(900));
        let faults = [SimFault::LostAfter, SimFault::LostBefore, SimFault::ServerError, SimFault::Busy];
        for fault in faults {
            world.sim.rule(Rule::new(fault, When::PerMille(40)));
        }
        for round in 0..4 {
            let (one, two) = (world.tier_until_open().await, world.tier_until_open().await);
            let mut log = Log::starting_at(next);
            log.append(3, 200, None);
            let write = async {
                let Ok(head) = one.manifest(&tip(0)).await else { return };
                let basis = Basis::of(head.as_ref().map(|h| &h.manifest), Offset::ZERO);
                if basis.base.get() != next {
                    return;
                }
                let Ok(segment) = upload(&one, &tip(0), &basis, &log).await else { return };
                tokio::time::sleep(Duration::from_secs(seed % 3 * 4_000)).await;
                let _ = one.commit(&request(&tip(0), &basis, vec![segment])).await;
            };
            let collect = async {
                let Ok(clocks) = two.clocks().await else { return };
                let (tip_, mut memory) = (tip(0), GcMemory::new());
                let settings = GcSettings { min_age: Duration::from_secs(round), ..gc_settings() };
                let outcome = two.gc(&gc_request(&tip_, clocks), &settings, &mut memory).await;
                if let Ok(GcOutcome::Condemned(condemned, _)) = outcome {
                    let _ = two.delete_condemned(&condemned, &mut memory).await;
                }
            };
            let retire = async {
                let Ok(clocks) = tier.clocks().await else { return };
                let tip_ = tip(0);
                let request = RetentionRequest { tip: &tip_, limits: by_age(2), paused: false, clocks };
                let Ok(Some(plan)) = tier.plan_retention(&request, &all()).await else { return };
                let writer = Writer {
                    node: NodeId::ZERO,
                    leader_epoch: None,
                    incarnation: Incarnation::from_bytes([1; 16]),
                };
                if let Ok(RetireOutcome::Retired(condemned)) = tier.retire(&plan, Some(writer)).await {
                    let _ = tier.delete_condemned(&condemned, &mut GcMemory::new()).await;
                }
            };
            futures::future::join3(write, collect, retire).await;
            world.sim.heal();
            let now = manifest(&tier).await;
            next = now.tier_end.get();
            let there = objects(&world);
            let missing: Vec<_> = named(&tier, &now).await.difference(&there).cloned().collect();
            assert!(missing.is_empty(), "seed {seed}, round {round}: {missing:?}");
            sound(&tier).await;
            for fault in [SimFault::LostAfter, SimFault::LostBefore, SimFault::ServerError] {
                world.sim.rule(Rule::new(fault, When::PerMille(40)));
            }
            tokio::time::sleep(DAY).await;
        }
    }
}
