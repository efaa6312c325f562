//! Rounds, one situation at a time.

use std::sync::Arc;
use std::time::Duration;

use arrow_schema::{DataType, Field, Fields};
use async_trait::async_trait;
use firnline_decode::{RegistryError, SchemaSource, WriterSchema};
use firnline_export::job::{JobError, Next, Round};
use firnline_export::position::{EPOCH, OFFSETS, OWNER};
use firnline_export::rows::{Part, RowSettings};
use firnline_export::settings::{DeadLetters, JobSettings, Missing, Policy};
use firnline_export::source::SourceError;
use firnline_store::RequestKind;
use firnline_store::sim::{Rule, SimFault, When};
use firnline_table::{Catalog as _, Change, Operation, RandomIds, Table, TableUpdate, build};
use tokio::sync::watch;

use crate::ledger::{compare, expected, rows};
use crate::log::at;
use crate::meddled::Chances;
use crate::tier::topic_id;
use crate::world::{World, dead_letters, paused, settings, table};

async fn loaded(world: &mut World) -> Table {
    world.catalog().load(&table()).await.expect("a catalog").expect("a table")
}

/// A world with some records in two partitions, transactions and bad ones among them.
fn some(seed: u64) -> World {
    let mut world = World::new(seed, 2);
    let log = world.tier.log(0);
    log.data(10, None, |number| number == 3);
    log.data(4, Some(1), |_| false);
    log.data(4, Some(2), |number| number == 16);
    log.end_transaction(2, true);
    log.end_transaction(1, false);
    world.tier.offload(0);
    world.tier.log(1).data(30, None, |number| number % 10 == 0);
    world.tier.offload(1);
    world
}

