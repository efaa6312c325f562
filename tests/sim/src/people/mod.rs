//! Who else works on a tier: operators who decide what is kept, and readers.
//!
//! They are processes as sidecars are: each has its own connection, clock and randomness, and dies or stands still at any
//! await.

mod keys;
mod operator;
mod read_back;
mod reader;
mod shown;

use std::sync::Arc;

use firnline_index::ClusterId;
use firnline_store::{Env, Store};
use firnline_tier::{FaultPoint, Tier, TierParts, TierSettings, Workers};

pub use operator::{Act, perform};
pub use read_back::read_back;
pub use reader::read_on;

use crate::seams::World;

/// What a process is given.
pub struct Desk {
    /// Everything that outlives it.
    pub world: Arc<World>,
    /// Its connection to the store.
    pub store: Store,
    /// Its clock and randomness.
    pub env: Env,
    /// What stands between its steps.
    pub faults: Arc<dyn FaultPoint>,
}

/// The one cluster.
pub fn cluster_id() -> ClusterId {
    ClusterId::new("cluster-a").expect("a cluster's id")
}

/// Opens the tier as a process does that means to write. `None` where that failed: whoever wants it tries again later.
pub async fn open(desk: &Desk) -> Option<Tier> {
    let settings = TierSettings { block_bytes: 1024, ..TierSettings::for_store(desk.store.settings()) };
    let ring = desk.world.ring.hold(Arc::clone(&desk.env.random));
    let parts = TierParts {
        store: desk.store.clone(),
        env: desk.env.clone(),
        workers: Workers::Inline,
        faults: Arc::clone(&desk.faults),
    };
    let tier = Tier::open_for_writing(parts, settings, &cluster_id()).await.ok()?;
    Some(tier.with_key_ring(ring))
}
