//! The handle that everything here hangs on.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use firnline_index::ids::{ClusterId, Incarnation, LeaderEpoch, NodeId, TimestampMs, TopicId};
use firnline_index::manifest::Writer;
use firnline_index::marker::TierMarker;
use firnline_store::env::RandomExt;
use firnline_store::{ByteBudget, Env, Store};

use crate::edit::Queues;
use crate::keys::{KeyRing, TopicKeys};
use crate::{FaultPoint, NoFaults, Step, TierSettings, Workers};

/// What a tier works with; passed beside its settings.
#[derive(Debug, Clone)]
pub struct TierParts {
    /// Where the objects lie.
    pub store: Store,
    /// Time and randomness.
    pub env: Env,
    /// Who runs blocking work.
    pub workers: Workers,
    /// What stands between two steps.
    pub faults: Arc<dyn FaultPoint>,
}

impl TierParts {
    /// The parts of a running program.
    #[must_use]
    pub fn new(store: Store, env: Env) -> Self {
        Self { store, env, workers: Workers::Threads, faults: Arc::new(NoFaults) }
    }
}

/// One tier: a prefix of a store whose marker was read and found to be right. Cheap to clone; clones share budget,
/// queues and counters.
#[derive(Clone)]
pub struct Tier {
    inner: Arc<Inner>,
    keys: TopicKeys,
}

struct Inner {
    parts: TierParts,
    settings: TierSettings,
    marker: TierMarker,
    /// This run of this process, as manifests name their writer.
    incarnation: Incarnation,
    budget: ByteBudget,
    queues: Queues,
    /// Topics whose objects are known to be there, with the number of partitions they are known to tell.
    topics: Mutex<HashMap<TopicId, u32>>,
    /// Whether topics' objects say that they are encrypted, as they were read last.
    sealed: Mutex<HashMap<TopicId, bool>>,
}

impl Tier {
    pub(crate) fn new(parts: TierParts, settings: TierSettings, marker: TierMarker) -> Self {
        let incarnation = Incarnation::from_bytes(parts.env.random.uuid());
        let budget = ByteBudget::new(settings.upload_bytes);
        let (queues, topics, sealed) = (Queues::default(), Mutex::default(), Mutex::default());
        let keys = TopicKeys::new(parts.store.clone(), marker.cluster_id.clone(), None);
        let inner = Inner { parts, settings, marker, incarnation, budget, queues, topics, sealed };
        Self { inner: Arc::new(inner), keys }
    }

    /// The same tier with the ring that wraps its topic keys. Without one, sealed segments are refused and nothing is
    /// sealed.
    #[must_use]
    pub fn with_key_ring(self, ring: Arc<dyn KeyRing>) -> Self {
        let keys = TopicKeys::new(self.store().clone(), self.cluster_id().clone(), Some(ring));
        Self { keys, ..self }
    }

    /// The topic keys, as this process holds them.
    #[must_use]
    pub fn keys(&self) -> &TopicKeys {
        &self.keys
    }

    /// Where the objects lie.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.inner.parts.store
    }

    /// Who runs blocking work.
    #[must_use]
    pub fn workers(&self) -> Workers {
        self.inner.parts.workers
    }

    /// How the tier is written.
    #[must_use]
    pub fn settings(&self) -> &TierSettings {
        &self.inner.settings
    }

    /// What the marker says.
    #[must_use]
    pub fn marker(&self) -> &TierMarker {
        &self.inner.marker
    }

    /// The cluster whose tier this is.
    #[must_use]
    pub fn cluster_id(&self) -> &ClusterId {
        &self.inner.marker.cluster_id
    }

    /// Time and randomness.
    #[must_use]
    pub fn env(&self) -> &Env {
        &self.inner.parts.env
    }

    /// The wall clock; a clock before 1970 counts as 1970.
    #[must_use]
    pub fn now(&self) -> TimestampMs {
        TimestampMs::new(self.env().clock.now_ms()).unwrap_or(TimestampMs::ZERO)
    }

    /// This run of this process.
    #[must_use]
    pub fn incarnation(&self) -> Incarnation {
        self.inner.incarnation
    }

    /// This run of this process beside broker `node`, as manifests name who changed them.
    #[must_use]
    pub fn writer(&self, node: NodeId, leader_epoch: Option<LeaderEpoch>) -> Writer {
        Writer { node, leader_epoch, incarnation: self.inner.incarnation }
    }

    pub(crate) fn budget(&self) -> &ByteBudget {
        &self.inner.budget
    }

    pub(crate) fn queues(&self) -> &Queues {
        &self.inner.queues
    }

    /// Announces a step.
    pub(crate) async fn before(&self, step: Step) {
        self.inner.parts.faults.before(step).await;
    }

    /// How many partitions the topic's object is known to tell; 0 where it is not known to be there.
    pub(crate) fn known_partitions(&self, topic: TopicId) -> u32 {
        self.topic_notes().get(&topic).copied().unwrap_or(0)
    }

    pub(crate) fn note_partitions(&self, topic: TopicId, partitions: u32) {
        self.topic_notes().insert(topic, partitions);
    }

    /// Whether the topic's object says that it is encrypted; `None` where it was not read yet.
    pub(crate) fn known_sealed(&self, topic: TopicId) -> Option<bool> {
        self.inner.sealed.lock().unwrap_or_else(PoisonError::into_inner).get(&topic).copied()
    }

    pub(crate) fn note_sealed(&self, topic: TopicId, sealed: bool) {
        self.inner.sealed.lock().unwrap_or_else(PoisonError::into_inner).insert(topic, sealed);
    }

    fn topic_notes(&self) -> std::sync::MutexGuard<'_, HashMap<TopicId, u32>> {
        self.inner.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tier({} of {})", self.store(), self.cluster_id())
    }
}
