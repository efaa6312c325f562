//! Tables held against the log they were made from.

use firnline_export::Workers;
use firnline_export::rows::RowSettings;
use firnline_export::settings::JobSettings;
use firnline_export::verify::{
    Compared, Expected, VerifyError, VerifyReport, VerifyRequest, What, verify_table,
};
use firnline_store::env::RandomExt as _;
use firnline_table::{
    Catalog as _, Change, DataFile, Operation, RandomIds, RemovedFile, Table, build, live_files,
};
use std::sync::Arc;

use crate::log::at;
use crate::maintains::{grow, grown, loaded, settings as tend_settings, tender};
use crate::meddled::Chances;
use crate::tier::{topic, topic_id};
use crate::world::{World, dead_letters, paused, settings};

async fn verified(world: &mut World, expected: Expected) -> Result<VerifyReport, VerifyError> {
    let main = loaded(world).await;
    let dead = world.catalog().load(&dead_letters()).await.expect("a catalog");
    let reader = world.tier.reader(&world.env);
    let request = VerifyRequest {
        table: &main,
        dead_letters: dead.as_ref(),
        reader: &reader,
        topic: topic(),
        topic_id: topic_id(),
        partitions: None,
        from: None,
        until: None,
        expected,
        most: 5,
        memory_bytes: 64 << 20,
        workers: Workers::Inline,
    };
    verify_table(&request).await
}

async fn report(world: &mut World) -> VerifyReport {
    verified(world, Expected::EveryRecord).await.expect("verifies")
}

/// A table with all of the records' bytes.
async fn with_bytes(seed: u64) -> World {
    let mut world = World::new(seed, 2);
    let log = world.tier.log(0);
    log.data(20, None, |number| number % 5 == 0);
    log.data(4, Some(1), |_| false);
    log.data(4, Some(2), |number| number == 27);
    log.end_transaction(2, true);
    log.end_transaction(1, false);
    world.tier.offload(0);
    world.tier.log(1).data(30, None, |number| number % 10 == 0);
    world.tier.offload(1);
    let rows = RowSettings { keep_value: true, ..settings().rows };
    let settings = JobSettings { rows, ..settings() };
    world.exporter_with(Chances::default(), settings).catch_up().await.expect("exports");
    world
}

/// Commits a change by hand.
async fn change(world: &mut World, table: &Table, change: Change) {
    let env = world.env.clone();
    let mut ids = RandomIds::new(Arc::clone(&env.random));
    let prepared = build(table, change, &mut ids, env.clock.now_ms()).await.expect("builds");
    let catalog = world.catalog();
    catalog.commit(table, &prepared.requirements, &prepared.updates).await.expect("commits");
}

#[test]
fn a_table_with_its_dead_letters_is_the_log() {
    paused(async {
        let mut world = with_bytes(1).await;
        let report = report(&mut world).await;
        assert!(report.is_equal(), "{report:?}");
        assert_eq!(report.compared, Compared { key: true, value: true });
        let records: Vec<_> =
            report.partitions.iter().map(|p| (p.log_records, p.table_rows, p.dead_letters)).collect();
        assert_eq!(records, [(24, 24, 5), (30, 30, 3)], "the aborted transaction is not there");
        assert!(report.notes.is_empty(), "{:?}", report.notes);
    });
}

#[test]
fn without_the_values_bytes_the_rest_is_compared_and_that_is_said() {
    paused(async {
        let mut world = grown(2, 3).await;
        let report = report(&mut world).await;
        assert!(report.is_equal(), "{report:?}");
        assert_eq!(report.compared, Compared { key: true, value: false });
        assert!(report.notes[0].contains("offsets and keys"), "{:?}", report.notes);
    });
}

#[test]
fn rows_twice_missing_and_of_nobody_are_named() {
    paused(async {
        let mut world = with_bytes(3).await;
        let table = loaded(&mut world).await;
        let live = live_files(&table).await.expect("manifests");
        let first = live[0].file.clone();
        let bytes = table.io.get(&first.path).await.expect("reads");
        let copy = format!("{}/data/{}.parquet", table.metadata.location(), world.env.random.hex_id());
        table.io.put(&copy, bytes).await.expect("writes");
        let mut append = Change::new(Operation::Append);
        append.add.push(DataFile { path: copy, ..first.clone() });
        change(&mut world, &table, append).await;
        let doubled = report(&mut world).await;
        assert!(!doubled.is_equal());
        assert_eq!(doubled.differences.len(), 5);
        assert!(doubled.differences.iter().all(|d| d.what == What::Doubled { times: 2 }), "{doubled:?}");
        assert_eq!(doubled.difference_count, first.record_count);

        let table = loaded(&mut world).await;
        let mut remove = Change::new(Operation::Delete);
        for live in live_files(&table).await.expect("manifests") {
            remove.remove.push(RemovedFile::of(&live.file));
        }
        change(&mut world, &table, remove).await;
        let missing = report(&mut world).await;
        assert!(missing.differences.iter().all(|d| d.what == What::Missing), "{missing:?}");
        assert_eq!(missing.difference_count, 24 + 30 - 8, "the dead letters are still there");
        assert!(missing.differences[0].to_string().contains("not in the table"));
    });
}

#[test]
fn what_the_tier_has_lost_again_is_of_nobody() {
    paused(async {
        let mut world = with_bytes(4).await;
        world.tier.cut(0, at(20));
        let report = report(&mut world).await;
        assert!(!report.is_equal());
        assert!(report.differences.iter().all(|d| d.partition == 0 && d.what == What::Unknown), "{report:?}");
        assert!(
            report.notes.iter().any(|note| note.contains("the committed records of the tier end")),
            "{:?}",
            report.notes
        );
    });
}

#[test]
fn what_retention_took_is_not_compared() {
    paused(async {
        let mut world = grown(5, 3).await;
        world.tier.retire_to(0, at(9));
        let report = report(&mut world).await;
        assert!(report.is_equal(), "{report:?}");
        assert_eq!(report.partitions[0].offsets, 9..27);
    });
}

#[test]
fn a_maintained_table_is_still_the_log() {
    paused(async {
        let mut world = grown(6, 6).await;
        let tender = tender(&mut world, tend_settings());
        let all = [firnline_export::tend::Duty::Look, firnline_export::tend::Duty::Expire];
        tender.maintain(&all, false).await.expect("tends");
        grow(&mut world).await;
        let report = report(&mut world).await;
        assert!(report.is_equal(), "{report:?}");
    });
}

#[test]
fn a_current_state_table_is_not_compared() {
    paused(async {
        let mut world = grown(7, 1).await;
        let error = verified(&mut world, Expected::CurrentState).await.expect_err("refused");
        assert!(matches!(error, VerifyError::NotComparable { .. }), "{error}");
    });
}
