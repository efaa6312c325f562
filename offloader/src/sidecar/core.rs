//! What rounds and actions share: parts, settings, and the state, which is locked for a moment at a time and never across
//! an await.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use firnline_index::{TimestampMs, TopicIdPartition};
use firnline_tier::RandomExt;
use tokio::time::Instant;

use super::decide::decide;
use super::held::Held;
use super::next::Next;
use super::parts::SidecarParts;
use super::settings::SidecarSettings;
use super::state::{Slot, State};
use super::step::SidecarStep;
use super::topic::TopicPresence;
use super::view::{Given, Standing};
use super::wait::{OffReason, OperatorReason, WaitReason};
use crate::host::HeldPartition;

pub(super) struct Core {
    pub(super) parts: SidecarParts,
    settings: Mutex<Arc<SidecarSettings>>,
    state: Mutex<State>,
}

impl Core {
    pub(super) fn new(parts: SidecarParts, settings: SidecarSettings) -> Self {
        let state = State::new(&settings, Instant::now());
        Self { parts, settings: Mutex::new(Arc::new(settings)), state: Mutex::new(state) }
    }

    pub(super) fn settings(&self) -> Arc<SidecarSettings> {
        Arc::clone(&self.settings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn set(&self, settings: SidecarSettings) {
        let now = Instant::now();
        let mut state = self.state();
        for topic in state.topics.values_mut() {
            topic.apply(&settings, now);
        }
        state.claims = super::bucket::Bucket::new(settings.claim_rate.max(1).into(), now);
        state.bytes = settings.bytes_per_second.map(|rate| super::pace::Rate::new(rate, now));
        state.slots.values_mut().for_each(|slot| slot.dirty = true);
        *self.settings.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Announces a step.
    pub(super) async fn before(&self, step: SidecarStep) {
        self.parts.faults.before(step).await;
    }

    pub(super) fn now(&self) -> TimestampMs {
        self.parts.tier.now()
    }

    /// Works on a partition's slot, if there is one.
    pub(super) fn with<T>(&self, tip: &TopicIdPartition, work: impl FnOnce(&mut Slot) -> T) -> Option<T> {
        self.state().slots.get_mut(tip).map(work)
    }

    /// A new slot for what the host holds.
    pub(super) fn new_slot(&self, held: &Arc<HeldPartition>, now: Instant) -> Slot {
        let jitter = u32::try_from(self.parts.tier.env().random.below(1000)).unwrap_or(0);
        Slot::new(Arc::clone(held), jitter, now)
    }

    /// Runs what blocks on the tier's workers.
    pub(super) async fn blocking<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        self.parts.tier.workers().run(work).await
    }

    /// Decides for one partition, on what is remembered or on what was just read.
    pub(super) fn decide(&self, tip: &TopicIdPartition, fresh: bool) -> (Next, Held) {
        let (settings, now, at) = (self.settings(), self.now(), Instant::now());
        let mut state = self.state();
        let State { slots, topics, pressure, .. } = &mut *state;
        let nothing = || (Next::Wait(WaitReason::Idle), Held::nothing());
        let Some(slot) = slots.get_mut(tip) else { return nothing() };
        let held = slot.held_now();
        let Some(topic) = topics.get(&tip.topic_id) else {
            return (Next::Wait(WaitReason::Off(OffReason::Unknown)), held);
        };
        if let Some(doubt) = topic.doubt() {
            return (Next::Wait(doubt), held);
        }
        let standing = topic.standing(settings.internal_topics);
        let given = Given {
            settings: &settings,
            held: &held,
            policy: &topic.policy,
            standing,
            node: self.parts.node,
            pressure: *pressure,
            fresh,
            store_well_for: self.parts.tier.store().last_outage().unwrap_or(Duration::MAX),
            now,
            at,
        };
        let next = decide(&slot.view(&given));
        // A topic that the brokers are just losing has no leader, and no bound.
        let next = match (next, standing, slot.bound_error.as_ref()) {
            (Next::AskBound, Standing::On, Some(error)) if !fresh => {
                slot.wants_bound = true;
                Next::Wait(WaitReason::Bound(error.clone()))
            }
            // The brokers are losing the topic, and another sidecar has marked it first.
            (Next::Wait(WaitReason::Operator(OperatorReason::MarkedDeleted)), ..)
                if topic.presence != TopicPresence::Known =>
            {
                Next::Wait(WaitReason::Leader)
            }
            (next, ..) => next,
        };
        (next, held)
    }
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core").field("parts", &self.parts).finish_non_exhaustive()
    }
}
