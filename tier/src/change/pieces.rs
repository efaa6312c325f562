//! Tail pieces give way to the one upload of their sealed segment.

use firnline_index::ids::{GcBoundary, SegmentUuid};
use firnline_index::manifest::{Dropped, Entry, Manifest, Rewrite, Unmade};

use crate::edit::{Applied, Edit, Fence, Known, Lost, Refused};
use crate::upload::UploadedSegment;

/// Puts an uploaded segment in the place of tail pieces, in one commit. The pieces come back as dropped.
///
/// The segment's upload starts from the transactions that the segment *before* the pieces lists as open, and begins where
/// they begin; it may reach further than they do where they are the tier's last.
#[derive(Debug, Clone)]
pub struct ReplacePieces {
    /// The pieces, oldest first.
    pub pieces: Vec<SegmentUuid>,
    /// The segment, uploaded and verified.
    pub segment: UploadedSegment,
    /// The manifest's gc boundary when the upload began.
    pub gc_boundary: Option<GcBoundary>,
}

impl Edit for ReplacePieces {
    fn fence(&self) -> Fence {
        Fence::Leader
    }

    fn apply(&self, head: Option<&Manifest>, known: &Known<'_>) -> Result<Applied, Unmade> {
        let Some(head) = head else { return Ok(Applied::Refused(Refused::NoManifest)) };
        if self.shows_in(head) {
            return Ok(Applied::Nothing);
        }
        if head.gc_boundary != self.gc_boundary {
            return Ok(Lost::Collected.into());
        }
        let range = self.segment.entry.range;
        let there = |uuid: &SegmentUuid| head.entries.iter().any(|entry| entry.uuid == *uuid);
        if !self.pieces.iter().all(there) {
            return Ok(Lost::HistoryChanged { base: range.start() }.into());
        }
        if let Some(deleted) = head.deleted
            && range.end() > head.tier_end
            && deleted.last_bound.is_none_or(|bound| range.end() > bound)
        {
            return Ok(Lost::TopicDeleted { last_bound: deleted.last_bound }.into());
        }
        let mut next = head.clone();
        let entry = Entry { committed_at: known.now(), ..self.segment.entry.clone() };
        let entries = next.replace(&self.pieces, entry, self.segment.open.clone())?;
        let dropped = Dropped { entries, pages: Vec::new() };
        Ok(Rewrite { head: next, pages: Vec::new(), dropped }.into())
    }

    /// The uuid was drawn for this upload alone.
    fn shows_in(&self, head: &Manifest) -> bool {
        head.entries.iter().any(|entry| entry.uuid == self.segment.entry.uuid)
    }
}
