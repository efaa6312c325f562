//! Floors, retention and collection of the partitions that are led here.

use std::collections::VecDeque;

use firnline_index::manifest::Writer;
use firnline_index::{LeaderEpoch, TopicIdPartition};
use firnline_tier::cluster::Clocks;
use firnline_tier::floors::FoldOutcome;
use firnline_tier::gc::{Condemned, GcError, GcMemory, GcOutcome, GcRequest};
use firnline_tier::policy::effective;
use firnline_tier::retention::{RetentionRequest, RetireError, RetireOutcome};
use firnline_tier::{RandomExt, Refused};
use tokio::time::Instant;

use super::Never;
use super::archives::Archives;
use crate::chain_of;
use crate::sidecar::core::Core;
use crate::sidecar::step::SidecarStep;

/// Partitions whose background work has its turn between two looks at the clocks.
const AT_ONCE: usize = 64;
/// Lists of what is to be deleted that are kept until they are due. What is dropped beyond it, a later collection finds.
const CONDEMNED: usize = 1024;

/// What the background work remembers.
#[derive(Debug, Default)]
pub(super) struct Memory {
    gc: GcMemory,
    pub(super) archives: Archives,
    condemned: VecDeque<Condemned>,
}

impl Core {
    pub(super) async fn duties(&self) -> Never {
        let mut memory = Memory::default();
        loop {
            let settings = self.settings();
            let pause = settings.summary_interval;
            tokio::time::sleep(pause - pause / 8 + self.parts.tier.env().random.jitter(pause / 4)).await;
            self.delete_due(&mut memory).await;
            self.fold_floors(&mut memory).await;
            let mut due = self.due_duties();
            // Where everything is kept and nothing is collected, there is nothing to ask the store's clock for.
            due.retain(|(tip, _, gc)| {
                *gc || self.retention_of(tip).is_some_and(|(limits, _)| !limits.is_none())
            });
            if due.is_empty() && !self.archives_due(&memory) {
                continue;
            }
            self.before(SidecarStep::Duty).await;
            let clocks = match self.parts.tier.clocks().await {
                Ok(clocks) => clocks,
                Err(error) => {
                    tracing::warn!(error = %chain_of(&error), "the store's clock cannot be read; nothing is retired");
                    continue;
                }
            };
            self.expire_archives(clocks, &mut memory).await;
            for (tip, epoch, gc) in due {
                self.retire(&tip, epoch, clocks, &mut memory).await;
                if gc {
                    self.collect(&tip, epoch, clocks, &mut memory).await;
                }
            }
        }
    }

    /// The partitions whose turn it is, and whether a collection is due; they are given their next one.
    fn due_duties(&self) -> Vec<(TopicIdPartition, LeaderEpoch, bool)> {
        let (settings, now) = (self.settings(), Instant::now());
        let led = self.led();
        let random = &self.parts.tier.env().random;
        let mut state = self.state();
        let mut due = Vec::new();
        for (tip, epoch) in led {
            let Some(slot) = state.slots.get_mut(&tip) else { continue };
            // At first somewhere in the interval, so that what began together does not stay together.
            let at = *slot.duty_at.get_or_insert_with(|| now + random.jitter(settings.duty_interval));
            let gc_at = *slot.gc_at.get_or_insert_with(|| now + random.jitter(settings.gc_interval));
            if at > now || due.len() == AT_ONCE {
                continue;
            }
            slot.duty_at = Some(now + settings.duty_interval);
            if gc_at <= now {
                slot.gc_at = Some(now + settings.gc_interval);
            }
            due.push((tip, epoch, gc_at <= now));
        }
        due
    }

    async fn fold_floors(&self, memory: &mut Memory) {
        let pending = match self.parts.tier.pending_floors().await {
            Ok(pending) => pending,
            Err(error) => {
                tracing::warn!(error = %chain_of(&error), "floors cannot be listed");
                return;
            }
        };
        if pending.partitions.is_empty() {
            return;
        }
        for (tip, epoch) in self.led() {
            if !pending.partitions.contains(&(tip.topic_id, tip.partition)) {
                continue;
            }
            self.before(SidecarStep::Duty).await;
            let writer = self.parts.tier.writer(self.parts.node, Some(epoch));
            match self.parts.tier.fold_floors(&tip, Some(writer)).await {
                Ok(FoldOutcome::Folded(folded)) => memory.condemn(folded.condemned),
                Ok(FoldOutcome::Refused(refused)) => {
                    tracing::info!(%tip, %refused, "a floor is not folded yet")
                }
                Err(error) => tracing::warn!(%tip, error = %chain_of(&error), "a floor cannot be folded"),
            }
            self.with(&tip, crate::sidecar::state::Slot::doubt_tier);
        }
    }

    async fn retire(&self, tip: &TopicIdPartition, epoch: LeaderEpoch, clocks: Clocks, memory: &mut Memory) {
        let Some((limits, paused)) = self.retention_of(tip) else { return };
        let request = RetentionRequest { tip, limits, paused, clocks };
        let writer = self.parts.tier.writer(self.parts.node, Some(epoch));
        let branches = self.with(tip, |slot| slot.digest().is_some_and(|digest| digest.dead_branches > 0));
        self.retire_as(&request, writer, branches == Some(true), memory).await;
    }

