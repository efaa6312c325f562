//! A proxy whose store does not answer when it begins.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use firnline_proxy::proxy::{Proxy, ProxySecurity};
use firnline_proxy::serve::Catalog;
use kafka_protocol::messages::DeleteRecordsRequest;
use kafka_protocol::messages::ListOffsetsRequest;
use kafka_protocol::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};

use super::broker::{Client, Running, settings};
use super::filling::{fetch, fetch_on, records};
use super::scene::{OUT_OF_RANGE, Scene, archive, text};

async fn listed(client: &mut Client, timestamp: i64) -> (i16, i64) {
    let asked = ListOffsetsPartition::default().with_partition_index(0).with_timestamp(timestamp);
    let topic = ListOffsetsTopic::default().with_name(text("orders").into()).with_partitions(vec![asked]);
    let request = ListOffsetsRequest::default().with_replica_id((-1).into()).with_topics(vec![topic]);
    let told = client.ask(7, &request).await.topics.remove(0).partitions.remove(0);
    (told.error_code, told.offset)
}

#[tokio::test]
async fn what_is_hot_passes_and_nothing_is_out_of_range_before_the_tier_is_there() {
    let scene = Scene::new(800, 700).await;
    let settings = settings(scene.broker.port);
    let base = settings.node_port_base.unwrap();
    let (proxy, tier) = Proxy::bind_awaiting(settings, ProxySecurity::default()).await.unwrap();
    let watched = proxy.watched();
    let running = Running::of(proxy, base);
    let mut client = running.client().await;
    for version in [4, 12, 13, 18] {
        let entry = fetch(&mut client, version, &[(0, 750)]).await.remove(0);
        assert_eq!(records(&entry), scene.log.bytes_from(750), "version {version}");
        assert_eq!(entry.log_start_offset, -1, "who trusts it would pass over what the tier has");
        for offset in [100, 650, scene.log.end() + 5] {
            let entry = fetch(&mut client, version, &[(0, offset)]).await.remove(0);
            assert_eq!((entry.error_code, records(&entry)), (0, &b""[..]), "version {version}, {offset}");
        }
    }
    scene.brokers.error.store(29, Ordering::SeqCst);
    assert_eq!(fetch(&mut client, 13, &[(0, 100)]).await[0].error_code, 29, "other errors pass");
    scene.brokers.error.store(0, Ordering::SeqCst);
    for timestamp in [-2, 0, 1_000_333] {
        assert_eq!(listed(&mut client, timestamp).await, (7, -1), "{timestamp}: it is asked for again");
    }
    assert_eq!(listed(&mut client, -1).await, (0, scene.log.end()));
    let asked = DeleteRecordsPartition::default().with_partition_index(0).with_offset(300);
    let topic = DeleteRecordsTopic::default().with_name(text("orders").into()).with_partitions(vec![asked]);
    let told = client.ask(2, &DeleteRecordsRequest::default().with_topics(vec![topic])).await;
    assert_eq!(told.topics[0].partitions[0].error_code, 7);
    assert_eq!(
        scene.brokers.deletions.load(Ordering::SeqCst),
        0,
        "nothing is, before it can be written down"
    );
    assert!(!watched.has_tier());
    let world = &scene.world;
    let catalog = Catalog::load(world.store(), Arc::clone(&world.env.clock)).await.unwrap();
    tier.send(archive(world, world.store(), catalog)).unwrap();
    // On the same connection.
    let entry = fetch_on(&mut client, 13, 100).await;
    assert!(entry.error_code == 0 && scene.log.bytes_from(100).starts_with(records(&entry)));
    assert!(watched.has_tier());
    assert_eq!(fetch_on(&mut client, 13, scene.log.end() + 5).await.error_code, OUT_OF_RANGE);
    let mut told = listed(&mut client, -2).await;
    for _ in 0..5 {
        if told.0 == 0 {
            break;
        }
        told = listed(&mut client, -2).await;
    }
    assert_eq!(told, (0, 100));
}