#[test]
fn a_topic_becomes_a_table_with_its_dead_letters_beside() {
    paused(async {
        let mut world = some(1);
        let all = world.exporter(Chances::default()).catch_up().await.expect("exports");
        assert_eq!((all.rows, all.dead_letters), (10 + 4 + 30 - 5, 5));
        compare(&mut world).await.expect("the table is the log");
        let table = loaded(&mut world).await;
        let property = |name: &str| table.metadata.properties().get(name).cloned();
        assert_eq!(property(OFFSETS).as_deref(), Some(r#"{"0":[20,0],"1":[30,0]}"#));
        assert_eq!(property(EPOCH).as_deref(), Some("1"));
    });
}

#[test]
fn nothing_is_passed_that_is_not_decided() {
    paused(async {
        let mut world = World::new(2, 1);
        world.tier.log(0).data(5, None, |_| false);
        world.tier.log(0).data(2, Some(9), |_| false);
        world.tier.log(0).data(5, None, |_| false);
        world.tier.offload(0);
        let mut job = world.exporter(Chances::default());
        assert_eq!(job.catch_up().await.expect("exports").rows, 5);
        assert_eq!(job.round().await.expect("looks"), Round::Idle);
        world.tier.log(0).end_transaction(9, true);
        world.tier.offload(0);
        assert_eq!(job.catch_up().await.expect("exports").rows, 7);
        compare(&mut world).await.expect("the table is the log");
    });
}

#[test]
fn an_exporter_that_was_replaced_stops_and_adds_nothing() {
    paused(async {
        let mut world = some(3);
        let mut old = world.exporter(Chances::default());
        old.catch_up().await.expect("exports");
        let mut new = world.exporter(Chances::default());
        new.round().await.expect("takes over");
        world.tier.log(0).data(9, None, |_| false);
        world.tier.offload(0);
        let error = old.round().await.expect_err("fenced");
        assert!(matches!(&error, JobError::Fenced { by, epoch: 2, .. } if by == new.instance()), "{error}");
        assert_eq!((error.next(), error.code().code), (Next::Stop, "FIRN-E047"));
        assert!(old.round().await.is_err(), "it does not take the table back");
        new.catch_up().await.expect("goes on");
        compare(&mut world).await.expect("the table is the log");
    });
}

#[test]
fn a_zombie_whose_files_are_written_already_commits_none_of_them() {
    paused(async {
        let mut world = some(4);
        let mut zombie = world.exporter(Chances::default());
        zombie.round().await.expect("owns the table");
        world.tier.log(0).data(9, None, |_| false);
        world.tier.offload(0);
        let backlogs = zombie.backlogs().await.expect("looks");
        let written = zombie.write(&firnline_export::job::divide(&backlogs, 1 << 20)).await.expect("writes");
        world.exporter(Chances::default()).catch_up().await.expect("another exports the same");
        assert!(matches!(zombie.commit(written).await, Err(JobError::Fenced { .. })));
        compare(&mut world).await.expect("the table is the log");
    });
}

#[test]
fn files_that_a_worker_wrote_are_committed_by_another() {
    paused(async {
        let mut world = some(5);
        let mut committer = world.exporter(Chances::default());
        let backlogs = committer.backlogs().await.expect("sets the table up");
        let mut worker = world.exporter(Chances::default());
        let written = worker.write(&firnline_export::job::divide(&backlogs, 1 << 20)).await.expect("writes");
        // On its way from one machine to the other.
        let written =
            firnline_export::job::Written::from_text(&written.to_text().expect("a text")).expect("the same");
        let again = written.clone();
        committer.commit(written).await.expect("commits");
        assert!(
            matches!(committer.commit(again).await, Ok(_) | Err(JobError::MovedOn { .. })),
            "the same twice is not added"
        );
        committer.catch_up().await.expect("has all");
        compare(&mut world).await.expect("the table is the log");
    });
}

#[test]
fn a_crash_between_dead_letters_and_rows_doubles_neither() {
    paused(async {
        let mut world = some(6);
        let mut first = world.exporter(Chances::default());
        // Dead letters are committed; the process dies before the rows are.
        let write = [RequestKind::Put];
        world.sim.rule(
            Rule::new(SimFault::DieBefore, When::Nth(2)).on(&write).key_contains("shop_orders/metadata/v"),
        );
        assert!(
            tokio::time::timeout(Duration::from_secs(900), first.catch_up())
                .await
                .map_or(true, |r| r.is_err())
        );
        world.sim.heal();
        drop(first);
        let left = rows(&mut world, &dead_letters()).await.len();
        world.exporter(Chances::default()).catch_up().await.expect("exports");
        compare(&mut world)
            .await
            .unwrap_or_else(|difference| panic!("{difference} ({left} dead letters before)"));
    });
}

#[test]
fn dead_letters_of_another_verdict_are_not_lost_behind_a_crash() {
    paused(async {
        let mut world = World::new(7, 1);
        world.tier.log(0).data(20, None, |number| number == 18);
        world.tier.offload(0);
        // An exporter that reads all values as bytes finds nothing bad but leaves dead letters of an earlier range behind: here
        // they are made by one whose rows were never committed.
        let mut first = world.exporter(Chances::default());
        let backlogs = first.backlogs().await.expect("looks");
        let written = first.write(&firnline_export::job::divide(&backlogs, 1 << 20)).await.expect("writes");
        let mut dead_only = written.clone();
        dead_only.ranges.clear();
        assert!(dead_only.dead.is_some());
        first.commit_dead_letters(&written).await.expect("dead letters alone");
        drop(first);
        let before = rows(&mut world, &dead_letters()).await;
        assert_eq!(before.len(), 1);
        // Its successor finds another record bad: here because the log says so now.
        let all =
            Part::Json(WriterSchema::declared(&Fields::from(vec![Field::new("n", DataType::Boolean, true)])));
        let strict = JobSettings { rows: RowSettings { value: all, ..settings().rows }, ..settings() };
        world.exporter_with(Chances::default(), strict).catch_up().await.expect("exports");
        let after = rows(&mut world, &dead_letters()).await;
        assert_eq!(after.len(), 20, "every record is a dead letter now, each once: {after:?}");
    });
}

#[test]
fn a_commit_whose_answer_is_lost_is_found_though_its_snapshot_is_gone() {
    paused(async {
        for seed in 0..20 {
            let mut world = some(seed);
            let mut job =
                world.exporter(Chances { behind: 1000, unknown_applied: 1000, ..Chances::default() });
            for _ in 0..6 {
                let _ = job.round().await;
            }
            world.exporter(Chances::default()).catch_up().await.expect("exports");
            compare(&mut world).await.unwrap_or_else(|difference| panic!("seed {seed}: {difference}"));
        }
    });
}

#[test]
fn positions_outlive_the_summaries_of_expired_snapshots() {
    paused(async {
        let mut world = some(8);
        world.exporter(Chances::default()).catch_up().await.expect("exports");
        let foreign = world.foreign();
        let table = loaded(&mut world).await;
        let table = foreign.rewrite(&table).await.expect("rewrites");
        foreign.expire(&table).await.expect("expires");
        let table = loaded(&mut world).await;
        assert_eq!(table.metadata.snapshots().len(), 1);
        assert_eq!(table.metadata.snapshots()[0].summary(OFFSETS), None, "as engines leave it");
        let again = world.exporter(Chances::default()).catch_up().await.expect("exports");
        assert_eq!(again.rows, 0, "all is there");
        compare(&mut world).await.expect("the table is the log");
    });
}

#[test]
fn foreign_commits_in_between_are_rebased_on() {
    paused(async {
        let mut world = some(9);
        let mut job = world.exporter(Chances { before: 600, ..Chances::default() });
        job.catch_up().await.expect("exports");
        compare(&mut world).await.expect("the table is the log");
    });
}

#[test]
fn a_table_of_another_topic_is_refused_with_the_way_out() {
    paused(async {
        let mut world = some(10);
        world.exporter(Chances::default()).catch_up().await.expect("exports");
        let loaded = loaded(&mut world).await;
        let other = loaded.metadata.properties()["firnline.export.source"]
            .replace(&topic_id().to_string(), "AAAAAAAAAAAAAAAAAAAAAQ");
        let updates = [("firnline.export.source".to_owned(), other)].into();
        world.catalog().commit(&loaded, &[], &[TableUpdate::SetProperties { updates }]).await.expect("set");
        let error = world.exporter(Chances::default()).round().await.expect_err("another topic's");
        assert!(error.to_string().contains("--continue-as AAAAAAAAAAAAAAAAAAAAAQ"), "{error}");
        assert_eq!(error.code().code, "FIRN-E049");
        let old = "AAAAAAAAAAAAAAAAAAAAAQ".parse().expect("an id");
        let goes_on = JobSettings { continue_as: Some(old), ..settings() };
        let before = rows(&mut world, &table()).await.len();
        world
            .exporter_with(Chances::default(), goes_on.clone())
            .catch_up()
            .await
            .expect("from the beginning");
        assert_eq!(rows(&mut world, &table()).await.len(), 2 * before);
        world.exporter_with(Chances::default(), goes_on).catch_up().await.expect("only once");
        assert_eq!(rows(&mut world, &table()).await.len(), 2 * before);
    });
}

#[test]
fn a_table_that_was_rolled_back_is_noticed() {
    paused(async {
        let mut world = some(11);
        let mut job = world.exporter(Chances::default());
        job.catch_up().await.expect("exports");
        let before = loaded(&mut world).await;
        world.tier.log(0).data(9, None, |_| false);
        world.tier.offload(0);
        job.catch_up().await.expect("exports");
        let now = loaded(&mut world).await;
        let head = before.metadata.current_snapshot().expect("a head").snapshot_id;
        let reference = firnline_table::SnapshotRef::branch(head);
        let back = TableUpdate::SetSnapshotRef { ref_name: "main".to_owned(), reference };
        world.catalog().commit(&now, &[], &[back]).await.expect("rolls back");
        let error = job.round().await.expect_err("rows would be left out");
        assert!(matches!(error, JobError::RolledBack { .. }), "{error}");
        let parts = world.operator();
        let set =
            firnline_export::repair::repair_rolled_back(parts, settings(), false).await.expect("repairs");
        assert!(set.is_some());
        world.exporter(Chances::default()).catch_up().await.expect("exports");
        compare(&mut world).await.expect("the table is the log");
    });
}

#[test]
fn lost_offsets_are_passed_on_record_or_refused() {
    paused(async {
        let mut world = World::new(12, 1);
        world.tier.log(0).data(5, None, |_| false);
        world.tier.offload(0);
        world.tier.log(0).data(5, None, |_| false);
        world.tier.lose_tail(0);
        world.tier.log(0).data(5, None, |_| false);
        world.tier.offload(0);
        let refuse =
            JobSettings { missing: Missing { lost: Policy::Refuse, gone: Policy::Refuse }, ..settings() };
        let error = world.exporter_with(Chances::default(), refuse).catch_up().await.expect_err("refused");
        assert!(error.to_string().contains("offsets 5 to 10"), "{error}");
        let all = world.exporter(Chances::default()).catch_up().await.expect("goes on");
        assert_eq!((all.rows, all.missing_offsets, all.offsets), (10, 5, 15));
    });
}

#[test]
fn what_is_gone_from_the_tier_stops_the_export_unless_it_is_told() {
    paused(async {
        let mut world = World::new(13, 1);
        for _ in 0..3 {
            world.tier.log(0).data(5, None, |_| false);
            world.tier.offload(0);
        }
        world.exporter(Chances::default()).catch_up().await.expect("exports");
        for _ in 0..2 {
            world.tier.log(0).data(5, None, |_| false);
            world.tier.offload(0);
        }
        world.tier.retire_to(0, at(20));
        let error = world.exporter(Chances::default()).catch_up().await.expect_err("behind");
        assert!(matches!(error, JobError::Source(SourceError::BelowStart { .. })), "{error}");
        let missing = Missing { lost: Policy::Record, gone: Policy::Record };
        let told = JobSettings { missing, ..settings() };
        let all = world.exporter_with(Chances::default(), told).catch_up().await.expect("goes on");
        assert_eq!((all.rows, all.missing_offsets), (5, 5));
    });
}

#[test]
fn a_bad_record_stops_the_export_where_it_is_told_to() {
    paused(async {
        let mut world = some(14);
        let stop = JobSettings { dead_letters: DeadLetters::Stop, ..settings() };
        let error = world.exporter_with(Chances::default(), stop).catch_up().await.expect_err("stops");
        assert_eq!(error.code().code, "FIRN-E052");
        assert!(rows(&mut world, &dead_letters()).await.is_empty());
    });
}

#[test]
fn a_run_ends_when_it_is_told_to() {
    paused(async {
        let mut world = some(15);
        let mut job = world.exporter(Chances::default());
        let (stop, stopped) = watch::channel(false);
        let run = job.run(stopped);
        let later = async {
            tokio::time::sleep(Duration::from_secs(120)).await;
            stop.send(true).expect("it listens");
        };
        let (ended, ()) = tokio::join!(run, later);
        ended.expect("ends well");
        compare(&mut world).await.expect("the table is the log");
    });
}

#[test]
fn a_table_made_by_others_is_appended_to_and_gets_the_columns_that_it_lacks() {
    paused(async {
        let mut world = some(16);
        // As an exporter of bytes left it, with a column renamed and one dropped since.
        let bytes = JobSettings {
            rows: RowSettings { headers: firnline_export::rows::Headers::None, ..RowSettings::default() },
            ..settings()
        };
        world.exporter_with(Chances::default(), bytes).catch_up().await.expect("exports");
        world.tier.log(0).data(9, None, |_| false);
        world.tier.offload(0);
        world.exporter(Chances::default()).catch_up().await.expect("appends");
        let table = loaded(&mut world).await;
        let schema = table.metadata.current_schema();
        let names: Vec<_> = schema.fields().iter().map(|field| field.name.as_str()).collect();
        assert!(names.contains(&"kafka_headers") && names.contains(&"n"), "{names:?}");
        let numbers: Vec<_> =
            rows(&mut world, &crate::world::table()).await.into_iter().filter_map(|row| row.3).collect();
        assert_eq!(numbers.len(), 9);
    });
}

/// A registry with schemas by id, that may be away.
#[derive(Debug)]
struct Registry {
    away: std::sync::atomic::AtomicU32,
}

#[async_trait]
impl SchemaSource for Registry {
    async fn by_id(&self, id: u32) -> Result<WriterSchema, RegistryError> {
        use std::sync::atomic::Ordering;
        if self.away.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
            let source = Box::<dyn std::error::Error + Send + Sync>::from("as the test has it");
            return Err(RegistryError::Unreachable {
                url: "http://registry".to_owned(),
                source: source.into(),
            });
        }
        let number = Field::new("n", DataType::Int64, true);
        let text = Field::new("Comment", DataType::Utf8, true);
        let fields: Fields = match id {
            1 => vec![number].into(),
            2 => vec![number, text].into(),
            _ => return Err(RegistryError::NotFound { what: id.to_string() }),
        };
        Ok(WriterSchema::declared(&fields))
    }

    async fn by_guid(&self, _: [u8; 16]) -> Result<WriterSchema, RegistryError> {
        Err(RegistryError::NotFound { what: "guid".to_owned() })
    }

    async fn latest(&self, subject: &str) -> Result<WriterSchema, RegistryError> {
        Err(RegistryError::NotFound { what: subject.to_owned() })
    }
}

#[test]
fn a_schema_that_grows_in_a_round_grows_the_table_in_its_commit() {
    paused(async {
        let mut world = World::new(17, 1);
        let log = world.tier.log(0);
        log.framed(1, &["{\"n\":1}", "{\"n\":2}"]);
        log.framed(2, &["{\"n\":3,\"Comment\":\"x\"}", "{\"n\":4}"]);
        log.framed(1, &["{\"n\":5}"]);
        log.framed(77, &["{\"n\":6}"]);
        world.tier.offload(0);
        let settings = JobSettings {
            rows: RowSettings { value: Part::Registry, ..RowSettings::default() },
            ..settings()
        };
        let registry = Arc::new(Registry { away: 3.into() });
        let mut parts = world.operator();
        parts.schemas = Some(registry);
        let metrics = Arc::clone(&parts.metrics);
        let mut job = firnline_export::job::Job::new(parts, settings);
        let all = job.catch_up().await.expect("exports");
        assert_eq!((all.rows, all.dead_letters), (5, 1));
        assert_eq!(metrics.snapshot().stalls, 3, "it waited for the registry");
        let table = loaded(&mut world).await;
        // Claim, then all rows in one snapshot with the columns that they need.
        assert_eq!(table.metadata.snapshots().len(), 2);
        let schema = table.metadata.current_schema();
        assert!(schema.column("n").is_some() && schema.column("comment").is_some());
        let numbers: Vec<_> =
            rows(&mut world, &crate::world::table()).await.into_iter().filter_map(|row| row.3).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5]);
    });
}

