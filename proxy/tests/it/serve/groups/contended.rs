//! Two servers on one bucket, and one group.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use firnline_proxy::serve::Reach;
use futures::FutureExt;
use futures::future::BoxFuture;

use super::super::client::anonymous_reads;
use super::*;

/// Servers that are there, or not, as it is told.
#[derive(Debug)]
struct Told(AtomicBool);

impl Reach for Told {
    fn reaches<'a>(&'a self, _: &'a str, _: u16) -> BoxFuture<'a, bool> {
        async { self.0.load(Ordering::SeqCst) }.boxed()
    }
}

/// A server that asks the store and others each time.
fn asking() -> ServeSettings {
    let mut settings = prompt();
    settings.groups.limits.look_age = Duration::ZERO;
    settings
}

#[tokio::test]
async fn clients_of_one_server_are_led_to_the_other_that_has_their_group() {
    let world = World::with_orders();
    let one = world.serve_with(anonymous_reads(".*"), prompt()).await;
    let two = world.serve_with(anonymous_reads(".*"), asking()).await;
    let (mut of_one, mut of_two) = (one.client().await, two.client().await);
    let (member, generation) = enter(&mut of_one).await;
    let find = FindCoordinatorRequest::default().with_key(text(APP));
    assert_eq!(of_two.ask(3, &find).await.port, one.port());
    assert_eq!(of_two.ask(5, &join("")).await.error_code, 16);
    assert_eq!(of_two.ask(3, &heartbeat(&member, generation)).await.error_code, 16);
    assert_eq!(committed(&mut of_two, &commit(None, &[(0, 9)])).await, [16]);
    assert_eq!(positions(&mut of_two, &[0]).await, Err(16));
    assert_eq!(committed(&mut of_one, &commit(Some((&member, generation)), &[(0, 5)])).await, [0]);

    // The one is killed; the other takes the group where it stood.
    drop((of_one, one));
    assert_eq!(of_two.ask(3, &find).await.port, two.port());
    let (_, generation) = enter(&mut of_two).await;
    assert_eq!(generation, 2);
    assert_eq!(positions(&mut of_two, &[0]).await, Ok(vec![5]));
}

#[tokio::test]
async fn who_has_lost_a_group_keeps_nothing_more_and_never_takes_it_back_from_who_is_there() {
    let world = World::with_orders();
    let others = Arc::new(Told(AtomicBool::new(false)));
    let one = world.serve_reaching(asking(), Arc::clone(&others) as _).await;
    let two = world.serve_reaching(asking(), Arc::clone(&others) as _).await;
    let (mut of_one, mut of_two) = (one.client().await, two.client().await);
    let (member, generation) = enter(&mut of_one).await;
    assert_eq!(committed(&mut of_one, &commit(Some((&member, generation)), &[(0, 5)])).await, [0]);

    // Each takes the other for gone.
    let (taker, _) = enter(&mut of_two).await;
    assert_eq!(committed(&mut of_two, &commit(Some((&taker, 2)), &[(0, 8)])).await, [0]);
    others.0.store(true, Ordering::SeqCst);
    assert_eq!(of_one.ask(3, &heartbeat(&member, generation)).await.error_code, 0, "it does not know yet");
    assert_eq!(committed(&mut of_one, &commit(Some((&member, generation)), &[(0, 6)])).await, [16]);
    assert_eq!(of_one.ask(3, &heartbeat(&member, generation)).await.error_code, 16);
    assert_eq!(of_one.ask(5, &join("")).await.error_code, 16);
    assert_eq!(positions(&mut of_one, &[0]).await, Err(16));
    let find = FindCoordinatorRequest::default().with_key(text(APP));
    assert_eq!(of_one.ask(3, &find).await.port, two.port());
    assert_eq!(positions(&mut of_two, &[0]).await, Ok(vec![8]));
    assert_eq!(of_two.ask(3, &heartbeat(&taker, 2)).await.error_code, 0);
}

