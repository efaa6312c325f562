//! The mirror beside a small model of a broker's sessions, by Kafka's rules.

use std::collections::BTreeMap as Map;

use bytes::{Buf, BytesMut};
use firnline_index::{TopicId, TopicName};
use proptest::prelude::*;

use super::*;
use crate::proxy::fetch::look::{Look, look};
use crate::serve::catalog::{Topic, Topics};
use crate::wire::messages::fetch::{FetchPartition, FetchTopic, ForgottenTopic};
use crate::wire::{At, List, RequestHeader, read_request, write_request};

/// A topic and a partition; topics of the same number have the name and the id of it.
type Tp = (u8, i32);

const PARTITIONS: i32 = 3;
/// Below it the broker refuses.
const LOG_START: i64 = 100;

fn name(topic: u8) -> &'static str {
    ["orders", "users", "elsewhere"][usize::from(topic)]
}

fn id(topic: u8) -> [u8; 16] {
    [topic + 1; 16]
}

fn key(topic: u8, version: i16) -> TopicKey {
    TopicKey::of(name(topic), id(topic), version)
}

/// Two topics of the tier; the third one is in no tier.
fn known() -> Known {
    let topic = |topic: u8| Topic {
        name: TopicName::new(name(topic)).unwrap(),
        id: TopicId::from_bytes(id(topic)),
        partitions: PARTITIONS.unsigned_abs(),
        deleted: false,
        configs: Map::new(),
    };
    Known::of(&Topics::new([topic(0), topic(1)]), &Known::default())
}

/// What a client asks.
#[derive(Debug, Clone)]
struct Fetch {
    by_id: bool,
    session: Said,
    named: Vec<(Tp, i64)>,
    forgotten: Vec<Tp>,
}

/// What it says of its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    /// It wants none.
    Without,
    /// It wants one; the one that it had, if any, ends.
    First,
    /// It wants one, and says nothing of the one that it had.
    FirstAgain,
    /// It goes on.
    Next,
    /// It goes on in another epoch than it should.
    Skipped,
    /// It goes on with one that is none of its own.
    Foreign,
}

/// What happens to the broker before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Fine,
    /// All sessions are forgotten before it is asked.
    Evicted,
    /// The fetch is taken, and answered with nothing.
    Throttled,
    /// A new session is not given.
    Full,
    /// What it knows of the session is not what it was told: another proxy has gone on with it.
    Astray,
}

impl Fetch {
    fn version(&self) -> i16 {
        if self.by_id { 13 } else { 12 }
    }
}

/// Kafka's `FetchManager`, as far as it matters here.
#[derive(Default)]
struct Broker {
    next_id: i32,
    sessions: Map<i32, Cached>,
}

#[derive(Debug)]
struct Cached {
    epoch: i32,
    by_id: bool,
    partitions: Map<Tp, i64>,
}

/// An answer: the error of the whole, the session, and the refused partitions with the offsets that were refused.
struct Answer {
    error: i16,
    id: i32,
    refused: Map<Tp, i64>,
}

impl Broker {
    fn fetch(&mut self, fetch: &Fetch, id: i32, epoch: i32, fate: Fate) -> Answer {
        if fate == Fate::Evicted {
            self.sessions.clear();
        }
        let refusals = |partitions: &Map<Tp, i64>| {
            let below = partitions.iter().filter(|(_, offset)| **offset < LOG_START);
            below.map(|(tp, offset)| (*tp, *offset)).collect()
        };
        let named = || fetch.named.iter().copied().collect::<Map<_, _>>();
        let failed = |error| Answer { error, id: 0, refused: Map::new() };
        let throttled = fate == Fate::Throttled;
        if let 0 | -1 = epoch {
            self.sessions.remove(&id);
            let mut id = 0;
            if epoch == 0 && !throttled && fate != Fate::Full {
                self.next_id += 1;
                id = self.next_id;
                let cached = Cached { epoch: 1, by_id: fetch.by_id, partitions: named() };
                self.sessions.insert(id, cached);
            }
            let refused = if throttled { Map::new() } else { refusals(&named()) };
            return Answer { error: 0, id, refused };
        }
        let Some(cached) = self.sessions.get_mut(&id) else { return failed(70) };
        if cached.epoch != epoch {
            return failed(71);
        }
        if cached.by_id != fetch.by_id {
            return failed(106);
        }
        if fate == Fate::Astray {
            cached.partitions.insert((0, 77), 0);
            cached.partitions.insert((0, 1), 0);
        }
        cached.partitions.extend(named());
        for tp in &fetch.forgotten {
            cached.partitions.remove(tp);
        }
        if cached.partitions.is_empty() {
            self.sessions.remove(&id);
            return Answer { error: 0, id: 0, refused: Map::new() };
        }
        cached.epoch += 1;
        let refused = if throttled { Map::new() } else { refusals(&cached.partitions) };
        Answer { error: 0, id, refused }
    }
}

