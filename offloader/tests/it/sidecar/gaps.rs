//! What nobody brings, and what somebody would.

use firnline_index::manifest::GapReason;
use firnline_index::{Offset, OffsetRange};
use firnline_tier::change::{ClaimPartition, RecordGap};

use super::*;

#[tokio::test(start_paused = true)]
async fn what_nobody_brings_becomes_a_gap_after_the_wait() {
    let bench = Bench::new(1).await;
    {
        let mut model = bench.model.lock().unwrap();
        (0..2).for_each(|_| model.write(&[1], 2));
    }
    let sidecar = bench.sidecar(1, each_file()).await;
    bench.run(&[&sidecar], 30).await;
    {
        let mut model = bench.model.lock().unwrap();
        (0..4).for_each(|_| model.write(&[1], 2));
        model.broker(1).retain(2);
        model.broker(1).sole.clear();
    }
    bench.run(&[&sidecar], 100).await;
    assert!(bench.manifest().await.unwrap().gaps.is_empty());
    bench.run(&[&sidecar], 100).await;
    let manifest = bench.manifest().await.unwrap();
    assert_eq!(manifest.gaps.len(), 1, "{:?}", sidecar.status());
    assert_eq!((manifest.gaps[0].range.start(), manifest.gaps[0].range.end()), (offset(6), offset(24)));
    assert_eq!(manifest.tier_end, offset(30));
}

/// The leader's sidecar was away for longer than a follower's: what that one pinned meanwhile is in no gap.
#[tokio::test(start_paused = true)]
async fn a_gap_ends_where_a_followers_pins_begin() {
    let bench = Bench::new(2).await;
    {
        let mut model = bench.model.lock().unwrap();
        (0..2).for_each(|_| model.write(&[1, 2], 2));
    }
    let (one, two) = (bench.sidecar(1, each_file()).await, bench.sidecar(2, each_file()).await);
    bench.run(&[&one, &two], 30).await;
    assert_eq!(bench.tier_end().await, 6);
    {
        let mut model = bench.model.lock().unwrap();
        (0..4).for_each(|_| model.write(&[1, 2], 2));
        for n in [1, 2] {
            model.broker(n).retain(3);
            model.broker(n).sole.clear();
        }
    }
    // It has seen and can vouch for what the leader is about to lose.
    bench.run(&[&two], 60).await;
    {
        let mut model = bench.model.lock().unwrap();
        for n in [1, 2] {
            model.broker(n).retain(1);
        }
        model.broker(1).sole.clear();
    }
    bench.run(&[&one, &two], 600).await;
    let manifest = bench.manifest().await.unwrap();
    let gaps: Vec<_> = manifest.gaps.iter().map(|gap| (gap.range.start(), gap.range.end())).collect();
    assert_eq!(gaps, [(offset(6), offset(18))], "{:?}\n{:?}", one.status(), two.status());
    assert_eq!(manifest.tier_end, offset(30));
}

/// Nobody could bring anything while the store was down.
#[tokio::test(start_paused = true)]
async fn a_store_that_is_down_for_longer_than_the_wait_makes_no_gap() {
    let bench = Bench::new(2).await;
    let settings = || SidecarSettings { gap_wait: Duration::from_secs(600), ..each_file() };
    let (old, new) = (bench.sidecar(1, settings()).await, bench.sidecar(2, settings()).await);
    (0..2).for_each(|_| bench.model.lock().unwrap().write(&[1, 2], 2));
    bench.run(&[&old, &new], 30).await;
    bench.broker_2_joins_anew_and_leads();
    bench.run(&[&new], 60).await;
    assert_eq!(new.status().partitions[0].wait.name(), "pending");
    bench.store_is_down();
    bench.run(&[&old, &new], 900).await;
    bench.store.heal();
    // The one that lacks it comes first.
    bench.run(&[&new], 60).await;
    assert!(bench.manifest().await.unwrap().gaps.is_empty(), "{:?}", new.status());
    bench.run(&[&old, &new], 500).await;
    let manifest = bench.manifest().await.unwrap();
    assert!(manifest.gaps.is_empty(), "{:?}", new.status());
    assert_eq!(manifest.tier_end, offset(36), "{:?}", (old.status(), new.status()));
}

