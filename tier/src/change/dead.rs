//! Bytes that were never part of the log that went on, kept by name.

use firnline_index::ids::{GcBoundary, Offset};
use firnline_index::manifest::{DeadReason, Entry, Manifest, Unmade};

use crate::edit::{Applied, Edit, Fence, Known, Lost, Refused};
use crate::upload::UploadedSegment;

/// Adds uploaded segments as a dead branch. [`crate::Tier::dead_covers`] tells before the upload whether it is needed.
#[derive(Debug, Clone)]
pub struct AddDead {
    /// The segments, oldest first, without overlap.
    pub segments: Vec<UploadedSegment>,
    /// Why.
    pub reason: DeadReason,
    /// Where the live log went on without them.
    pub cut_at: Offset,
    /// The manifest's gc boundary when the first upload began.
    pub gc_boundary: Option<GcBoundary>,
}

impl Edit for AddDead {
    /// It touches nothing that a leader answers for: who holds such bytes does not lead any more.
    fn fence(&self) -> Fence {
        Fence::Anyone
    }

    fn apply(&self, head: Option<&Manifest>, known: &Known<'_>) -> Result<Applied, Unmade> {
        let Some(head) = head else { return Ok(Applied::Refused(Refused::NoManifest)) };
        if self.shows_in(head) {
            return Ok(Applied::Nothing);
        }
        if head.gc_boundary != self.gc_boundary {
            return Ok(Lost::Collected.into());
        }
        // Another replica's sidecar may have had the same bytes.
        let mut there = true;
        for UploadedSegment { entry, .. } in &self.segments {
            there = there && head.dead_covers(entry.range, &entry.epochs, known.loaded())?;
        }
        if there && !self.segments.is_empty() {
            return Ok(Applied::Nothing);
        }
        let now = known.now();
        let entry = |s: &UploadedSegment| Entry { committed_at: now, ..s.entry.clone() };
        let mut next = head.clone();
        next.add_dead(self.segments.iter().map(entry).collect(), self.reason, self.cut_at, now)?;
        Ok(Applied::head(next))
    }

    /// The uuids were drawn for these uploads alone.
    fn shows_in(&self, head: &Manifest) -> bool {
        let dead = || head.dead_branches.iter().flat_map(|branch| &branch.entries);
        let there = |s: &UploadedSegment| dead().any(|entry| entry.uuid == s.entry.uuid);
        !self.segments.is_empty() && self.segments.iter().all(there)
    }
}
