//! Members: entering, going, being described, rights.

use std::sync::Arc;

use firnline_proxy::serve::{GroupRule, Principal, Rights, TopicPattern, Who};
use kafka_protocol::messages::describe_groups_request::DescribeGroupsRequest;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;

use super::super::client::anonymous_reads;
use super::*;

#[tokio::test]
async fn two_members_divide_the_work_and_the_one_that_stays_takes_it_over() {
    let world = World::with_orders();
    let running = world.serve_with(anonymous_reads(".*"), prompt()).await;
    let (mut one, mut two) = (running.client().await, running.client().await);
    let (first, generation) = enter(&mut one).await;
    assert_eq!(generation, 1);

    let named = two.ask(9, &join("")).await;
    assert_eq!(named.error_code, 79);
    two.send(9, &join(&named.member_id)).await;
    let again = async {
        while one.ask(4, &heartbeat(&first, 1)).await.error_code == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        one.ask(9, &join(&first)).await
    };
    let (led, second) = (again.await, two.answer::<JoinGroupRequest>(9).await);
    assert_eq!((led.generation_id, second.generation_id), (2, 2));
    assert_eq!((led.members.len(), second.members.len()), (2, 0), "the leader alone learns of all");
    assert!(led.members.iter().all(|member| member.metadata == "meta"));

    let part = |member: &str, part: &'static [u8]| {
        SyncGroupRequestAssignment::default()
            .with_member_id(text(member))
            .with_assignment(Bytes::from_static(part))
    };
    let parts = vec![part(&first, b"one"), part(&second.member_id, b"two")];
    two.send(5, &sync(&second.member_id, 2)).await;
    assert_eq!(one.ask(5, &sync(&first, 2).with_assignments(parts)).await.assignment, &b"one"[..]);
    assert_eq!(two.answer::<SyncGroupRequest>(5).await.assignment, &b"two"[..]);

    let describe = DescribeGroupsRequest::default().with_groups(vec![group_id(APP), group_id("other")]);
    let told = one.ask(5, &describe).await;
    assert_eq!((&*told.groups[0].group_state, &*told.groups[0].protocol_data), ("Stable", "range"));
    let assigned: Vec<_> =
        told.groups[0].members.iter().map(|member| &member.member_assignment[..]).collect();
    assert!(assigned.contains(&&b"one"[..]) && assigned.contains(&&b"two"[..]));
    assert_eq!((told.groups[1].error_code, &*told.groups[1].group_state), (0, "Dead"));
    assert_eq!(one.ask(6, &describe).await.groups[1].error_code, 69);

    let gone = LeaveGroupRequest::default().with_group_id(group_id(APP)).with_members(vec![
        MemberIdentity::default().with_member_id(second.member_id.clone()),
        MemberIdentity::default().with_member_id(text("nobody")),
    ]);
    let left = two.ask(5, &gone).await;
    assert_eq!(left.members.iter().map(|member| member.error_code).collect::<Vec<_>>(), [0, 25]);
    assert_eq!(one.ask(4, &heartbeat(&first, 2)).await.error_code, 27);
    assert_eq!(two.ask(4, &heartbeat(&second.member_id, 2)).await.error_code, 25);
    assert_eq!(one.ask(9, &join(&first)).await.generation_id, 3);
    let listed = one.ask(5, &ListGroupsRequest::default()).await;
    let groups: Vec<_> = listed.groups.iter().map(|group| (&**group.group_id, &*group.group_state)).collect();
    assert_eq!(groups, [(APP, "CompletingRebalance")]);
    running.stop().await;
}

#[tokio::test]
async fn a_server_that_stops_sends_away_who_waits() {
    let world = World::with_orders();
    let running = world.serve_with(anonymous_reads(".*"), prompt()).await;
    let (mut one, mut two) = (running.client().await, running.client().await);
    enter(&mut one).await;
    let named = two.ask(5, &join("")).await;
    two.send(5, &join(&named.member_id)).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    running.stop().await;
    assert_eq!(two.answer::<JoinGroupRequest>(5).await.error_code, 16);
}

#[tokio::test]
async fn groups_are_used_by_whom_the_rules_name() {
    let world = World::with_orders();
    let group = |groups: &str| {
        let who = Who::Principal(Principal::Anonymous);
        vec![GroupRule { who, groups: TopicPattern::new(groups).unwrap() }]
    };
    let rights = |groups: &str| anonymous_reads("orders").with_groups(group(groups));
    let running = world.serve_with(rights("hers.*"), prompt()).await;
    let mut client = running.client().await;
    assert_eq!(client.ask(5, &join("")).await.error_code, 30);
    assert_eq!(client.ask(3, &heartbeat("x", 1)).await.error_code, 30);
    assert_eq!(committed(&mut client, &commit(None, &[(0, 1)])).await, [30]);
    assert_eq!(positions(&mut client, &[0]).await, Err(30));
    let find = FindCoordinatorRequest::default().with_coordinator_keys(vec![text(APP), text("hers-1")]);
    let found = client.ask(6, &find).await;
    assert_eq!(found.coordinators.iter().map(|told| told.error_code).collect::<Vec<_>>(), [30, 0]);
    assert!(client.ask(5, &ListGroupsRequest::default()).await.groups.is_empty());
    assert_eq!(world.group_object(), None, "nothing was written");
    running.rights.send_replace(Arc::new(rights("orders app")));
    assert_eq!(committed(&mut client, &commit(None, &[(0, 1)])).await, [0]);
    running.rights.send_replace(Arc::new(Rights::default()));
    assert_eq!(committed(&mut client, &commit(None, &[(0, 2)])).await, [29], "the topic is nobody's");
}

#[tokio::test]
async fn names_that_are_none_are_refused() {
    let world = World::with_orders();
    let running = world.serve_with(anonymous_reads(".*"), prompt()).await;
    let mut client = running.client().await;
    for odd in [String::new(), "g".repeat(241)] {
        let join = join("").with_group_id(group_id(&odd));
        assert_eq!(client.ask(5, &join).await.error_code, 24);
        let find = FindCoordinatorRequest::default().with_key(text(&odd));
        assert_eq!(client.ask(3, &find).await.error_code, 24);
    }
    let long = join("").with_protocols(vec![
        JoinGroupRequestProtocol::default()
            .with_name(text("range"))
            .with_metadata(Bytes::from(vec![0; 70_000])),
    ]);
    assert_eq!(client.ask(5, &long).await.error_code, 81);
}
