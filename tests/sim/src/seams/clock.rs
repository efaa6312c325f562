//! A node's wall clock: it drifts, and somebody sets it.

use std::sync::Arc;

use firnline_store::env::Clock;

use super::World;

/// The clock of one node.
#[derive(Debug)]
pub struct NodeClock {
    world: Arc<World>,
    node: i32,
}

impl NodeClock {
    /// The clock of `node`.
    pub fn new(world: Arc<World>, node: i32) -> Self {
        Self { world, node }
    }
}

impl Clock for NodeClock {
    fn now_ms(&self) -> i64 {
        let off = self.world.kafka().nodes.get(&self.node).map_or(0, |node| node.clock_ms);
        self.world.now_ms() + off
    }
}
