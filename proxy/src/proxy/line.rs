//! What is written down of each request, in order, for whoever takes the answers.

use bytes::Bytes;
use tokio::time::Instant;

use super::fetch::{Asked, Question};
use super::identity::Mechanism;
use super::shares::Taken;
use super::travel::Travelers;
use crate::serve::kafka_error::KafkaError;
use crate::wire::{Api, Frame};

/// One answer to come.
#[derive(Debug)]
pub(crate) enum Line {
    /// A frame in no form that is read: a step of a login.
    Bare,
    /// An answer that is made here; the broker was not asked. With it the memory that is set aside for its request.
    Own(Frame, Option<Taken>),
    /// The broker's answer.
    Awaited(Awaited),
}

/// An answer of the broker.
#[derive(Debug)]
pub(crate) struct Awaited {
    pub(crate) api: Api,
    pub(crate) version: i16,
    /// The number that it has to repeat.
    pub(crate) correlation_id: i32,
    /// When its request was passed.
    pub(crate) since: Instant,
    pub(crate) then: Then,
    /// What was taken out of its request, and is told beside it.
    pub(crate) travelers: Option<Box<Travelers>>,
    /// The memory that is set aside for what is kept of the request.
    pub(crate) counted: Option<Taken>,
}

impl Awaited {
    /// An answer for which nothing of the request is kept that counts.
    pub(crate) fn new(api: Api, version: i16, correlation_id: i32, then: Then) -> Self {
        let since = Instant::now();
        Self { api, version, correlation_id, since, then, travelers: None, counted: None }
    }
}

/// What is done with an answer.
#[derive(Debug)]
pub(crate) enum Then {
    /// It passes unread.
    Pass,
    /// Its addresses are replaced.
    Addresses,
    /// Its versions are capped.
    Versions,
    /// It says whether a login by this mechanism may begin, and passes.
    Handshake(Mechanism),
    /// It passes with its addresses hidden, or is held where it is short; nobody reads the tier for it.
    Fetch,
    /// It passes while the tier is to come: what the broker has lost may be there.
    Waiting,
    /// It is filled from the tier.
    Cold(Asked),
    /// It is merged with what the tier has: of ListOffsets, OffsetForLeaderEpoch, DeleteRecords. The request is kept for it, its
    /// length cut off.
    Merged(Bytes),
    /// It says what was deleted; of what was spared in its request, which is kept for it, it says why nothing was.
    Spared(Bytes, KafkaError),
    /// It is kept here, for the addresses in it.
    Nodes,
    /// It is kept here: which topics names mean.
    Names,
    /// It is kept here: where logs end.
    Ends,
    /// It is kept here: how transactions ended.
    Seams(Vec<Question>),
    /// It is kept here: whether topics as they stood may be read.
    Consent,
}

impl Then {
    /// Whether it is the answer to a question of our own.
    pub(crate) const fn is_own(&self) -> bool {
        matches!(self, Self::Nodes | Self::Names | Self::Ends | Self::Seams(_) | Self::Consent)
    }
}
