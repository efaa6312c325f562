//! The mirror of a client's fetch session (KIP-227). An incremental fetch names only what has changed, so that what a broker
//! refuses in its answer is understood only by whoever has kept what was asked before.
//!
//! ```text
//!            full fetch ──► a mirror of what it names ─┐
//!   kept ──► incremental ──► the same, changed ────────┴─► goes with the fetch ─► its answer ──► kept
//!                │                                                                  │
//!                └─ not kept: 70; another epoch: 71; ids for names: 106             └─ an error, another id: dropped
//! ```
//!
//! While a fetch is under way its mirror is with it, so that there is none for a second one, which is answered 70. So are all
//! that the mirror does not know for certain: the client then names everything anew. A connection keeps one. The rules
//! are those of a broker: what is named is added or changed, then what is forgotten goes, and an empty session is over.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::look::{Found, Likely, find, find_by};
use super::refusals::Refusals;
use crate::proxy::shares::{Share, Taken};
use crate::proxy::tier::Known;
use crate::serve::fetch::{TopicKey, by_id, size};
use crate::serve::kafka_error::KafkaError;
use crate::wire::messages::fetch::{FetchFront, FetchRequest};

/// The id of no session.
const NONE: i32 = 0;
/// What is set aside for a session at once; most never take more.
const FIRST_BYTES: u64 = 4096;
/// What a partition takes at most, with its share of the trees.
const PARTITION_BYTES: usize = 96;
/// What a topic takes beside its name.
const TOPIC_BYTES: usize = 160;

/// What a client asked last of each partition of a session.
#[derive(Debug)]
pub(crate) struct Session {
    /// [`NONE`] until the broker has given it one.
    id: i32,
    /// The epoch of the fetch that is next.
    epoch: i32,
    /// Whether topics go by their ids in it.
    by_id: bool,
    topics: BTreeMap<TopicKey, BTreeMap<i32, Wanted>>,
    /// Partitions that the broker may refuse: those that it has refused, and those that were below its log's start when they
    /// were named. None of the others has to be looked at for a fetch that does not name it.
    suspects: BTreeSet<(TopicKey, i32)>,
    bytes: usize,
    room: Taken,
}

/// What is wanted of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) offset: i64,
    pub(crate) max_bytes: usize,
}

impl Session {
    /// That of a fetch which names all its partitions; `None` where there is no memory for it.
    fn begin(
        request: &FetchRequest<'_>,
        version: i16,
        known: &Known,
        refusals: &Refusals,
        budget: &Share,
    ) -> Option<Self> {
        let mut session = Self {
            id: NONE,
            epoch: 0,
            by_id: by_id(version),
            topics: BTreeMap::new(),
            suspects: BTreeSet::new(),
            bytes: size_of::<Self>(),
            room: budget.try_take(FIRST_BYTES)?,
        };
        session.name_all(request, version, known, refusals, budget).then_some(session)
    }

    /// Adds what is named, or sets what is wanted of it; `false` where there is no memory for it.
    fn name_all(
        &mut self,
        request: &FetchRequest<'_>,
        version: i16,
        known: &Known,
        refusals: &Refusals,
        budget: &Share,
    ) -> bool {
        for topic in &request.topics {
            let key = TopicKey::of(topic.topic, topic.topic_id, version);
            let found = find_by(known, topic.topic, topic.topic_id, version);
            for asked in &topic.partitions {
                let wanted =
                    Wanted { offset: asked.fetch_offset, max_bytes: size(asked.partition_max_bytes) };
                if !self.name(&key, asked.partition, wanted, budget) {
                    return false;
                }
                let Wanted { offset, max_bytes } = wanted;
                let likely =
                    |found: &Found| Likely::of(found, asked.partition, offset, max_bytes, refusals).is_some();
                if found.as_ref().is_some_and(likely) {
                    self.suspects.insert((key.clone(), asked.partition));
                }
            }
        }
        true
    }

    /// Takes partitions out of it. A broker does so behind the naming, and not where all are named.
    fn forget_all(&mut self, request: &FetchRequest<'_>, version: i16) {
        for topic in &request.forgotten_topics_data {
            let key = TopicKey::of(topic.topic, topic.topic_id, version);
            for partition in &topic.partitions {
                self.forget(&key, *partition.value);
            }
        }
    }

    fn name(&mut self, key: &TopicKey, partition: i32, wanted: Wanted, budget: &Share) -> bool {
        let (mut bytes, of) = (self.bytes, self.topics.get_mut(key));
        if let Some(known) = of.and_then(|partitions| partitions.get_mut(&partition)) {
            *known = wanted;
            return true;
        }
        bytes += PARTITION_BYTES;
        if !self.topics.contains_key(key) {
            bytes += TOPIC_BYTES + key.name().len();
        }
        if bytes as u64 > self.room.bytes() {
            // Twice as much each time, so that a list is not reserved for again and again.
            let Some(room) = budget.try_take((2 * bytes) as u64) else { return false };
            self.room = room;
        }
        self.bytes = bytes;
        self.topics.entry(key.clone()).or_default().insert(partition, wanted);
        true
    }

