//! Telling the other sidecars where the tier of our partitions stands, and hearing it from them.

use std::time::Duration;

use firnline_index::summary::{NodeSummary, PartitionSummary, TierMarks, Waiting};
use firnline_index::{ByteCount, Offset, TopicId};
use firnline_tier::RandomExt;
use firnline_tier::cluster::{SummaryOutcome, SummaryReader, SummaryWriter};
use firnline_tier::policy::TopicWatch;
use tokio::time::Instant;

use super::OtherRun;
use crate::chain_of;
use crate::sidecar::core::Core;
use crate::sidecar::decide::missing;
use crate::sidecar::state::Slot;
use crate::sidecar::step::SidecarStep;
use crate::sidecar::wait::{Severity, WaitReason};

/// A sidecar that has not written its summary for so long does not count.
const LATELY: Duration = Duration::from_secs(15 * 60);

impl Core {
    pub(super) async fn exchange(&self) -> OtherRun {
        let (tier, node) = (&self.parts.tier, self.parts.node);
        let mut writer = SummaryWriter::new(node, tier.incarnation());
        let mut reader = SummaryReader::new();
        let mut topics = TopicWatch::new();
        let mut first = true;
        while self.state().slots.is_empty() {
            tokio::time::sleep(self.settings().tick / 4).await;
        }
        loop {
            self.watch_topics(&mut topics).await;
            self.before(SidecarStep::ReadSummaries).await;
            // At first also what this node itself told before it was started anew: it saves a look at every manifest.
            let own = (!first).then_some(node);
            match reader.refresh(tier, own).await {
                Ok(failed) => {
                    for (node, error) in failed {
                        tracing::warn!(%node, error = %chain_of(&error), "a summary cannot be read");
                    }
                    self.hear(&reader);
                    first = false;
                }
                Err(error) => tracing::warn!(error = %chain_of(&error), "summaries cannot be read"),
            }
            self.state().heard = true;
            let told = self.summary();
            if !told.is_empty() {
                self.before(SidecarStep::WriteSummary).await;
                match writer.write(tier, told).await {
                    Ok(SummaryOutcome::Unchanged | SummaryOutcome::Written) => {}
                    Ok(SummaryOutcome::OtherWriter { incarnation, written_at }) => {
                        tracing::error!(%node, other = %incarnation, %written_at, "another sidecar works as this node");
                        return OtherRun { incarnation };
                    }
                    Err(error) => tracing::warn!(error = %chain_of(&error), "the summary cannot be written"),
                }
            }
            let interval = self.settings().summary_interval;
            tokio::time::sleep(interval - interval / 8 + tier.env().random.jitter(interval / 4)).await;
        }
    }

    /// What operators have decided of the topics that are held here.
    async fn watch_topics(&self, watch: &mut TopicWatch) {
        let held: std::collections::BTreeSet<TopicId> = self.state().topics.keys().copied().collect();
        match watch.refresh(&self.parts.tier, |id| held.contains(&id)).await {
            Ok(failed) => {
                for error in failed {
                    tracing::warn!(error = %chain_of(&error), "what is decided of a topic cannot be read; what was known holds");
                }
            }
            Err(error) => {
                tracing::warn!(error = %chain_of(&error), "topics cannot be listed; what was known of them holds")
            }
        }
        let mut state = self.state();
        let mut changed = Vec::new();
        for (id, topic) in &mut state.topics {
            let Some(object) = watch.get(*id) else { continue };
            if topic.hear(Some(object)) {
                changed.push(*id);
            }
        }
        for (tip, slot) in &mut state.slots {
            if changed.contains(&tip.topic_id) {
                slot.dirty = true;
                // Nobody could bring anything meanwhile: what is wanted is wanted anew.
                slot.wanted_since = None;
            }
        }
    }

