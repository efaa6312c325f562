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
    /// Up to where the tier was compared, and the epoch of its last record.
    pub(super) tier_end: Offset,
    pub(super) last_epoch: Option<LeaderEpoch>,
    pub(super) found: Comparison,
}

impl Compared {
    fn speaks_of(&self, digest: &Digest) -> bool {
        (self.tier_end, self.last_epoch) == (digest.tier_end, digest.last_epoch)
    }
}

impl Slot {
    /// What came of comparing, where it still speaks of this leader and of what the tier has. Who has stamped the manifest since
    /// says nothing: retention does so without having compared.
    pub(super) fn comparison(&self) -> Option<Comparison> {
        let compared = self.comparison.filter(|compared| {
            self.leader.is_some_and(|leader| leader.epoch == compared.epoch)
                && self.digest().is_some_and(|digest| compared.speaks_of(digest))
        })?;
        Some(compared.found)
    }

    /// Forgets what came of comparing a tier that ended elsewhere, or in another record: it may end there again, with other records
    /// below.
    pub(super) fn forget_another_tier(&mut self) {
        let digest = self.digest().cloned();
        self.comparison =
            self.comparison.filter(|compared| digest.is_some_and(|digest| compared.speaks_of(&digest)));
    }

    /// Takes what a change of this sidecar made of the manifest: it added nothing but what is of the leader's history, so that the
    /// two agree up to there.
    pub(super) fn know_changed(&mut self, digest: Digest, now: Instant) {
        let agreed = self.comparison() == Some(Comparison::Agrees);
        let grown = self.digest().is_some_and(|old| old.tier_end < digest.tier_end);
        if let Some(compared) = self.comparison.as_mut().filter(|_| agreed && grown) {
            (compared.tier_end, compared.last_epoch) = (digest.tier_end, digest.last_epoch);
        }
        self.know(Some(digest), now);
    }
}
