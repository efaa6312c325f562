//! Groups and positions that are deleted.

use kafka_protocol::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};

use super::super::client::anonymous_reads;
use super::*;

async fn delete(client: &mut Client, version: i16, groups: &[&str]) -> Vec<i16> {
    let request = DeleteGroupsRequest::default()
        .with_groups_names(groups.iter().map(|group| group_id(group)).collect());
    client.ask(version, &request).await.results.iter().map(|result| result.error_code).collect()
}

/// The error of the request, and those of the partitions.
async fn forget(client: &mut Client, group: &str, partitions: &[i32]) -> (i16, Vec<i16>) {
    let one = |partition: &i32| OffsetDeleteRequestPartition::default().with_partition_index(*partition);
    let topic = OffsetDeleteRequestTopic::default()
        .with_name(name("orders"))
        .with_partitions(partitions.iter().map(one).collect());
    let request = OffsetDeleteRequest::default().with_group_id(group_id(group)).with_topics(vec![topic]);
    let response = client.ask(0, &request).await;
    let partitions = response.topics.iter().flat_map(|topic| &topic.partitions);
    (response.error_code, partitions.map(|told| told.error_code).collect())
}

#[tokio::test]
async fn positions_are_gone_for_good_and_only_where_nobody_works_by_them() {
    let world = World::with_orders();
    let running = world.serve_with(anonymous_reads("orders"), prompt()).await;
    let mut client = running.client().await;
    assert_eq!(forget(&mut client, APP, &[0]).await, (69, vec![]), "there is no such group");
    let (member, generation) = enter(&mut client).await;
    let request = commit(Some((&member, generation)), &[(0, 5), (1, 6), (2, 7)]);
    assert_eq!(committed(&mut client, &request).await, [0, 0, 0]);
    assert_eq!(forget(&mut client, APP, &[0]).await, (0, vec![86]), "a member may read it");
    assert_eq!(delete(&mut client, 2, &[APP, "other"]).await, [68, 69]);
    assert_eq!(positions(&mut client, &[0, 1, 2]).await, Ok(vec![5, 6, 7]));
    let leave = LeaveGroupRequest::default().with_group_id(group_id(APP)).with_member_id(text(&member));
    assert_eq!(client.ask(1, &leave).await.error_code, 0);

    assert_eq!(forget(&mut client, APP, &[1, 9]).await, (0, vec![0, 3]));
    assert_eq!(positions(&mut client, &[0, 1, 2]).await, Ok(vec![5, -1, 7]));
    // A run later it is the same.
    drop(running);
    let running = world.serve_with(anonymous_reads("orders"), prompt()).await;
    let mut client = running.client().await;
    assert_eq!(positions(&mut client, &[0, 1, 2]).await, Ok(vec![5, -1, 7]));
    assert_eq!(delete(&mut client, 0, &[APP]).await, [0]);
    assert_eq!(positions(&mut client, &[0, 1, 2]).await, Ok(vec![-1, -1, -1]));
    assert!(world.group_object().unwrap().topics.is_empty());
}

#[tokio::test]
async fn what_another_server_has_is_not_deleted_here() {
    let world = World::with_orders();
    let one = world.serve_with(anonymous_reads(".*"), prompt()).await;
    let two = world.serve_with(anonymous_reads(".*"), prompt()).await;
    let (mut of_one, mut of_two) = (one.client().await, two.client().await);
    assert_eq!(committed(&mut of_one, &commit(None, &[(0, 5)])).await, [0]);
    assert_eq!(delete(&mut of_two, 1, &[APP]).await, [16]);
    assert_eq!(forget(&mut of_two, APP, &[0]).await, (16, vec![]));
    assert_eq!(positions(&mut of_one, &[0]).await, Ok(vec![5]));
}

#[tokio::test]
async fn positions_of_what_may_not_be_read_are_not_taken() {
    let world = World::with_orders();
    let running = world.serve_with(anonymous_reads(".*"), prompt()).await;
    let mut client = running.client().await;
    let mut request = commit(None, &[(0, 5)]);
    let mut secret = request.topics[0].clone();
    secret.name = name("secrets");
    request.topics.push(secret);
    assert_eq!(committed(&mut client, &request).await, [0, 0]);
    running.rights.send_replace(std::sync::Arc::new(anonymous_reads("orders")));
    assert_eq!(delete(&mut client, 2, &[APP]).await, [0]);
    let kept: Vec<_> = world.group_object().unwrap().topics.into_values().map(|topic| topic.topic).collect();
    assert_eq!(kept, [super::super::tier::topic_name("secrets")]);
}
