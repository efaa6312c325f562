//! The catalog of files over a directory and over a simulated store with faults.

use super::super::testing::{env, name, new_table, property, set_property};
use super::*;
use firnline_store::Store;
use firnline_store::env::{RandomExt, SeededRandom};
use firnline_store::sim::{Rule, SimFault, Simulation, When};
use std::io::Write as _;
use std::time::Duration;

fn simulated(simulation: &Simulation) -> FsCatalog {
    FsCatalog::new(FileIo::new(simulation.connect(&env())).unwrap(), env())
}

fn rule(fault: SimFault, when: When, kind: RequestKind, key: &str) -> Rule {
    Rule::new(fault, when).on(&[kind]).key_contains(key)
}

async fn load(catalog: &FsCatalog) -> Table {
    catalog.load(&name("db.t")).await.unwrap().unwrap()
}

fn version(table: &Table) -> u64 {
    let Version::File(version) = table.version.0 else { panic!("no version of a file") };
    version
}

#[tokio::test]
async fn a_table_is_made_changed_and_found_in_the_layout_of_hadoop() {
    let dir = tempfile::tempdir().unwrap();
    let io = FileIo::new(Store::directory(dir.path(), env())).unwrap();
    let catalog = FsCatalog::new(io, env());
    let table = name("a.b.t");
    assert!(catalog.load(&table).await.unwrap().is_none());
    let made = catalog.create(&table, new_table()).await.unwrap();
    assert_eq!(made.metadata.location(), format!("file://{}/a/b/t", dir.path().display()));
    let error = catalog.create(&table, new_table()).await.unwrap_err();
    assert!(matches!(error, CatalogError::Exists { .. }), "{error}");

    let changed = catalog.commit(&made, &[], &[set_property("k", "v")]).await.unwrap();
    let error = catalog.commit(&made, &[], &[set_property("k", "w")]).await.unwrap_err();
    assert!(error.is_conflict(), "{error}");
    let loaded = catalog.load(&table).await.unwrap().unwrap();
    assert_eq!(
        (property(&loaded, "k").as_deref(), property(&loaded, "owner").as_deref()),
        (Some("v"), Some("us"))
    );
    assert_eq!(loaded.metadata_location, changed.metadata_location);
    assert_eq!(loaded.version, changed.version);

    let metadata = dir.path().join("a/b/t/metadata");
    let mut names: Vec<_> = std::fs::read_dir(&metadata)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["v1.metadata.json", "v2.metadata.json", "version-hint.text"]);
    assert_eq!(std::fs::read_to_string(metadata.join("version-hint.text")).unwrap(), "2");

    catalog.create(&name("a.b.other"), new_table()).await.unwrap();
    std::fs::create_dir_all(dir.path().join("a/b/not a table/data")).unwrap();
    std::fs::write(dir.path().join("a/b/not a table/data/x"), "x").unwrap();
    let listed = catalog.list(&"a.b".parse().unwrap()).await.unwrap();
    assert_eq!(listed, [name("a.b.other"), name("a.b.t")]);
    let error = catalog.list(&"a.c".parse().unwrap()).await.unwrap_err();
    assert!(matches!(error, CatalogError::NoNamespace { .. }), "{error}");
}

#[tokio::test]
async fn a_table_is_put_nowhere_but_where_it_will_be_found() {
    let catalog = simulated(&Simulation::new(1, &env()));
    for (location, fine) in [("memory:/db/t", true), ("memory:/db/u/", false), ("s3://b/db/t", false)] {
        let new = NewTable { location: Some(location.to_owned()), ..new_table() };
        assert_eq!(catalog.create(&name("db.t"), new).await.is_ok(), fine, "{location}");
    }
}

#[tokio::test]
async fn a_table_is_found_whatever_the_hint_says() {
    let simulation = Simulation::new(1, &env());
    let catalog = simulated(&simulation);
    let mut table = catalog.create(&name("db.t"), new_table()).await.unwrap();
    for _ in 1..40 {
        table = catalog.commit(&table, &[], &[set_property("k", "v")]).await.unwrap();
    }
    for hint in
        ["1", "39", "40", "40\n", "41", "9999", "0", "-1", "x", "", "18446744073709551615", &"1".repeat(30)]
    {
        simulation.plant("db/t/metadata/version-hint.text", hint.to_owned());
        assert_eq!(version(&load(&catalog).await), 40, "{hint:?}");
    }
    simulation.lose("db/t/metadata/version-hint.text");
    assert_eq!(version(&load(&catalog).await), 40);
    // Old versions go away; the hint is older than all that are left.
    for version in 1..30 {
        simulation.lose(&format!("db/t/metadata/v{version}.metadata.json"));
    }
    simulation.plant("db/t/metadata/version-hint.text", "3");
    assert_eq!(version(&load(&catalog).await), 40);
}

