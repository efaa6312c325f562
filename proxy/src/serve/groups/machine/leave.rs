//! Members go of their own accord.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Leaving, Machine, MemberId, Replies, Reply, Token};
use crate::serve::kafka_error::KafkaError;

impl Machine {
    pub(super) fn leave(&mut self, token: Token, leaving: &[Leaving], now: Instant, replies: &mut Replies) {
        let members = self.members.len();
        let mut left = Vec::with_capacity(leaving.len());
        for one in leaving {
            left.push(self.who_leaves(one).map(|id| {
                self.named.remove(&id);
                self.remove(&id, replies);
            }));
        }
        replies.push((token, Reply::Left(left)));
        if self.members.len() < members {
            self.after_loss(now, replies);
        } else {
            self.complete_if_all_are_there(now, replies);
        }
    }

    fn who_leaves(&self, leaving: &Leaving) -> Result<MemberId, KafkaError> {
        // An operator takes a member out by its own name alone.
        if leaving.member.is_empty()
            && let Some(instance) = &leaving.instance
        {
            return self.instances.get(instance).cloned().ok_or(KafkaError::UnknownMemberId);
        }
        if leaving.instance.is_none() && self.named.contains_key(&leaving.member) {
            return Ok(Arc::clone(&leaving.member));
        }
        self.known(&leaving.member, leaving.instance.as_ref())?;
        Ok(Arc::clone(&leaving.member))
    }
}