/// A gap is not filled later, but what is known to have been committed is no less dear for having come too late.
#[tokio::test(start_paused = true)]
async fn committed_bytes_that_turn_up_after_their_gap_are_kept_by_name() {
    let bench = Bench::new(2).await;
    let old = bench.sidecar(1, each_file()).await;
    (0..2).for_each(|_| bench.model.lock().unwrap().write(&[1, 2], 2));
    bench.run(&[&old], 60).await;
    assert_eq!(bench.tier_end().await, 6);
    // It is told how far what it holds is committed, and has no time to upload it.
    {
        let mut model = bench.model.lock().unwrap();
        (0..3).for_each(|_| model.write(&[1, 2], 2));
        let start = firnline_index::lineage::EpochStart { epoch: model::epoch(1), start: offset(0) };
        model.broker(1).witnesses = vec![firnline_offloader::Witness {
            tip: tip(0),
            newest: firnline_offloader::Stretch {
                bound: offset(30),
                epoch: model::epoch(1),
                lineage: firnline_index::lineage::Lineage::new(vec![start]).unwrap(),
            },
            older: Vec::new(),
        }];
        model.broker(1).retain(0);
        model.elect(2, 2);
        (0..3).for_each(|_| model.write(&[2], 2));
        model.broker(2).retain(2);
        model.broker(2).sole.clear();
    }
    let new = bench.sidecar(2, each_file()).await;
    bench.run(&[&new], 600).await;
    let manifest = bench.manifest().await.unwrap();
    let gaps: Vec<_> = manifest.gaps.iter().map(|gap| (gap.range.start(), gap.range.end())).collect();
    assert_eq!(gaps, [(offset(6), offset(36))], "{:?}", new.status());
    let old = bench.sidecar(1, each_file()).await;
    bench.run(&[&old, &new], 900).await;
    let manifest = bench.manifest().await.unwrap();
    let dead: Vec<_> = manifest.dead_branches.iter().flat_map(|branch| &branch.entries).collect();
    let mut kept: Vec<_> = dead.iter().map(|entry| (entry.range.start(), entry.range.end())).collect();
    kept.sort_unstable();
    let lost = [6, 12, 18, 24].map(|start| (offset(start), offset(start + 6)));
    assert_eq!(kept, lost, "{:?}", old.status());
    assert!(bench.model.lock().unwrap().brokers[&node(1)].sole.is_empty(), "{:?}", old.status());
}

/// Where nobody leads a log that reaches down to what is held, the tier begins with the first of it that was told committed: what lies
/// below in the same file is nobody's, and is no reason to leave out what follows.
#[tokio::test(start_paused = true)]
async fn a_tier_begins_with_the_first_that_is_remembered() {
    let bench = Bench::new(2).await;
    {
        let mut model = bench.model.lock().unwrap();
        model.write(&[1], 2);
        model.elect(1, 2);
        model.write_on(1, 2);
        model.elect(1, 3);
        (0..2).for_each(|_| model.write(&[1], 2));
        let starts = [(2, 6), (3, 12)].map(|(of, start)| firnline_index::lineage::EpochStart {
            epoch: model::epoch(of),
            start: offset(start),
        });
        model.broker(1).witnesses = vec![firnline_offloader::Witness {
            tip: tip(0),
            newest: firnline_offloader::Stretch {
                bound: offset(24),
                epoch: model::epoch(3),
                lineage: firnline_index::lineage::Lineage::new(starts.to_vec()).unwrap(),
            },
            older: Vec::new(),
        }];
        let files = model.broker(1).files.clone();
        model.broker(2).files = files;
        model.broker(1).retain(0);
        model.elect(2, 4);
        (0..3).for_each(|_| model.write(&[2], 2));
        model.broker(2).retain(1);
        model.broker(2).sole.clear();
    }
    let sidecar = bench.sidecar(1, each_file()).await;
    bench.run(&[&sidecar], 7200).await;
    let manifest = bench.manifest().await.unwrap();
    assert_eq!(manifest.entries[0].range.start(), offset(6), "{:?}", sidecar.status());
    assert_eq!(manifest.tier_end, offset(24));
}

/// A gap reaches up to what some sidecar held, and that may have been of another history: then it ends inside a batch of the log
/// that goes on.
#[tokio::test(start_paused = true)]
async fn a_tier_whose_gap_ends_inside_a_batch_goes_on_with_the_next() {
    let bench = Bench::new(1).await;
    (0..4).for_each(|_| bench.model.lock().unwrap().write(&[1], 2));
    let range = |start, end| OffsetRange::new(offset(start), offset(end)).unwrap();
    let writer = || Some(bench.tier.writer(node(1), Some(model::epoch(1))));
    let claim = ClaimPartition {
        epoch: model::epoch(1),
        node: node(1),
        wanted: vec![range(0, 13)],
        start: Some(Offset::ZERO),
        topic_partitions: 1,
    };
    bench.tier.edit(&tip(0), writer(), &claim).await.unwrap();
    let gap = RecordGap { range: range(0, 13), reason: GapReason::Operator };
    bench.tier.edit(&tip(0), writer(), &gap).await.unwrap();
    assert_eq!(bench.tier_end().await, 13);
    let sidecar = bench.sidecar(1, each_file()).await;
    bench.run(&[&sidecar], 400).await;
    let manifest = bench.manifest().await.unwrap();
    assert_eq!(manifest.gaps.last().unwrap().range.end(), offset(15), "{:?}", sidecar.status());
    assert_eq!(manifest.tier_end, offset(18));
    assert_eq!(manifest.entries[0].range, range(15, 18));
}