    /// Retires what is due of one partition in the name of `writer`; of dead branches too where there may be some.
    pub(super) async fn retire_as(
        &self,
        request: &RetentionRequest<'_>,
        writer: Writer,
        branches: bool,
        memory: &mut Memory,
    ) {
        let (tier, settings, tip) = (&self.parts.tier, self.settings().retention, request.tip);
        if branches {
            match tier.plan_dead_branch(request, &settings).await {
                Ok(Some(branch)) => {
                    let outcome = tier.drop_dead_branch(tip, branch, Some(writer)).await;
                    self.retired(tip, outcome, memory);
                }
                Ok(None) => {}
                Err(error) => tracing::warn!(%tip, error = %chain_of(&error), "retention cannot be decided"),
            }
        }
        let plan = match tier.plan_retention(request, &settings).await {
            Ok(Some(plan)) => plan,
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(%tip, error = %chain_of(&error), "retention cannot be decided");
                return;
            }
        };
        let outcome = tier.retire(&plan, Some(writer)).await;
        self.retired(tip, outcome, memory);
    }

    fn retired(
        &self,
        tip: &TopicIdPartition,
        outcome: Result<RetireOutcome, RetireError>,
        memory: &mut Memory,
    ) {
        match outcome {
            Ok(RetireOutcome::Retired(condemned)) => {
                memory.condemn(Some(condemned));
                self.with(tip, crate::sidecar::state::Slot::doubt_tier);
            }
            Ok(RetireOutcome::Nothing) => {}
            Ok(RetireOutcome::Refused(refused)) => tracing::info!(%tip, %refused, "nothing is retired"),
            Err(error) => tracing::warn!(%tip, error = %chain_of(&error), "segments cannot be retired"),
        }
    }

    /// What is kept of a partition, and whether its topic is paused.
    fn retention_of(&self, tip: &TopicIdPartition) -> Option<(firnline_tier::retention::Limits, bool)> {
        let state = self.state();
        let topic = state.topics.get(&tip.topic_id)?;
        let found = effective(topic.retention, topic.policy.retention);
        for finding in &found.findings {
            tracing::debug!(%tip, %finding, "retention");
        }
        Some((found.limits, topic.paused))
    }

    async fn collect(&self, tip: &TopicIdPartition, epoch: LeaderEpoch, clocks: Clocks, memory: &mut Memory) {
        let Some((after, generation, paused)) = self
            .with(tip, |slot| (slot.gc_after.clone(), slot.digest().map(|digest| digest.generation)))
            .map(|(after, generation)| {
                let paused = self.state().topics.get(&tip.topic_id).is_none_or(|topic| topic.paused);
                (after, generation, paused)
            })
        else {
            return;
        };
        let request = GcRequest {
            tip,
            writer: Some(self.parts.tier.writer(self.parts.node, Some(epoch))),
            paused,
            clocks,
            known_generation: generation,
            after: after.as_deref(),
        };
        let survey = match self.parts.tier.gc(&request, &self.settings().gc, &mut memory.gc).await {
            Ok(GcOutcome::Condemned(condemned, survey)) => {
                memory.condemn(Some(condemned));
                self.with(tip, crate::sidecar::state::Slot::doubt_tier);
                survey
            }
            Ok(GcOutcome::Refused(refusal, survey)) => {
                tracing::warn!(%tip, %refusal, "nothing is collected");
                survey
            }
            Ok(GcOutcome::Clean(survey) | GcOutcome::Planned(_, survey)) => survey,
            Err(GcError::Refused { source, .. }) if matches!(*source, Refused::Lost(_)) => {
                tracing::info!(%tip, reason = %source, "nothing is collected here: another sidecar leads by now");
                self.with(tip, crate::sidecar::state::Slot::doubt_tier);
                return;
            }
            Err(error) => {
                tracing::warn!(%tip, error = %chain_of(&error), "what nothing names cannot be collected");
                return;
            }
        };
        self.with(tip, |slot| slot.gc_after = survey.next);
    }

    /// Deletes what is due by now.
    async fn delete_due(&self, memory: &mut Memory) {
        for _ in 0..memory.condemned.len() {
            let Some(condemned) = memory.condemned.pop_front() else { return };
            if condemned.due() > Instant::now() {
                memory.condemned.push_back(condemned);
                continue;
            }
            self.before(SidecarStep::Duty).await;
            match self.parts.tier.delete_condemned(&condemned, &mut memory.gc).await {
                Ok(deleted) => {
                    let mut state = self.state();
                    state.counts.objects_deleted += deleted.objects;
                    state.counts.bytes_deleted += deleted.bytes;
                    drop(state);
                    tracing::info!(tip = %condemned.tip(), objects = deleted.objects, bytes = deleted.bytes, "deleted what nothing names");
                }
                Err(error) if error.is_passing() => memory.condemned.push_back(condemned),
                Err(error) => {
                    tracing::error!(tip = %condemned.tip(), error = %chain_of(&error), "nothing is deleted")
                }
            }
        }
    }
}

impl Memory {
    fn condemn(&mut self, condemned: Option<Condemned>) {
        if self.condemned.len() == CONDEMNED {
            self.condemned.pop_front();
        }
        self.condemned.extend(condemned);
    }
}
