//! A leader's claim: from here on nobody commits under an older epoch.

use firnline_index::ids::{LeaderEpoch, NodeId, Offset, OffsetRange};
use firnline_index::manifest::{Claim, Manifest, ManifestKind, Unmade};

use crate::edit::{Applied, Edit, Fence, Known, Lost, Refused};

/// Claims a partition, or changes what the claim wants. Pass the writer of the same epoch to [`crate::Tier::edit`].
#[derive(Debug, Clone)]
pub struct ClaimPartition {
    /// The epoch under which this node leads.
    pub epoch: LeaderEpoch,
    /// This node.
    pub node: NodeId,
    /// Ranges that it does not have and asks others for.
    pub wanted: Vec<OffsetRange>,
    /// Where the tier begins if the partition has no manifest yet; without it such a claim is refused, for the first commit
    /// of an epoch is a claim of its own.
    pub start: Option<Offset>,
    /// One more than the highest partition of the topic that the caller knows of.
    pub topic_partitions: u32,
}

impl Edit for ClaimPartition {
    fn fence(&self) -> Fence {
        Fence::Leader
    }

    fn apply(&self, head: Option<&Manifest>, known: &Known<'_>) -> Result<Applied, Unmade> {
        let claim = Claim { epoch: self.epoch, node: self.node, wanted: self.wanted.clone() };
        let mut next = match (head, self.start) {
            (Some(head), _) => head.clone(),
            (None, Some(start)) => known.new_manifest(ManifestKind::Sidecar, start),
            (None, None) => return Ok(Applied::Refused(Refused::NoManifest)),
        };
        if let Some(claimed) = next.fence().filter(|claimed| *claimed > self.epoch) {
            return Ok(Lost::Claimed { claimed, ours: Some(self.epoch) }.into());
        }
        // What others told of the claim before holds for this one.
        let before = next.claim.clone().filter(|before| before.epoch == self.epoch);
        next.claim(claim)?;
        for at in before.iter().flat_map(Claim::divisions) {
            next.divide_wanted(self.epoch, at)?;
        }
        Ok(if head.is_some_and(|head| head.claim == next.claim) {
            Applied::Nothing
        } else {
            Applied::head(next)
        })
    }

    fn topic_partitions(&self) -> u32 {
        self.topic_partitions
    }
}

/// Tells the leader that what it wants is with somebody from an offset on, so that a gap ends there. Anyone may who holds it.
#[derive(Debug, Clone, Copy)]
pub struct DivideWanted {
    /// The epoch under which it is wanted.
    pub epoch: LeaderEpoch,
    /// The first offset that is held.
    pub at: Offset,
}

impl Edit for DivideWanted {
    fn fence(&self) -> Fence {
        Fence::Anyone
    }

    fn apply(&self, head: Option<&Manifest>, _: &Known<'_>) -> Result<Applied, Unmade> {
        let Some(head) = head else { return Ok(Applied::Refused(Refused::NoManifest)) };
        let mut next = head.clone();
        Ok(if next.divide_wanted(self.epoch, self.at)? { Applied::head(next) } else { Applied::Nothing })
    }
}
