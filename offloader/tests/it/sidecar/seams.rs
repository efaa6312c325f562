//! Where one way of doing things meets another: pages and pieces, a deleted topic and a later leader, retention and a cut.

use std::sync::atomic::{AtomicBool, Ordering};

use firnline_index::ids::GcBoundary;
use firnline_index::manifest::EntryKind;
use firnline_tier::change::{ClaimPartition, SetBoundary};
use futures::future::BoxFuture;

use super::*;
use crate::world::{MemoryLog, Writer, job, range_of, run};

async fn set_boundary(tier: &Tier, epoch: Option<i32>) {
    let boundary = SetBoundary { boundary: GcBoundary::from_bytes([9; 16]) };
    let writer = epoch.map(|n| tier.writer(node(2), Some(model::epoch(n))));
    tier.edit(&tip(0), writer, &boundary).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn pieces_are_replaced_where_all_segments_before_them_have_gone_into_a_page() {
    let bench = Bench::new(1).await;
    // A page full of segments was there before the sidecar.
    let log = MemoryLog::plain(1001, 1);
    run(&job(&bench.tier, 0), &log).await;
    assert_eq!(bench.tier_end().await, 3000);
    {
        let mut model = bench.model.lock().unwrap();
        model.broker(1).files.push(log.files[999].clone());
        model.write(&[1], 1);
    }
    let policy = || TopicPolicy {
        target_bytes: 0,
        tail_interval: Some(Duration::from_secs(20)),
        ..TopicPolicy::default()
    };
    let sidecar =
        bench.sidecar(1, SidecarSettings { policy_of: Arc::new(move |_| policy()), ..each_file() }).await;
    bench.run(&[&sidecar], 120).await;
    let manifest = bench.manifest().await.unwrap();
    assert_eq!((manifest.pages.len(), manifest.entries.len()), (1, 1), "{:?}", sidecar.status());
    assert_eq!(manifest.entries[0].kind, EntryKind::TailPiece);
    bench.model.lock().unwrap().write(&[1], 1);
    bench.run(&[&sidecar], 60).await;
    let manifest = bench.manifest().await.unwrap();
    assert_eq!(manifest.entries[0].replaces.len(), 1, "{:?}", sidecar.status());
    assert_eq!(manifest.tier_end, offset(3006));
}

#[tokio::test(start_paused = true)]
async fn a_deleted_topic_goes_up_although_a_later_leader_told_this_node_nothing_new() {
    let bench = Bench::new(1).await;
    let sidecar = bench.sidecar(1, each_file()).await;
    {
        let mut model = bench.model.lock().unwrap();
        (0..3).for_each(|_| model.write(&[1], 2));
    }
    bench.run(&[&sidecar], 60).await;
    assert_eq!(bench.tier_end().await, 12);
    let claim = ClaimPartition {
        epoch: model::epoch(2),
        node: node(2),
        wanted: Vec::new(),
        start: None,
        topic_partitions: 1,
    };
    let writer = bench.tier.writer(node(2), Some(model::epoch(2)));
    bench.tier.edit(&tip(0), Some(writer), &claim).await.unwrap();
    {
        let mut model = bench.model.lock().unwrap();
        model.broker(1).retain(0);
        model.broker(1).gone = true;
        model.unknown = true;
    }
    bench.run(&[&sidecar], 900).await;
    assert_eq!(bench.tier_end().await, 18, "{:?}", sidecar.status());
    assert!(bench.model.lock().unwrap().brokers[&node(1)].sole.is_empty());
    assert_eq!(sidecar.status().totals.counts.thrown, Default::default());
}

/// Collects, as an operator might, in the moment before the first dead branch is committed.
#[derive(Debug)]
struct Collects {
    tier: Tier,
    done: AtomicBool,
}

impl SidecarFaults for Collects {
    fn before(&self, step: SidecarStep) -> BoxFuture<'_, ()> {
        if step != SidecarStep::AddDead || self.done.swap(true, Ordering::SeqCst) {
            return Box::pin(std::future::ready(()));
        }
        Box::pin(set_boundary(&self.tier, None))
    }
}