#[test]
fn columns_that_another_engine_renames_go_on() {
    paused(async {
        let mut world = some(18);
        world.exporter(Chances::default()).catch_up().await.expect("exports");
        let loaded_table = loaded(&mut world).await;
        let id = loaded_table.metadata.current_schema().column("n").expect("n").id;
        let mut update = firnline_table::SchemaUpdate::of(&loaded_table.metadata);
        update.rename(id, "number").expect("renames");
        let mut change = Change::new(Operation::Append);
        change.schema = update.finish().expect("a schema");
        let env = world.env.clone();
        let mut ids = RandomIds::new(Arc::clone(&env.random));
        let prepared = build(&loaded_table, change, &mut ids, env.clock.now_ms()).await.expect("builds");
        world
            .catalog()
            .commit(&loaded_table, &prepared.requirements, &prepared.updates)
            .await
            .expect("commits");
        world.tier.log(0).data(9, None, |_| false);
        world.tier.offload(0);
        world.exporter(Chances::default()).catch_up().await.expect("goes on");
        let table = loaded(&mut world).await;
        assert_eq!(table.metadata.current_schema().column("number").map(|field| field.id), Some(id));
        assert!(table.metadata.current_schema().column("n").is_none(), "no second column");
        let (good, _) = expected(&world);
        assert_eq!(rows(&mut world, &crate::world::table()).await.len(), good.len());
        assert!(table.metadata.properties().contains_key(OWNER));
    });
}

#[test]
fn jobs_and_repairs_may_move_between_threads() {
    fn may_move(_: impl Send) {}
    paused(async {
        let mut world = World::new(19, 1);
        let (_stop, stopped) = watch::channel(false);
        let mut job = world.exporter(Chances::default());
        may_move(job.round());
        may_move(job.catch_up());
        may_move(job.run(stopped));
        may_move(firnline_export::repair::plan(world.operator(), settings()));
        may_move(firnline_export::repair::repair(world.operator(), settings()));
        may_move(firnline_export::repair::repair_rolled_back(world.operator(), settings(), true));
    });
}
