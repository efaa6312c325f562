//! A cut: the leader's log lacks what the tier has above an offset.

use firnline_index::ids::{LeaderEpoch, Offset};
use firnline_index::manifest::{Cut, DeadReason, Manifest, Unmade};

use crate::edit::{Applied, Edit, Fence, Known, Lost, Refused};

/// Cuts the tier at an offset, as it was seen when that was decided. What lies above moves to a dead branch.
///
/// Whether a cut of this size may be made without an operator is decided before; here it is made.
#[derive(Debug, Clone)]
pub struct CutTier {
    /// The first offset that the log goes on from with other records: the end of a batch in the leader's log.
    pub at: Offset,
    /// Why. With [`DeadReason::Operator`] the cut may be made without a leader epoch.
    pub reason: DeadReason,
    /// Where the tier ended when the leader was asked. A tier that ends elsewhere by now is looked at anew.
    pub tier_end: Offset,
    /// The newest epoch of the tier's lineage then.
    pub last_epoch: Option<LeaderEpoch>,
}

impl Edit for CutTier {
    fn fence(&self) -> Fence {
        match self.reason {
            DeadReason::Operator => Fence::Anyone,
            DeadReason::Truncation | DeadReason::NeverCommitted => Fence::Leader,
        }
    }

    fn apply(&self, head: Option<&Manifest>, known: &Known<'_>) -> Result<Applied, Unmade> {
        let Some(head) = head else { return Ok(Applied::Refused(Refused::NoManifest)) };
        if head.tier_end != self.tier_end {
            return Ok(Lost::TierEndMoved { expected: self.tier_end, now: head.tier_end }.into());
        }
        if head.lineage.last().map(|last| last.epoch) != self.last_epoch {
            return Ok(Lost::HistoryChanged { base: self.tier_end }.into());
        }
        let cut = Cut { at: self.at, reason: self.reason, recorded_at: known.now() };
        let rewrite = head.cut(&cut, known.loaded(), &mut || known.fresh_page_id())?;
        Ok(rewrite.into())
    }
}
