//! One round: look at the host, ask the cluster, remember what was committed. Nothing is changed in the tier by it.

mod bounds;
mod look;
mod topics;

use tokio::time::Instant;
pub(super) use topics::WITNESSES;

use super::core::Core;

/// When each part of a round is due.
#[derive(Debug, Clone, Copy)]
pub(super) struct Due {
    leaders: Instant,
    witness: Instant,
}

impl Due {
    pub(super) fn at_once(now: Instant) -> Self {
        Self { leaders: now, witness: now }
    }
}

impl Core {
    /// Makes one round and gives back when each part is due next.
    pub(super) async fn round(&self, mut due: Due) -> Due {
        let settings = self.settings();
        self.look().await;
        let now = Instant::now();
        let stale = std::mem::take(&mut self.state().leaders_stale) || self.has_unknown_topics();
        if stale || now >= due.leaders {
            self.ask_topics().await;
            self.ask_configs().await;
            due.leaders = Instant::now() + settings.leader_interval;
        }
        let all = Instant::now() >= due.witness;
        if all {
            due.witness = Instant::now() + settings.witness_interval;
        }
        // What has just been sealed is asked for in this round, and not seen now and asked for in the next.
        self.decide_all();
        self.ask_bounds(all).await;
        due
    }
}
