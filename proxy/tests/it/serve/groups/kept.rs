//! Positions: durable before they are answered for, few writes, unclear answers, restarts.

use firnline_index::Offset;
use firnline_store::RequestKind;
use firnline_store::sim::{Rule, SimFault, When};

use super::super::client::anonymous_reads;
use super::super::tier::topic_id;
use super::*;

#[tokio::test]
async fn a_commit_is_in_the_bucket_before_it_is_answered_and_a_restart_goes_on_from_it() {
    let world = World::with_orders();
    let running = world.serve_with(anonymous_reads(".*"), prompt()).await;
    let mut client = running.client().await;
    let (member, generation) = enter(&mut client).await;
    assert_eq!(positions(&mut client, &[0, 1]).await, Ok(vec![-1, -1]));
    let request = commit(Some((&member, generation)), &[(0, 17), (1, 4)]);
    assert_eq!(committed(&mut client, &request).await, [0, 0]);
    let object = world.group_object().unwrap();
    let kept = &object.topics[&topic_id(7)].partitions;
    assert_eq!(kept.values().map(|kept| kept.offset.get()).collect::<Vec<_>>(), [17, 4]);
    assert_eq!((object.generation, kept.values().next().unwrap().metadata.as_str()), (1, "beside"));
    // Killed: nothing is told to anybody, and another run begins at another port.
    drop(running);

    let running = world.serve_with(anonymous_reads(".*"), prompt()).await;
    let mut client = running.client().await;
    assert_eq!(client.ask(3, &heartbeat(&member, generation)).await.error_code, 25, "it is to enter anew");
    assert_eq!(committed(&mut client, &commit(Some((&member, 1)), &[(0, 99)])).await, [25]);
    assert_eq!(positions(&mut client, &[0, 1, 2]).await, Ok(vec![17, 4, -1]));
    let (_, generation) = enter(&mut client).await;
    assert_eq!(generation, 2, "generations go on");
}

#[tokio::test]
async fn what_comes_within_a_second_is_one_write_and_what_changes_nothing_is_none() {
    let world = World::with_orders();
    let running = world.serve_with(anonymous_reads(".*"), prompt()).await;
    let mut clients = Vec::new();
    for _ in 0..8 {
        clients.push(running.client().await);
    }
    assert_eq!(committed(&mut clients[0], &commit(None, &[(0, 1)])).await, [0]);
    let before = running.store.counters();
    for (client, offset) in clients.iter_mut().zip(2..) {
        client.send(7, &commit(None, &[(i32::try_from(offset % 3).unwrap(), offset)])).await;
    }
    for client in &mut clients {
        assert_eq!(client.answer::<OffsetCommitRequest>(7).await.topics[0].partitions[0].error_code, 0);
    }
    let writes = running.store.counters().since(&before).of(RequestKind::Update);
    assert!((1..=2).contains(&writes), "{writes} writes for eight commits");
    let before = running.store.counters();
    let last = commit(None, &[(0, 9)]);
    assert_eq!(committed(&mut clients[0], &last).await, [0]);
    assert_eq!(committed(&mut clients[0], &last).await, [0]);
    assert_eq!(committed(&mut clients[1], &last).await, [0]);
    assert!(running.store.counters().since(&before).of(RequestKind::Update) <= 1);
    let object = world.group_object().unwrap();
    let kept: Vec<_> =
        object.topics[&topic_id(7)].partitions.values().map(|kept| kept.offset.get()).collect();
    assert_eq!(kept, [9, 7, 8]);
}

#[tokio::test]
async fn unclear_answers_are_read_back() {
    for fault in [SimFault::LostAfter, SimFault::LostBefore] {
        let world = World::with_orders();
        let running = world.serve_with(anonymous_reads(".*"), prompt()).await;
        let mut client = running.client().await;
        assert_eq!(committed(&mut client, &commit(None, &[(0, 1)])).await, [0]);
        let updates = [RequestKind::Update];
        world.sim.rule(Rule::new(fault, When::First(2)).on(&updates).key_contains("cluster/groups/"));
        assert_eq!(committed(&mut client, &commit(None, &[(0, 2), (1, 3)])).await, [0, 0]);
        world.sim.heal();
        assert_eq!(positions(&mut client, &[0, 1]).await, Ok(vec![2, 3]));
        assert_eq!(committed(&mut client, &commit(None, &[(0, 4)])).await, [0]);
        drop(running);
        let running = world.serve_with(anonymous_reads(".*"), prompt()).await;
        assert_eq!(positions(&mut running.client().await, &[0, 1]).await, Ok(vec![4, 3]));
    }
}

