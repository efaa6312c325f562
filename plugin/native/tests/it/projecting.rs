//! The manifest that mirrors what the broker does: written behind its back, and never waited for.

use std::time::Duration;

use firnline_index::manifest::ManifestKind;
use firnline_index::{LeaderEpoch, NodeId};
use firnline_plugin::engine::{Engine, EngineSettings, FailureKind};
use firnline_tier::change;
use tokio::runtime::Runtime;

use crate::support::*;

fn quick() -> EngineSettings {
    EngineSettings {
        projection_interval: Duration::from_millis(20),
        broker: NodeId::new(2).ok(),
        ..settings()
    }
}

#[test]
fn what_is_copied_and_deleted_shows_in_the_manifest() {
    let world = World::new();
    let engine = Engine::open(world.parts(), quick()).unwrap();
    let (one, two) = (Local::new(20, 500), Local::of(log(1_000, 30, 400, None), 30, 8));
    let first = one.known(copy(&engine, &one).unwrap());
    copy(&engine, &two).unwrap();
    wait("both are listed", || manifest(&world, &one).is_some_and(|head| head.entries.len() == 2));
    let head = manifest(&world, &one).unwrap();
    assert_eq!((head.kind, head.check()), (ManifestKind::Kip405, Vec::new()));
    assert_eq!(head.writer.map(|writer| writer.node.get()), Some(2));
    let listed = head.entries.iter().find(|entry| entry.uuid == one.segment.uuid).unwrap();
    assert_eq!(listed.object_key(&one.segment.tip), one.key());
    assert_eq!((listed.range, listed.log_bytes.get()), (one.segment.range, one.log.len() as u64));
    assert_eq!(listed.leader_epoch, LeaderEpoch::new(4).ok());
    assert!(engine.delete(&first).unwrap());
    wait("one is gone", || manifest(&world, &one).is_some_and(|head| head.entries.len() == 1));
}

#[test]
fn what_waits_is_written_at_the_close() {
    let world = World::new();
    let engine = world.engine();
    let local = Local::new(20, 500);
    copy(&engine, &local).unwrap();
    assert!(manifest(&world, &local).is_none());
    assert!(engine.metrics().contains("firnline_plugin_projection_waiting 1\n"));
    engine.close();
    assert_eq!(manifest(&world, &local).unwrap().entries.len(), 1);
}

#[test]
fn a_partition_that_sidecars_tier_is_left_to_them() {
    let world = World::new();
    let runtime = Runtime::new().unwrap();
    let local = Local::new(20, 500);
    let theirs = tier(&world, &runtime);
    let claim = change::ClaimPartition {
        epoch: LeaderEpoch::new(4).unwrap(),
        node: NodeId::new(1).unwrap(),
        wanted: Vec::new(),
        start: Some(offset(1_000)),
        topic_partitions: 4,
    };
    let writer = Some(theirs.writer(NodeId::new(1).unwrap(), LeaderEpoch::new(4).ok()));
    runtime.block_on(theirs.edit(&local.segment.tip, writer, &claim)).unwrap();
    let engine = Engine::open(world.parts(), quick()).unwrap();
    // It learns of it behind the first copy.
    copy(&engine, &local).unwrap();
    let again = Local::of(log(1_000, 30, 400, None), 30, 8);
    wait("copies are refused", || copy(&engine, &again).is_err());
    let failure = copy(&engine, &again).unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Other);
    assert!(failure.line().contains("tiered by sidecars"), "{}", failure.line());
    let head = manifest(&world, &local).unwrap();
    assert_eq!((head.kind, head.entries.len()), (ManifestKind::Sidecar, 0));
}
