//! Looking at the host.

use std::sync::Arc;

use firnline_index::TopicIdPartition;
use tokio::time::Instant;

use crate::chain_of;
use crate::host::{GivenWay, HeldPartition, Host, HostError, Space, Witness};
use crate::sidecar::core::Core;
use crate::sidecar::state::{State, TierKnown};
use crate::sidecar::step::SidecarStep;
use crate::sidecar::topic::TopicPresence;

/// How long a partition must be gone from the host before it is forgotten: one that moves from one log dir to another is
/// gone for a moment.
const FORGET_AFTER: std::time::Duration = std::time::Duration::from_secs(600);

struct Looked {
    held: Vec<Arc<HeldPartition>>,
    space: Vec<Space>,
    given_way: Vec<GivenWay>,
}

impl Core {
    /// Takes what is remembered durably. To be called once, before the first round.
    pub(in crate::sidecar) async fn recall(&self) -> Result<(), HostError> {
        let host = Arc::clone(&self.parts.host);
        let witnesses = self.blocking(move || host.witnesses()).await?;
        let mut state = self.state();
        state.recalled = witnesses.into_iter().map(|witness| (witness.tip.clone(), witness)).collect();
        Ok(())
    }

    pub(super) async fn look(&self) {
        self.before(SidecarStep::Look).await;
        let host = Arc::clone(&self.parts.host);
        match self.blocking(move || look(&*host)).await {
            Ok(looked) => {
                let gone = self.take(looked);
                self.forget(gone).await;
            }
            Err(error) => {
                let text: Arc<str> = chain_of(&error).into();
                tracing::error!(error = %text, "the host cannot be looked at; nothing is decided from it");
                self.state().host_error = Some(text);
            }
        }
    }

    /// Takes what was seen, and gives the partitions of which nothing has been held for long enough.
    fn take(&self, looked: Looked) -> Vec<TopicIdPartition> {
        let (settings, now) = (self.settings(), Instant::now());
        let mut state = self.state();
        state.host_error = None;
        let limits = settings.pressure;
        let pressed =
            |space: &Space| space.free < limits.free_below || space.sole_link > limits.sole_link_above;
        let pressure = looked.space.iter().any(pressed);
        if pressure != state.pressure {
            state.pressure = pressure;
            state.slots.values_mut().for_each(|slot| slot.dirty = true);
        }
        for slot in state.slots.values_mut() {
            slot.seen = false;
        }
        for held in &looked.held {
            state.topic(&held.tip, &settings, now);
            let State { slots, recalled, gone, .. } = &mut *state;
            match slots.get_mut(&held.tip) {
                Some(slot) => slot.hold(held),
                None => {
                    let mut slot = self.new_slot(held, now);
                    slot.witness = recalled.remove(&held.tip);
                    slot.gave_way = gone.take(held.tip.topic_id, held.tip.partition);
                    slots.insert(held.tip.clone(), slot);
                }
            }
            if let Some(slot) = slots.get_mut(&held.tip) {
                slot.seen = true;
            }
        }
        for given in &looked.given_way {
            state.counts.pins_gave_way += 1;
            let held = state.slots_of(given.topic_id).find(|(tip, _)| tip.partition == given.partition);
            match held {
                Some((tip, slot)) => {
                    tracing::warn!(%tip, range = %given.range, "a pin gave way to the reserve of free space");
                    slot.gave_way.push(given.range);
                }
                None => state.gone.push(given.topic_id, given.partition, given.range),
            }
        }
        let mut gone = Vec::new();
        let State { slots, topics, gone: unheld, .. } = &mut *state;
        slots.retain(|tip, slot| {
            if slot.seen {
                return true;
            }
            let since = *slot.absent_since.get_or_insert(now);
            // A topic that may be deleted is marked so first.
            let marked = match topics.get(&tip.topic_id).map(|topic| topic.presence) {
                None | Some(TopicPresence::Known) => true,
                Some(TopicPresence::Missing { .. } | TopicPresence::Doubted { .. }) => false,
                Some(TopicPresence::Deleted) => match &slot.tier {
                    TierKnown::Nothing => false,
                    TierKnown::Absent => true,
                    TierKnown::Present(digest) => digest.deleted.is_some(),
                },
            };
            if !marked || slot.acting || now.saturating_duration_since(since) < FORGET_AFTER {
                slot.empty();
                return true;
            }
            unheld.keep(tip.topic_id, tip.partition, std::mem::take(&mut slot.gave_way));
            gone.push(tip.clone());
            false
        });
        gone
    }

    async fn forget(&self, gone: Vec<TopicIdPartition>) {
        if gone.is_empty() {
            return;
        }
        self.before(SidecarStep::Forget).await;
        let host = Arc::clone(&self.parts.host);
        if let Err(error) = self.blocking(move || host.forget(&gone)).await {
            tracing::warn!(error = %chain_of(&error), "partitions that are gone could not be forgotten; a restart tries again");
        }
    }

    /// Remembers witnesses, durably first. Those of one call in one write.
    pub(super) async fn remember(&self, witnesses: Vec<Witness>) {
        if witnesses.is_empty() {
            return;
        }
        self.before(SidecarStep::Remember).await;
        let host = Arc::clone(&self.parts.host);
        let kept = witnesses.clone();
        if let Err(error) = self.blocking(move || host.remember(&kept)).await {
            tracing::error!(error = %chain_of(&error), "what was committed could not be remembered");
            self.state().host_error = Some(chain_of(&error).into());
            return;
        }
        let mut state = self.state();
        for witness in witnesses {
            if let Some(slot) = state.slots.get_mut(&witness.tip) {
                slot.remembers(witness);
            }
        }
    }
}

fn look(host: &dyn Host) -> Result<Looked, HostError> {
    Ok(Looked { held: host.look()?, space: host.space()?, given_way: host.given_way()? })
}
