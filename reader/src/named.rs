//! The segments that callers have named by themselves, by where they begin: what tells, without a request, which one goes on
//! where another ends.

use std::sync::Arc;

use firnline_index::{Offset, TopicIdPartition};
use moka::policy::EvictionPolicy;

use crate::segment::SegmentRef;

/// How many are remembered, each of some hundred bytes; the longest idle are forgotten.
const REMEMBERED: u64 = 4_096;

/// What was named. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Named(moka::sync::Cache<(TopicIdPartition, Offset), Arc<SegmentRef>>);

impl Named {
    pub(crate) fn new() -> Self {
        let lru = EvictionPolicy::lru();
        Self(moka::sync::Cache::builder().max_capacity(REMEMBERED).eviction_policy(lru).build())
    }

    /// Of two that begin at one place the one named last counts.
    pub(crate) fn note(&self, of: &Arc<SegmentRef>) {
        let place = (of.tip.clone(), of.range.start());
        if self.0.get(&place).is_none_or(|known| known != *of) {
            self.0.insert(place, Arc::clone(of));
        }
    }

    pub(crate) fn forget(&self, of: &SegmentRef) {
        let place = (of.tip.clone(), of.range.start());
        if self.0.get(&place).is_some_and(|known| known.uuid == of.uuid) {
            self.0.invalidate(&place);
        }
    }

    pub(crate) fn begins_at(&self, tip: &TopicIdPartition, at: Offset) -> Option<Arc<SegmentRef>> {
        self.0.get(&(tip.clone(), at))
    }
}
