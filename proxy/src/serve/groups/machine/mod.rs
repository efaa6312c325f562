//! The members of a group and how they come to a division of work: Kafka's classic coordinator as a function of state, event
//! and time. Nothing here knows a lock, a clock, a socket or a store.
//!
//! ```text
//!            first member                    all have joined, or time is up
//!   Empty ──────────────► Preparing ────────────────────────────► Completing ──► Stable
//!     ▲                   │  ▲                                      │   leader's    │
//!     └── nobody is left ─┘  └──────── a member comes, goes, ───────┴── assignment ─┘
//!                                      or wants something else
//! ```
//!
//! A request that is to be answered later leaves a [`Token`]; whoever keeps requests answers it when the token comes back.

mod change;
mod join;
mod leave;
mod member;
mod sync;
mod time;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

pub(crate) use member::{Member, Protocol};

use crate::serve::kafka_error::KafkaError;

/// A request that waits for its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Token(pub(crate) u64);

/// A member's name, given by the coordinator.
pub(crate) type MemberId = Arc<str>;

/// What holds for every group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rules {
    /// How long an empty group waits for more members before its first generation.
    pub(crate) initial_delay: Duration,
    /// The sessions that members may ask for.
    pub(crate) session: RangeInclusive<Duration>,
    /// The longest rebalance.
    pub(crate) max_rebalance: Duration,
    /// The most members, those included that have only got a name.
    pub(crate) max_members: usize,
}

/// Something that happens to a group.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// A member enters, or enters again.
    Join(Join),
    /// A member asks for its part; the leader brings all of them.
    Sync(Sync),
    /// A member is still there.
    Heartbeat(Caller),
    /// A member, or somebody who is none, wants to keep positions.
    Commit(Caller),
    /// Members go.
    Leave(Vec<Leaving>),
    /// The group is not coordinated here any more.
    Close(KafkaError),
    /// Time has passed.
    Time,
}

/// Who asks, and what he takes for the group's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) member: MemberId,
    pub(crate) instance: Option<Arc<str>>,
    pub(crate) generation: i32,
}

/// A wish to enter.
#[derive(Debug, Clone)]
pub(crate) struct Join {
    /// Empty for who has no name yet.
    pub(crate) member: MemberId,
    /// The name for who has none.
    pub(crate) fresh: MemberId,
    pub(crate) instance: Option<Arc<str>>,
    pub(crate) client: Arc<str>,
    pub(crate) session: Duration,
    pub(crate) rebalance: Duration,
    pub(crate) protocol_type: Arc<str>,
    /// Best first.
    pub(crate) protocols: Vec<Protocol>,
    /// Whether a member is to come back with its name before it counts (version 4).
    pub(crate) needs_name: bool,
    /// Whether it can be told to leave the division as it is (version 9).
    pub(crate) may_skip: bool,
}

/// A wish for one's part.
#[derive(Debug, Clone)]
pub(crate) struct Sync {
    pub(crate) caller: Caller,
    pub(crate) protocol_type: Option<Arc<str>>,
    pub(crate) protocol: Option<Arc<str>>,
    /// All parts, where the leader asks.
    pub(crate) assignments: Vec<(MemberId, Bytes)>,
}

/// Somebody who goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leaving {
    /// Empty where only the instance is named.
    pub(crate) member: MemberId,
    pub(crate) instance: Option<Arc<str>>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    /// Nothing more to say.
    Done,
    /// A member is in a generation.
    Joined(Joined),
    /// Its part.
    Synced(Synced),
    /// For each who wanted to go, whether he is gone.
    Left(Vec<Result<(), KafkaError>>),
    /// A name to come back with.
    Named(MemberId),
    /// No.
    Refused(KafkaError),
}

/// A generation as one member is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Joined {
    pub(crate) generation: i32,
    pub(crate) protocol_type: Arc<str>,
    pub(crate) protocol: Arc<str>,
    pub(crate) leader: MemberId,
    pub(crate) member: MemberId,
    pub(crate) skip_assignment: bool,
    /// All members with their metadata, for the leader alone.
    pub(crate) members: Vec<(MemberId, Option<Arc<str>>, Bytes)>,
}

/// A member's part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Synced {
    pub(crate) protocol_type: Arc<str>,
    pub(crate) protocol: Arc<str>,
    pub(crate) assignment: Bytes,
}

/// Answers to give, in order.
pub(crate) type Replies = Vec<(Token, Reply)>;

/// Where a group stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nobody is in it.
    Empty,
    /// Members are to enter the next generation.
    Preparing {
        /// Who has not come by then is left out.
        until: Instant,
        /// Of the first generation, which waits although all are there.
        first: Option<First>,
    },
    /// The leader divides the work.
    Completing,
    /// Everybody can have his part.
    Stable,
}

/// The wait before a first generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct First {
    /// Whether somebody came since the wait began, or was prolonged: then it is prolonged once more.
    pub(crate) came: bool,
    /// No longer than that.
    pub(crate) at_most: Instant,
}

