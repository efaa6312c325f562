//! Marks that move no offset.

use crate::ids::GcBoundary;
use crate::manifest::{AlgebraError, Manifest, Tombstone};

impl Manifest {
    /// Sets a new gc boundary: whoever began an upload under the old one counts its object as deleted. Commit it before
    /// the first object is deleted.
    ///
    /// # Errors
    /// Where it is the boundary there is: a collection always draws a fresh one, or writers would not notice it.
    pub fn set_gc_boundary(&mut self, boundary: GcBoundary) -> Result<(), AlgebraError> {
        if self.gc_boundary == Some(boundary) {
            return Err(AlgebraError::SameBoundary);
        }
        self.gc_boundary = Some(boundary);
        Ok(())
    }

    /// Marks the topic as deleted. A second mark may only raise the last bound, for another sidecar may have been told a
    /// higher one; the time of the first stays.
    ///
    /// # Errors
    /// Where the topic is marked and the bound given is not above the one known.
    pub fn mark_deleted(&mut self, tombstone: Tombstone) -> Result<(), AlgebraError> {
        self.require_sidecar()?;
        match &mut self.deleted {
            None => self.deleted = Some(tombstone),
            Some(known) if tombstone.last_bound > known.last_bound => known.last_bound = tombstone.last_bound,
            Some(known) => return Err(AlgebraError::AlreadyDeleted { at: known.at }),
        }
        Ok(())
    }

    /// Takes the mark off: the topic is there. What had gone up under it stays. Gives whether there was one.
    ///
    /// # Errors
    /// For a manifest of a broker's plugin, which has no such mark.
    pub fn unmark_deleted(&mut self) -> Result<bool, AlgebraError> {
        self.require_sidecar()?;
        Ok(self.deleted.take().is_some())
    }
}
