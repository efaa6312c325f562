//! What maintenance has done, or would do.

use std::fmt;

use super::plan::{Rewrite, Skipped, Why};

/// What became of a rewrite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It would be made: a dry run.
    Planned,
    /// It is part of the table.
    Landed {
        /// Files made.
        files: usize,
        /// Bytes of them.
        bytes: u64,
        /// Rows in them.
        rows: u64,
        /// Delete files that went with it.
        deletes: usize,
    },
    /// It was given up: somebody else had changed its files. It is planned anew the next time.
    Overtaken,
}

/// What maintenance has done, or, in a dry run, would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TendReport {
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// Rewrites, and what became of them.
    pub rewrites: Vec<(Rewrite, Outcome)>,
    /// What should be rewritten but cannot.
    pub skipped: Vec<Skipped>,
    /// Delete files that reach nothing any more and were dropped.
    pub spent_deletes: Vec<String>,
    /// Manifests before they were merged, where they were too many.
    pub merged_manifests: Option<usize>,
    /// Snapshots that were expired.
    pub expired_snapshots: Vec<i64>,
    /// Files that only those had named and that were deleted.
    pub deleted_files: Vec<String>,
    /// Files that nobody names and that were removed.
    pub orphans: Vec<String>,
    /// Bytes of those.
    pub orphan_bytes: u64,
    /// Things that one should know, in sentences.
    pub notes: Vec<String>,
}

impl TendReport {
    /// Whether there was nothing to do.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.rewrites.is_empty()
            && self.spent_deletes.is_empty()
            && self.merged_manifests.is_none()
            && self.expired_snapshots.is_empty()
            && self.deleted_files.is_empty()
            && self.orphans.is_empty()
    }

    pub(super) fn take(&mut self, other: Self) {
        self.rewrites.extend(other.rewrites);
        self.skipped = other.skipped;
        self.spent_deletes.extend(other.spent_deletes);
        self.merged_manifests = other.merged_manifests.or(self.merged_manifests);
        self.expired_snapshots.extend(other.expired_snapshots);
        self.deleted_files.extend(other.deleted_files);
        self.orphans.extend(other.orphans);
        self.orphan_bytes = self.orphan_bytes.saturating_add(other.orphan_bytes);
        self.notes.extend(other.notes);
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SmallFiles => "small files",
            Self::Deletes => "deletes",
        })
    }
}