/// The request as a frame, its length cut off.
fn frame(fetch: &Fetch, id: i32, epoch: i32) -> BytesMut {
    let mut topics: Map<u8, Vec<FetchPartition>> = Map::new();
    for ((topic, partition), offset) in &fetch.named {
        let (partition, fetch_offset) = (*partition, *offset);
        let asked = FetchPartition {
            partition,
            fetch_offset,
            partition_max_bytes: 1000,
            ..FetchPartition::default()
        };
        topics.entry(*topic).or_default().push(asked);
    }
    let topics = topics.into_iter().map(|(topic, partitions)| FetchTopic {
        topic: name(topic),
        topic_id: self::id(topic),
        partitions: List::from(partitions),
    });
    let forgotten = fetch.forgotten.iter().map(|(topic, partition)| ForgottenTopic {
        topic: name(*topic),
        topic_id: self::id(*topic),
        partitions: List::from(vec![*partition]),
    });
    let request = FetchRequest {
        session_id: id,
        session_epoch: At::new(epoch),
        max_bytes: At::new(1 << 20),
        topics: topics.collect(),
        forgotten_topics_data: forgotten.collect(),
        ..FetchRequest::default()
    };
    let frame = write_request(&request, fetch.version(), 1, Some(b"client")).unwrap().into_bytes();
    let mut frame = BytesMut::from(&frame[..]);
    frame.advance(4);
    frame
}

/// One connection: a client that goes on as it is told, a mirror, and a broker.
struct World {
    known: Known,
    kept: Kept,
    room: Share,
    broker: Broker,
    id: i32,
    epoch: i32,
}

/// What the client saw.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    /// Told here, the broker was not asked.
    Own(i16),
    /// The answer of the broker, each refusal in it with the offset that it is understood by.
    Brokers(i16, Map<Tp, i64>),
    /// Told here instead of the broker's answer, which is not understood.
    Instead,
}

impl World {
    fn new(room: u64) -> Self {
        let room = Share::alone(room);
        Self { known: known(), kept: Kept::default(), room, broker: Broker::default(), id: 0, epoch: 0 }
    }

    /// One step; and what a broker would have said to the client without anything between them.
    fn step(&mut self, fetch: &Fetch, fate: Fate) -> Seen {
        let (id, epoch) = match fetch.session {
            Said::Without => (self.id, -1),
            Said::First => (self.id, 0),
            Said::FirstAgain => (0, 0),
            Said::Next => (self.id, self.epoch),
            Said::Skipped => (self.id, self.epoch + 1),
            Said::Foreign => (self.id + 1000, 3),
        };
        let mut frame = frame(fetch, id, epoch);
        let before = frame.clone();
        let session =
            match look(&mut frame, &self.known, &self.kept, &Refusals::default(), &self.room).unwrap() {
                Look::Pass => panic!("nobody here is a replica"),
                Look::Refuse(error) => {
                    assert_eq!(frame, before);
                    if epoch == self.epoch || error != KafkaError::InvalidFetchSessionEpoch {
                        (self.id, self.epoch) = (0, 0);
                    }
                    return Seen::Own(error.code());
                }
                Look::Ask { session, .. } => session,
            };
        // The broker hears what has been passed on.
        let (header, body) = RequestHeader::read(&frame).unwrap();
        let passed: FetchRequest<'_> = read_request(&header, body).unwrap();
        let sent = passed.session_epoch.value;
        assert!(sent == epoch || (epoch == 0 && sent == -1));
        assert_eq!(
            passed.topics.len(),
            fetch.named.iter().map(|((topic, _), _)| topic).collect::<BTreeSet<_>>().len()
        );
        let answer = self.broker.fetch(fetch, passed.session_id, sent, fate);
        (self.id, self.epoch) = match (answer.error, answer.id) {
            (0, 0) | (1.., _) => (0, 0),
            (_, id) if id == self.id && epoch > 0 => (id, epoch + 1),
            (_, id) => (id, 1),
        };
        let mut understood = Map::new();
        let Some(mut session) = session else {
            assert_eq!(answer.id, 0, "a session of which there is no mirror");
            // Without one the request itself says what was asked.
            return Seen::Brokers(answer.error, answer.refused);
        };
        for (topic, partition) in answer.refused.keys() {
            let key = key(*topic, fetch.version());
            match session.wanted(&key, *partition) {
                Some(wanted) => {
                    assert_eq!(wanted.max_bytes, 1000);
                    assert!(session.suspect(key, *partition));
                    understood.insert((*topic, *partition), wanted.offset);
                }
                None => {
                    (self.id, self.epoch) = (0, 0);
                    return Seen::Instead;
                }
            }
        }
        self.kept.settle(session, FetchFront { error_code: answer.error, session_id: answer.id });
        Seen::Brokers(answer.error, understood)
    }
}