#[tokio::test]
async fn servers_that_do_not_reach_each_other_do_not_take_a_group_back_and_forth() {
    // As where what clients are told to connect to means nothing inside.
    let world = World::with_orders();
    let others = Arc::new(Told(AtomicBool::new(false)));
    let one = world.serve_reaching(asking(), Arc::clone(&others) as _).await;
    let two = world.serve_reaching(asking(), Arc::clone(&others) as _).await;
    let (mut of_one, mut of_two) = (one.client().await, two.client().await);
    assert_eq!(committed(&mut of_one, &commit(None, &[(0, 5)])).await, [0]);
    assert_eq!(committed(&mut of_two, &commit(None, &[(0, 8)])).await, [0]);
    let find = FindCoordinatorRequest::default().with_key(text(APP));
    for _ in 0..3 {
        assert_eq!(committed(&mut of_one, &commit(None, &[(0, 6)])).await, [16]);
        assert_eq!(of_one.ask(3, &find).await.port, two.port());
        assert_eq!(of_one.ask(5, &join("")).await.error_code, 16);
        assert_eq!(committed(&mut of_two, &commit(None, &[(0, 9)])).await, [0]);
        assert_eq!(positions(&mut of_two, &[0]).await, Ok(vec![9]));
    }
}

#[tokio::test]
async fn groups_that_were_lost_take_no_places() {
    let world = World::with_orders();
    let others = Arc::new(Told(AtomicBool::new(false)));
    let mut few = asking();
    few.groups.limits.groups = 2;
    let one = world.serve_reaching(few, Arc::clone(&others) as _).await;
    let two = world.serve_reaching(asking(), Arc::clone(&others) as _).await;
    let (mut of_one, mut of_two) = (one.client().await, two.client().await);
    for group in ["first", "second", "third"] {
        let commit = commit(None, &[(0, 5)]).with_group_id(group_id(group));
        assert_eq!(committed(&mut of_one, &commit).await, [0], "{group}");
        let further = commit.clone().with_topics(super::commit(None, &[(0, 8)]).topics);
        assert_eq!(committed(&mut of_two, &further).await, [0]);
        assert_eq!(
            committed(&mut of_one, &commit.with_topics(super::commit(None, &[(0, 6)]).topics)).await,
            [16]
        );
    }
}

#[tokio::test]
async fn positions_are_never_told_by_who_has_lost_the_group() {
    let world = World::with_orders();
    let others = Arc::new(Told(AtomicBool::new(false)));
    let one = world.serve_reaching(asking(), Arc::clone(&others) as _).await;
    let two = world.serve_reaching(asking(), Arc::clone(&others) as _).await;
    let (mut of_one, mut of_two) = (one.client().await, two.client().await);
    assert_eq!(committed(&mut of_one, &commit(None, &[(0, 5)])).await, [0]);
    assert_eq!(committed(&mut of_two, &commit(None, &[(0, 8)])).await, [0]);
    others.0.store(true, Ordering::SeqCst);
    assert_eq!(positions(&mut of_one, &[0]).await, Err(16), "it would tell 5");
}

#[tokio::test]
async fn a_group_whose_object_was_deleted_begins_anew() {
    let world = World::with_orders();
    let running = world.serve_with(anonymous_reads(".*"), asking()).await;
    let mut client = running.client().await;
    assert_eq!(committed(&mut client, &commit(None, &[(0, 5)])).await, [0]);
    world.sim.lose(&ObjectKey::Group { group: GroupName::new(APP).unwrap() }.to_string());
    assert_eq!(positions(&mut client, &[0]).await, Ok(vec![-1]));
    assert_eq!(committed(&mut client, &commit(None, &[(1, 6)])).await, [0]);
    assert_eq!(positions(&mut client, &[0, 1]).await, Ok(vec![-1, 6]));
}

#[tokio::test]
async fn servers_that_tell_the_same_address_do_not_take_a_group_from_each_other_again_and_again() {
    // As two machines do that both tell their clients 127.0.0.1.
    let world = World::with_orders();
    let at_home = || ServeSettings { advertised: Some(("127.0.0.1".into(), 9092)), ..asking() };
    let others = Arc::new(Told(AtomicBool::new(true)));
    let one = world.serve_reaching(at_home(), Arc::clone(&others) as _).await;
    let two = world.serve_reaching(at_home(), Arc::clone(&others) as _).await;
    let (mut of_one, mut of_two) = (one.client().await, two.client().await);
    assert_eq!(committed(&mut of_one, &commit(None, &[(0, 5)])).await, [0]);
    // It takes the other for an earlier run of its own, once.
    assert_eq!(committed(&mut of_two, &commit(None, &[(0, 8)])).await, [0]);
    for _ in 0..3 {
        assert_eq!(committed(&mut of_one, &commit(None, &[(0, 6)])).await, [16]);
        assert_eq!(of_one.ask(5, &join("")).await.error_code, 16);
        assert_eq!(committed(&mut of_two, &commit(None, &[(0, 9)])).await, [0]);
        assert_eq!(positions(&mut of_one, &[0]).await, Err(16));
        assert_eq!(positions(&mut of_two, &[0]).await, Ok(vec![9]));
    }
}
