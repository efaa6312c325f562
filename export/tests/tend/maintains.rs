//! Small files, snapshots and orphans of a table whose job goes on.

use std::sync::Arc;
use std::time::Duration;

use firnline_export::Workers;
use firnline_export::tend::{Duty, Outcome, TendSettings, Tender};
use firnline_store::env::RandomExt as _;
use firnline_table::{Catalog as _, Table, live_files};

use crate::ledger::compare;
use crate::meddled::{Chances, Meddled};
use crate::world::{World, paused, table};

pub(crate) fn settings() -> TendSettings {
    TendSettings { max_small_files: 4, min_small_files: 4, keep_snapshots: 3, ..TendSettings::default() }
}

pub(crate) fn tender(world: &mut World, settings: TendSettings) -> Tender {
    let parts = world.operator();
    Tender::new(parts.catalog, table(), settings, parts.env, Workers::Inline)
}

pub(crate) async fn loaded(world: &mut World) -> Table {
    world.catalog().load(&table()).await.expect("a catalog").expect("a table")
}

async fn files(world: &mut World) -> Vec<String> {
    let table = loaded(world).await;
    let live = live_files(&table).await.expect("manifests");
    live.into_iter().map(|live| live.file.path).collect()
}

/// A table of many small files: a commit after each offload.
pub(crate) async fn grown(seed: u64, rounds: usize) -> World {
    let mut world = World::new(seed, 2);
    for _ in 0..rounds {
        grow(&mut world).await;
    }
    world
}

pub(crate) async fn grow(world: &mut World) {
    for index in 0..2 {
        world.tier.log(index).data(9, None, |number| number % 5 == 0);
        world.tier.offload(index);
    }
    world.exporter(Chances::default()).catch_up().await.expect("exports");
}

#[test]
fn small_files_become_few_and_the_table_stays_the_log() {
    paused(async {
        let mut world = grown(1, 6).await;
        let before = files(&mut world).await;
        let tender = tender(&mut world, settings());

        let dry = tender.maintain(&[Duty::Look], true).await.expect("looks");
        assert!(dry.dry_run && dry.rewrites.iter().all(|(_, outcome)| *outcome == Outcome::Planned));
        assert_eq!(dry.rewrites.len(), 1);
        assert_eq!(files(&mut world).await, before, "a dry run changes nothing");

        let done = tender.maintain(&[Duty::Look], false).await.expect("rewrites");
        let good = crate::ledger::expected(&world).0.len();
        let [(rewrite, Outcome::Landed { files: made, rows, .. })] = &done.rewrites[..] else {
            panic!("{done:?}")
        };
        assert_eq!((rewrite.files.len(), *made, *rows), (before.len(), 1, u64::try_from(good).expect("few")));
        assert_eq!(files(&mut world).await.len(), 1);
        compare(&mut world).await.expect("the table is the log");

        grow(&mut world).await;
        compare(&mut world).await.expect("the export goes on from where it stood");
        let again = tender.maintain(&[Duty::Look], false).await.expect("looks");
        assert!(again.is_idle(), "{again:?}");
    });
}

#[test]
fn others_may_commit_in_between() {
    paused(async {
        for seed in 0..40 {
            let mut world = grown(seed, 5).await;
            let parts = world.operator();
            let chances = Chances {
                before: 300,
                behind: 300,
                unknown_applied: 200,
                unknown_not_applied: 200,
                sent_twice: 100,
                unavailable: 100,
            };
            let (inner, foreign) = (world.catalog(), world.foreign());
            let meddled = Meddled::new(inner, foreign, Arc::clone(&parts.env.random), chances);
            let tender = Tender::new(Arc::new(meddled), table(), settings(), parts.env, Workers::Inline);
            for duty in [Duty::Look, Duty::Expire, Duty::Look, Duty::Orphans] {
                // What is given up is no harm.
                drop(tender.maintain(&[duty], false).await);
                compare(&mut world)
                    .await
                    .unwrap_or_else(|difference| panic!("seed {seed}, {duty:?}: {difference}"));
            }
            grow(&mut world).await;
            compare(&mut world).await.unwrap_or_else(|difference| panic!("seed {seed}: {difference}"));
        }
    });
}

#[test]
fn old_snapshots_go_with_what_only_they_name() {
    paused(async {
        let mut world = grown(2, 6).await;
        let tender = tender(&mut world, settings());
        tender.maintain(&[Duty::Look], false).await.expect("rewrites");
        let snapshots = loaded(&mut world).await.metadata.snapshots().len();
        assert!(snapshots > 3);
        let young = tender.maintain(&[Duty::Expire], false).await.expect("looks");
        assert!(young.is_idle(), "none is old: {young:?}");

        tokio::time::advance(Duration::from_secs(6 * 24 * 60 * 60)).await;
        let dry = tender.maintain(&[Duty::Expire], true).await.expect("looks");
        assert_eq!(dry.expired_snapshots.len(), snapshots - 3);
        assert!(!dry.deleted_files.is_empty());
        assert_eq!(loaded(&mut world).await.metadata.snapshots().len(), snapshots);

        let done = tender.maintain(&[Duty::Expire], false).await.expect("expires");
        assert_eq!(done.expired_snapshots, dry.expired_snapshots);
        assert_eq!(done.deleted_files, dry.deleted_files);
        let table = loaded(&mut world).await;
        assert_eq!(table.metadata.snapshots().len(), 3);
        for file in &done.deleted_files {
            assert!(table.io.size(file).await.is_err(), "{file} is gone");
        }
        compare(&mut world).await.expect("the table is the log");
        grow(&mut world).await;
        compare(&mut world).await.expect("the export goes on");
    });
}

#[test]
fn files_that_nobody_names_go_when_they_are_old() {
    paused(async {
        let mut world = grown(3, 2).await;
        let tender = tender(&mut world, settings());
        let table = loaded(&mut world).await;
        let junk = format!("{}/data/{}.parquet", table.metadata.location(), world.env.random.hex_id());
        table.io.put(&junk, b"left by a crash".to_vec()).await.expect("written");
        let young = tender.maintain(&[Duty::Orphans], false).await.expect("lists");
        assert!(young.orphans.is_empty(), "{young:?}");
        tokio::time::advance(Duration::from_secs(4 * 24 * 60 * 60)).await;
        let dry = tender.maintain(&[Duty::Orphans], true).await.expect("lists");
        assert_eq!(dry.orphans, std::slice::from_ref(&junk));
        assert!(table.io.size(&junk).await.is_ok());
        let done = tender.maintain(&[Duty::Orphans], false).await.expect("removes");
        assert_eq!((&done.orphans, done.orphan_bytes), (&dry.orphans, 15));
        assert!(table.io.size(&junk).await.is_err());
        compare(&mut world).await.expect("the table is the log");
    });
}

#[test]
fn between_rounds_all_that_is_due_is_done_and_nothing_grows() {
    paused(async {
        let mut world = World::new(4, 2);
        let mut tender = tender(
            &mut world,
            TendSettings { max_snapshots: 12, look_interval: Duration::from_secs(60), ..settings() },
        );
        grow(&mut world).await;
        for _ in 0..60 {
            grow(&mut world).await;
            tender.tend().await.expect("tends");
            tokio::time::advance(Duration::from_secs(60)).await;
        }
        let table = loaded(&mut world).await;
        assert!(table.metadata.snapshots().len() <= 24, "{}", table.metadata.snapshots().len());
        let live = files(&mut world).await.len();
        assert!(live <= 12, "{live} files");
        compare(&mut world).await.expect("the table is the log");
    });
}
