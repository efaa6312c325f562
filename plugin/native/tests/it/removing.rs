//! Deletes: often called, for what is there and what never was.

use std::time::Duration;

use firnline_plugin::engine::{Engine, EngineDeadlines, FailureKind};
use firnline_store::RequestKind;
use firnline_store::sim::{Rule, SimFault, When};

use crate::support::*;

#[test]
fn a_segment_is_deleted_by_one_request_and_a_second_time_too() {
    let world = World::new();
    let parts = world.parts();
    let store = parts.store.clone();
    let engine = Engine::open(parts, settings()).unwrap();
    let local = Local::new(20, 500);
    let segment = local.known(copy(&engine, &local).unwrap());
    let before = store.counters();
    assert!(engine.delete(&segment).unwrap());
    assert_eq!(world.sim.peek(&local.key()), None);
    assert!(engine.delete(&segment).unwrap(), "what is not there is no failure");
    let spent = store.counters().since(&before);
    assert_eq!((spent.of(RequestKind::Delete), spent.total()), (2, 2));
    assert_eq!(engine.fetch(&segment, 0, None).unwrap_err().kind(), FailureKind::NotFound);
}

#[test]
fn the_clean_up_of_a_failed_copy_finds_what_it_has_left() {
    let world = World::new();
    let engine = world.engine();
    let local = Local::new(20, 500);
    // The broker never got its custom metadata.
    copy(&engine, &local).unwrap();
    assert!(engine.delete(&local.segment).unwrap());
    assert_eq!(world.sim.peek(&local.key()), None);
    assert!(!engine.delete(&local.segment).unwrap(), "nothing of ours: perhaps another plugin's");
}

#[test]
fn another_plugins_segment_is_left_to_it() {
    let world = World::new();
    let engine = world.engine();
    let local = Local::new(20, 500);
    copy(&engine, &local).unwrap();
    assert!(!engine.delete(&local.known(vec![1; 24])).unwrap());
    assert!(world.sim.peek(&local.key()).is_some());
}

#[test]
fn a_store_that_is_away_fails_a_delete_in_time() {
    let world = World::new();
    let mut hasty = settings();
    hasty.deadlines = EngineDeadlines { delete: Duration::from_millis(300), ..hasty.deadlines };
    let engine = Engine::open(world.parts(), hasty).unwrap();
    let local = Local::new(20, 500);
    let segment = local.known(copy(&engine, &local).unwrap());
    world.sim.rule(Rule::new(SimFault::Hang, When::Always));
    assert_eq!(engine.delete(&segment).unwrap_err().kind(), FailureKind::Retry);
    world.sim.heal();
    assert!(engine.delete(&segment).unwrap());
}
