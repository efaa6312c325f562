//! The mark of a deleted topic, and taking it off.

use firnline_index::ids::Offset;
use firnline_index::manifest::{Manifest, Tombstone, Unmade};

use crate::edit::{Applied, Edit, Fence, Known, Refused};

/// Marks the partition's topic as deleted.
#[derive(Debug, Clone, Copy)]
pub struct MarkDeleted {
    /// The last commit bound that this node was told; pins up to it are still uploaded.
    pub last_bound: Option<Offset>,
}

impl Edit for MarkDeleted {
    /// A topic that is gone has no leader.
    fn fence(&self) -> Fence {
        Fence::Anyone
    }

    fn apply(&self, head: Option<&Manifest>, known: &Known<'_>) -> Result<Applied, Unmade> {
        let Some(head) = head else { return Ok(Applied::Refused(Refused::NoManifest)) };
        if head.deleted.is_some_and(|deleted| deleted.last_bound >= self.last_bound) {
            return Ok(Applied::Nothing);
        }
        let mut next = head.clone();
        next.mark_deleted(Tombstone { at: known.now(), last_bound: self.last_bound })?;
        Ok(Applied::head(next))
    }
}

/// Takes the mark off the partition of a topic that is there: whoever set it was wrong.
#[derive(Debug, Clone, Copy)]
pub struct UnmarkDeleted;

impl Edit for UnmarkDeleted {
    fn fence(&self) -> Fence {
        Fence::Anyone
    }

    fn apply(&self, head: Option<&Manifest>, _: &Known<'_>) -> Result<Applied, Unmade> {
        let Some(head) = head else { return Ok(Applied::Refused(Refused::NoManifest)) };
        let mut next = head.clone();
        Ok(if next.unmark_deleted()? { Applied::head(next) } else { Applied::Nothing })
    }
}
