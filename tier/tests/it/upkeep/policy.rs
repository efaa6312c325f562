use firnline_index::topic::TopicObject;
use firnline_index::{Said, TimestampMs};
use firnline_store::RequestKind;
use firnline_store::sim::{Rule, SimFault, When};
use firnline_tier::KnownTopic;
use firnline_tier::policy::{PolicyOutcome, SetRetention, Wish, Wishes, effective};

use super::*;

fn topic() -> KnownTopic {
    KnownTopic { topic: tip(0).topic, topic_id: tip(0).topic_id }
}

async fn object(tier: &Tier) -> TopicObject {
    tier.topic_object(&topic()).await.unwrap().unwrap()
}

async fn set(tier: &Tier, limits: Limits, share: Share) -> PolicyOutcome {
    let clocks = tier.clocks().await.unwrap();
    tier.set_retention(&topic(), SetRetention { limits, share }, clocks).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_retention_is_in_force_for_all_once_an_operator_set_it() {
    let world = World::new(1);
    let tier = world.tier().await;
    daily(&tier, 10, 1).await;
    assert_eq!(Limits::of(object(&tier).await.retention.as_ref()), Limits::default());
    let PolicyOutcome::Set { object: set_, preview } = set(&tier, by_age(30), Share::TENTH).await else {
        panic!()
    };
    assert_eq!((preview.segments, preview.partitions), (0, 1));
    assert_eq!(object(&world.tier().await).await, *set_);
    let bucket = Limits::of(set_.retention.as_ref());
    assert_eq!(bucket, by_age(30));
    // A stale file on one node shortens nothing.
    let holds = effective(bucket, Wishes { ms: Wish::Limit(1), bytes: Wish::Limit(1) });
    assert_eq!((holds.limits, holds.findings.len()), (by_age(30), 2));
    // And it can be lifted again.
    let PolicyOutcome::Set { object: set_, .. } = set(&tier, Limits::default(), Share::TENTH).await else {
        panic!()
    };
    assert_eq!(set_.retention, None);
    assert_eq!((set_.generation, set_.partitions), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn shortening_tells_what_goes_and_stops_at_the_share() {
    let world = World::new(2);
    let tier = world.tier().await;
    let head = daily(&tier, 10, 1).await;
    let before = tier.store().counters();
    let PolicyOutcome::TooMuch(preview) = set(&tier, by_age(4), Share::per_mille(400)).await else {
        panic!()
    };
    // Committed on days 0 to 9, and it is day 9: days 0 to 4 are older than four days.
    assert_eq!((preview.segments, preview.share()), (5, Share::per_mille(500)));
    assert_eq!(preview.live_bytes, head.totals.log_bytes.get());
    assert_eq!(tier.store().counters().since(&before).of(RequestKind::Update), 0);
    assert_eq!(object(&tier).await.retention, None);
    let PolicyOutcome::Set { object, .. } = set(&tier, by_age(4), Share::per_mille(500)).await else {
        panic!()
    };
    assert_eq!(Limits::of(object.retention.as_ref()), by_age(4));
    sound(&tier).await;
}

#[tokio::test(start_paused = true)]
async fn a_pause_survives_restarts_and_says_who() {
    let world = World::new(3);
    let tier = world.tier().await;
    // Before anything was uploaded, too.
    let said = Said { by: "alice".to_owned(), at: TimestampMs::ZERO, why: "moving".to_owned() };
    tier.set_paused(&topic(), Some(said.clone())).await.unwrap();
    let restarted = world.tier().await;
    assert_eq!(object(&restarted).await.paused, Some(said.clone()));
    // A first commit and a policy leave it as it is.
    daily(&restarted, 1, 1).await;
    set(&restarted, by_age(4), Share::TENTH).await;
    let now = object(&restarted).await;
    assert_eq!((now.paused.as_ref(), now.partitions), (Some(&said), 1));
    let before = restarted.store().counters();
    restarted.set_paused(&topic(), Some(said)).await.unwrap();
    assert_eq!(restarted.store().counters().since(&before).total(), 1, "nothing to change");
    assert_eq!(restarted.set_paused(&topic(), None).await.unwrap().paused, None);
    assert_eq!(Limits::of(object(&tier).await.retention.as_ref()), by_age(4));
}

#[tokio::test(start_paused = true)]
async fn the_first_time_that_a_topic_was_found_deleted_stays() {
    let world = World::new(4);
    let tier = world.tier().await;
    daily(&tier, 1, 1).await;
    let time = |ms| TimestampMs::new(ms).unwrap();
    tier.note_deleted(&topic(), time(7)).await.unwrap();
    assert_eq!(tier.note_deleted(&topic(), time(9)).await.unwrap().deleted_at, Some(time(7)));
}

#[tokio::test(start_paused = true)]
async fn changes_at_once_are_all_kept_and_lost_answers_settled() {
    for seed in 0..20 {
        let world = World::new(10 + seed);
        let tier = world.tier().await;
        daily(&tier, 1, 1).await;
        world.sim.latency(Duration::from_millis(1)..Duration::from_millis(50));
        for fault in [SimFault::LostAfter, SimFault::LostBefore] {
            world.sim.rule(Rule::new(fault, When::PerMille(150)).on(&[RequestKind::Update]));
        }
        let other = world.tier().await;
        let said = Said { by: "alice".to_owned(), at: TimestampMs::ZERO, why: String::new() };
        let topic_ = topic();
        let pause = tier.set_paused(&topic_, Some(said.clone()));
        let note = other.note_deleted(&topic_, TimestampMs::ZERO);
        let (paused, noted) = futures::future::join(pause, note).await;
        paused.unwrap();
        noted.unwrap();
        let now = object(&tier).await;
        assert_eq!((now.paused, now.deleted_at), (Some(said), Some(TimestampMs::ZERO)), "seed {seed}");
        assert_eq!(now.partitions, 1);
    }
}
