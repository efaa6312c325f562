//! A partition with nothing in the tier, of which a node holds what its broker has lost.

use std::sync::Arc;

use firnline_index::keys::ObjectKey;
use firnline_index::summary::{NodeSummary, PartitionSummary};
use firnline_index::{ByteCount, Incarnation, NodeId, TimestampMs};
use firnline_proxy::serve::Catalog;
use kafka_protocol::messages::ListOffsetsRequest;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use tokio::time::{Duration, sleep};

use super::broker::Client;
use super::filling::{fetch, records};
use super::scene::{ID, Scene, text};
use crate::serve::tier::{cluster, tip};

/// The scene uploads nothing of it.
const PARTITION: i32 = 2;

async fn offset(client: &mut Client, timestamp: i64) -> (i16, i64) {
    let asked = ListOffsetsPartition::default().with_partition_index(PARTITION).with_timestamp(timestamp);
    let topic = ListOffsetsTopic::default().with_name(text("orders").into()).with_partitions(vec![asked]);
    let request = ListOffsetsRequest::default().with_replica_id((-1).into()).with_topics(vec![topic]);
    let told = client.ask(7, &request).await.topics.remove(0).partitions.remove(0);
    (told.error_code, told.offset)
}

#[tokio::test]
async fn where_its_log_begins_is_told_once_it_is_there() {
    let scene = Scene::new(800, 700).await;
    let mut client = scene.proxy.client().await;
    assert_eq!(offset(&mut client, -2).await, (0, 700), "nobody tells of anything else");
    let mut held = PartitionSummary::new(tip("orders", ID, PARTITION));
    (held.pinned_bytes, held.sole_link_bytes) = (ByteCount::new(9_000_000), ByteCount::new(5_000_000));
    let node = NodeId::new(0).unwrap();
    let summary = NodeSummary {
        cluster_id: cluster(),
        node,
        incarnation: Incarnation::from_bytes([1; 16]),
        sequence: 1,
        written_at: TimestampMs::new(1_700_000_000_000).unwrap(),
        partitions: vec![held],
    };
    let key = ObjectKey::NodeSummary { node }.to_string();
    scene.world.store().put_unique(&key, summary.encode().unwrap()).await.unwrap();
    let world = &scene.world;
    let catalog = Catalog::load(world.store(), Arc::clone(&world.env.clock)).await.unwrap();
    let proxy = scene.anew(catalog).await;
    let mut client = proxy.client().await;
    let mut told = offset(&mut client, -2).await;
    for _ in 0..100 {
        if told.0 != 0 {
            break;
        }
        // It reads what nodes tell once it has begun.
        sleep(Duration::from_millis(20)).await;
        told = offset(&mut client, -2).await;
    }
    assert_eq!(told, (7, -1), "who begins at 700 passes over what is on its way");
    assert_eq!(offset(&mut client, 1_000_300).await, (7, -1));
    assert_eq!(offset(&mut client, -1).await, (0, scene.log.end()));
    let entry = fetch(&mut client, 13, &[(PARTITION, 100)]).await.remove(0);
    assert_eq!((entry.error_code, records(&entry).len()), (0, 0));
}