/// Of a gap nobody tells whose history it is of, of what lies below the leader does.
#[tokio::test(start_paused = true)]
async fn a_tier_that_ends_in_a_gap_is_compared_below_it() {
    let bench = Bench::new(2).await;
    {
        let mut model = bench.model.lock().unwrap();
        (0..20).for_each(|_| model.write(&[1, 2], 2));
        (0..2).for_each(|_| model.write(&[1], 2));
    }
    let (old, new) = (bench.sidecar(1, each_file()).await, bench.sidecar(2, each_file()).await);
    bench.run(&[&old], 30).await;
    assert_eq!(bench.tier_end().await, 126);
    let range = OffsetRange::new(offset(126), offset(129)).unwrap();
    let writer = || Some(bench.tier.writer(node(1), Some(model::epoch(1))));
    let claim = ClaimPartition {
        epoch: model::epoch(1),
        node: node(1),
        wanted: vec![range],
        start: Some(Offset::ZERO),
        topic_partitions: 1,
    };
    bench.tier.edit(&tip(0), writer(), &claim).await.unwrap();
    let gap = RecordGap { range, reason: GapReason::Operator };
    bench.tier.edit(&tip(0), writer(), &gap).await.unwrap();
    {
        let mut model = bench.model.lock().unwrap();
        model.elect(2, 2);
        model.high_watermark = 120;
        (0..3).for_each(|_| model.write(&[2], 2));
    }
    bench.run(&[&new], 60).await;
    let manifest = bench.manifest().await.unwrap();
    assert_eq!(manifest.dead_branches[0].cut_at, offset(120), "{:?}", new.status());
    assert_eq!((manifest.tier_end, manifest.gaps.len()), (offset(132), 0));
}

#[tokio::test(start_paused = true)]
async fn a_tier_that_its_leader_cannot_begin_is_begun_by_whoever_holds_something() {
    let bench = Bench::new(2).await;
    {
        let mut model = bench.model.lock().unwrap();
        (0..3).for_each(|_| model.write(&[1, 2], 2));
    }
    let (leader, follower) = (bench.sidecar(1, each_file()).await, bench.sidecar(2, each_file()).await);
    // What is committed is told while the leader's log has it, and the leader's sidecar is not there.
    bench.run(&[&follower], 30).await;
    assert_eq!(bench.tier_end().await, -1);
    {
        let mut model = bench.model.lock().unwrap();
        let held = OffsetRange::new(offset(0), offset(12)).unwrap();
        model.broker(1).retain(1);
        model.broker(1).sole.clear();
        model.broker(1).given_way = vec![firnline_offloader::GivenWay {
            topic_id: tip(0).topic_id,
            partition: tip(0).partition,
            range: held,
        }];
        model.broker(2).retain(1);
    }
    // The partition is quiet from now on: nothing more is sealed.
    bench.run(&[&leader, &follower], 600).await;
    assert_eq!(bench.tier_end().await, 12, "{:?}", (leader.status(), follower.status()));
    assert!(bench.model.lock().unwrap().brokers[&node(2)].sole.is_empty());
    let manifest = bench.manifest().await.unwrap();
    assert_eq!((manifest.tier_start, manifest.gaps.len()), (offset(0), 0));
}

/// The leader that began the tier had lost the lower part of what one file of a follower holds whole. A tier does not grow downwards.
#[tokio::test(start_paused = true)]
async fn what_a_file_holds_below_the_tiers_first_offset_is_kept_by_name() {
    let bench = Bench::new(2).await;
    {
        let mut model = bench.model.lock().unwrap();
        model.write(&[1], 2);
        model.write_on(1, 2);
        (0..2).for_each(|_| model.write(&[1], 2));
        let files = model.broker(1).files.clone();
        model.broker(2).files = files;
    }
    let (leader, follower) = (bench.sidecar(1, each_file()).await, bench.sidecar(2, each_file()).await);
    // What is committed is told while the leader's log has it, and the leader's sidecar is not there.
    bench.run(&[&follower], 30).await;
    assert_eq!(bench.tier_end().await, -1);
    {
        let mut model = bench.model.lock().unwrap();
        model.broker(1).files[0].drain(..2);
        model.broker(2).retain(1);
    }
    bench.run(&[&leader], 60).await;
    let manifest = bench.manifest().await.unwrap();
    assert_eq!((manifest.tier_start, manifest.tier_end), (offset(6), offset(18)), "{:?}", leader.status());
    bench.run(&[&leader, &follower], 900).await;
    let manifest = bench.manifest().await.unwrap();
    let dead: Vec<_> = manifest.dead_branches.iter().flat_map(|branch| &branch.entries).collect();
    let kept: Vec<_> = dead.iter().map(|entry| (entry.range.start(), entry.range.end())).collect();
    assert_eq!(kept, [(offset(0), offset(12))], "{:?}", follower.status());
    assert!(bench.model.lock().unwrap().brokers[&node(2)].sole.is_empty(), "{:?}", follower.status());
}