fn tps() -> impl Strategy<Value = Tp> {
    (0..3_u8, 0..PARTITIONS)
}

fn fetches() -> impl Strategy<Value = (Fetch, Fate)> {
    let said = prop_oneof![
        1 => Just(Said::Without),
        3 => Just(Said::First),
        1 => Just(Said::FirstAgain),
        20 => Just(Said::Next),
        1 => Just(Said::Skipped),
        1 => Just(Said::Foreign),
    ];
    let fate = prop_oneof![
        20 => Just(Fate::Fine),
        1 => Just(Fate::Evicted),
        1 => Just(Fate::Throttled),
        1 => Just(Fate::Full),
        1 => Just(Fate::Astray),
    ];
    let named = prop::collection::vec((tps(), prop_oneof![0..LOG_START, LOG_START..200]), 0..5);
    let forgotten = prop::collection::vec(tps(), 0..3);
    let fetch = (prop::bool::weighted(0.95), said, named, forgotten);
    (fetch, fate).prop_map(|((by_id, session, named, forgotten), fate)| {
        (Fetch { by_id, session, named, forgotten }, fate)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    /// Whatever a client asks and a broker forgets: a refusal is understood by the very offset that the broker has refused,
    /// or the client is told to begin anew.
    #[test]
    fn a_refusal_is_understood_as_the_broker_meant_it(steps in prop::collection::vec(fetches(), 1..30)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let _entered = runtime.enter();
        let mut world = World::new(1 << 20);
        let mut astray = Map::<i32, ()>::new();
        for (fetch, fate) in steps {
            let seen = world.step(&fetch, fate);
            if fate == Fate::Astray && world.id != 0 {
                astray.insert(world.id, ());
            }
            match seen {
                Seen::Own(code) => prop_assert!([70, 71, 106].contains(&code)),
                Seen::Instead => prop_assert!(fate == Fate::Astray || !astray.is_empty()),
                Seen::Brokers(error, understood) => {
                    prop_assert!(error == 0 || understood.is_empty());
                    let cached = world.broker.sessions.get(&world.id);
                    if let Some(cached) = cached.filter(|_| !astray.contains_key(&world.id)) {
                        for (tp, offset) in &understood {
                            prop_assert_eq!(cached.partitions.get(tp), Some(offset));
                        }
                        let kept = world.kept.lock();
                        if let Some(session) = kept.as_ref().filter(|session| session.id == world.id) {
                            prop_assert_eq!(session.epoch, cached.epoch);
                            let mirrored: usize = session.topics.values().map(Map::len).sum();
                            prop_assert_eq!(mirrored, cached.partitions.len());
                            for ((topic, partition), offset) in &cached.partitions {
                                let key = key(*topic, fetch.version());
                                let wanted = session.wanted(&key, *partition);
                                prop_assert_eq!(wanted.map(|wanted| wanted.offset), Some(*offset));
                            }
                        }
                    }
                }
            }
        }
    }
}

fn fetch(session: Said, named: &[(Tp, i64)]) -> Fetch {
    Fetch { by_id: true, session, named: named.to_vec(), forgotten: Vec::new() }
}

#[tokio::test(start_paused = true)]
async fn an_incremental_fetch_is_understood_by_what_was_asked_before() {
    let mut world = World::new(1 << 20);
    let all = [((0, 0), 5), ((0, 1), 150), ((1, 0), 7)];
    let cold = Map::from([((0, 0), 5), ((1, 0), 7)]);
    assert_eq!(world.step(&fetch(Said::First, &all), Fate::Fine), Seen::Brokers(0, cold.clone()));
    assert_eq!(world.step(&fetch(Said::Next, &[]), Fate::Fine), Seen::Brokers(0, cold));
    let moved = Map::from([((0, 0), 9), ((1, 0), 7)]);
    assert_eq!(world.step(&fetch(Said::Next, &[((0, 0), 9)]), Fate::Fine), Seen::Brokers(0, moved));
    let forgets = Fetch { forgotten: vec![(1, 0)], ..fetch(Said::Next, &[]) };
    assert_eq!(world.step(&forgets, Fate::Fine), Seen::Brokers(0, Map::from([((0, 0), 9)])));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_followed_is_told_to_begin_anew() {
    let mut world = World::new(1 << 20);
    let all = [((0, 0), 5)];
    assert_eq!(world.step(&fetch(Said::Foreign, &all), Fate::Fine), Seen::Own(70));
    world.step(&fetch(Said::First, &all), Fate::Fine);
    assert_eq!(world.step(&fetch(Said::Skipped, &all), Fate::Fine), Seen::Own(71));
    let by_name = Fetch { by_id: false, ..fetch(Said::Next, &all) };
    assert_eq!(world.step(&by_name, Fate::Fine), Seen::Own(106));
    world.step(&fetch(Said::First, &all), Fate::Fine);
    assert_eq!(world.step(&fetch(Said::Next, &[]), Fate::Astray), Seen::Instead);
    world.step(&fetch(Said::First, &all), Fate::Fine);
    assert_eq!(world.step(&fetch(Said::Next, &[]), Fate::Evicted), Seen::Brokers(70, Map::new()));
}

#[tokio::test(start_paused = true)]
async fn a_second_fetch_of_a_session_does_not_overtake_the_first() {
    let (known, room, kept) = (known(), Share::alone(1 << 20), Kept::default());
    let look = |epoch, id| {
        let fetch = fetch(Said::Next, &[((0, 0), 5)]);
        match look(&mut frame(&fetch, id, epoch), &known, &kept, &Refusals::default(), &room).unwrap() {
            Look::Ask { session, .. } => Ok(session.unwrap()),
            Look::Refuse(error) => Err(error),
            Look::Pass => panic!("nobody here is a replica"),
        }
    };
    let first = look(0, 0).unwrap();
    kept.settle(first, FetchFront { error_code: 0, session_id: 8 });
    let second = look(1, 8).unwrap();
    assert_eq!(look(2, 8).unwrap_err(), KafkaError::FetchSessionIdNotFound);
    kept.settle(second, FetchFront { error_code: 0, session_id: 8 });
    assert!(look(2, 8).is_ok());
}

#[tokio::test(start_paused = true)]
async fn where_there_is_no_memory_there_is_no_session() {
    let mut world = World::new(4096);
    let many: Vec<_> = (0..60).map(|partition| ((0, partition), 5)).collect();
    let refused = many.iter().copied().collect::<Map<_, _>>();
    assert_eq!(world.step(&fetch(Said::First, &many), Fate::Fine), Seen::Brokers(0, refused));
    assert_eq!(world.id, 0, "it was made to want none");
    let few = [((0, 0), 5)];
    world.step(&fetch(Said::First, &few), Fate::Fine);
    assert_ne!(world.id, 0);
    assert_eq!(world.step(&fetch(Said::Next, &many), Fate::Fine), Seen::Own(70), "it has grown too large");
    assert_eq!(world.room.available(), 4096, "nothing of it is kept");
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_is_given_back() {
    let mut world = World::new(1 << 20);
    let named: Vec<_> =
        (0..3).flat_map(|topic| (0..50).map(move |partition| ((topic, partition), 5))).collect();
    world.step(&fetch(Said::First, &named), Fate::Fine);
    let bytes = world.kept.lock().as_ref().unwrap().bytes;
    assert!(bytes > 150 * PARTITION_BYTES);
    let forgotten = named.iter().map(|(tp, _)| *tp).skip(1).collect();
    let forgets = Fetch { forgotten, ..fetch(Said::Next, &[]) };
    assert_eq!(world.step(&forgets, Fate::Fine), Seen::Brokers(0, Map::from([((0, 0), 5)])));
    let kept = world.kept.lock();
    let session = kept.as_ref().unwrap();
    assert_eq!(session.bytes, size_of::<Session>() + TOPIC_BYTES + PARTITION_BYTES);
    assert_eq!(session.suspects.len(), 1);
}
