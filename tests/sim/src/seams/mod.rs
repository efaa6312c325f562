//! The model as a sidecar sees it: a cluster to ask, a host to look at, a clock that is not right.

mod chains;
mod clock;
mod cluster;
mod host;
mod log;
mod ring;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use firnline_index::{LeaderEpoch, NodeId, Offset, TimestampMs};
use firnline_store::env::{RandomExt, SeededRandom};
use firnline_store::sim::Simulation;

pub use clock::NodeClock;
pub use cluster::{Net, SimCluster};
pub use host::SimHost;
pub use ring::{Ring, Sealing};

use crate::check::Watch;
use crate::model::Kafka;

/// The start of the simulated time.
pub const START_MS: i64 = 1_700_000_000_000;

/// The fault of two sidecars beside one node, where the lock in its log directory does not hold.
pub const TWIN: &str = "sidecar-twin";

/// The fault of a store that answers with other bytes than it has.
pub const UNTRUE: &str = "store-untrue";

/// What was asked of a store in trouble may be answered so long after it.
const AFTER: std::time::Duration = std::time::Duration::from_secs(600);

/// Since when, and how often, the store was in trouble.
#[derive(Debug, Default)]
struct Trouble {
    count: u64,
    /// `None` while it is.
    until: Option<tokio::time::Instant>,
}

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
    /// What wraps topic keys.
    pub ring: Ring,
    /// Which sidecars are told to encrypt.
    pub sealing: Sealing,
    /// Looks at disks in a thousand that fail.
    pub disk_permille: AtomicU64,
    trouble: Mutex<Trouble>,
    /// Draws for the network.
    pub random: SeededRandom,
    origin: tokio::time::Instant,
}

impl World {
    /// A world around a cluster. Must be called within a runtime.
    pub fn new(kafka: Kafka, store: Simulation, watch: Arc<Watch>, seed: u64, sealing: Sealing) -> Arc<Self> {
        watch.seen().sealing = sealing;
        Arc::new(Self {
            kafka: Mutex::new(kafka),
            store,
            watch,
            net: Net::default(),
            ring: Ring::default(),
            sealing,
            disk_permille: AtomicU64::new(0),
            trouble: Mutex::default(),
            random: SeededRandom::new(seed),
            origin: tokio::time::Instant::now(),
        })
    }

    /// The cluster; never held across an await.
    pub fn kafka(&self) -> MutexGuard<'_, Kafka> {
        self.kafka.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a look at a disk fails this time.
    pub fn disk_fails(&self) -> bool {
        let permille = self.disk_permille.load(Ordering::Relaxed);
        let fails = permille > 0 && self.random.below(1000) < permille;
        if fails {
            self.net.meet("disk-unreadable");
        }
        fails
    }

    /// The store is in trouble from now on, or no more.
    pub fn trouble(&self, on: bool) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        let now = tokio::time::Instant::now();
        *trouble = Trouble { count: trouble.count + u64::from(on), until: (!on).then_some(now + AFTER) };
    }

    /// How often the store was in trouble so far.
    pub fn troubles(&self) -> u64 {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).count
    }

    /// Whether the store is in trouble, or was a moment ago.
    pub fn is_troubled(&self) -> bool {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.count > 0 && trouble.until.is_none_or(|until| until > tokio::time::Instant::now())
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
