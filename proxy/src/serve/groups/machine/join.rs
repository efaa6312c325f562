//! A member enters.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Join, Machine, Member, MemberId, Phase, Replies, Reply, Token};
use crate::serve::kafka_error::KafkaError;

impl Machine {
    pub(super) fn join(&mut self, token: Token, mut join: Join, now: Instant, replies: &mut Replies) {
        if let Err(error) = self.may_join(&join) {
            return replies.push((token, Reply::Refused(error)));
        }
        join.rebalance = join.rebalance.min(self.rules.max_rebalance);
        if !join.member.is_empty() {
            return self.join_named(token, join, now, replies);
        }
        let before = join.instance.as_ref().and_then(|instance| self.instances.get(instance)).cloned();
        if let Some(before) = before {
            return self.join_in_place_of(token, &before, join, now, replies);
        }
        let id = Arc::clone(&join.fresh);
        if join.needs_name && join.instance.is_none() {
            self.named.insert(Arc::clone(&id), now + join.session);
            return replies.push((token, Reply::Named(id)));
        }
        self.add(token, id, join, now, replies);
    }

    fn may_join(&self, join: &Join) -> Result<(), KafkaError> {
        if !self.rules.session.contains(&join.session) {
            return Err(KafkaError::InvalidSessionTimeout);
        }
        if join.protocol_type.is_empty() || join.protocols.is_empty() {
            return Err(KafkaError::InconsistentGroupProtocol);
        }
        let is_in = self.members.contains_key(&join.member) || self.named.contains_key(&join.member);
        let returns = join.instance.as_ref().is_some_and(|instance| self.instances.contains_key(instance));
        if !is_in && !returns && self.members.len() + self.named.len() >= self.rules.max_members {
            return Err(KafkaError::GroupMaxSizeReached);
        }
        if self.members.is_empty() {
            return Ok(());
        }
        let known_to_all = |name: &str| self.members.values().all(|member| member.supports(name));
        let fits = self.protocol_type.as_ref() == Some(&join.protocol_type)
            && join.protocols.iter().any(|protocol| known_to_all(&protocol.name));
        if fits { Ok(()) } else { Err(KafkaError::InconsistentGroupProtocol) }
    }

    fn add(&mut self, token: Token, id: MemberId, join: Join, now: Instant, replies: &mut Replies) {
        if self.members.is_empty() {
            self.protocol_type = Some(Arc::clone(&join.protocol_type));
            self.leader = None;
        }
        if let Phase::Preparing { first: Some(first), .. } = &mut self.phase {
            first.came = true;
        }
        self.named.remove(&id);
        if let Some(instance) = &join.instance {
            self.instances.insert(Arc::clone(instance), Arc::clone(&id));
        }
        self.leader.get_or_insert_with(|| Arc::clone(&id));
        self.members.insert(id, Member::new(token, join, now));
        self.rebalance(now, replies);
    }

    /// Somebody who has a name.
    fn join_named(&mut self, token: Token, join: Join, now: Instant, replies: &mut Replies) {
        let id = Arc::clone(&join.member);
        if self.named.contains_key(&id) && join.instance.is_none() {
            return self.add(token, id, join, now, replies);
        }
        if let Err(error) = self.known(&id, join.instance.as_ref()) {
            return replies.push((token, Reply::Refused(error)));
        }
        let Some(member) = self.members.get_mut(&id) else { return };
        let (same, leads) = (member.says(&join.protocols), self.leader.as_ref() == Some(&id));
        match self.phase {
            // It has not got the answer, or has forgotten it.
            Phase::Completing if same => {
                member.take(join);
                member.heard(now);
                let told = self.told(&id, leads);
                replies.push((token, Reply::Joined(told)));
            }
            // A leader that enters again wants the work to be divided anew: its topics have changed.
            Phase::Stable if same && !leads => {
                member.take(join);
                member.heard(now);
                let told = self.told(&id, false);
                replies.push((token, Reply::Joined(told)));
            }
            _ => {
                member.rejoin(token, join, now, replies);
                self.rebalance(now, replies);
            }
        }
    }

    /// A member that has a name of its own and was started anew: it takes the place of what it was before.
    fn join_in_place_of(
        &mut self,
        token: Token,
        before: &MemberId,
        join: Join,
        now: Instant,
        replies: &mut Replies,
    ) {
        let id = Arc::clone(&join.fresh);
        let Some(mut member) = self.members.remove(before) else { return };
        member.refuse(KafkaError::FencedInstanceId, replies);
        if let Some(instance) = &member.instance {
            self.instances.insert(Arc::clone(instance), Arc::clone(&id));
        }
        let leads = self.leader.as_ref() == Some(before);
        if leads {
            self.leader = Some(Arc::clone(&id));
        }
        let may_skip = join.may_skip;
        let stable = self.phase == Phase::Stable;
        if stable {
            member.take(join);
            member.heard(now);
            self.members.insert(Arc::clone(&id), member);
            if self.elect() == self.protocol {
                // It gets its old part by asking for it. A leader that cannot be told to leave the rest alone is not told
                // that it leads.
                let mut told = self.told(&id, leads && may_skip);
                told.skip_assignment = leads && may_skip;
                if leads && !may_skip {
                    told.leader = Arc::clone(before);
                }
                return replies.push((token, Reply::Joined(told)));
            }
            let Some(member) = self.members.get_mut(&id) else { return };
            member.wait_for_generation(token);
        } else {
            member.rejoin(token, join, now, replies);
            self.members.insert(Arc::clone(&id), member);
        }
        self.rebalance(now, replies);
    }
}
