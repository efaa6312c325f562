//! One group in memory: members behind one lock, positions behind another, the object in the store behind a third that is
//! held while the store is asked.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use firnline_index::GroupName;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::bucket::Found;
use super::machine::{Event, Machine, Reply, Rules, Token};
use super::positions::Positions;
use crate::serve::kafka_error::KafkaError;

/// A group that somebody has asked for.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: GroupName,
    /// Whether it belongs to this server, for all that is known.
    ours: AtomicBool,
    members: Mutex<Members>,
    positions: Mutex<Positions>,
    /// When the store last said how things stand.
    heard: Mutex<Option<Instant>>,
    pub(super) object: tokio::sync::Mutex<Object>,
}

/// What is known of the object.
#[derive(Debug, Default)]
pub(super) struct Object {
    /// As it was read or written last, without positions; `None` where it is not there, or nobody looked.
    pub(super) found: Option<Found>,
    /// When it was written last.
    pub(super) last_put: Option<Instant>,
}

#[derive(Debug)]
struct Members {
    machine: Machine,
    waiting: HashMap<Token, oneshot::Sender<Reply>>,
    next: u64,
    /// What the group was last counted as.
    counted: usize,
}

impl Group {
    pub(super) fn new(name: GroupName, rules: Rules) -> Self {
        let machine = Machine::new(rules, 0);
        Self {
            name,
            ours: AtomicBool::new(false),
            members: Mutex::new(Members { machine, waiting: HashMap::new(), next: 0, counted: 0 }),
            positions: Mutex::default(),
            heard: Mutex::default(),
            object: tokio::sync::Mutex::default(),
        }
    }

    pub(super) fn is_ours(&self) -> bool {
        self.ours.load(Ordering::Acquire)
    }

    /// It is ours from here on, with this object.
    pub(super) fn is_taken(&self, object: &mut Object, mut found: Found, rules: Rules) {
        let topics = std::mem::take(&mut found.group.topics);
        self.positions().reset(topics, found.group.saved, KafkaError::NotCoordinator);
        self.members().machine = Machine::new(rules, found.group.generation);
        object.found = Some(found);
        self.ours.store(true, Ordering::Release);
    }

    /// It is not ours any more, as its object says: whoever waits is sent away.
    pub(super) fn is_lost(&self, object: &mut Object, found: Option<Found>) {
        self.ours.store(false, Ordering::Release);
        self.step(Event::Close(KafkaError::NotCoordinator), None);
        self.positions().reset(super::positions::Topics::new(), None, KafkaError::NotCoordinator);
        object.found = found.as_ref().map(Found::head);
    }

    /// Takes a step; `send` gets the answer, now or later. Gives when time alone will change something.
    pub(super) fn step(&self, event: Event, send: Option<oneshot::Sender<Reply>>) -> Option<Instant> {
        let mut members = self.members();
        let token = Token(members.next);
        members.next += 1;
        if let Some(send) = send {
            if !self.is_ours() {
                // The other end may be gone; it then has no use for an answer.
                let _ = send.send(Reply::Refused(KafkaError::NotCoordinator));
                return None;
            }
            members.waiting.insert(token, send);
        }
        for (token, reply) in members.machine.step(token, event, Instant::now()) {
            if let Some(send) = members.waiting.remove(&token) {
                let _ = send.send(reply);
            }
        }
        members.machine.deadline()
    }

    /// When time alone will change something.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.members().machine.deadline()
    }

    /// Reads something of the members.
    pub(super) fn look<R>(&self, read: impl FnOnce(&Machine) -> R) -> R {
        read(&self.members().machine)
    }

    /// Counts what it takes in memory; gives what it was counted as before, and is now.
    pub(super) fn count(&self) -> (usize, usize) {
        let mut members = self.members();
        let now = members.machine.bytes() + self.positions().bytes();
        (std::mem::replace(&mut members.counted, now), now)
    }

    /// Whether nothing is lost by forgetting it.
    pub(super) fn is_idle(&self) -> bool {
        self.members().machine.is_idle()
    }

    pub(super) fn positions(&self) -> MutexGuard<'_, Positions> {
        self.positions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the store last said how things stand.
    pub(super) fn heard(&self) -> Option<Instant> {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The store has said how things stand, or they are unclear.
    pub(super) fn set_heard(&self, at: Option<Instant>) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }

    fn members(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
