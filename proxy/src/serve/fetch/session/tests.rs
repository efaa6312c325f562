use std::sync::Arc;
use std::time::Duration;

use firnline_reader::Isolation;
use firnline_store::env::SeededRandom;

use super::*;
use crate::serve::fetch::asked::TopicKey;
use crate::serve::fetch::plan::{TopicPlan, Wish};
use crate::wire::At;
use crate::wire::messages::fetch::{FetchPartition, FetchTopic};

const VERSION: i16 = 12;

fn sessions(most: usize) -> Sessions {
    Sessions::new(Arc::new(SeededRandom::new(1)), most, 100)
}

fn request(id: i32, epoch: i32) -> FetchRequest<'static> {
    let partitions = vec![FetchPartition { partition: 3, fetch_offset: 5, ..FetchPartition::default() }];
    let topic = FetchTopic { topic: "orders", partitions: partitions.into(), ..FetchTopic::default() };
    FetchRequest {
        session_id: id,
        session_epoch: At::new(epoch),
        topics: vec![topic].into(),
        ..FetchRequest::default()
    }
}

/// A fetch of one partition, of which nothing has come yet.
fn plan() -> (Plan, [Got; 1]) {
    let target = Err(KafkaError::UnknownTopicOrPartition);
    let wishes = vec![Wish { partition: 3, target, offset: 5, max_bytes: 0, decided: None }];
    let plan = Plan {
        topics: vec![TopicPlan { key: TopicKey::Name("orders".into()), wishes }],
        isolation: Isolation::ReadUncommitted,
        max_bytes: 0,
        min_bytes: 0,
        max_wait: Duration::ZERO,
    };
    (plan, [Got::Late])
}

/// The id that somebody's first fetch is given.
fn begun(sessions: &Sessions, who: &Principal) -> i32 {
    let (plan, got) = plan();
    let (turn, asks) = sessions.begin(who, &request(0, 0), VERSION).expect("it begins");
    assert_eq!((turn, asks.len()), (Turn::First, 1));
    sessions.end(turn, who, &plan, &got, VERSION).expect("it ends").session_id
}

#[test]
fn a_session_is_its_principal_s_alone() {
    let (ann, ben) = (Principal::User("ann".into()), Principal::User("ben".into()));
    let sessions = sessions(10);
    let id = begun(&sessions, &ann);
    assert_ne!(id, NONE);
    for other in [&ben, &Principal::Anonymous] {
        let refused = sessions.begin(other, &request(id, 1), VERSION);
        assert_eq!(refused.err(), Some(KafkaError::FetchSessionIdNotFound));
        // Nor can he end it.
        assert!(sessions.begin(other, &request(id, -1), VERSION).is_ok());
    }
    let (turn, asks) = sessions.begin(&ann, &request(id, 1), VERSION).expect("it is there");
    assert_eq!((turn, asks.len()), (Turn::Next { id, epoch: 1 }, 1));
}

#[test]
fn a_fetch_that_another_has_overtaken_tells_nothing() {
    let (ann, sessions) = (Principal::User("ann".into()), sessions(10));
    let id = begun(&sessions, &ann);
    let (plan, got) = plan();
    let (first, _) = sessions.begin(&ann, &request(id, 1), VERSION).expect("it is there");
    let (second, _) = sessions.begin(&ann, &request(id, 2), VERSION).expect("it is there");
    let told = sessions.end(first, &ann, &plan, &got, VERSION);
    assert_eq!(told.err(), Some(KafkaError::InvalidFetchSessionEpoch));
    let told = sessions.end(second, &ann, &plan, &got, VERSION);
    // Nothing is known of the partition, so nothing is told.
    assert_eq!(told, Ok(Told { session_id: id, wishes: vec![false] }));
}

#[tokio::test(start_paused = true)]
async fn a_session_gives_way_once_it_has_rested() {
    let (ann, sessions) = (Principal::User("ann".into()), sessions(2));
    let (one, two) = (begun(&sessions, &ann), begun(&sessions, &ann));
    assert_eq!(begun(&sessions, &ann), NONE);
    tokio::time::advance(Duration::from_secs(100)).await;
    assert!(sessions.begin(&ann, &request(one, 1), VERSION).is_ok());
    tokio::time::advance(Duration::from_secs(21)).await;
    let three = begun(&sessions, &ann);
    assert!(three != NONE && three != one && three != two);
    let gone = sessions.begin(&ann, &request(two, 1), VERSION);
    assert_eq!(gone.err(), Some(KafkaError::FetchSessionIdNotFound));
    assert!(sessions.begin(&ann, &request(one, 2), VERSION).is_ok());
    assert_eq!(begun(&sessions, &ann), NONE);
}

#[test]
fn the_epoch_after_the_last_is_the_first() {
    assert_eq!([next_epoch(0), next_epoch(1), next_epoch(i32::MAX)], [1, 2, 1]);
}
