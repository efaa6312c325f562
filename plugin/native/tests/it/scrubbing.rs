//! Damage in what a broker tiers is found by the broker that leads, once, before anybody reads it.

use std::time::Duration;

use firnline_index::NodeId;
use firnline_plugin::engine::{Engine, EngineScrub, EngineSettings};

use crate::support::*;

fn scrubbing(node: i32) -> EngineSettings {
    let quick = Duration::from_millis(20);
    EngineSettings {
        projection_interval: quick,
        broker: NodeId::new(node).ok(),
        scrub: Some(EngineScrub { within: quick, bytes_per_second: 1 << 30, pause: quick }),
        ..settings()
    }
}

fn findings(engine: &Engine) -> u64 {
    let text = engine.metrics();
    let line = text.lines().find_map(|line| line.strip_prefix("firnline_scrub_findings_total "));
    line.unwrap().parse().unwrap()
}

#[test]
fn damage_is_found_by_the_broker_that_wrote_the_manifest_last() {
    let world = World::new();
    let leader = Engine::open(world.parts(), scrubbing(2)).unwrap();
    let follower = Engine::open(world.parts(), scrubbing(3)).unwrap();
    let local = Local::new(200, 3_000);
    let segment = local.known(copy(&leader, &local).unwrap());
    wait("it is listed", || manifest(&world, &local).is_some());
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!((findings(&leader), findings(&follower)), (0, 0), "nothing is wrong yet");
    let whole = world.sim.peek(&local.key()).unwrap();
    let mut bad = whole.to_vec();
    bad[300_000] ^= 4;
    world.sim.plant(&local.key(), bad);
    wait("it is found", || findings(&leader) > 0);
    // As long as anybody needs who looks for it.
    let long_enough = Duration::from_millis(500);
    std::thread::sleep(long_enough);
    assert_eq!(findings(&follower), 0, "who does not write it does not read it");
    // Who leads now has written last.
    world.sim.plant(&local.key(), whole);
    let next = Local::at(5_000, log(5_000, 20, 500, None), 20, 9);
    copy(&follower, &next).unwrap();
    wait("both are listed", || manifest(&world, &local).is_some_and(|head| head.entries.len() == 2));
    std::thread::sleep(Duration::from_millis(300));
    let before = findings(&leader);
    world.sim.lose(&next.key());
    wait("it is missed", || findings(&follower) > 0);
    std::thread::sleep(long_enough);
    assert_eq!(findings(&leader), before);
    // What the broker deletes is no damage.
    drop(follower);
    assert!(leader.delete(&segment).unwrap());
}

#[test]
fn what_is_deleted_is_not_missed() {
    let world = World::new();
    let engine = Engine::open(world.parts(), scrubbing(2)).unwrap();
    for at in 0..20_u8 {
        let base = 1_000 + i64::from(at) * 100;
        let local = Local::at(base, log(base, 20, 500, None), 20, at);
        let segment = local.known(copy(&engine, &local).unwrap());
        std::thread::sleep(Duration::from_millis(40));
        assert!(engine.delete(&segment).unwrap());
    }
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(findings(&engine), 0);
}