#[tokio::test(start_paused = true)]
async fn no_pin_of_a_deleted_topic_goes_by_a_manifest_that_changed_meanwhile() {
    let bench = Bench::new(1).await;
    let faults = Arc::new(Collects { tier: bench.tier.clone(), done: AtomicBool::new(false) });
    let sidecar = bench.faulty(1, each_file(), Arc::clone(&faults) as _).await;
    {
        let mut model = bench.model.lock().unwrap();
        (0..4).for_each(|_| model.write(&[1], 2));
    }
    bench.run(&[&sidecar], 60).await;
    assert_eq!(bench.tier_end().await, 18);
    {
        let mut model = bench.model.lock().unwrap();
        model.broker(1).retain(0);
        // Left of another history.
        let mut writer = Writer { next: 6, epoch: 0 };
        for _ in 0..2 {
            let file = (0..2).map(|_| writer.data(3, 50, None)).collect();
            model.broker(1).sole.push(file);
        }
        model.broker(1).gone = true;
        model.unknown = true;
    }
    bench.run(&[&sidecar], 1200).await;
    assert!(faults.done.load(Ordering::SeqCst), "{:?}", sidecar.status());
    let manifest = bench.manifest().await.unwrap();
    let dead: usize = manifest.dead_branches.iter().map(|branch| branch.entries.len()).sum();
    assert_eq!(dead, 2, "{:?}", sidecar.status());
    assert!(bench.model.lock().unwrap().brokers[&node(1)].sole.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_leader_compares_although_somebody_else_changed_the_manifest_first_under_its_epoch() {
    let bench = Bench::new(2).await;
    {
        let mut model = bench.model.lock().unwrap();
        (0..20).for_each(|_| model.write(&[1, 2], 2));
        (0..2).for_each(|_| model.write(&[1], 2));
    }
    let (old, new) = (bench.sidecar(1, each_file()).await, bench.sidecar(2, each_file()).await);
    bench.run(&[&old], 30).await;
    assert_eq!(bench.tier_end().await, 126);
    {
        let mut model = bench.model.lock().unwrap();
        model.elect(2, 2);
        (0..3).for_each(|_| model.write(&[2], 2));
    }
    // As retention or a collection does, in the name of the leader.
    set_boundary(&bench.tier, Some(2)).await;
    bench.run(&[&new], 60).await;
    let manifest = bench.manifest().await.unwrap();
    assert_eq!(manifest.tier_end, offset(132), "{:?}", new.status());
    assert_eq!(manifest.dead_branches.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_follower_whose_log_begins_at_the_tiers_end_asks_the_leader_what_lies_below() {
    let bench = Bench::new(3).await;
    {
        let mut model = bench.model.lock().unwrap();
        (0..20).for_each(|_| model.write(&[1, 2], 2));
        (0..2).for_each(|_| model.write(&[1], 2));
    }
    let old = bench.sidecar(1, each_file()).await;
    bench.run(&[&old], 30).await;
    assert_eq!(bench.tier_end().await, 126);
    {
        // The leader's sidecar is down. A new replica fetched what the leader still has, which is another history from 120 on.
        let mut model = bench.model.lock().unwrap();
        model.elect(2, 2);
        (0..4).for_each(|_| model.write(&[2], 2));
        let files = model.broker(2).files.clone();
        let from = files.iter().position(|file| range_of(&file[0]).start() == offset(126)).unwrap();
        model.broker(3).files = files[from..].to_vec();
        model.broker(3).retain(2);
    }
    let follower = bench.sidecar(3, each_file()).await;
    bench.run(&[&follower], 3 * 3600).await;
    assert_eq!(bench.tier_end().await, 126);
    assert_eq!(
        follower.status().partitions[0].wait.name(),
        "operator-other-history",
        "{:?}",
        follower.status()
    );
    let leader = bench.sidecar(2, each_file()).await;
    bench.run(&[&leader, &follower], 3600).await;
    let manifest = bench.manifest().await.unwrap();
    assert_eq!(manifest.tier_end, offset(138), "{:?}", leader.status());
    assert_eq!(manifest.dead_branches[0].cut_at, offset(120));
}

#[tokio::test(start_paused = true)]
async fn a_log_that_retention_has_emptied_goes_on_under_a_later_leader() {
    let bench = Bench::new(1).await;
    let sidecar = bench.sidecar(1, each_file()).await;
    {
        let mut model = bench.model.lock().unwrap();
        (0..3).for_each(|_| model.write(&[1], 2));
    }
    bench.run(&[&sidecar], 60).await;
    bench.model.lock().unwrap().broker(1).retain(0);
    bench.run(&[&sidecar], 60).await;
    assert_eq!(bench.tier_end().await, 18, "{:?}", sidecar.status());
    {
        let mut model = bench.model.lock().unwrap();
        model.elect(1, 2);
        (0..3).for_each(|_| model.write(&[1], 2));
    }
    bench.run(&[&sidecar], 120).await;
    assert_eq!(bench.tier_end().await, 30, "{:?}", sidecar.status());
}

#[tokio::test(start_paused = true)]
async fn a_hole_that_the_next_look_does_not_find_is_no_damage() {
    let bench = Bench::new(1).await;
    {
        let mut model = bench.model.lock().unwrap();
        (0..4).for_each(|_| model.write(&[1], 2));
        model.broker(1).torn = 1;
    }
    // Whoever fails waits for longer than this test does.
    let settings = SidecarSettings { retry_pause: Duration::from_secs(3600), ..each_file() };
    let sidecar = bench.sidecar(1, settings).await;
    bench.run(&[&sidecar], 30).await;
    assert_eq!(bench.tier_end().await, 18, "{:?}", sidecar.status());
}

#[tokio::test(start_paused = true)]
async fn a_hole_that_is_there_still_is_told() {
    let bench = Bench::new(1).await;
    {
        let mut model = bench.model.lock().unwrap();
        (0..4).for_each(|_| model.write(&[1], 2));
        model.broker(1).torn = u32::MAX;
    }
    let sidecar = bench.sidecar(1, each_file()).await;
    let damage = |sidecar: &Sidecar| {
        let status = sidecar.status().partitions.remove(0);
        assert_eq!(status.wait.name(), "damaged", "{status:?}");
        assert!(status.last_error.unwrap().contains("no records 3..6"));
    };
    bench.run(&[&sidecar], 2).await;
    damage(&sidecar);
    assert_eq!(bench.tier_end().await, -1);
    // What lies below it is good, and nobody else may hold it.
    bench.run(&[&sidecar], 300).await;
    assert_eq!(bench.tier_end().await, 3);
    damage(&sidecar);
}

/// Two looks that find two holes tell of a broker at work, not of records that are lost.
#[tokio::test(start_paused = true)]
async fn a_hole_that_is_found_once_after_another_is_no_loss() {
    let bench = Bench::new(2).await;
    {
        let mut model = bench.model.lock().unwrap();
        (0..2).for_each(|_| model.write(&[1, 2], 2));
    }
    let (old, new) = (bench.sidecar(1, each_file()).await, bench.sidecar(2, each_file()).await);
    bench.run(&[&old, &new], 30).await;
    assert_eq!(bench.tier_end().await, 6);
    bench.broker_2_joins_anew_and_leads();
    bench.run(&[&new], 60).await;
    assert_eq!(new.status().partitions[0].wait.name(), "pending");
    // Twice in the first turn, once in the next; each time in what the leader asks for.
    {
        let mut model = bench.model.lock().unwrap();
        model.broker(1).sole.remove(0);
        model.broker(1).tears = [1, 1, 0].into();
    }
    bench.run(&[&old], 300).await;
    assert!(bench.model.lock().unwrap().broker(1).tears.is_empty());
    bench.run(&[&old, &new], 600).await;
    let manifest = bench.manifest().await.unwrap();
    assert_eq!(
        (manifest.tier_end, manifest.gaps.len()),
        (offset(36), 0),
        "{:?}",
        (old.status(), new.status())
    );
}
