//! A tier that was cut, and the table that follows it.

use firnline_export::job::JobError;
use firnline_export::repair::{plan, repair};
use firnline_export::source::SourceError;

use crate::ledger::{compare, rows};
use crate::log::at;
use crate::meddled::Chances;
use crate::world::{World, paused, settings, table};

/// Two partitions that are exported, then one of them cut and grown again.
async fn cut(seed: u64, offset: i64) -> World {
    let mut world = World::new(seed, 2);
    for index in 0..2 {
        for _ in 0..4 {
            world.tier.log(index).data(10, None, |number| number % 7 == 0);
        }
        world.tier.offload(index);
    }
    world.exporter(Chances::default()).catch_up().await.expect("exports");
    world.tier.cut(0, at(offset));
    world.tier.log(0).data(15, None, |number| number % 4 == 0);
    world.tier.offload(0);
    world
}

#[test]
fn a_cut_is_noticed_and_nothing_is_added_behind_it() {
    paused(async {
        let mut world = cut(1, 25).await;
        let before = rows(&mut world, &table()).await;
        let error = world.exporter(Chances::default()).catch_up().await.expect_err("cut");
        assert!(matches!(error, JobError::Source(SourceError::Cut { .. })), "{error}");
        assert!(error.to_string().contains("firnline export repair"), "{error}");
        assert_eq!(rows(&mut world, &table()).await, before);
    });
}

#[test]
fn a_dry_run_says_what_would_go_and_changes_nothing() {
    paused(async {
        let mut world = cut(2, 25).await;
        let before = rows(&mut world, &table()).await;
        let plan = plan(world.operator(), settings()).await.expect("plans");
        let [one] = plan.partitions.as_slice() else { panic!("{plan:?}") };
        assert_eq!((one.partition.get(), one.back_to.next_offset), (0, at(20)), "{one:?}");
        assert_eq!((one.rows, one.dead_letters), (17, 3));
        assert_eq!(rows(&mut world, &table()).await, before);
    });
}

#[test]
fn a_repaired_table_follows_the_new_log() {
    paused(async {
        for offset in [0, 9, 10, 25, 39] {
            let mut world = cut(3, offset).await;
            let done = repair(world.operator(), settings())
                .await
                .expect("repairs")
                .done
                .expect("there was something");
            assert_eq!(done.partitions.len(), 1);
            assert_eq!(repair(world.operator(), settings()).await.expect("again").done, None, "it is done");
            world.exporter(Chances::default()).catch_up().await.expect("exports");
            compare(&mut world).await.unwrap_or_else(|difference| panic!("cut at {offset}: {difference}"));
        }
    });
}

#[test]
fn an_exporter_at_work_is_stopped_by_a_repair() {
    paused(async {
        let mut world = cut(4, 25).await;
        let mut job = world.exporter(Chances::default());
        assert!(job.round().await.is_err(), "it has taken the table over, and met the cut");
        repair(world.operator(), settings()).await.expect("repairs");
        assert!(matches!(job.round().await, Err(JobError::Fenced { .. })));
        world.exporter(Chances::default()).catch_up().await.expect("exports");
        compare(&mut world).await.expect("the table is the log");
    });
}

/// Records of a transaction, and more; the marker that ends it lies behind `position`, which is how far the export comes.
/// Then the marker is cut away, and the new leader's log ends the transaction in the other way.
async fn decided_otherwise(first: bool, position_before_marker: bool) {
    let mut world = World::new(6, 1);
    world.tier.log(0).data(10, None, |_| false);
    world.tier.log(0).data(5, Some(1), |_| false);
    if position_before_marker {
        // Another one stays open from here on: nothing behind it is exported.
        world.tier.log(0).data(5, Some(2), |_| false);
    }
    world.tier.log(0).end_transaction(1, first);
    world.tier.offload(0);
    let mut job = world.exporter(Chances::default());
    job.catch_up().await.expect("exports");
    let marker = if position_before_marker { 20 } else { 15 };
    world.tier.cut(0, at(marker));
    world.tier.log(0).end_transaction(1, !first);
    if position_before_marker {
        world.tier.log(0).end_transaction(2, true);
    }
    world.tier.log(0).data(5, None, |_| false);
    world.tier.offload(0);
    let error = job.catch_up().await.expect_err("the log was cut");
    assert!(matches!(error, JobError::Source(SourceError::Cut { .. })), "{error}");
    let done =
        repair(world.operator(), settings()).await.expect("repairs").done.expect("there was something");
    assert_eq!(done.partitions[0].back_to.next_offset, at(10), "{done:?}");
    world.exporter(Chances::default()).catch_up().await.expect("exports");
    compare(&mut world).await.expect("the table is the log");
}

#[test]
fn a_transaction_whose_marker_was_cut_away_is_decided_anew() {
    paused(async {
        decided_otherwise(true, false).await;
        decided_otherwise(false, false).await;
    });
}

#[test]
fn a_marker_beyond_the_position_that_was_cut_away_is_noticed() {
    paused(async {
        decided_otherwise(true, true).await;
        decided_otherwise(false, true).await;
    });
}

#[test]
fn a_tier_that_is_shorter_for_a_while_needs_no_repair_once_it_is_back() {
    paused(async {
        let mut world = World::new(5, 1);
        world.tier.log(0).data(10, None, |_| false);
        world.tier.log(0).data(10, None, |_| false);
        world.tier.offload(0);
        // Exported up to 20; the tier's one segment is cut at its end and uploaded anew: nothing exported was lost.
        world.tier.log(0).data(10, None, |_| false);
        let mut job = world.exporter(Chances::default());
        job.catch_up().await.expect("exports");
        world.tier.cut(0, at(20));
        world.tier.log(0).data(10, None, |_| false);
        world.tier.offload(0);
        job.catch_up().await.expect("goes on");
        compare(&mut world).await.expect("the table is the log");
    });
}
