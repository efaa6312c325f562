//! One member of a group.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::{Join, Replies, Reply, Token};
use crate::serve::kafka_error::KafkaError;

/// How long a member may wait for its first generation without a sign of life: one that went meanwhile would hold up the
/// others for ever.
const FIRST_WAIT: Duration = Duration::from_secs(300);

/// What is counted of a member besides texts and bytes.
const BYTES: usize = 400;

/// A way to divide the work, with what a member has to say for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Protocol {
    pub(crate) name: Arc<str>,
    pub(crate) metadata: Bytes,
}

/// A member.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) instance: Option<Arc<str>>,
    pub(crate) client: Arc<str>,
    pub(crate) assignment: Bytes,
    pub(super) session: Duration,
    pub(super) rebalance: Duration,
    pub(super) protocols: Vec<Protocol>,
    /// When its session ends.
    until: Instant,
    /// Whether it never was in a generation.
    is_new: bool,
    /// Whether it has asked for its part of this generation.
    pub(super) has_synced: bool,
    joining: Option<Token>,
    syncing: Option<Token>,
}

impl Member {
    /// Somebody who waits for his first generation.
    pub(super) fn new(token: Token, join: Join, now: Instant) -> Self {
        Self {
            instance: join.instance,
            client: join.client,
            assignment: Bytes::new(),
            session: join.session,
            rebalance: join.rebalance,
            protocols: join.protocols,
            until: now + FIRST_WAIT.max(join.session),
            is_new: true,
            has_synced: false,
            joining: Some(token),
            syncing: None,
        }
    }

    /// Takes what it says now, and waits for the next generation.
    pub(super) fn rejoin(&mut self, token: Token, join: Join, now: Instant, replies: &mut Replies) {
        self.take(join);
        self.until = now + self.session;
        if let Some(before) = self.joining.replace(token) {
            // It has asked twice; nobody waits for the first answer.
            replies.push((before, Reply::Refused(KafkaError::RebalanceInProgress)));
        }
    }

    /// Takes what it says now.
    pub(super) fn take(&mut self, join: Join) {
        self.client = join.client;
        self.session = join.session;
        self.rebalance = join.rebalance;
        self.protocols = join.protocols;
    }

    /// Waits for the next generation with what it has said already.
    pub(super) fn wait_for_generation(&mut self, token: Token) {
        self.joining = Some(token);
    }

    /// Waits for its part.
    pub(super) fn wait_for_part(&mut self, token: Token, replies: &mut Replies) {
        self.has_synced = true;
        if let Some(before) = self.syncing.replace(token) {
            replies.push((before, Reply::Refused(KafkaError::RebalanceInProgress)));
        }
    }

    /// When its session ends, unless it waits for an answer: a sign of life that lasts.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let waits = self.joining.is_some() || self.syncing.is_some();
        (self.is_new || !waits).then_some(self.until)
    }

    pub(super) fn heard(&mut self, now: Instant) {
        if !self.is_new {
            self.until = now + self.session;
        }
    }

    /// Whether it waits for the next generation.
    pub(super) const fn is_joining(&self) -> bool {
        self.joining.is_some()
    }

    /// It enters a generation; the request to answer, if it is there.
    pub(super) fn enter(&mut self, now: Instant) -> Option<Token> {
        self.has_synced = false;
        self.is_new = false;
        self.until = now + self.session;
        self.joining.take()
    }

    /// The request that waits for its part.
    pub(super) fn part_wanted(&mut self, now: Instant) -> Option<Token> {
        let token = self.syncing.take();
        if token.is_some() {
            self.until = now + self.session;
        }
        token
    }

    /// Answers whatever waits.
    pub(super) fn refuse(&mut self, error: KafkaError, replies: &mut Replies) {
        for token in [self.joining.take(), self.syncing.take()].into_iter().flatten() {
            replies.push((token, Reply::Refused(error)));
        }
    }

    /// Whether it says what it said before.
    pub(super) fn says(&self, protocols: &[Protocol]) -> bool {
        self.protocols == protocols
    }

    pub(super) fn supports(&self, protocol: &str) -> bool {
        self.protocols.iter().any(|known| *known.name == *protocol)
    }

    /// What it has to say for a way to divide the work.
    pub(crate) fn metadata(&self, protocol: &str) -> Bytes {
        let found = self.protocols.iter().find(|known| *known.name == *protocol);
        found.map(|known| known.metadata.clone()).unwrap_or_default()
    }

    pub(super) fn bytes(&self) -> usize {
        let protocols = self.protocols.iter().map(|known| known.name.len() + known.metadata.len() + 64);
        let texts = self.client.len() + self.instance.as_ref().map_or(0, |instance| 2 * instance.len());
        BYTES + texts + self.assignment.len() + protocols.sum::<usize>()
    }
}
