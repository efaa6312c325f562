//! A member asks for its part; the leader brings them all.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::{Machine, MemberId, Phase, Replies, Reply, Sync, Synced, Token};
use crate::serve::kafka_error::KafkaError;

impl Machine {
    pub(super) fn sync(&mut self, token: Token, sync: Sync, now: Instant, replies: &mut Replies) {
        if let Err(error) = self.may_sync(&sync) {
            return replies.push((token, Reply::Refused(error)));
        }
        let id = sync.caller.member;
        let Some(member) = self.members.get_mut(&id) else { return };
        if self.phase == Phase::Stable {
            member.has_synced = true;
            member.heard(now);
            let part = self.part(&id);
            replies.push((token, Reply::Synced(part)));
        } else {
            member.wait_for_part(token, replies);
            if self.leader.as_ref() == Some(&id) {
                self.divide(sync.assignments, now, replies);
            }
        }
        if self.members.values().all(|member| member.has_synced) {
            self.sync_until = None;
        }
    }

    fn may_sync(&self, sync: &Sync) -> Result<(), KafkaError> {
        self.current(&sync.caller)?;
        let differs = |said: &Option<_>, is: &Option<_>| said.is_some() && said != is;
        if differs(&sync.protocol_type, &self.protocol_type) || differs(&sync.protocol, &self.protocol) {
            return Err(KafkaError::InconsistentGroupProtocol);
        }
        match self.phase {
            Phase::Empty => Err(KafkaError::UnknownMemberId),
            Phase::Preparing { .. } => Err(KafkaError::RebalanceInProgress),
            Phase::Completing | Phase::Stable => Ok(()),
        }
    }

    /// Everybody gets his part; who is not named gets an empty one.
    fn divide(&mut self, parts: Vec<(MemberId, bytes::Bytes)>, now: Instant, replies: &mut Replies) {
        let mut parts: BTreeMap<_, _> = parts.into_iter().collect();
        self.phase = Phase::Stable;
        let mut waiting = Vec::new();
        for (id, member) in &mut self.members {
            member.assignment = parts.remove(id).unwrap_or_default();
            if let Some(token) = member.part_wanted(now) {
                waiting.push((token, MemberId::clone(id)));
            }
        }
        for (token, id) in waiting {
            replies.push((token, Reply::Synced(self.part(&id))));
        }
    }

    fn part(&self, id: &MemberId) -> Synced {
        Synced {
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            protocol: self.protocol.clone().unwrap_or_default(),
            assignment: self.members.get(id).map(|member| member.assignment.clone()).unwrap_or_default(),
        }
    }
}
