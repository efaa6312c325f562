//! How long what came of comparing the tier with the leader's log holds.

use firnline_index::{LeaderEpoch, Offset};
use tokio::time::Instant;

use super::state::Slot;
use super::view::{Comparison, Digest};

/// What came of comparing the tier with the log of a leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Compared {
    /// Under which epoch it led.
    pub(super) epoch: LeaderEpoch,
    /// Which generation of the manifest was compared.
    pub(super) generation: u64,
    /// Up to where.
    pub(super) tier_end: Offset,
    pub(super) found: Comparison,
}

impl Slot {
    /// What came of comparing, where it still speaks of this leader and of what the tier has. Who has stamped the manifest since
    /// says nothing: retention does so without having compared.
    pub(super) fn comparison(&self) -> Option<Comparison> {
        let compared = self.comparison?;
        let leader = self.leader?;
        let digest = self.digest()?;
        (leader.epoch == compared.epoch && digest.tier_end == compared.tier_end).then_some(compared.found)
    }

    /// Forgets what came of comparing a tier that ended elsewhere: it may end there again, with other records.
    pub(super) fn compared_up_to(&mut self, tier_end: Option<Offset>) {
        self.comparison = self.comparison.filter(|compared| Some(compared.tier_end) == tier_end);
    }

    /// Takes what a change of this sidecar made of the manifest: what it added was proven by the leader, so that what was compared
    /// holds up to there.
    pub(super) fn know_changed(&mut self, digest: Digest, now: Instant) {
        let agreed = matches!(self.comparison(), Some(Comparison::Agrees | Comparison::Undecided));
        let grown = self.digest().is_some_and(|old| old.tier_end < digest.tier_end);
        if let Some(compared) = self.comparison.as_mut().filter(|_| agreed && grown) {
            compared.tier_end = digest.tier_end;
        }
        self.know(Some(digest), now);
    }
}
