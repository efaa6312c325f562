//! A process that dies before any step of retention, gc and floors, and the next one that goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use firnline_index::{Incarnation, NodeId, Said, TimestampMs};
use firnline_tier::cluster::{KeptState, LeaseRequest, SummaryWriter};
use firnline_tier::floors::FloorRequest;
use firnline_tier::{FaultPoint, KnownTopic, Step, TierParts};
use futures::future::BoxFuture;
use tokio::sync::Notify;

use super::*;

/// Stops for good before the `nth` step of all, counted from 0.
#[derive(Debug)]
struct StopAt {
    nth: usize,
    seen: AtomicUsize,
    steps: std::sync::Mutex<Vec<Step>>,
    died: Notify,
}

impl StopAt {
    fn new(nth: usize) -> Arc<Self> {
        Arc::new(Self { nth, seen: AtomicUsize::new(0), steps: Default::default(), died: Notify::new() })
    }
}

impl FaultPoint for StopAt {
    fn before(&self, step: Step) -> BoxFuture<'_, ()> {
        self.steps.lock().unwrap().push(step);
        if self.seen.fetch_add(1, Ordering::SeqCst) == self.nth {
            self.died.notify_one();
            return Box::pin(std::future::pending());
        }
        Box::pin(std::future::ready(()))
    }
}

async fn tier_with(world: &World, faults: Arc<dyn FaultPoint>) -> Tier {
    let parts = TierParts { faults, ..world.parts() };
    let settings = settings(&parts.store);
    Tier::open_for_writing(parts, settings, &cluster()).await.unwrap()
}

/// A partition with something for everybody: old segments, orphans, and room for a floor.
async fn prepared(seed: u64) -> World {
    let world = World::new(seed);
    let tier = world.tier().await;
    let head = daily(&tier, 6, 1).await;
    let mut log = Log::starting_at(head.tier_end.get());
    log.append(3, 200, None);
    orphan(&tier, &log).await;
    orphan(&tier, &log).await;
    put(&tier, &tip(0), &log).await;
    tokio::time::sleep(DAY / 2).await;
    world
}

/// Everything that upkeep does, once.
async fn work(tier: &Tier) {
    let incarnation = Incarnation::from_bytes([7; 16]);
    let request = LeaseRequest {
        node: NodeId::ZERO,
        incarnation,
        machine: "m".to_owned(),
        places: ["dir".to_owned()].into(),
        take_over: false,
    };
    let lease = tier.take_lease(&request).await.unwrap();
    assert!(matches!(lease, firnline_tier::cluster::LeaseOutcome::Held(_)), "{lease:?}");
    let mut summary = SummaryWriter::new(NodeId::ZERO, incarnation);
    let told = firnline_index::summary::PartitionSummary::new(tip(0));
    summary.write(tier, vec![told]).await.unwrap();
    let state = firnline_index::cluster_state::Acls::default();
    tier.write_state(NodeId::ZERO, state, &mut KeptState::default()).await.unwrap();
    let said = Said { by: "alice".to_owned(), at: TimestampMs::ZERO, why: String::new() };
    let topic = KnownTopic { topic: tip(0).topic, topic_id: tip(0).topic_id };
    tier.set_paused(&topic, Some(said.clone())).await.unwrap();
    tier.set_paused(&topic, None).await.unwrap();

    let plan = plan_with(tier, by_age(4), &all()).await;
    if let RetireOutcome::Retired(condemned) = tier.retire(&plan, None).await.unwrap() {
        tier.delete_condemned(&condemned, &mut GcMemory::new()).await.unwrap();
    }
    let floor = FloorRequest { tip: tip(0), offset: offset(10), said, share: None };
    tier.write_floor(&floor).await.unwrap();
    if let Some(condemned) = floors::folded(tier).await.condemned {
        tier.delete_condemned(&condemned, &mut GcMemory::new()).await.unwrap();
    }
    collect(tier).await;
    let mut scrub = firnline_tier::scrub::Scrub::new(Default::default());
    scrub.set_partitions(vec![tip(0)]);
    scrub.step(tier, &|finding| panic!("{finding:?}")).await;
}

#[tokio::test(start_paused = true)]
async fn upkeep_that_dies_before_any_step_loses_nothing_and_is_finished_by_the_next_run() {
    let world = prepared(1).await;
    let counter = StopAt::new(usize::MAX);
    work(&tier_with(&world, counter.clone()).await).await;
    let came = counter.steps.lock().unwrap().clone();
    for step in Step::UPKEEP {
        assert!(came.contains(&step), "{step} never came: the test does not cover it");
    }
    let opening = came.iter().position(|step| *step == Step::LeaseRead).unwrap();
    for (nth, step) in came.iter().enumerate().skip(opening) {
        let world = prepared(1).await;
        let stop = StopAt::new(nth);
        let dying = tier_with(&world, stop.clone()).await;
        let place = format!("{nth}: {step}");
        tokio::select! {
            () = work(&dying) => panic!("{place}: the process was to die there"),
            () = stop.died.notified() => {}
        }
        let tier = world.tier().await;
        let head = manifest(&tier).await;
        let missing: Vec<_> = named(&tier, &head).await.difference(&objects(&world)).cloned().collect();
        assert!(missing.is_empty(), "{place}: {missing:?}");
        sound(&tier).await;
        // The next run, some hours later, leaves nothing behind.
        tokio::time::sleep(2 * Duration::from_secs(3600)).await;
        work(&tier).await;
        let head = manifest(&tier).await;
        assert_eq!((head.floor, head.tier_start), (Some(offset(10)), offset(10)), "{place}");
        assert_eq!(objects(&world), named(&tier, &head).await, "{place}");
        sound(&tier).await;
    }
}
