//! From one generation to the next.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::{First, Joined, Machine, MemberId, Phase, Replies, Reply};
use crate::serve::kafka_error::KafkaError;

/// The shortest time for a change: with none at all, a group of members that stay away would change without end.
const SHORTEST: Duration = Duration::from_secs(1);

impl Machine {
    /// Begins the change to another generation, and ends it where everybody is there.
    pub(super) fn rebalance(&mut self, now: Instant, replies: &mut Replies) {
        let longest = self.longest();
        match self.phase {
            Phase::Empty => {
                let until = now + self.rules.initial_delay.min(longest);
                let first = Some(First { came: false, at_most: now + longest });
                self.phase = Phase::Preparing { until, first };
            }
            Phase::Completing | Phase::Stable => {
                for member in self.members.values_mut() {
                    if let Some(token) = member.part_wanted(now) {
                        replies.push((token, Reply::Refused(KafkaError::RebalanceInProgress)));
                    }
                    if self.phase == Phase::Completing {
                        member.assignment = Bytes::new();
                    }
                }
                self.phase = Phase::Preparing { until: now + longest, first: None };
            }
            Phase::Preparing { .. } => {}
        }
        self.sync_until = None;
        self.complete_if_all_are_there(now, replies);
    }

    /// The longest time that any member wants for a change.
    fn longest(&self) -> Duration {
        let longest = self.members.values().map(|member| member.rebalance).max();
        longest.unwrap_or_default().clamp(SHORTEST, self.rules.max_rebalance)
    }

    pub(super) fn complete_if_all_are_there(&mut self, now: Instant, replies: &mut Replies) {
        let waits = matches!(self.phase, Phase::Preparing { first: None, .. });
        let first_alone =
            matches!(self.phase, Phase::Preparing { first: Some(_), .. }) && self.members.is_empty();
        let all = self.named.is_empty() && self.members.values().all(super::Member::is_joining);
        if (waits || first_alone) && all {
            self.complete(now, replies);
        }
    }

    /// Ends the change with those who are there.
    pub(super) fn complete(&mut self, now: Instant, replies: &mut Replies) {
        let is_late = |member: &super::Member| !member.is_joining() && member.instance.is_none();
        let late: Vec<MemberId> =
            self.members.iter().filter(|(_, member)| is_late(member)).map(|(id, _)| Arc::clone(id)).collect();
        for id in late {
            self.remove(&id, replies);
        }
        let leads = |id: &MemberId| self.members.get(id).is_some_and(super::Member::is_joining);
        if !self.members.is_empty() && !self.leader.as_ref().is_some_and(leads) {
            let joining = self.members.iter().find(|(_, member)| member.is_joining());
            let Some((id, _)) = joining else {
                // None but members that may stay away until their sessions end.
                self.phase = Phase::Preparing { until: now + self.longest(), first: None };
                return;
            };
            self.leader = Some(Arc::clone(id));
        }
        // Kafka counts from 1 again as well; nobody has seen so many.
        self.generation = self.generation.checked_add(1).unwrap_or(1);
        if self.members.is_empty() {
            self.phase = Phase::Empty;
            self.protocol = None;
            self.leader = None;
            return;
        }
        self.protocol = self.elect();
        self.phase = Phase::Completing;
        self.sync_until = Some(now + self.longest());
        let ids: Vec<MemberId> = self.members.keys().cloned().collect();
        for id in ids {
            let token = self.members.get_mut(&id).and_then(|member| member.enter(now));
            if let Some(token) = token {
                let leads = self.leader.as_ref() == Some(&id);
                replies.push((token, Reply::Joined(self.told(&id, leads))));
            }
        }
    }

    /// The way to divide the work that most members put first among those that all of them know.
    pub(super) fn elect(&self) -> Option<Arc<str>> {
        let known_to_all = |name: &str| self.members.values().all(|member| member.supports(name));
        let mut votes: BTreeMap<&Arc<str>, usize> = BTreeMap::new();
        for member in self.members.values() {
            let best = member.protocols.iter().find(|protocol| known_to_all(&protocol.name));
            if let Some(best) = best {
                *votes.entry(&best.name).or_default() += 1;
            }
        }
        let most = votes.into_iter().max_by_key(|(_, votes)| *votes);
        most.map(|(name, _)| Arc::clone(name))
    }

    /// The generation as a member is told of it.
    pub(super) fn told(&self, id: &MemberId, with_members: bool) -> Joined {
        let protocol = self.protocol.clone().unwrap_or_default();
        let one = |(id, member): (&MemberId, &super::Member)| {
            (Arc::clone(id), member.instance.clone(), member.metadata(&protocol))
        };
        let members = if with_members { self.members.iter().map(one).collect() } else { Vec::new() };
        Joined {
            generation: self.generation,
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            leader: self.leader.clone().unwrap_or_default(),
            member: Arc::clone(id),
            skip_assignment: false,
            members,
            protocol,
        }
    }

    /// Takes a member out. The change that follows is for the caller to begin.
    pub(super) fn remove(&mut self, id: &MemberId, replies: &mut Replies) {
        let Some(mut member) = self.members.remove(id) else { return };
        member.refuse(KafkaError::UnknownMemberId, replies);
        if let Some(instance) = &member.instance
            && self.instances.get(instance) == Some(id)
        {
            self.instances.remove(instance);
        }
        if self.leader.as_ref() == Some(id) {
            let joining = self.members.iter().find(|(_, member)| member.is_joining());
            let next = joining.or_else(|| self.members.iter().next());
            self.leader = next.map(|(id, _)| Arc::clone(id));
        }
    }

    /// What follows from members having gone.
    pub(super) fn after_loss(&mut self, now: Instant, replies: &mut Replies) {
        match self.phase {
            Phase::Empty => {}
            Phase::Preparing { .. } => self.complete_if_all_are_there(now, replies),
            Phase::Completing | Phase::Stable => self.rebalance(now, replies),
        }
    }
}
