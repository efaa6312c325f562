//! Copies that came to nothing: what they leave in the store goes, and what was copied for somebody never does.

use firnline_plugin::engine::{Engine, FailureKind};
use firnline_store::RequestKind;
use firnline_store::sim::{Rule, SimFault, When};

use crate::support::*;

fn is_there(world: &World, local: &Local) -> bool {
    world.sim.peek(&local.key()).is_some()
}

fn failing(world: &World) {
    let writes = [RequestKind::Put, RequestKind::Create, RequestKind::Update];
    // It is done, and nobody is told so.
    world.sim.rule(Rule::new(SimFault::LostAfter, When::Always).on(&writes).key_contains(".seg"));
}

#[test]
fn a_copy_that_nobody_was_told_of_is_taken_back() {
    let world = World::new();
    let engine = world.engine();
    let local = Local::new(20, 500);
    let begun = engine.start_copy(local.segment.clone(), local.files.clone()).unwrap();
    wait("it is copied", || engine.metrics().contains("copies_total{outcome=\"copied\"} 1"));
    assert!(is_there(&world, &local));
    // The broker's thread was interrupted before it asked.
    drop(begun);
    wait("it is gone", || !is_there(&world, &local));
    engine.close();
    assert!(manifest(&world, &local).is_none_or(|head| head.entries.is_empty()), "no manifest names it");
}

#[test]
fn a_copy_that_somebody_was_told_of_stays() {
    let world = World::new();
    let engine = world.engine();
    let local = Local::new(20, 500);
    let begun = engine.start_copy(local.segment.clone(), local.files.clone()).unwrap();
    let segment = local.known(done(&begun).unwrap());
    begun.abort();
    drop(begun);
    engine.close();
    assert!(is_there(&world, &local));
    assert_eq!(read_all(&world.engine(), &segment, 0, None, 9_999).unwrap(), local.log);
}

#[test]
fn what_a_copy_has_left_that_may_be_tried_again_goes() {
    let world = World::new();
    let engine = world.engine();
    let local = Local::new(20, 500);
    failing(&world);
    assert_eq!(copy(&engine, &local).unwrap_err().kind(), FailureKind::Retry);
    world.sim.heal();
    wait("it is gone", || !is_there(&world, &local));
}

#[test]
fn an_id_that_is_copied_once_more_is_wanted_again() {
    let world = World::new();
    let engine = world.engine();
    let (local, other) = (Local::new(20, 500), Local::of(log(1_000, 30, 400, None), 30, 8));
    failing(&world);
    world.sim.rule(Rule::new(SimFault::Denied, When::Always).on(&[RequestKind::Delete]));
    assert_eq!(copy(&engine, &local).unwrap_err().kind(), FailureKind::Retry);
    assert!(is_there(&world, &local));
    world.sim.heal();
    let segment = local.known(copy(&engine, &local).unwrap());
    // Whatever else is left makes it sweep once more.
    failing(&world);
    assert_eq!(copy(&engine, &other).unwrap_err().kind(), FailureKind::Retry);
    world.sim.heal();
    wait("the other is gone", || !is_there(&world, &other));
    assert_eq!(read_all(&engine, &segment, 0, None, 9_999).unwrap(), local.log);
}

#[test]
fn what_waits_is_told_and_deleted_at_the_close() {
    let world = World::new();
    let engine: Engine = world.engine();
    let local = Local::new(20, 500);
    failing(&world);
    world.sim.rule(Rule::new(SimFault::Denied, When::Always).on(&[RequestKind::Delete]));
    assert!(copy(&engine, &local).is_err());
    wait("it waits", || engine.metrics().contains("firnline_plugin_leftovers_waiting 1\n"));
    world.sim.heal();
    engine.close();
    assert!(!is_there(&world, &local));
}
