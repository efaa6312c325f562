//! A leader's claim: from here on nobody commits under an older epoch.

use firnline_index::ids::{LeaderEpoch, NodeId, Offset, OffsetRange};
use firnline_index::manifest::{Claim, Manifest, Unmade};

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
            (None, Some(start)) => known.new_manifest(start),
            (None, None) => return Ok(Applied::Refused(Refused::NoManifest)),
        };
        if head.is_some() && next.claim.as_ref() == Some(&claim) {
            return Ok(Applied::Nothing);
        }
        if let Some(claimed) = next.fence().filter(|claimed| *claimed > self.epoch) {
            return Ok(Lost::Claimed { claimed, ours: Some(self.epoch) }.into());
        }
        next.claim(claim)?;
        Ok(Applied::head(next))
    }

    fn topic_partitions(&self) -> u32 {
        self.topic_partitions
    }
}
