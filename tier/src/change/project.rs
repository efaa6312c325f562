//! The mirror of what a broker with KIP-405 has done.

use firnline_index::manifest::{Manifest, ManifestKind, Projected, Unmade};

use crate::edit::{Applied, Edit, Fence, Known};

/// Takes what a broker has done into the manifest that mirrors its metadata, and makes that where there is none. The
/// broker's word is the truth: nobody else changes such a manifest, and no order between brokers is needed, since each
/// segment is added once and removed once.
#[derive(Debug, Clone)]
pub struct Project {
    /// What it has done.
    pub done: Projected,
    /// One more than the highest partition of the topic that is known.
    pub topic_partitions: u32,
}

impl Edit for Project {
    fn fence(&self) -> Fence {
        Fence::Anyone
    }

    fn kind(&self) -> ManifestKind {
        ManifestKind::Kip405
    }

    fn apply(&self, head: Option<&Manifest>, known: &Known<'_>) -> Result<Applied, Unmade> {
        let made;
        let head = match head {
            Some(head) => head,
            None => {
                let Some(start) = self.done.added.iter().map(|entry| entry.range.start()).min() else {
                    return Ok(Applied::Nothing);
                };
                made = known.new_manifest(ManifestKind::Kip405, start);
                &made
            }
        };
        let mut done = self.done.clone();
        for entry in &mut done.added {
            entry.committed_at = known.now();
        }
        let projected = head.project(&done, known.loaded(), || known.fresh_page_id())?;
        Ok(projected.map_or(Applied::Nothing, Applied::from))
    }

    fn topic_partitions(&self) -> u32 {
        self.topic_partitions
    }
}
