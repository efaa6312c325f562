//! The model as a sidecar sees it: a cluster to ask, a host to look at, a clock that is not right.

mod chains;
mod clock;
mod cluster;
mod host;
mod log;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use firnline_index::{LeaderEpoch, NodeId, Offset, TimestampMs};
use firnline_store::env::SeededRandom;
use firnline_store::sim::Simulation;

pub use clock::NodeClock;
pub use cluster::{Net, SimCluster};
pub use host::SimHost;

use crate::check::Watch;
use crate::model::Kafka;

/// The start of the simulated time.
pub const START_MS: i64 = 1_700_000_000_000;

/// Everything that outlives processes.
#[derive(Debug)]
pub struct World {
    kafka: Mutex<Kafka>,
    /// The store.
    pub store: Simulation,
    /// What must hold.
    pub watch: Arc<Watch>,
    /// Latency and failures between sidecars and brokers.
    pub net: Net,
    /// Draws for the network.
    pub random: SeededRandom,
    origin: tokio::time::Instant,
}

impl World {
    /// A world around a cluster. Must be called within a runtime.
    pub fn new(kafka: Kafka, store: Simulation, watch: Arc<Watch>, seed: u64) -> Arc<Self> {
        Arc::new(Self {
            kafka: Mutex::new(kafka),
            store,
            watch,
            net: Net::default(),
            random: SeededRandom::new(seed),
            origin: tokio::time::Instant::now(),
        })
    }

    /// The cluster; never held across an await.
    pub fn kafka(&self) -> MutexGuard<'_, Kafka> {
        self.kafka.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The true time.
    pub fn now_ms(&self) -> i64 {
        START_MS + i64::try_from(self.origin.elapsed().as_millis()).expect("simulated time is short")
    }
}

pub(crate) fn offset(value: i64) -> Offset {
    Offset::new(value).expect("the model's offsets are not negative")
}

pub(crate) fn epoch(value: i32) -> LeaderEpoch {
    LeaderEpoch::new(value).expect("the model's epochs are not negative")
}

pub(crate) fn node_id(value: i32) -> NodeId {
    NodeId::new(value).expect("the model's nodes begin at 1")
}

pub(crate) fn time(value: i64) -> TimestampMs {
    TimestampMs::new(value.max(0)).expect("not negative")
}
