//! Who may commit.

use crate::ids::LeaderEpoch;
use crate::manifest::{AlgebraError, Claim, MAX_WANTED, Manifest};

impl Manifest {
    /// The newest epoch under which somebody claimed the partition or committed to it. Nobody commits in the name of an
    /// older one; [`Manifest::stamp`] never lowers it.
    pub fn fence(&self) -> Option<LeaderEpoch> {
        let claimed = self.claim.as_ref().map(|claim| claim.epoch);
        let committed = self.writer.and_then(|writer| writer.leader_epoch);
        claimed.max(committed)
    }

    /// Makes `claim` the partition's. A leader repeats its own claim to change what it wants. A claim that asks for nothing
    /// may be of a sidecar that does not lead and brought something under this epoch before its leader's did: it is replaced.
    ///
    /// # Errors
    /// Where the claim's epoch lies below one that claimed or committed, where another node asks for something under the same
    /// epoch, and where a wanted range is empty or there are more than [`MAX_WANTED`].
    pub fn claim(&mut self, claim: Claim) -> Result<(), AlgebraError> {
        self.require_sidecar()?;
        if let Some(known) = self.fence().filter(|known| claim.epoch < *known) {
            return Err(AlgebraError::ClaimBack { known, given: claim.epoch });
        }
        if let Some(known) = &self.claim
            && known.epoch == claim.epoch
            && known.node != claim.node
            && !known.wanted.is_empty()
        {
            return Err(AlgebraError::ClaimedByOther {
                epoch: claim.epoch,
                known: known.node,
                given: claim.node,
            });
        }
        if claim.wanted.len() > MAX_WANTED {
            return Err(AlgebraError::TooMany {
                what: "wanted ranges",
                count: claim.wanted.len() as u64,
                limit: MAX_WANTED as u64,
            });
        }
        if let Some(range) = claim.wanted.iter().find(|range| range.is_empty()) {
            return Err(AlgebraError::Empty { range: *range });
        }
        self.claim = Some(claim);
        Ok(())
    }
}