    fn forget(&mut self, key: &TopicKey, partition: i32) {
        let Some(partitions) = self.topics.get_mut(key) else { return };
        if partitions.remove(&partition).is_none() {
            return;
        }
        self.bytes -= PARTITION_BYTES;
        self.suspects.remove(&(key.clone(), partition));
        if partitions.is_empty() {
            self.topics.remove(key);
            self.bytes -= TOPIC_BYTES + key.name().len();
        }
    }

    /// How many partitions are in it.
    pub(crate) fn partitions(&self) -> usize {
        self.topics.values().map(BTreeMap::len).sum()
    }

    /// What the client wants of a partition; `None` where it is not in the session.
    pub(crate) fn wanted(&self, key: &TopicKey, partition: i32) -> Option<Wanted> {
        self.topics.get(key)?.get(&partition).copied()
    }

    /// The broker has refused a partition; `false` where it is not in the session, so that the broker knows another one.
    #[must_use]
    pub(crate) fn suspect(&mut self, key: TopicKey, partition: i32) -> bool {
        let is_wanted = self.wanted(&key, partition).is_some();
        if is_wanted {
            self.suspects.insert((key, partition));
        }
        is_wanted
    }

    /// Those partitions that the broker will probably refuse. Its cost is that of the suspects, not of all.
    pub(crate) fn likely_cold(&mut self, known: &Known, refusals: &Refusals) -> Vec<Likely> {
        let (mut likely, topics) = (Vec::new(), &self.topics);
        self.suspects.retain(|(key, partition)| {
            let wanted = topics.get(key).and_then(|partitions| partitions.get(partition));
            let one = wanted.and_then(|wanted| {
                let found = find(known, key)?;
                Likely::of(&found, *partition, wanted.offset, wanted.max_bytes, refusals)
            });
            let is_likely = one.is_some();
            likely.extend(one);
            is_likely
        });
        likely
    }
}

/// The session of a connection, while no fetch of it is under way.
#[derive(Debug, Clone, Default)]
pub(crate) struct Kept(Arc<Mutex<Option<Session>>>);

/// How a fetch stands to sessions, once it is understood.
#[derive(Debug)]
pub(crate) enum Turn {
    /// It has none.
    Without,
    /// It wants one, of which there is no mirror: it is made to want none.
    NoRoom,
    /// It is of this one, its answer the next step.
    With(Session),
    /// It cannot be understood: its client is told so, the broker is not asked.
    Refused(KafkaError),
}

impl Kept {
    /// Takes a fetch into its session.
    pub(crate) fn turn(
        &self,
        request: &FetchRequest<'_>,
        version: i16,
        known: &Known,
        refusals: &Refusals,
        budget: &Share,
    ) -> Turn {
        let (id, epoch) = (request.session_id, request.session_epoch.value);
        let mut kept = self.lock();
        if let 0 | -1 = epoch {
            // One that is named here ends.
            kept.take_if(|session| session.id == id);
            return match epoch {
                -1 => Turn::Without,
                _ => {
                    Session::begin(request, version, known, refusals, budget).map_or(Turn::NoRoom, Turn::With)
                }
            };
        }
        match kept.as_ref() {
            Some(session) if session.id == id => {
                if session.epoch != epoch {
                    return Turn::Refused(KafkaError::InvalidFetchSessionEpoch);
                }
                if session.by_id != by_id(version) {
                    return Turn::Refused(KafkaError::FetchSessionTopicIdError);
                }
            }
            _ => return Turn::Refused(KafkaError::FetchSessionIdNotFound),
        }
        let unknown = Turn::Refused(KafkaError::FetchSessionIdNotFound);
        let Some(mut session) = kept.take() else { return unknown };
        if !session.name_all(request, version, known, refusals, budget) {
            return unknown;
        }
        session.forget_all(request, version);
        // Where it is empty now the broker ends it, and its answer says so.
        Turn::With(session)
    }

    /// The fetch of a session was answered: it is kept, unless the broker says that it is none of its own.
    pub(crate) fn settle(&self, mut session: Session, front: FetchFront) {
        let is_new = session.id == NONE;
        if front.error_code != 0 || front.session_id == NONE || (!is_new && session.id != front.session_id) {
            return;
        }
        session.id = front.session_id;
        session.epoch = if session.epoch == i32::MAX { 1 } else { session.epoch + 1 };
        *self.lock() = Some(session);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
