//! An explicit floor.

use firnline_index::ids::Offset;
use firnline_index::manifest::{Manifest, Unmade};

use crate::edit::{Applied, Edit, Fence, Known, Refused};

/// Raises the floor, and the tier's start with it. What is no longer live comes back as dropped.
#[derive(Debug, Clone, Copy)]
pub struct RaiseFloor {
    /// The first offset that an explicit DeleteRecords left.
    pub floor: Offset,
}

impl Edit for RaiseFloor {
    fn fence(&self) -> Fence {
        Fence::Anyone
    }

    fn apply(&self, head: Option<&Manifest>, known: &Known<'_>) -> Result<Applied, Unmade> {
        let Some(head) = head else { return Ok(Applied::Refused(Refused::NoManifest)) };
        if head.floor.is_some_and(|known| known >= self.floor) {
            return Ok(Applied::Nothing);
        }
        Ok(head.raise_floor(self.floor, known.loaded())?.into())
    }
}
