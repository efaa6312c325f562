//! Looking for a commit whose answer was lost.

use crate::metadata::TableMetadata;

/// The key of a snapshot's summary that says which commit made it.
pub const COMMIT: &str = "firnline.commit";

/// Whether a commit is part of what readers read: whether the current snapshot, or one that it came from, says so. Expiry may
/// have taken the snapshot of an old commit; what has to be known for longer stands in the table's properties.
#[must_use]
pub fn landed(metadata: &TableMetadata, commit: &str) -> bool {
    metadata.history().any(|snapshot| snapshot.summary(COMMIT) == Some(commit))
}
