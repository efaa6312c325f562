//! What groups may take of a server, whoever asks, and however often.

use kafka_protocol::messages::describe_groups_request::DescribeGroupsRequest;
use kafka_protocol::messages::offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics};

use super::super::client::anonymous_reads;
use super::*;

/// Settings under which nothing waits for another write.
fn eager() -> ServeSettings {
    let mut settings = prompt();
    settings.groups.limits.write_interval = Duration::ZERO;
    settings
}

fn of_group(group: &str, request: OffsetCommitRequest) -> OffsetCommitRequest {
    request.with_group_id(group_id(group))
}

#[tokio::test]
async fn a_group_that_is_named_again_and_again_is_answered_once() {
    let world = World::with_orders();
    let running = world.serve_with(anonymous_reads(".*"), prompt()).await;
    let mut client = running.client().await;
    assert_eq!(committed(&mut client, &commit(None, &[(0, 5), (1, 6)])).await, [0, 0]);

    let all = OffsetFetchRequestGroup::default().with_group_id(group_id(APP)).with_topics(None);
    let request = OffsetFetchRequest::default().with_groups(vec![all; 10_000]);
    let told = client.ask(8, &request).await;
    assert_eq!((told.groups.len(), told.groups[0].topics[0].partitions.len()), (1, 2));

    let topic = OffsetFetchRequestTopics::default()
        .with_name(name("orders"))
        .with_partition_indexes([vec![1; 10_000], vec![0]].concat());
    let some = OffsetFetchRequestGroup::default()
        .with_group_id(group_id(APP))
        .with_topics(Some(vec![topic.clone(), topic]));
    let told = client.ask(8, &OffsetFetchRequest::default().with_groups(vec![some])).await;
    let partitions = told.groups[0].topics.iter().flat_map(|topic| &topic.partitions);
    let offsets: Vec<_> = partitions.map(|told| (told.partition_index, told.committed_offset)).collect();
    assert_eq!(offsets, [(1, 6), (0, 5)]);
    let topic =
        OffsetFetchRequestTopic::default().with_name(name("orders")).with_partition_indexes(vec![0; 10_000]);
    let request = OffsetFetchRequest::default().with_group_id(group_id(APP)).with_topics(Some(vec![topic]));
    assert_eq!(client.ask(7, &request).await.topics[0].partitions.len(), 1);

    let groups = vec![group_id(APP); 10_000];
    let describe = DescribeGroupsRequest::default().with_groups(groups.clone());
    assert_eq!(client.ask(5, &describe).await.groups.len(), 1);
    let find = FindCoordinatorRequest::default().with_coordinator_keys(vec![text(APP); 10_000]);
    assert_eq!(client.ask(4, &find).await.coordinators.len(), 1);
    let delete = DeleteGroupsRequest::default().with_groups_names(groups);
    assert_eq!(client.ask(2, &delete).await.results.len(), 1);
}

#[tokio::test]
async fn who_knows_more_ways_than_anybody_needs_does_not_enter() {
    let world = World::with_orders();
    let running = world.serve_with(anonymous_reads(".*"), prompt()).await;
    let mut client = running.client().await;
    let ways = |count| vec![JoinGroupRequestProtocol::default().with_name(text("range")); count];
    assert_eq!(client.ask(6, &join("").with_protocols(ways(100))).await.error_code, 79);
    assert_eq!(client.ask(6, &join("").with_protocols(ways(101))).await.error_code, 81);
    let long = text(&"x".repeat(256));
    let instance = join("").with_group_instance_id(Some(long.clone()));
    assert_eq!(client.ask(6, &instance).await.error_code, 81);
    assert_eq!(client.ask(6, &join("").with_protocol_type(long)).await.error_code, 81);
    let part = sync_group_request::SyncGroupRequestAssignment::default();
    let parts = sync("x", 1).with_assignments(vec![part; 1001]);
    assert_eq!(client.ask(3, &parts).await.error_code, 81);
}

#[tokio::test]
async fn groups_that_rest_give_their_memory_to_those_that_work() {
    let world = World::with_orders();
    let mut settings = eager();
    settings.groups.limits.bytes = 20_000;
    let running = world.serve_with(anonymous_reads(".*"), settings).await;
    let mut client = running.client().await;
    for number in 0..60 {
        let request = of_group(&format!("nightly-{number}"), commit(None, &[(0, number), (1, 4), (2, 4)]));
        assert_eq!(committed(&mut client, &request).await, [0, 0, 0], "group {number}");
    }
    enter(&mut client).await;
    for number in [0, 30, 59] {
        let topic =
            OffsetFetchRequestTopic::default().with_name(name("orders")).with_partition_indexes(vec![0]);
        let request = OffsetFetchRequest::default()
            .with_group_id(group_id(&format!("nightly-{number}")))
            .with_topics(Some(vec![topic]));
        assert_eq!(client.ask(5, &request).await.topics[0].partitions[0].committed_offset, number);
    }
}

#[tokio::test]
async fn who_keeps_nothing_or_may_read_nothing_makes_no_group() {
    let world = World::with_orders();
    let running = world.serve_with(anonymous_reads("orders"), prompt()).await;
    let mut client = running.client().await;
    let nothing = commit(None, &[]).with_topics(Vec::new());
    assert!(committed(&mut client, &nothing).await.is_empty());
    assert_eq!(committed(&mut client, &commit(None, &[(0, -1), (77, 4)])).await, [0, 3]);
    assert_eq!(world.group_object(), None);
    running.rights.send_replace(std::sync::Arc::default());
    assert_eq!(client.ask(5, &join("")).await.error_code, 30);
    assert_eq!(world.group_object(), None);
}

#[tokio::test]
async fn new_groups_are_not_made_faster_than_anybody_needs_them() {
    let world = World::with_orders();
    let running = world.serve_with(anonymous_reads(".*"), eager()).await;
    let mut client = running.client().await;
    for number in 0..1000 {
        let request = of_group(&format!("app-{number}"), commit(None, &[(0, 5)]));
        assert_eq!(committed(&mut client, &request).await, [0], "group {number}");
    }
    assert_eq!(committed(&mut client, &commit(None, &[(0, 5)])).await, [15]);
    assert_eq!(world.group_object(), None);
    // Those that are there go on.
    assert_eq!(committed(&mut client, &of_group("app-0", commit(None, &[(0, 6)]))).await, [0]);
}
