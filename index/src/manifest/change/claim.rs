//! Who may commit.

use crate::ids::{LeaderEpoch, Offset, OffsetRange};
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

    /// Divides the range that is wanted under `epoch` and has `at` inside: somebody holds what begins there, though not what
    /// lies below, so that no gap may reach across. Tells whether that changed anything: not where nothing of the kind is
    /// wanted under this epoch, and not where the claim has as many ranges as it may have.
    ///
    /// # Errors
    /// Where the manifest is not a sidecar's.
    pub fn divide_wanted(&mut self, epoch: LeaderEpoch, at: Offset) -> Result<bool, AlgebraError> {
        self.require_sidecar()?;
        let Some(claim) = self.claim.as_mut().filter(|claim| claim.epoch == epoch && claim.is_divisible(at))
        else {
            return Ok(false);
        };
        let divide = |range: &OffsetRange| match (
            OffsetRange::new(range.start(), at),
            OffsetRange::new(at, range.end()),
        ) {
            (Ok(below), Ok(above)) if !below.is_empty() && !above.is_empty() => vec![below, above],
            _ => vec![*range],
        };
        claim.wanted = claim.wanted.iter().flat_map(divide).collect();
        Ok(true)
    }
}

impl Claim {
    /// Whether a wanted range has `at` inside and may be divided there.
    pub fn is_divisible(&self, at: Offset) -> bool {
        self.wanted.len() < MAX_WANTED
            && self.wanted.iter().any(|range| range.start() < at && at < range.end())
    }

    /// Whether all of `range` is wanted, be it in several ranges that touch.
    pub fn wants_all(&self, range: OffsetRange) -> bool {
        let end = self.wanted.iter().fold(range.start(), |end, next| match next.start() <= end {
            true => end.max(next.end()),
            false => end,
        });
        end >= range.end()
    }

    /// `range` up to the first place inside it at which wanted ranges touch: what begins there is with somebody.
    pub fn undivided(&self, range: OffsetRange) -> OffsetRange {
        let inside = |at: &Offset| range.start() < *at && *at < range.end();
        let starts = self.divisions().filter(inside).min();
        starts.and_then(|at| OffsetRange::new(range.start(), at).ok()).unwrap_or(range)
    }

    /// Where wanted ranges touch.
    pub fn divisions(&self) -> impl Iterator<Item = Offset> + '_ {
        let ends = |at: Offset| self.wanted.iter().any(|range| range.end() == at);
        self.wanted.iter().map(|range| range.start()).filter(move |start| ends(*start))
    }
}
