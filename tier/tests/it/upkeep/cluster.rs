use std::collections::{BTreeMap, BTreeSet};

use firnline_index::cluster_state::{CommittedOffset, GroupOffsets, TopicConfigs};
use firnline_index::ids::Incarnation;
use firnline_index::summary::{PartitionSummary, TierMarks};
use firnline_index::{NodeId, TimestampMs};
use firnline_store::RequestKind;
use firnline_store::sim::{Rule, SimFault, When};
use firnline_tier::cluster::{
    ClusterError, KeptState, LeaseOutcome, LeaseRequest, LeaseState, StateOutcome, SummaryOutcome,
    SummaryReader, SummaryWriter,
};

use super::*;

fn node(n: i32) -> NodeId {
    NodeId::new(n).unwrap()
}

fn run(n: u8) -> Incarnation {
    Incarnation::from_bytes([n; 16])
}

fn told(partition: i32, generation: u64) -> PartitionSummary {
    let marks = TierMarks {
        generation,
        tier_start: Offset::ZERO,
        serving_start: Offset::ZERO,
        tier_end: offset(i64::try_from(generation).unwrap()),
    };
    PartitionSummary { tier: Some(marks), ..PartitionSummary::new(tip(partition)) }
}

#[tokio::test(start_paused = true)]
async fn a_summary_is_written_where_something_changed_and_read_by_the_others() {
    let world = World::new(1);
    let (one, two) = (world.tier().await, world.tier().await);
    let mut writer = SummaryWriter::new(node(1), run(1));
    let mut reader = SummaryReader::new();
    assert!(reader.refresh(&two, Some(node(2))).await.unwrap().is_empty());
    let before = one.store().counters();
    assert_eq!(writer.write(&one, vec![told(1, 5), told(0, 3)]).await.unwrap(), SummaryOutcome::Written);
    assert_eq!(writer.write(&one, vec![told(0, 3), told(1, 5)]).await.unwrap(), SummaryOutcome::Unchanged);
    assert_eq!(one.store().counters().since(&before).total(), 2, "one look, one PUT");
    let mut other = SummaryWriter::new(node(2), run(2));
    other.write(&two, vec![told(0, 4)]).await.unwrap();
    // A node that is new is seen when the nodes are listed again.
    tokio::time::sleep(Duration::from_secs(601)).await;
    assert!(reader.refresh(&two, Some(node(2))).await.unwrap().is_empty());
    assert_eq!(reader.summaries().count(), 1, "one's own is not read");
    let mut all = SummaryReader::new();
    all.refresh(&two, None).await.unwrap();
    let newest = all.newest();
    let of = |partition: i32| &newest[&(tip(0).topic_id, tip(partition).partition)];
    assert_eq!((of(0).node, of(0).marks.generation), (node(2), 4), "the higher generation");
    assert_eq!(of(1).node, node(1));
    // Unchanged: one conditional GET each, and no listing.
    let before = two.store().counters();
    all.refresh(&two, None).await.unwrap();
    let spent = two.store().counters().since(&before);
    assert_eq!((spent.of(RequestKind::Get), spent.total()), (2, 2));
    // A quiet node tells that it lives.
    tokio::time::sleep(Duration::from_secs(601)).await;
    assert_eq!(writer.write(&one, vec![told(0, 3), told(1, 5)]).await.unwrap(), SummaryOutcome::Written);
}

#[tokio::test(start_paused = true)]
async fn a_second_writer_under_one_node_id_is_noticed_by_the_first() {
    let world = World::new(2);
    let (one, two) = (world.tier().await, world.tier().await);
    let mut first = SummaryWriter::new(node(1), run(1));
    let mut second = SummaryWriter::new(node(1), run(2));
    first.write(&one, vec![told(0, 1)]).await.unwrap();
    second.write(&two, vec![told(0, 2)]).await.unwrap();
    let outcome = first.write(&one, vec![told(0, 3)]).await.unwrap();
    assert!(matches!(outcome, SummaryOutcome::OtherWriter { incarnation, .. } if incarnation == run(2)));
    // The object holds what the second wrote.
    let mut reader = SummaryReader::new();
    reader.refresh(&two, None).await.unwrap();
    assert_eq!(reader.summaries().next().unwrap().incarnation, run(2));
}

