//! Opening and closing.

use std::time::Duration;

use firnline_index::ClusterId;
use firnline_plugin::engine::{Engine, EngineSettings, FailureKind};
use firnline_store::sim::{Rule, SimFault, When};
use tokio::time::Instant;

use crate::support::*;

#[test]
fn a_closed_engine_ends_what_is_under_way_and_takes_no_more() {
    let world = World::new();
    let engine = world.engine();
    let local = Local::new(200, 32_000);
    let segment = local.known(copy(&engine, &local).unwrap());
    let next = Local::of(log(1_000, 300, 32_000, None), 300, 9);
    world.sim.latency(Duration::from_secs(20)..Duration::from_secs(21));
    let begun = engine.start_copy(next.segment.clone(), next.files.clone()).unwrap();
    let reading = {
        let (engine, segment) = (engine.clone(), segment.clone());
        std::thread::spawn(move || {
            let stream = engine.fetch(&segment, 0, None)?;
            stream.read(10)
        })
    };
    std::thread::sleep(Duration::from_millis(200));
    let closing = Instant::now();
    engine.close();
    assert!(closing.elapsed() < Duration::from_secs(8), "{:?}", closing.elapsed());
    assert_eq!(reading.join().unwrap().unwrap_err().kind(), FailureKind::Retry);
    assert!(begun.wait(Duration::from_secs(1)).is_err());
    let again = Instant::now();
    engine.close();
    assert!(again.elapsed() < Duration::from_millis(100), "a second time it does nothing");
    for failure in [
        engine.fetch(&segment, 0, None).unwrap_err(),
        engine.start_copy(local.segment.clone(), local.files.clone()).unwrap_err(),
        engine.delete(&segment).unwrap_err(),
    ] {
        assert!(failure.line().contains("being closed"), "{}", failure.line());
    }
    assert!(engine.metrics().contains("firnline_plugin_copies_total"));
}

#[test]
fn another_clusters_tier_is_refused_when_opening() {
    let world = World::new();
    world.engine().close();
    let other = EngineSettings { cluster_id: ClusterId::new("another").unwrap(), ..settings() };
    let failure = Engine::open(world.parts(), other).unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Other);
    assert!(
        failure.line().contains("is the tier of cluster a-cluster, not of another"),
        "{}",
        failure.line()
    );
}

#[test]
fn refused_credentials_are_told_when_opening() {
    let world = World::new();
    world.sim.rule(Rule::new(SimFault::Denied, When::Always));
    assert_eq!(Engine::open(world.parts(), settings()).unwrap_err().kind(), FailureKind::Other);
}

#[test]
fn a_store_that_is_away_when_opening_is_asked_again_by_the_next_call() {
    let world = World::new();
    let local = Local::new(20, 500);
    let segment = {
        let engine = world.engine();
        local.known(copy(&engine, &local).unwrap())
    };
    world.sim.rule(Rule::new(SimFault::Hang, When::Always));
    let mut hasty = settings();
    hasty.deadlines.close = Duration::from_millis(200);
    hasty.deadlines.read = Duration::from_millis(200);
    let engine = Engine::open(world.parts(), hasty).unwrap();
    assert!(engine.metrics().contains("firnline_ready 0"));
    assert_eq!(engine.fetch(&segment, 0, None).unwrap_err().kind(), FailureKind::Retry);
    world.sim.heal();
    assert_eq!(read_all(&engine, &segment, 0, None, 1_000).unwrap(), local.log);
    assert!(engine.metrics().contains("firnline_ready 1"));
}