    fn hear(&self, reader: &SummaryReader) {
        let now = Instant::now();
        let newest = reader.newest();
        let mut waiting = std::collections::BTreeSet::new();
        for NodeSummary { node, partitions, .. } in reader.summaries() {
            let asks = |partition: &&PartitionSummary| {
                *node != self.parts.node
                    && partition.waiting.is_some_and(|waiting| waiting.code == WaitReason::pending_number())
            };
            waiting.extend(
                partitions
                    .iter()
                    .filter(asks)
                    .map(|partition| (partition.tip.topic_id, partition.tip.partition)),
            );
        }
        let now_ms = self.parts.tier.now().get();
        let lately = |summary: &NodeSummary| {
            let age = u64::try_from(now_ms.saturating_sub(summary.written_at.get())).unwrap_or(0);
            u128::from(age) <= LATELY.as_millis()
        };
        let smaller = reader.summaries().any(|summary| summary.node < self.parts.node && lately(summary));
        let mut state = self.state();
        state.smallest_node = !smaller;
        for (tip, slot) in &mut state.slots {
            let key = (tip.topic_id, tip.partition);
            if let Some(told) = newest.get(&key) {
                slot.hear(told.marks, now);
            }
            if waiting.contains(&key) {
                slot.asked_for = slot.reaches_tier_end() || slot.holds_a_part();
                slot.dirty |= slot.asked_for;
            }
        }
    }

    fn summary(&self) -> Vec<PartitionSummary> {
        let now = self.now();
        let mut state = self.state();
        let told =
            state.slots.iter_mut().filter(|(_, slot)| !slot.held.chains.is_empty()).map(|(tip, slot)| {
                let digest = slot.digest();
                let tier = digest.map(|digest| TierMarks {
                    generation: digest.generation,
                    tier_start: digest.tier_start,
                    serving_start: digest.serving_start,
                    tier_end: digest.tier_end,
                });
                let (gaps, dead_branches) =
                    digest.map_or((0, 0), |digest| (digest.gaps, digest.dead_branches));
                let (mut pinned, mut sole) = (0_u64, 0_u64);
                for file in slot.held.chains.iter().flat_map(|chain| &chain.files) {
                    pinned = pinned.saturating_add(if file.pin.is_some() { file.bytes } else { 0 });
                    sole = sole.saturating_add(if file.sole_link { file.bytes } else { 0 });
                }
                // Only what a reader may act on: reasons that come and go each second would make a new summary each minute.
                let worth_telling = slot.wait.severity() >= Severity::Trouble;
                if !worth_telling {
                    slot.wait_since = now;
                }
                PartitionSummary {
                    tier,
                    held_end: slot.held.chains.iter().map(|chain| chain.sealed_end).max(),
                    high_watermark: slot.bound.map(|bound| bound.high_watermark),
                    waiting: worth_telling
                        .then(|| Waiting { code: slot.wait.number(), since: slot.wait_since }),
                    pinned_bytes: ByteCount::new(pinned),
                    sole_link_bytes: ByteCount::new(sole),
                    gaps,
                    dead_branches,
                    ..PartitionSummary::new(tip.clone())
                }
            });
        told.collect()
    }
}

impl Slot {
    /// Whether bytes at the tier's end are held here.
    fn reaches_tier_end(&self) -> bool {
        let end: Option<Offset> = self.digest().map(|digest| digest.tier_end);
        end.is_some_and(|end| {
            self.held.chains.iter().any(|chain| chain.start <= end && end < chain.sealed_end)
        })
    }

    /// Whether bytes are held here inside what the leader wants, and it has not been told so, as far as is known here.
    fn holds_a_part(&self) -> bool {
        let Some(digest) = self.digest() else { return false };
        let Some(missing) = missing(&self.held_now(), digest.tier_end) else { return false };
        let epoch = self.leader.map(|leader| leader.epoch);
        let claim =
            digest.claim.as_ref().filter(|claim| Some(claim.epoch) == epoch && !claim.wanted.is_empty());
        claim.is_none_or(|claim| claim.is_divisible(missing.end()))
    }
}