#[tokio::test(start_paused = true)]
async fn a_summary_whose_answer_was_lost_is_not_taken_for_somebody_elses() {
    for fault in [SimFault::LostAfter, SimFault::LostBefore] {
        for kind in [RequestKind::Create, RequestKind::Update] {
            let world = World::new(3);
            let tier = world.tier().await;
            let mut writer = SummaryWriter::new(node(1), run(1));
            if kind == RequestKind::Update {
                writer.write(&tier, vec![told(0, 1)]).await.unwrap();
            }
            world.sim.rule(Rule::new(fault.clone(), When::First(1)).on(&[kind]));
            assert_eq!(writer.write(&tier, vec![told(0, 2)]).await.unwrap(), SummaryOutcome::Written);
            assert_eq!(writer.write(&tier, vec![told(0, 3)]).await.unwrap(), SummaryOutcome::Written);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_was_given_up_and_landed_late_is_ones_own() {
    let world = World::new(4);
    let tier = world.tier().await;
    let mut writer = SummaryWriter::new(node(1), run(1));
    writer.write(&tier, vec![told(0, 1)]).await.unwrap();
    // Applied, but neither that nor a look at it was answered.
    world.sim.rule(Rule::new(SimFault::LostAfter, When::First(1)).on(&[RequestKind::Update]));
    world.sim.rule(Rule::new(SimFault::Denied, When::First(1)).on(&[RequestKind::Get]));
    assert!(matches!(writer.write(&tier, vec![told(0, 2)]).await, Err(ClusterError::Store { .. })));
    assert_eq!(writer.write(&tier, vec![told(0, 3)]).await.unwrap(), SummaryOutcome::Written);
}

#[tokio::test(start_paused = true)]
async fn a_damaged_summary_keeps_what_it_told_last() {
    let world = World::new(5);
    let tier = world.tier().await;
    let mut writer = SummaryWriter::new(node(1), run(1));
    writer.write(&tier, vec![told(0, 1)]).await.unwrap();
    let mut reader = SummaryReader::new();
    reader.refresh(&tier, None).await.unwrap();
    world.sim.plant("cluster/nodes/1/summary", "nonsense");
    let failed = reader.refresh(&tier, None).await.unwrap();
    assert!(matches!(failed[..], [(n, ClusterError::Unreadable { .. })] if n == node(1)), "{failed:?}");
    assert_eq!(reader.newest().len(), 1);
    world.sim.lose("cluster/nodes/1/summary");
    assert!(reader.refresh(&tier, None).await.unwrap().is_empty());
    assert_eq!(reader.newest().len(), 0);
}

fn lease(run_: u8, places: &[&str]) -> LeaseRequest {
    LeaseRequest {
        node: node(1),
        incarnation: run(run_),
        machine: format!("machine-{run_}"),
        places: places.iter().map(|&place| place.to_owned()).collect::<BTreeSet<_>>(),
        take_over: false,
    }
}

async fn held(tier: &Tier, request: &LeaseRequest) -> firnline_tier::cluster::HeldLease {
    match tier.take_lease(request).await.unwrap() {
        LeaseOutcome::Held(held) => held,
        LeaseOutcome::Refused(theirs) => panic!("{theirs:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_id_that_is_in_use_elsewhere_is_refused_by_name() {
    let world = World::new(6);
    let (one, two) = (world.tier().await, world.tier().await);
    let mut first = held(&one, &lease(1, &["dir-a", "dir-b"])).await;
    let LeaseOutcome::Refused(theirs) = two.take_lease(&lease(2, &["dir-c"])).await.unwrap() else {
        panic!()
    };
    assert_eq!((theirs.incarnation, theirs.machine.as_str()), (run(1), "machine-1"));
    assert_eq!(first.check(&one).await.unwrap(), LeaseState::Ours);
    // An operator says that it is gone; it was not, and is told.
    let forced = LeaseRequest { take_over: true, ..lease(2, &["dir-c"]) };
    let second = held(&two, &forced).await;
    let state = first.check(&one).await.unwrap();
    assert!(matches!(state, LeaseState::Taken(ref by) if by.incarnation == run(2)), "{state:?}");
    // The first gives back what is not its own any more: nothing happens.
    first.release(&one).await.unwrap();
    let LeaseOutcome::Refused(theirs) = one.take_lease(&lease(3, &["dir-a"])).await.unwrap() else {
        panic!()
    };
    assert_eq!(theirs.incarnation, run(2));
    second.release(&two).await.unwrap();
    held(&one, &lease(3, &["dir-a"])).await;
}

#[tokio::test(start_paused = true)]
async fn who_holds_a_log_directory_of_the_dead_one_needs_no_operator() {
    let world = World::new(7);
    let tier = world.tier().await;
    held(&tier, &lease(1, &["dir-a", "dir-b"])).await;
    // Restarted after a kill, perhaps on another machine, on the same disk.
    held(&world.tier().await, &lease(2, &["dir-b", "dir-c"])).await;
}

#[tokio::test(start_paused = true)]
async fn of_two_that_start_at_once_one_is_refused() {
    for seed in 0..20 {
        let world = World::new(100 + seed);
        world.sim.latency(Duration::from_millis(1)..Duration::from_millis(50));
        let (one, two) = (world.tier().await, world.tier().await);
        let (a, b) = (lease(1, &["dir-a"]), lease(2, &["dir-b"]));
        let (a, b) = futures::future::join(one.take_lease(&a), two.take_lease(&b)).await;
        let held = [a.unwrap(), b.unwrap()].iter().filter(|o| matches!(o, LeaseOutcome::Held(_))).count();
        assert_eq!(held, 1, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_whose_answer_was_lost_is_held() {
    let world = World::new(8);
    let tier = world.tier().await;
    world.sim.rule(Rule::new(SimFault::LostAfter, When::First(1)).on(&[RequestKind::Create]));
    let held_ = held(&tier, &lease(1, &["dir-a"])).await;
    world.sim.rule(Rule::new(SimFault::LostAfter, When::First(1)).on(&[RequestKind::Update]));
    held_.release(&tier).await.unwrap();
    held(&tier, &lease(2, &["dir-b"])).await;
}

fn groups(at: i64) -> GroupOffsets {
    let committed = CommittedOffset {
        topic: tip(0).topic,
        topic_id: None,
        partition: tip(0).partition,
        offset: offset(at),
        leader_epoch: None,
        metadata: String::new(),
    };
    GroupOffsets { groups: BTreeMap::from([("app".to_owned(), vec![committed])]) }
}

#[tokio::test(start_paused = true)]
async fn state_is_written_where_it_changed_and_dated() {
    let world = World::new(9);
    let tier = world.tier().await;
    let mut kept = KeptState::default();
    assert!(tier.read_state::<GroupOffsets>().await.unwrap().is_none());
    let write = async |state, kept: &mut KeptState<GroupOffsets>| {
        tier.write_state(node(1), state, kept).await.unwrap()
    };
    assert_eq!(write(groups(1), &mut kept).await, StateOutcome::Written);
    let before = tier.store().counters();
    assert_eq!(write(groups(1), &mut kept).await, StateOutcome::Unchanged);
    assert_eq!(tier.store().counters().since(&before).total(), 0);
    assert_eq!(write(groups(2), &mut kept).await, StateOutcome::Written);
    tokio::time::sleep(Duration::from_secs(3_601)).await;
    assert_eq!(write(groups(2), &mut kept).await, StateOutcome::Written, "its date is renewed");
    let read = tier.read_state::<GroupOffsets>().await.unwrap().unwrap();
    assert_eq!((read.state, read.node), (groups(2), node(1)));
    assert_eq!(read.taken_at, TimestampMs::new(START_MS + 3_601_000).unwrap());
    // A new process looks first; one that was overtaken looks again.
    let mut other = KeptState::default();
    assert_eq!(tier.write_state(node(2), groups(2), &mut other).await.unwrap(), StateOutcome::Unchanged);
    assert_eq!(tier.write_state(node(2), groups(3), &mut other).await.unwrap(), StateOutcome::Written);
    assert_eq!(write(groups(4), &mut kept).await, StateOutcome::OtherWriter);
    assert_eq!(write(groups(4), &mut kept).await, StateOutcome::Written);
    // Damage is written over.
    world.sim.plant("cluster/state/configs", "nonsense");
    let mut kept = KeptState::default();
    let written = tier.write_state(node(1), TopicConfigs::default(), &mut kept).await.unwrap();
    assert_eq!(written, StateOutcome::Written);
    assert!(tier.read_state::<TopicConfigs>().await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn both_clocks_are_read_at_one_time() {
    use std::sync::Arc;

    use firnline_store::Env;
    use firnline_store::env::ManualClock;
    let world = World::new(10);
    let tier = world.tier().await;
    let clocks = tier.clocks().await.unwrap();
    assert_eq!(clocks.apart(), Duration::ZERO);
    assert!(!world.sim.keys().iter().any(|key| key.contains("clock")), "nothing is left");
    // A machine that lives ten years ahead.
    let years = 10 * 365 * 24 * 3600 * 1000;
    let env = Env { clock: Arc::new(ManualClock::at(START_MS + years)), ..world.env.clone() };
    let parts = parts(world.sim.connect(&world.env), &env);
    let settings = settings(&parts.store);
    let tier = Tier::open_for_writing(parts, settings, &cluster()).await.unwrap();
    let clocks = tier.clocks().await.unwrap();
    assert_eq!(clocks.apart(), Duration::from_millis(years.unsigned_abs()));
    assert_eq!(clocks.earlier().get(), START_MS);
}

/// A clock that somebody sets four hours ahead between any two looks at it.
#[derive(Debug)]
struct Jumping(std::sync::atomic::AtomicI64);

const FOUR_HOURS_MS: i64 = 4 * 3_600_000;

impl firnline_store::env::Clock for Jumping {
    fn now_ms(&self) -> i64 {
        self.0.fetch_add(FOUR_HOURS_MS, std::sync::atomic::Ordering::SeqCst)
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_while_it_is_read_is_not_believed() {
    use std::sync::Arc;
    use std::sync::atomic::Ordering;

    use firnline_store::Env;
    let world = World::new(11);
    let clock = Arc::new(Jumping(START_MS.into()));
    let env = Env { clock: clock.clone(), ..world.env.clone() };
    let parts = parts(world.sim.connect(&world.env), &env);
    let settings = settings(&parts.store);
    let tier = Tier::open_for_writing(parts, settings, &cluster()).await.unwrap();
    clock.0.store(START_MS - 1_000, Ordering::SeqCst);
    let clocks = tier.clocks().await.unwrap();
    assert_eq!((clocks.earlier().get(), clocks.ours.get()), (START_MS, START_MS - 1_000 + FOUR_HOURS_MS));
}