/// A group of members.
#[derive(Debug)]
pub(crate) struct Machine {
    rules: Rules,
    phase: Phase,
    generation: i32,
    protocol_type: Option<Arc<str>>,
    protocol: Option<Arc<str>>,
    leader: Option<MemberId>,
    members: BTreeMap<MemberId, Member>,
    /// Members with a name of their own, which outlives a restart.
    instances: BTreeMap<Arc<str>, MemberId>,
    /// Names given to who has not come back with them yet, and until when they hold.
    named: BTreeMap<MemberId, Instant>,
    /// Who has not asked for his part by then is out.
    sync_until: Option<Instant>,
}

impl Machine {
    /// A group without members, whose next generation follows this one.
    pub(crate) fn new(rules: Rules, generation: i32) -> Self {
        Self {
            rules,
            phase: Phase::Empty,
            generation,
            protocol_type: None,
            protocol: None,
            leader: None,
            members: BTreeMap::new(),
            instances: BTreeMap::new(),
            named: BTreeMap::new(),
            sync_until: None,
        }
    }

    /// What an event does to the group. The token is that of the request behind it; every token is answered once, now or by
    /// a later step, unless the group is dropped.
    pub(crate) fn step(&mut self, token: Token, event: Event, now: Instant) -> Replies {
        let mut replies = Replies::new();
        match event {
            Event::Join(join) => self.join(token, join, now, &mut replies),
            Event::Sync(sync) => self.sync(token, sync, now, &mut replies),
            Event::Heartbeat(caller) => replies.push((token, said(self.heartbeat(&caller, now)))),
            Event::Commit(caller) => replies.push((token, said(self.may_commit(&caller, now)))),
            Event::Leave(leaving) => self.leave(token, &leaving, now, &mut replies),
            Event::Close(error) => self.close(error, &mut replies),
            Event::Time => self.time(now, &mut replies),
        }
        replies
    }

    /// When time alone will change something.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let until = match self.phase {
            Phase::Preparing { until, .. } => Some(until),
            _ => None,
        };
        let sessions = self.members.values().filter_map(Member::deadline);
        sessions.chain(self.named.values().copied()).chain(until).chain(self.sync_until).min()
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    pub(crate) fn generation(&self) -> i32 {
        self.generation
    }

    pub(crate) fn protocol_type(&self) -> Option<&Arc<str>> {
        self.protocol_type.as_ref()
    }

    pub(crate) fn protocol(&self) -> Option<&Arc<str>> {
        self.protocol.as_ref()
    }

    /// All members, by name.
    pub(crate) fn members(&self) -> &BTreeMap<MemberId, Member> {
        &self.members
    }

    /// Whether nobody is in it, nor has a name to come back with.
    pub(crate) fn is_idle(&self) -> bool {
        self.members.is_empty() && self.named.is_empty() && self.phase == Phase::Empty
    }

    /// About how many bytes it takes.
    pub(crate) fn bytes(&self) -> usize {
        let named = self.named.keys().map(|id| id.len() + 64).sum::<usize>();
        named + self.members.iter().map(|(id, member)| 2 * id.len() + member.bytes()).sum::<usize>()
    }

    /// Whether a caller is the member he says he is.
    fn known(&self, member: &str, instance: Option<&Arc<str>>) -> Result<(), KafkaError> {
        if let Some(instance) = instance {
            match self.instances.get(instance) {
                None => return Err(KafkaError::UnknownMemberId),
                Some(id) if **id != *member => return Err(KafkaError::FencedInstanceId),
                Some(_) => {}
            }
        }
        if self.members.contains_key(member) { Ok(()) } else { Err(KafkaError::UnknownMemberId) }
    }

    /// The same, and of the generation that is.
    fn current(&self, caller: &Caller) -> Result<(), KafkaError> {
        self.known(&caller.member, caller.instance.as_ref())?;
        if caller.generation == self.generation { Ok(()) } else { Err(KafkaError::IllegalGeneration) }
    }

    fn heartbeat(&mut self, caller: &Caller, now: Instant) -> Result<(), KafkaError> {
        self.current(caller)?;
        self.heard(&caller.member, now);
        match self.phase {
            Phase::Preparing { .. } => Err(KafkaError::RebalanceInProgress),
            // A member may beat before it asks for its part.
            Phase::Empty | Phase::Completing | Phase::Stable => Ok(()),
        }
    }

    /// Positions are taken from members of this generation, and, where there is no member at all, from anybody: that is how
    /// consumers that divide the work themselves keep theirs.
    fn may_commit(&mut self, caller: &Caller, now: Instant) -> Result<(), KafkaError> {
        if caller.generation < 0 && caller.member.is_empty() && caller.instance.is_none() {
            let nobody = self.phase == Phase::Empty;
            return if nobody { Ok(()) } else { Err(KafkaError::UnknownMemberId) };
        }
        self.current(caller)?;
        self.heard(&caller.member, now);
        // The work is being divided anew: who commits now may not have it any more.
        if self.phase == Phase::Completing { Err(KafkaError::RebalanceInProgress) } else { Ok(()) }
    }

    fn heard(&mut self, member: &str, now: Instant) {
        if let Some(member) = self.members.get_mut(member) {
            member.heard(now);
        }
    }

    fn close(&mut self, error: KafkaError, replies: &mut Replies) {
        for member in self.members.values_mut() {
            member.refuse(error, replies);
        }
        *self = Self::new(self.rules.clone(), self.generation);
    }
}

fn said(result: Result<(), KafkaError>) -> Reply {
    result.map_or_else(Reply::Refused, |()| Reply::Done)
}
