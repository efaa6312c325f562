//! The manifests of what this broker tiers: mirrors of its own metadata, for everybody who reads the tier without it.
//!
//! ```text
//! copy, delete ─► pending, by partition ──(each interval, and at the close)──► one change of the manifest a partition
//! ```
//! No call of the broker reads a manifest or waits for one. What a crash has kept from being written down stands in the
//! footers of the segments, and in the broker's metadata. A manifest that sidecars keep is left alone: from then on copies of
//! that partition are refused, because two would tier one topic.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use firnline_index::manifest::{Entry, Projected};
use firnline_index::{Offset, SegmentUuid, TopicIdPartition};
use firnline_tier::change::Project;
use firnline_tier::{EditOutcome, Lost, Refused};

use super::{Core, Failure, FailureKind, Inner, close};

/// Segments that may wait: more than brokers copy in a day. Beyond that they are not written down.
const PENDING: usize = 100_000;

/// What is to be written down.
#[derive(Debug, Default)]
pub(super) struct Projection {
    state: Mutex<State>,
    /// Who writes it down: whoever closes waits for one who is at it.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    pending: HashMap<TopicIdPartition, Projected>,
    waiting: usize,
    /// Left out because too much waited.
    forgotten: u64,
    /// Partitions whose manifests sidecars keep.
    of_sidecars: HashSet<TopicIdPartition>,
}

impl Projection {
    pub(super) fn added(&self, tip: &TopicIdPartition, entry: Entry) {
        self.note(tip, |done| done.added.push(entry));
    }

    pub(super) fn removed(&self, tip: &TopicIdPartition, uuid: SegmentUuid, base: Offset) {
        self.note(tip, |done| _ = done.removed.insert(uuid, base));
    }

    fn note(&self, tip: &TopicIdPartition, what: impl FnOnce(&mut Projected)) {
        let mut state = self.state();
        if state.waiting >= PENDING {
            state.forgotten += 1;
        } else if !state.of_sidecars.contains(tip) {
            state.waiting += 1;
            what(state.pending.entry(tip.clone()).or_default());
        }
    }

    /// Whether a copy of this partition must be refused.
    pub(super) fn check(&self, what: &str, tip: &TopicIdPartition) -> Result<(), Failure> {
        if !self.state().of_sidecars.contains(tip) {
            return Ok(());
        }
        let lost = Lost::OfSidecars;
        Err(Failure::new(FailureKind::Other, format!("{what}: {lost}")))
    }

    /// Segments that wait, and those that were left out.
    pub(super) fn counts(&self) -> (usize, u64) {
        let state = self.state();
        (state.waiting, state.forgotten)
    }

    fn take(&self) -> HashMap<TopicIdPartition, Projected> {
        let mut state = self.state();
        state.waiting = 0;
        std::mem::take(&mut state.pending)
    }

    /// What could not be written down stands before what was done since.
    fn give_back(&self, tip: TopicIdPartition, done: Projected) {
        let mut state = self.state();
        state.waiting += done.len();
        let later = state.pending.remove(&tip).unwrap_or_default();
        let Projected { mut added, mut removed } = done;
        added.extend(later.added);
        removed.extend(later.removed);
        state.pending.insert(tip, Projected { added, removed });
    }

    fn refuse(&self, tip: TopicIdPartition) {
        self.state().of_sidecars.insert(tip);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes down what was done, at each interval, until the engine closes.
pub(super) fn begin(inner: &Arc<Inner>, interval: Duration) {
    let (weak, mut closing) = (Arc::downgrade(inner), inner.lifetime.closing());
    inner.lifetime.handle().spawn(async move {
        loop {
            tokio::select! {
                biased;
                // The last of it is written by whoever closes.
                () = close::closed(&mut closing) => return,
                () = tokio::time::sleep(interval) => {}
            }
            let Some(inner) = Weak::upgrade(&weak) else { return };
            if let Some(core) = inner.core.get() {
                inner.write_down(core).await;
            }
        }
    });
}

impl Inner {
    /// Writes down what waits. What fails waits on. A GET, a PUT and a GET for each partition in which something was done.
    pub(super) async fn write_down(&self, core: &Core) {
        let _turn = self.projection.turn.lock().await;
        for (tip, done) in self.projection.take() {
            let topic_partitions = u32::try_from(tip.partition.get()).unwrap_or(0).saturating_add(1);
            let change = Project { done, topic_partitions };
            let outcome = core.tier.edit(&tip, self.writer(core), &change).await;
            match outcome {
                Ok(EditOutcome::Changed { .. } | EditOutcome::Nothing(_)) => {}
                Ok(EditOutcome::Refused(Refused::Lost(Lost::OfSidecars))) => {
                    tracing::error!(%tip, "sidecars tier this partition, too: its copies are refused from now on");
                    self.projection.refuse(tip);
                }
                Ok(EditOutcome::Refused(refused)) => {
                    tracing::warn!(%tip, %refused, "the manifest was not changed");
                    self.projection.give_back(tip, change.done);
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(%tip, error, "the manifest could not be changed; it is tried again");
                    self.projection.give_back(tip, change.done);
                }
            }
        }
    }
}
