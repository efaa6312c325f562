//! The rests that are laid over manifests, by partition and by segment.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use firnline_index::manifest::Manifest;
use firnline_index::segment::SegmentTail;
use firnline_index::{SegmentUuid, TopicId, TopicIdPartition};

use super::{DiskProblem, Over, Rest, Unfit};
use crate::error::ReadError;

/// All rests of a reader.
#[derive(Default)]
pub(crate) struct Rests {
    laid: RwLock<Laid>,
    /// Partitions whose rest did not fit the manifest that was read last.
    unfit: Mutex<HashSet<TopicIdPartition>>,
}

#[derive(Default)]
struct Laid {
    /// How often this changed: what was made of an earlier state is too old.
    changes: u64,
    by_tip: HashMap<TopicIdPartition, Arc<Rest>>,
    by_segment: HashMap<(TopicId, SegmentUuid), Tail>,
    /// Segments that stand for what is not served of a rest.
    withheld: HashSet<(TopicId, SegmentUuid)>,
    /// Partitions of which nobody knows yet what stopped brokers have.
    unknown: HashSet<TopicIdPartition>,
}

/// A segment's tail, and the rest that it is of.
pub(crate) type Tail = (Arc<Rest>, Arc<SegmentTail>);

/// What a partition's manifest is once a rest is laid over it.
pub(crate) struct Seen {
    pub(crate) manifest: Arc<Manifest>,
    /// The state of the rests that it was made of.
    pub(crate) changes: u64,
}

impl Rests {
    pub(crate) fn changes(&self) -> u64 {
        self.laid.read().unwrap_or_else(PoisonError::into_inner).changes
    }

    /// The rest of a partition.
    pub(crate) fn of(&self, tip: &TopicIdPartition) -> Option<Arc<Rest>> {
        self.laid.read().unwrap_or_else(PoisonError::into_inner).by_tip.get(tip).cloned()
    }

    /// Lays these, each in the place of the partition's one before.
    pub(crate) fn lay(&self, rests: Vec<(TopicIdPartition, Arc<Rest>)>) {
        let mut laid = self.laid.write().unwrap_or_else(PoisonError::into_inner);
        let mut unfit = self.unfit.lock().unwrap_or_else(PoisonError::into_inner);
        laid.changes += 1;
        for (tip, rest) in rests {
            unfit.remove(&tip);
            laid.unknown.remove(&tip);
            if let Some(before) = laid.by_tip.insert(tip.clone(), Arc::clone(&rest)) {
                laid.withheld.remove(&(tip.topic_id, before.withheld));
                for segment in before.segments() {
                    laid.by_segment.remove(&(tip.topic_id, segment.entry.uuid));
                }
            }
            laid.withheld.insert((tip.topic_id, rest.withheld));
            for segment in rest.segments() {
                let tail = (Arc::clone(&rest), Arc::clone(&segment.tail));
                laid.by_segment.insert((tip.topic_id, segment.entry.uuid), tail);
            }
        }
    }

    /// What stopped brokers have of a partition could not be found out, and nothing is laid: reads of it fail until it is.
    pub(crate) fn is_unknown(&self, tip: &TopicIdPartition) {
        let mut laid = self.laid.write().unwrap_or_else(PoisonError::into_inner);
        if !laid.by_tip.contains_key(tip) && laid.unknown.insert(tip.clone()) {
            laid.changes += 1;
        }
    }

    /// A partition has been looked at, and is as it was.
    pub(crate) fn is_settled(&self, tip: &TopicIdPartition) {
        self.unfit.lock().unwrap_or_else(PoisonError::into_inner).remove(tip);
        let mut laid = self.laid.write().unwrap_or_else(PoisonError::into_inner);
        if laid.unknown.remove(tip) {
            laid.changes += 1;
        }
    }

    /// All rests.
    pub(crate) fn all(&self) -> Vec<(TopicIdPartition, Arc<Rest>)> {
        let laid = self.laid.read().unwrap_or_else(PoisonError::into_inner);
        laid.by_tip.iter().map(|(tip, rest)| (tip.clone(), Arc::clone(rest))).collect()
    }

    /// The tail of a segment that nobody uploaded, and the rest it is of; `None` where the segment is the tier's.
    pub(crate) fn segment(
        &self,
        tip: &TopicIdPartition,
        uuid: SegmentUuid,
    ) -> Result<Option<Tail>, ReadError> {
        let laid = self.laid.read().unwrap_or_else(PoisonError::into_inner);
        if laid.withheld.contains(&(tip.topic_id, uuid)) {
            return Err(ReadError::disk(tip, DiskProblem::Tier));
        }
        let found = laid.by_segment.get(&(tip.topic_id, uuid)).cloned();
        match found {
            Some((rest, _)) if rest.is_over() => {
                let path = rest.log().partition().path.clone();
                Err(ReadError::disk(tip, DiskProblem::Broker { path }))
            }
            found => Ok(found),
        }
    }

    /// The manifest of a partition as it is seen: as the tier tells it, with the rest behind it, if there is one.
    ///
    /// # Errors
    /// Where nobody knows whether there is one, and where the tier tells nothing any more.
    pub(crate) fn over(
        &self,
        tip: &TopicIdPartition,
        told: Option<&Arc<Manifest>>,
        none: impl FnOnce() -> ReadError,
    ) -> Result<Seen, ReadError> {
        let (changes, rest) = {
            let laid = self.laid.read().unwrap_or_else(PoisonError::into_inner);
            if laid.unknown.contains(tip) {
                return Err(ReadError::disk(tip, DiskProblem::Unknown));
            }
            (laid.changes, laid.by_tip.get(tip).cloned())
        };
        let unchanged = || told.cloned().ok_or_else(none);
        let Some(rest) = rest else { return Ok(Seen { manifest: unchanged()?, changes }) };
        let over = rest.over(told.map(|told| &**told));
        let fits = matches!(over, Ok(Over::Told | Over::Laid(_)));
        {
            let mut unfit = self.unfit.lock().unwrap_or_else(PoisonError::into_inner);
            if fits {
                unfit.remove(tip)
            } else {
                unfit.insert(tip.clone())
            };
        }
        match over {
            Ok(Over::Told) => Ok(Seen { manifest: unchanged()?, changes }),
            Ok(Over::Laid(manifest) | Over::Withheld(manifest)) => {
                Ok(Seen { manifest: Arc::new(manifest), changes })
            }
            Err(unfit) => {
                if let Unfit::Algebra(error) = unfit {
                    tracing::warn!(%tip, error = &error as &dyn std::error::Error,
                        "what a stopped broker has of a partition does not go on from its manifest");
                }
                Err(ReadError::disk(tip, DiskProblem::Tier))
            }
        }
    }

    /// Partitions that have to be looked at again: their manifest has moved, a file was not as it was found, or nobody knows of them.
    pub(crate) fn to_renew(&self) -> HashSet<TopicIdPartition> {
        let laid = self.laid.read().unwrap_or_else(PoisonError::into_inner);
        let mut renew = self.unfit.lock().unwrap_or_else(PoisonError::into_inner).clone();
        renew.extend(laid.unknown.iter().cloned());
        renew.extend(laid.by_tip.iter().filter(|(_, rest)| rest.is_stale()).map(|(tip, _)| tip.clone()));
        renew
    }
}
