//! Positions that a sidecar saved from the cluster: taken by a group that has none of its own, once.

use std::collections::BTreeMap;

use firnline_index::TimestampMs;
use firnline_index::cluster_state::CommittedOffset;
use firnline_index::group::{GroupObject, Position, SavedLook, TopicPositions};

use super::bucket::BucketError;
use super::held::Groups;
use super::positions::Topics;

impl Groups {
    /// Whether saved positions are to be looked for.
    pub(super) fn wants_saved(&self, group: &GroupObject) -> bool {
        self.settings.from_saved && group.saved.is_none() && group.topics.is_empty()
    }

    /// Gives a group the positions that were saved for it, and notes that it was looked. One GET.
    pub(super) async fn take_saved(&self, group: &mut GroupObject) -> Result<(), BucketError> {
        let dated = self.bucket.saved().await?;
        let looked_at = self.bucket.now();
        let saved = dated.and_then(|mut dated| {
            let offsets = dated.state.groups.remove(group.group.as_str())?;
            Some((dated.taken_at, offsets))
        });
        group.saved = Some(SavedLook { looked_at, taken_at: saved.as_ref().map(|(at, _)| *at) });
        let Some((at, offsets)) = saved else { return Ok(()) };
        let all = offsets.len();
        let mut taken = 0;
        for offset in offsets {
            taken += usize::from(self.place(offset, at, &mut group.topics));
        }
        tracing::info!(group = %group.group, taken, all, saved_at_ms = at.get(), "a group begins at saved positions");
        if taken < all {
            tracing::warn!(group = %group.group, left = all - taken,
                "saved positions of topics that the tier does not have, or not under one id, are left out");
        }
        Ok(())
    }

    /// Whether a saved position has a topic that it belongs to.
    fn place(&self, saved: CommittedOffset, at: TimestampMs, topics: &mut Topics) -> bool {
        let CommittedOffset { topic, topic_id, partition, offset, leader_epoch, metadata } = saved;
        let id = topic_id.or_else(|| self.catalog.topics().named(&topic).map(|topic| topic.id));
        let Some(id) = id else { return false };
        let positions =
            topics.entry(id).or_insert_with(|| TopicPositions { topic, partitions: BTreeMap::new() });
        positions.partitions.insert(partition, Position { offset, leader_epoch, metadata, at });
        true
    }
}
