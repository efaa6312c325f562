//! Taking the status.

use std::sync::Arc;
use std::time::Duration;

use firnline_index::TimestampMs;

use super::core::Core;
use super::state::Slot;
use super::status::{PartitionStatus, Status, StatusTotals};
use super::wait::WaitReason;

/// A store that answers nothing for so long is named, although its requests have more time than that.
const STORE_SILENT: Duration = Duration::from_secs(10);

impl Core {
    pub(super) fn status(&self) -> Status {
        let now = self.now();
        let silent = self.parts.tier.store().silent_for().filter(|lasts| *lasts >= STORE_SILENT);
        let state = self.state();
        let mut partitions: Vec<PartitionStatus> =
            state.slots.iter().map(|(tip, slot)| one(tip.clone(), slot, self.parts.node, now)).collect();
        if let Some(lasts) = silent {
            let error: Arc<str> = format!("it has answered nothing for {} s", lasts.as_secs()).into();
            // Those under way wait for it, and those whose turn it would be wait for them.
            for partition in partitions.iter_mut().filter(|partition| partition.wait == WaitReason::Turn) {
                partition.wait = WaitReason::Store { error: Arc::clone(&error) };
            }
        }
        let mut totals = StatusTotals { counts: state.counts, ..StatusTotals::default() };
        for partition in &partitions {
            totals.pinned_bytes = totals.pinned_bytes.saturating_add(partition.pinned_bytes);
            totals.sole_link_bytes = totals.sole_link_bytes.saturating_add(partition.sole_link_bytes);
            if partition.leads && !matches!(partition.wait, WaitReason::Off(_)) {
                totals.lag_bytes = totals.lag_bytes.saturating_add(partition.lag_bytes);
                totals.lag_segments += partition.lag_segments;
                totals.lag_max = totals.lag_max.max(partition.lag);
                totals.exposed_max = totals.exposed_max.max(partition.exposed);
            }
        }
        let encrypted = state.topics.values().filter(|topic| topic.encrypted);
        Status {
            partitions,
            totals,
            pressure: state.pressure,
            host_error: state.host_error.clone(),
            cluster_error: state.cluster_error.clone(),
            encrypted: encrypted.map(|topic| topic.name.clone()).collect(),
        }
    }
}

fn one(
    tip: firnline_index::TopicIdPartition,
    slot: &Slot,
    node: firnline_index::NodeId,
    now: TimestampMs,
) -> PartitionStatus {
    let digest = slot.digest();
    let tier_end = digest.map(|digest| digest.tier_end);
    let mut status = PartitionStatus {
        tip,
        leader: slot.leader,
        leads: slot.leader.is_some_and(|leader| leader.node == node),
        tier_start: digest.map(|digest| digest.tier_start),
        serving_start: digest.map(|digest| digest.serving_start),
        tier_end,
        high_watermark: slot.bound.map(|bound| bound.high_watermark),
        log_start: slot.bound.map(|bound| bound.log_start),
        lag_bytes: 0,
        lag_segments: 0,
        lag: Duration::ZERO,
        exposed: slot.exposed_since.map_or(Duration::ZERO, |since| since.elapsed()),
        pinned_bytes: 0,
        sole_link_bytes: 0,
        gaps: digest.map_or(0, |digest| digest.gaps),
        dead_branches: digest.map_or(0, |digest| digest.dead_branches),
        wait: slot.wait.clone(),
        acting: slot.acting,
        last_error: slot.last_error.clone(),
        hanging: slot.hanging.clone(),
    };
    for file in slot.held.chains.iter().flat_map(|chain| &chain.files) {
        if file.pin.is_some() {
            status.pinned_bytes = status.pinned_bytes.saturating_add(file.bytes);
        }
        if file.sole_link {
            status.sole_link_bytes = status.sole_link_bytes.saturating_add(file.bytes);
        }
        if file.end.is_some_and(|end| tier_end.is_none_or(|tier_end| end > tier_end)) {
            status.lag_bytes = status.lag_bytes.saturating_add(file.bytes);
            status.lag_segments += 1;
            let age = now.get().saturating_sub(file.written_at.get());
            status.lag = status.lag.max(Duration::from_millis(u64::try_from(age).unwrap_or(0)));
        }
    }
    status
}
