//! Positions that sidecars had saved.

use std::collections::BTreeMap;

use firnline_index::cluster_state::{ClusterState, CommittedOffset, Dated, GroupOffsets};
use firnline_index::{NodeId, PartitionIndex, TimestampMs, TopicId};

use super::super::client::anonymous_reads;
use super::super::log::at;
use super::super::tier::{cluster, topic_id, topic_name};
use super::*;

fn save(world: &World, offset: i64) {
    let one = |topic: &str, topic_id: Option<TopicId>, partition| CommittedOffset {
        topic: topic_name(topic),
        topic_id,
        partition: PartitionIndex::new(partition).unwrap(),
        offset: at(offset),
        leader_epoch: None,
        metadata: String::new(),
    };
    let offsets = vec![one("orders", Some(topic_id(7)), 0), one("orders", None, 1), one("gone", None, 0)];
    let groups = BTreeMap::from([(APP.to_owned(), offsets)]);
    let state = GroupOffsets { groups };
    let (node, taken_at) = (NodeId::new(3).unwrap(), TimestampMs::new(5).unwrap());
    let dated = Dated { cluster_id: cluster(), node, taken_at, state };
    world.sim.plant(&GroupOffsets::object_key().to_string(), dated.encode().unwrap());
}

fn from_saved() -> ServeSettings {
    let mut settings = prompt();
    settings.groups.from_saved = true;
    settings
}

#[tokio::test]
async fn a_group_begins_at_saved_positions_once() {
    let world = World::with_orders();
    save(&world, 40);
    let running = world.serve_with(anonymous_reads(".*"), prompt()).await;
    assert_eq!(positions(&mut running.client().await, &[0]).await, Ok(vec![-1]), "nobody asked for them");
    assert_eq!(world.group_object(), None, "asking takes nothing");
    drop(running);

    let running = world.serve_with(anonymous_reads(".*"), from_saved()).await;
    let mut client = running.client().await;
    assert_eq!(positions(&mut client, &[0, 1, 2]).await, Ok(vec![40, 40, -1]));
    let object = world.group_object().unwrap();
    assert_eq!(object.saved.unwrap().taken_at, Some(TimestampMs::new(5).unwrap()));
    assert_eq!(committed(&mut client, &commit(None, &[(0, -1), (1, -1)])).await, [0, 0]);
    save(&world, 50);
    drop(running);
    let running = world.serve_with(anonymous_reads(".*"), from_saved()).await;
    assert_eq!(positions(&mut running.client().await, &[0]).await, Ok(vec![-1]), "once");
}

#[tokio::test]
async fn a_group_that_has_its_own_keeps_them() {
    let world = World::with_orders();
    save(&world, 40);
    let running = world.serve_with(anonymous_reads(".*"), prompt()).await;
    assert_eq!(committed(&mut running.client().await, &commit(None, &[(0, 3)])).await, [0]);
    drop(running);
    let running = world.serve_with(anonymous_reads(".*"), from_saved()).await;
    assert_eq!(positions(&mut running.client().await, &[0, 1]).await, Ok(vec![3, -1]));
}
