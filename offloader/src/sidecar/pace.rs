//! Uploads at the rates in force. A bucket lets a segment begin only when the one before is paid for; a pacer beside it
//! spreads the bytes of each over the time it has paid for.
//!
//! Who goes slowly on purpose stays long. It takes a place of its own, so that whoever has no bytes to send (claims, releases,
//! what is under no rate) is not kept waiting by a slow rate.

use std::sync::Arc;

use async_trait::async_trait;
use firnline_index::TopicIdPartition;
use firnline_tier::{Pace, Pacer};
use tokio::time::Instant;

use super::bucket::Bucket;
use super::core::Core;

/// A rate: what decides who may begin, and what holds back whoever has begun.
#[derive(Debug)]
pub(super) struct Rate {
    pub(super) bucket: Bucket,
    pacer: Arc<Pacer>,
}

impl Rate {
    pub(super) fn new(per_second: u64, now: Instant) -> Self {
        Self { bucket: Bucket::new(per_second, now), pacer: Arc::new(Pacer::new(per_second, now)) }
    }
}

/// The place of an upload at a rate's pace, given back when it is dropped.
pub(super) struct Place<'a>(&'a Core);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.paced = state.paced.saturating_sub(1);
    }
}

impl Core {
    /// A place for an upload of this partition, where a rate holds it back and one is free. There are half as many as partitions
    /// may act at once: each holds a part's memory for as long as the part is being filled.
    pub(super) fn place(&self, tip: &TopicIdPartition) -> Option<Place<'_>> {
        if self.rate_is_lifted(tip) {
            return None;
        }
        let most = (self.settings().parallel_partitions / 2).max(1);
        let mut state = self.state();
        let topic = state.topics.get(&tip.topic_id).is_some_and(|topic| topic.bytes.is_some());
        if !(topic || state.bytes.is_some()) || state.paced >= most {
            return None;
        }
        state.paced += 1;
        Some(Place(self))
    }
}

/// Holds back what one partition uploads.
#[derive(Debug)]
pub(super) struct AtRate<'a> {
    pub(super) core: &'a Core,
    pub(super) tip: TopicIdPartition,
    /// Whether the topic's own rate holds within a segment: only in a place of its own, or a few slow topics would keep all
    /// others waiting. Without one it holds between segments.
    pub(super) topic: bool,
}

impl AtRate<'_> {
    fn of_topic(&self) -> Option<Arc<Pacer>> {
        let state = self.core.state();
        let rate = state.topics.get(&self.tip.topic_id).and_then(|topic| topic.bytes.as_ref());
        rate.filter(|_| self.topic).map(|rate| Arc::clone(&rate.pacer))
    }

    fn of_all(&self) -> Option<Arc<Pacer>> {
        self.core.state().bytes.as_ref().map(|rate| Arc::clone(&rate.pacer))
    }

    /// Waits for one rate, until it is lifted or another is set in its stead.
    async fn wait(&self, bytes: u64, rate: impl Fn(&Self) -> Option<Arc<Pacer>> + Send + Sync) {
        let Some(pacer) = rate(self) else { return };
        let in_force = || rate(self).is_some_and(|now| Arc::ptr_eq(&now, &pacer));
        pacer.pass(bytes, || in_force() && !self.core.rate_is_lifted(&self.tip)).await;
    }
}

#[async_trait]
impl Pace for AtRate<'_> {
    async fn pass(&self, bytes: u64) {
        // The topic's own first: who waits for that must not have taken of what others could use.
        self.wait(bytes, Self::of_topic).await;
        self.wait(bytes, Self::of_all).await;
    }
}