#[tokio::test]
async fn a_store_that_refuses_is_told_as_such_and_keeps_what_it_had() {
    let world = World::with_orders();
    let running = world.serve_with(anonymous_reads(".*"), prompt()).await;
    let mut client = running.client().await;
    assert_eq!(committed(&mut client, &commit(None, &[(0, 1)])).await, [0]);
    world.sim.rule(Rule::new(SimFault::Denied, When::Always).on(&[RequestKind::Update]));
    assert_eq!(committed(&mut client, &commit(None, &[(0, 2)])).await, [30]);
    world.sim.heal();
    assert_eq!(positions(&mut client, &[0]).await, Ok(vec![1]));
    assert_eq!(committed(&mut client, &commit(None, &[(0, 3)])).await, [0]);
    assert_eq!(positions(&mut client, &[0]).await, Ok(vec![3]));
}

#[tokio::test]
async fn a_damaged_object_is_never_written_over() {
    let world = World::with_orders();
    let key = ObjectKey::Group { group: GroupName::new(APP).unwrap() }.to_string();
    world.sim.plant(&key, "not a group".as_bytes());
    let running = world.serve_with(anonymous_reads(".*"), prompt()).await;
    let mut client = running.client().await;
    assert_eq!(client.ask(5, &join("")).await.error_code, 15);
    assert_eq!(committed(&mut client, &commit(None, &[(0, 2)])).await, [15]);
    assert_eq!(positions(&mut client, &[0]).await, Err(15));
    assert_eq!(world.sim.peek(&key).unwrap(), "not a group");
}

#[tokio::test]
async fn each_partition_has_its_own_error_and_what_is_below_zero_is_forgotten() {
    let world = World::with_orders();
    let running = world.serve_with(anonymous_reads("orders"), prompt()).await;
    let mut client = running.client().await;
    let mut request = commit(None, &[(0, 5), (1, 6), (3, 7)]);
    let mut secret = request.topics[0].clone();
    secret.name = name("secrets");
    secret.partitions.truncate(1);
    request.topics.push(secret);
    request.topics[0].partitions[1].committed_metadata = Some(text(&"x".repeat(5000)));
    assert_eq!(committed(&mut client, &request).await, [0, 12, 3, 29]);
    assert_eq!(positions(&mut client, &[0, 1]).await, Ok(vec![5, -1]));
    assert_eq!(committed(&mut client, &commit(None, &[(0, -1)])).await, [0]);
    assert_eq!(positions(&mut client, &[0]).await, Ok(vec![-1]));
    assert!(world.group_object().unwrap().topics.is_empty());
}

#[tokio::test]
async fn a_topic_made_anew_under_its_name_begins_anew() {
    let world = World::with_orders();
    let running = world.serve_with(anonymous_reads(".*"), prompt()).await;
    let mut client = running.client().await;
    assert_eq!(committed(&mut client, &commit(None, &[(0, 5)])).await, [0]);
    world.topic_that("orders", 7, 3, |topic| topic.deleted_at = Some(super::super::log::ms(1)));
    world.topic("orders", 9, 3);
    running.catalog.refresh().await.unwrap();
    assert_eq!(positions(&mut client, &[0]).await, Ok(vec![-1]));
    let all = OffsetFetchRequest::default().with_group_id(group_id(APP)).with_topics(None);
    let told = client.ask(7, &all).await;
    let old = format!("orders@{}", topic_id(7));
    let told: Vec<_> =
        told.topics.iter().map(|topic| (&**topic.name, topic.partitions[0].committed_offset)).collect();
    assert_eq!(told, [(&*old, 5)]);
    let kept = world.group_object().unwrap();
    assert_eq!(kept.topics[&topic_id(7)].partitions.values().next().unwrap().offset, Offset::new(5).unwrap());
}
