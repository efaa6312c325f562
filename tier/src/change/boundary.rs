//! The boundary of a collection of unreferenced objects.

use firnline_index::ids::GcBoundary;
use firnline_index::manifest::{Manifest, Unmade};

use crate::edit::{Applied, Edit, Fence, Known, Refused};

/// Sets a new gc boundary. From its landing on every upload begun before counts as deleted, and only what the manifest
/// read back does not name may be deleted: [`crate::EditOutcome::Changed`] carries that manifest.
#[derive(Debug, Clone, Copy)]
pub struct SetBoundary {
    /// The boundary, drawn for this collection alone.
    pub boundary: GcBoundary,
}

impl Edit for SetBoundary {
    fn fence(&self) -> Fence {
        Fence::Anyone
    }

    fn apply(&self, head: Option<&Manifest>, _known: &Known<'_>) -> Result<Applied, Unmade> {
        let Some(head) = head else { return Ok(Applied::Refused(Refused::NoManifest)) };
        if self.shows_in(head) {
            return Ok(Applied::Nothing);
        }
        let mut next = head.clone();
        next.set_gc_boundary(self.boundary)?;
        Ok(Applied::head(next))
    }

    fn shows_in(&self, head: &Manifest) -> bool {
        head.gc_boundary == Some(self.boundary)
    }
}
