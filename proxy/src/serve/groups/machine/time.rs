//! What time does to a group.

use std::sync::Arc;

use tokio::time::Instant;

use super::{First, Machine, MemberId, Phase, Replies};

impl Machine {
    pub(super) fn time(&mut self, now: Instant, replies: &mut Replies) {
        self.named.retain(|_, until| *until > now);
        let mut gone = self.whose(|member| member.deadline().is_some_and(|until| until <= now));
        if self.sync_until.is_some_and(|until| until <= now) {
            self.sync_until = None;
            gone.extend(self.whose(|member| !member.has_synced));
        }
        for id in &gone {
            self.remove(id, replies);
        }
        if gone.is_empty() {
            // A name that was given in vain held up the change.
            self.complete_if_all_are_there(now, replies);
        } else {
            self.after_loss(now, replies);
        }
        self.wait_is_over(now, replies);
    }

    fn wait_is_over(&mut self, now: Instant, replies: &mut Replies) {
        let Phase::Preparing { until, first } = self.phase else { return };
        if until > now {
            return;
        }
        match first {
            Some(First { came: true, at_most }) if until < at_most => {
                let until = (now + self.rules.initial_delay).min(at_most);
                self.phase = Phase::Preparing { until, first: Some(First { came: false, at_most }) };
            }
            _ => self.complete(now, replies),
        }
    }

    fn whose(&self, is: impl Fn(&super::Member) -> bool) -> Vec<MemberId> {
        self.members.iter().filter(|(_, member)| is(member)).map(|(id, _)| Arc::clone(id)).collect()
    }
}