#[tokio::test]
async fn a_number_that_was_used_and_is_free_again_is_not_used_again() {
    let simulation = Simulation::new(1, &env());
    let catalog = simulated(&simulation);
    let asleep = catalog.create(&name("db.t"), new_table()).await.unwrap();
    let mut table = asleep.clone();
    for _ in 0..5 {
        table = catalog.commit(&table, &[], &[set_property("k", "v")]).await.unwrap();
    }
    for version in 1..4 {
        simulation.lose(&format!("db/t/metadata/v{version}.metadata.json"));
    }
    let error = catalog.commit(&asleep, &[], &[set_property("k", "late")]).await.unwrap_err();
    assert!(error.is_conflict(), "{error}");
    let error = catalog.create(&name("db.t"), new_table()).await.unwrap_err();
    assert!(matches!(error, CatalogError::Exists { .. }), "{error}");
    assert_eq!(property(&load(&catalog).await, "k").as_deref(), Some("v"));
}

#[tokio::test]
async fn compressed_metadata_of_others_is_read_and_not_committed_to() {
    let simulation = Simulation::new(1, &env());
    let catalog = simulated(&simulation);
    let table = catalog.create(&name("db.t"), new_table()).await.unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&table.metadata.to_json().unwrap()).unwrap();
    simulation.plant("db/t/metadata/v2.gz.metadata.json", gzip.finish().unwrap());
    simulation.plant("db/t/metadata/version-hint.text", "2");
    let compressed = load(&catalog).await;
    assert!(compressed.metadata_location.ends_with("v2.gz.metadata.json"));
    let error = catalog.commit(&compressed, &[], &[set_property("k", "v")]).await.unwrap_err();
    assert!(matches!(error, CommitError::Refused { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_of_a_commit_is_settled_by_reading_back() {
    for (fault, landed_first) in
        [(SimFault::LostAfter, true), (SimFault::LostBefore, false), (SimFault::ServerError, false)]
    {
        let simulation = Simulation::new(3, &env());
        let catalog = simulated(&simulation);
        let table = catalog.create(&name("db.t"), new_table()).await.unwrap();
        simulation.rule(rule(fault.clone(), When::First(1), RequestKind::Create, "v2"));
        let changed = catalog.commit(&table, &[], &[set_property("k", "v")]).await.unwrap();
        assert_eq!(version(&changed), 2, "{fault:?} {landed_first}");
        assert_eq!(property(&load(&catalog).await, "k").as_deref(), Some("v"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_cannot_be_read_back_is_of_unknown_outcome() {
    for (fault, landed) in [(SimFault::LostAfter, true), (SimFault::LostBefore, false)] {
        let simulation = Simulation::new(3, &env());
        let catalog = simulated(&simulation);
        let table = catalog.create(&name("db.t"), new_table()).await.unwrap();
        simulation.rule(rule(fault, When::Always, RequestKind::Create, "v2"));
        simulation.rule(rule(SimFault::LostBefore, When::Always, RequestKind::Get, "v2"));
        let error = catalog.commit(&table, &[], &[set_property("k", "v")]).await.unwrap_err();
        assert!(error.may_have_landed(), "{error}");
        simulation.heal();
        assert_eq!(property(&load(&catalog).await, "k").is_some(), landed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_was_never_sent_can_be_made_again_as_it_is() {
    let simulation = Simulation::new(3, &env());
    let catalog = simulated(&simulation);
    let table = catalog.create(&name("db.t"), new_table()).await.unwrap();
    for (fault, kind) in
        [(SimFault::Unreachable, RequestKind::Create), (SimFault::ServerError, RequestKind::Head)]
    {
        simulation.rule(rule(fault, When::Always, kind, "metadata"));
        let error = catalog.commit(&table, &[], &[set_property("k", "v")]).await.unwrap_err();
        assert!(error.is_retriable(), "{error:?}");
        simulation.heal();
    }
    simulation.rule(rule(SimFault::Denied, When::Always, RequestKind::Create, "v2"));
    let error = catalog.commit(&table, &[], &[set_property("k", "v")]).await.unwrap_err();
    assert!(error.is_denied(), "{error:?}");
    simulation.heal();
    catalog.commit(&table, &[], &[set_property("k", "v")]).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_hint_that_cannot_be_written_does_no_harm() {
    let simulation = Simulation::new(3, &env());
    let catalog = simulated(&simulation);
    simulation.rule(rule(SimFault::Denied, When::Always, RequestKind::Put, "version-hint"));
    let table = catalog.create(&name("db.t"), new_table()).await.unwrap();
    catalog.commit(&table, &[], &[set_property("k", "v")]).await.unwrap();
    assert_eq!(version(&load(&catalog).await), 2);
}

/// Adds 1 to a number in the table until it is certain to have been added once.
async fn add_one(catalog: &FsCatalog, who: &str) -> u64 {
    loop {
        let Ok(Some(table)) = catalog.load(&name("db.t")).await else { continue };
        let number: u64 = property(&table, "n").map_or(0, |text| text.parse().unwrap());
        let mark = format!("{who}-{number}");
        let updates = [set_property("n", &(number + 1).to_string()), set_property(who, &mark)];
        match catalog.commit(&table, &[], &updates).await {
            Ok(table) => return version(&table),
            Err(error) if error.may_have_landed() => loop {
                // Whoever adds next keeps this mark, so that it is found as long as this one does not go on.
                let Ok(Some(now)) = catalog.load(&name("db.t")).await else { continue };
                if property(&now, who).as_deref() == Some(&mark) {
                    return 0;
                }
                break;
            },
            Err(_) => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_committers_at_once_one_wins_each_version() {
    const WRITERS: u64 = 8;
    const COMMITS: u64 = 12;
    let dir = tempfile::tempdir().unwrap();
    let open = || FsCatalog::new(FileIo::new(Store::directory(dir.path(), env())).unwrap(), env());
    open().create(&name("db.t"), new_table()).await.unwrap();
    let writers = (0..WRITERS).map(|writer| {
        let catalog = open();
        async move {
            let mut versions = Vec::new();
            for _ in 0..COMMITS {
                versions.push(add_one(&catalog, &format!("w{writer}")).await);
            }
            versions
        }
    });
    let mut writing = tokio::task::JoinSet::new();
    writers.for_each(|writer| {
        writing.spawn(writer);
    });
    let mut versions: Vec<u64> = writing.join_all().await.into_iter().flatten().collect();
    versions.sort_unstable();
    let expected: Vec<u64> = (2..2 + WRITERS * COMMITS).collect();
    assert_eq!(versions, expected, "each version was won by exactly one");
    assert_eq!(property(&load(&open()).await, "n"), Some((WRITERS * COMMITS).to_string()));
}

#[tokio::test(start_paused = true)]
async fn no_commit_is_lost_or_doubled_under_seeded_faults() {
    for seed in 0..60 {
        let simulation = Simulation::new(seed, &env());
        simulated(&simulation).create(&name("db.t"), new_table()).await.unwrap();
        let random = SeededRandom::new(seed);
        for fault in [SimFault::LostAfter, SimFault::LostBefore, SimFault::ServerError, SimFault::Unreachable]
        {
            simulation.rule(Rule::new(fault, When::PerMille(random.below(60))));
        }
        simulation.latency(Duration::from_millis(1)..Duration::from_millis(40));
        let connections: Vec<_> = (0..4).map(|_| simulated(&simulation)).collect();
        let writers = connections.iter().enumerate().map(|(writer, catalog)| async move {
            for _ in 0..5 {
                add_one(catalog, &format!("w{writer}")).await;
            }
        });
        futures::future::join_all(writers).await;
        simulation.heal();
        let table = load(&simulated(&simulation)).await;
        assert_eq!(property(&table, "n").as_deref(), Some("20"), "seed {seed}");
        assert_eq!(version(&table), 21, "seed {seed}");
    }
}
