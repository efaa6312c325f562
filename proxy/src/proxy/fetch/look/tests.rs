use std::collections::BTreeMap as Map;

use bytes::Buf;
use firnline_index::{Offset, TopicName};
use firnline_reader::Bounds;

use super::*;
use crate::proxy::tier::Marks;
use crate::serve::catalog::{Topic, Topics};
use crate::wire::messages::fetch::{FetchPartition, FetchTopic, ReplicaState};
use crate::wire::{At, List, write_request};

const ID: [u8; 16] = [7; 16];

/// A topic of two partitions, of which the second one's log starts at 100 and its tier ends at 120.
fn known() -> Known {
    let name = TopicName::new("orders").unwrap();
    let id = TopicId::from_bytes(ID);
    let topic = Topic { name, id, partitions: 2, deleted: false, configs: Map::new() };
    let known = Known::of(&Topics::new([topic]), &Known::default());
    let mut place = known.with_id(id).unwrap().place(1).unwrap().lock();
    place.note_answer(500, 500, 100);
    let at = |offset| Offset::new(offset).unwrap();
    place.note_marks(Marks::of_bounds(Bounds {
        start: at(0),
        serving_start: at(0),
        last_stable: at(80),
        end: at(80),
    }));
    drop(place);
    known
}

fn request(offset: i64) -> FetchRequest<'static> {
    let partition = |partition, fetch_offset| FetchPartition {
        partition,
        fetch_offset,
        partition_max_bytes: 1000,
        ..FetchPartition::default()
    };
    let partitions = List::from(vec![partition(0, 9), partition(1, offset), partition(5, 0)]);
    let topic = FetchTopic { topic: "orders", topic_id: ID, partitions };
    FetchRequest {
        max_bytes: At::new(10_000),
        session_epoch: At::new(0),
        topics: List::from(vec![topic]),
        ..FetchRequest::default()
    }
}

/// What is done with a request, and how it reads then.
fn looked(request: &FetchRequest<'_>, version: i16, known: &Known) -> (Look, i32, i32) {
    let mut frame =
        BytesMut::from(&write_request(request, version, 1, Some(b"client")).unwrap().into_bytes()[..]);
    frame.advance(4);
    let room = Share::alone(1 << 20);
    let look = look(&mut frame, known, &Kept::default(), &Refusals::default(), &room).unwrap();
    let (header, body) = RequestHeader::read(&frame).unwrap();
    let read: FetchRequest<'_> = read_request(&header, body).unwrap();
    (look, read.session_epoch.value, read.max_bytes.value)
}

/// Names and ends that are asked for ahead, and the client's limit of bytes.
type Ahead = (BTreeSet<String>, Map<String, BTreeSet<i32>>, usize);

fn asked(look: Look) -> Option<Ahead> {
    let Look::Ask { wanted: Wanted { names, ends, seams }, max_bytes, .. } = look else { return None };
    assert!(seams.lists.is_empty() && seams.walks.is_empty(), "nobody is held up");
    Some((names, ends, max_bytes))
}

fn is_pass(looked: (Look, i32, i32)) -> bool {
    matches!(looked, (Look::Pass, 0, 10_000))
}

fn ends() -> Map<String, BTreeSet<i32>> {
    Map::from([("orders".to_owned(), BTreeSet::from([1]))])
}

#[tokio::test(start_paused = true)]
async fn a_hot_fetch_asks_nothing_and_passes_as_it_is() {
    for version in 4..=18 {
        let (look, epoch, max_bytes) = looked(&request(200), version, &known());
        assert_eq!(asked(look), Some((BTreeSet::new(), Map::new(), 10_000)), "version {version}");
        assert_eq!((epoch, max_bytes), (if version < 7 { -1 } else { 0 }, 10_000), "version {version}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cold_one_leaves_room_and_asks_for_what_it_needs() {
    let known = known();
    let (look, _, max_bytes) = looked(&request(50), 13, &known);
    assert_eq!(asked(look), Some((BTreeSet::new(), ends(), 10_000)), "is it on the log?");
    assert_eq!(max_bytes, 9000);
    let (look, ..) = looked(&request(90), 13, &known);
    assert_eq!(asked(look), Some((BTreeSet::new(), ends(), 10_000)), "is it beyond the log, or on its way?");
    let end = |end| {
        let mut place = known.with_id(TopicId::from_bytes(ID)).unwrap().place(1).unwrap().lock();
        place.note_end(end);
        place.note_start(100);
    };
    for (told, offset) in [(90, 90), (90, 95), (79, 50)] {
        end(told);
        let (look, ..) = looked(&request(offset), 13, &known);
        assert_eq!(
            asked(look),
            Some((BTreeSet::new(), ends(), 10_000)),
            "{offset} at {told}: is it still so?"
        );
    }
    end(500);
    for offset in [50, 90] {
        let (look, ..) = looked(&request(offset), 13, &known);
        assert_eq!(asked(look), Some((BTreeSet::new(), Map::new(), 10_000)), "a leader has told");
    }
}

#[tokio::test(start_paused = true)]
async fn names_are_asked_for_where_bytes_would_be_served_by_them() {
    let known = known();
    let wanted = |offset| match looked(&request(offset), 12, &known).0 {
        Look::Ask { wanted, .. } => wanted.names,
        other => panic!("{other:?}"),
    };
    assert_eq!(wanted(200), BTreeSet::new());
    assert_eq!(wanted(50), BTreeSet::from(["orders".to_owned()]));
    known.named("orders").unwrap().note(TopicId::from_bytes(ID));
    assert_eq!(wanted(50), BTreeSet::new());
    tokio::time::advance(std::time::Duration::from_secs(5)).await;
    assert_eq!(wanted(50), BTreeSet::from(["orders".to_owned()]));
    known.named("orders").unwrap().note(TopicId::from_bytes([8; 16]));
    assert_eq!(wanted(50), BTreeSet::new(), "the topic of this name is another one now");
}

#[tokio::test(start_paused = true)]
async fn replicas_pass_and_sessions_that_are_not_known_are_refused() {
    let known = known();
    let replica = FetchRequest { replica_id: 3, ..request(50) };
    assert!(is_pass(looked(&replica, 14, &known)));
    let state = ReplicaState { replica_id: 3, ..ReplicaState::default() };
    let replica = FetchRequest { replica_state: Some(At::new(state)), ..request(50) };
    assert!(is_pass(looked(&replica, 15, &known)));
    let next = FetchRequest { session_id: 5, session_epoch: At::new(4), ..request(50) };
    let unknown = KafkaError::FetchSessionIdNotFound;
    assert!(matches!(looked(&next, 13, &known).0, Look::Refuse(error) if error == unknown));
    let without = FetchRequest { session_epoch: At::new(-1), ..request(200) };
    assert_eq!(looked(&without, 13, &known).1, -1);
    let answer = refused(unknown, 13, 9).unwrap().into_bytes();
    let answer: FetchResponse<'_> = crate::wire::read_response(&answer[4..], 13).unwrap();
    assert_eq!((answer.error_code, answer.session_id, answer.responses.len()), (70, 0, 0));
}
