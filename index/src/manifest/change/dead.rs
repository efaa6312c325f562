//! Dead branches: bytes that are kept and named although the log went on without them.

use std::collections::HashSet;

use crate::ids::{Offset, TimestampMs};
use crate::manifest::check::dead_anomalies;
use crate::manifest::{
    AlgebraError, DeadBranch, DeadReason, Entry, MAX_DEAD_BRANCHES, MAX_DEAD_ENTRIES, Manifest,
};

impl Manifest {
    /// Adds segments that were uploaded for the record only: the log went on without their bytes at `cut_at`. They are
    /// oldest first and do not overlap.
    ///
    /// They join a branch of the same reason where the two could be one history: offsets and epochs rise together. So what
    /// comes up segment by segment stays one branch. It is then as young as the newest of it: whoever was about to end the
    /// branch as it was finds another one.
    ///
    /// # Errors
    /// Where there are none, one is not sound in itself, listed already or out of order, and where there would be more than
    /// [`MAX_DEAD_BRANCHES`] branches or [`MAX_DEAD_ENTRIES`] entries in them: such a partition needs an operator.
    pub fn add_dead(
        &mut self,
        entries: Vec<Entry>,
        reason: DeadReason,
        cut_at: Offset,
        recorded_at: TimestampMs,
    ) -> Result<(), AlgebraError> {
        self.require_sidecar()?;
        if entries.is_empty() {
            return Err(AlgebraError::NothingDead);
        }
        let (count, limit) = (self.dead_entries() + entries.len(), MAX_DEAD_ENTRIES);
        if count > limit {
            let what = "entries of dead branches";
            return Err(AlgebraError::TooMany { what, count: count as u64, limit: limit as u64 });
        }
        let known = self.entries.iter().chain(self.dead_branches.iter().flat_map(|b| &b.entries));
        let mut known: HashSet<_> = known.map(|e| e.uuid).collect();
        if let Some(twice) = entries.iter().find(|e| !known.insert(e.uuid)) {
            return Err(AlgebraError::DuplicateUuid { uuid: twice.uuid });
        }
        let branch = DeadBranch { cut_at, reason, recorded_at, entries, pages: Vec::new() };
        if let Some(first) = dead_anomalies(self.kind, &branch).into_iter().next() {
            return Err(AlgebraError::Entry(Box::new(first)));
        }
        if let Some((joined, with)) =
            self.dead_branches.iter_mut().find_map(|known| Some((joined(known, &branch)?, known)))
        {
            *with = joined;
            return Ok(());
        }
        self.require_room_for_branch()?;
        self.dead_branches.push(branch);
        Ok(())
    }

    /// Entries of all dead branches in the head.
    pub(super) fn dead_entries(&self) -> usize {
        self.dead_branches.iter().map(|b| b.entries.len()).sum()
    }

    pub(super) fn require_room_for_branch(&self) -> Result<(), AlgebraError> {
        if self.dead_branches.len() < MAX_DEAD_BRANCHES {
            return Ok(());
        }
        let (count, limit) = (MAX_DEAD_BRANCHES as u64 + 1, MAX_DEAD_BRANCHES as u64);
        Err(AlgebraError::TooMany { what: "dead branches", count, limit })
    }
}

/// The two as one branch, where they could be one history. Pages stand before all entries, so a branch with pages takes none.
fn joined(known: &DeadBranch, new: &DeadBranch) -> Option<DeadBranch> {
    if known.reason != new.reason || !known.pages.is_empty() {
        return None;
    }
    let mut entries: Vec<Entry> = known.entries.iter().chain(&new.entries).cloned().collect();
    entries.sort_by_key(|entry| entry.range.start());
    let apart = entries.windows(2).all(|pair| pair[0].range.end() <= pair[1].range.start());
    let rising = entries.iter().flat_map(|entry| &entry.epochs).is_sorted_by_key(|start| start.epoch);
    let cut_at = known.cut_at.min(new.cut_at);
    let recorded_at = known.recorded_at.max(new.recorded_at);
    (apart && rising).then(|| DeadBranch { cut_at, recorded_at, entries, ..known.clone() })
}
