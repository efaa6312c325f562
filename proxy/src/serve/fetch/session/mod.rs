//! Fetch sessions (KIP-227): a client names its partitions once, then what changes; it is told what has changed.
//!
//! ```text
//!  id 0 or any, epoch 0 ──► all are read, all are told ──► a session, its id told; epoch 1 is next
//!  id, epoch = next     ──► all of the session are read, told is what has changed ──► next + 1
//!  id, another epoch    ──► 71       unknown id, or somebody else's ──► 70       both: the client begins anew
//!  id, epoch −1         ──► the session is given up, all are told
//! ```
//!
//! A session may be gone any time, so one is dropped whenever it is too much: the client begins another one, or is answered
//! without. It belongs to its principal, not to a connection.

mod held;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use firnline_store::env::{Random, RandomExt};
use tokio::time::Instant;

use super::asked::{Ask, asks, by_id, forgotten};
use super::fill::Got;
use super::plan::Plan;
use crate::serve::kafka_error::KafkaError;
use crate::serve::rights::Principal;
use crate::wire::messages::fetch::FetchRequest;
use held::{Held, next_epoch};

/// How long a session must have rested before it gives way to a new one.
const RESTED: Duration = Duration::from_secs(120);
/// How often an id is drawn that is not taken: with a thousand of two thousand million, once is enough.
const DRAWS: usize = 16;

/// The id of no session.
pub(crate) const NONE: i32 = 0;

/// The sessions of a server.
#[derive(Debug)]
pub(crate) struct Sessions {
    state: Mutex<State>,
    random: Arc<dyn Random>,
    /// How many sessions there may be.
    most: usize,
    /// How many partitions they may have between them.
    most_partitions: usize,
}

#[derive(Debug, Default)]
struct State {
    sessions: HashMap<i32, Held>,
    /// Of all sessions.
    partitions: usize,
}

/// How a fetch stands to sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It has none and wants none.
    Whole,
    /// It wants one.
    First,
    /// It is this one of a session.
    Next { id: i32, epoch: i32 },
}

/// What is told of a fetch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// The session to go on with, or [`NONE`].
    pub(crate) session_id: i32,
    /// For each wish whether it is told.
    pub(crate) wishes: Vec<bool>,
}

impl Sessions {
    pub(crate) fn new(random: Arc<dyn Random>, most: usize, most_partitions: usize) -> Self {
        Self { state: Mutex::default(), random, most, most_partitions }
    }

    /// How many partitions a session has: what a fetch that goes on with it makes an answer of.
    pub(crate) fn partitions(&self, id: i32) -> usize {
        self.lock().sessions.get(&id).map_or(0, Held::len)
    }

    /// Takes a fetch into its session: gives its turn and all partitions that it is about. A session that is gone on with
    /// counts the turn as taken, whatever becomes of it.
    pub(crate) fn begin(
        &self,
        who: &Principal,
        request: &FetchRequest<'_>,
        version: i16,
    ) -> Result<(Turn, Vec<Ask>), KafkaError> {
        let (id, epoch) = (request.session_id, request.session_epoch.value);
        let mut state = self.lock();
        let owned = state.sessions.get(&id).is_some_and(|session| session.owner == *who);
        if epoch <= 0 {
            if owned {
                state.remove(id);
            }
            let turn = if epoch == 0 { Turn::First } else { Turn::Whole };
            return Ok((turn, asks(request, version)));
        }
        let session = state.sessions.get_mut(&id).filter(|_| owned);
        let session = session.ok_or(KafkaError::FetchSessionIdNotFound)?;
        if session.epoch != epoch {
            return Err(KafkaError::InvalidFetchSessionEpoch);
        }
        if session.by_id != by_id(version) {
            return Err(KafkaError::FetchSessionTopicIdError);
        }
        let before = session.len();
        session.change(asks(request, version), &forgotten(request, version));
        session.epoch = next_epoch(epoch);
        session.used = Instant::now();
        let (after, fits, all) = (session.len(), session.fits(), session.asks());
        state.partitions = state.partitions - before + after;
        if after == 0 {
            state.remove(id);
            return Ok((Turn::Whole, Vec::new()));
        }
        if !fits || state.partitions > self.most_partitions {
            state.remove(id);
            return Err(KafkaError::FetchSessionIdNotFound);
        }
        Ok((Turn::Next { id, epoch }, all))
    }

    /// Decides what is told of what came of a plan, and keeps that it was.
    pub(crate) fn end(
        &self,
        turn: Turn,
        who: &Principal,
        plan: &Plan,
        got: &[Got],
        version: i16,
    ) -> Result<Told, KafkaError> {
        let all = |session_id| Told { session_id, wishes: vec![true; got.len()] };
        match turn {
            Turn::Whole => Ok(all(NONE)),
            Turn::First => Ok(all(self.keep(Held::new(who.clone(), by_id(version), plan, got)))),
            Turn::Next { id, epoch } => {
                let mut state = self.lock();
                let session = state.sessions.get_mut(&id).ok_or(KafkaError::FetchSessionIdNotFound)?;
                // Somebody else has gone on with it, or begun one that was given the same id.
                if session.owner != *who || session.epoch != next_epoch(epoch) {
                    return Err(KafkaError::InvalidFetchSessionEpoch);
                }
                Ok(Told { session_id: id, wishes: session.tell(plan, got) })
            }
        }
    }

    /// Keeps a new session and gives its id, or [`NONE`] where there is no room for it.
    fn keep(&self, session: Held) -> i32 {
        let mut state = self.lock();
        if session.len() == 0 || !session.fits() {
            return NONE;
        }
        if state.sessions.len() >= self.most || state.partitions + session.len() > self.most_partitions {
            let oldest = state.sessions.iter().min_by_key(|(_, session)| session.used);
            let rested = oldest.filter(|(_, session)| session.used.elapsed() > RESTED);
            let Some(id) = rested.map(|(id, _)| *id) else { return NONE };
            state.remove(id);
            if state.partitions + session.len() > self.most_partitions {
                return NONE;
            }
        }
        let Some(id) = self.draw(&state) else { return NONE };
        state.partitions += session.len();
        state.sessions.insert(id, session);
        id
    }

    /// An id above [`NONE`] that nobody has.
    fn draw(&self, state: &State) -> Option<i32> {
        let most = u64::from(i32::MAX.unsigned_abs());
        let ids = std::iter::repeat_with(|| i32::try_from(self.random.below(most) + 1).unwrap_or(NONE));
        ids.take(DRAWS).find(|id| *id != NONE && !state.sessions.contains_key(id))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn remove(&mut self, id: i32) {
        if let Some(session) = self.sessions.remove(&id) {
            self.partitions -= session.len();
        }
    }
}
