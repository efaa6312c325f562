//! What a table says of itself.

use std::collections::BTreeSet;

use firnline_table::Table;
use serde::{Deserialize, Serialize};

use crate::position::SUMMARY_COMMIT;

/// One of the table's properties.
#[must_use]
pub fn property<'a>(table: &'a Table, name: &str) -> Option<&'a str> {
    table.metadata.properties().get(name).map(String::as_str)
}

/// The snapshot that readers see.
#[must_use]
pub fn current_snapshot(table: &Table) -> Option<i64> {
    table.metadata.current_snapshot().map(|head| head.snapshot_id)
}

/// Whether there are no rows.
#[must_use]
pub fn is_empty(table: &Table) -> bool {
    table.metadata.current_snapshot().is_none_or(|head| head.count("total-records") == Some(0))
}

/// The id of a top-level column by its name.
#[must_use]
pub fn column_id(table: &Table, name: &str) -> Option<i32> {
    table.metadata.current_schema().column(name).map(|column| column.id)
}

/// Whether a snapshot among the ancestors of the head, the head itself among them, was made by this commit.
#[must_use]
pub fn in_ancestry(table: &Table, commit: &str) -> bool {
    table.metadata.history().any(|snapshot| snapshot.summary(SUMMARY_COMMIT) == Some(commit))
}

/// The newest value of a summary among the ancestors of the head.
#[must_use]
pub fn summary_in_ancestry<'a>(table: &'a Table, key: &str) -> Option<&'a str> {
    table.metadata.history().find_map(|snapshot| snapshot.summary(key))
}

/// Whether somebody has set the table back behind this commit, which was the last: its snapshot is there, is no ancestor of the
/// head, and has an ancestor that is.
///
/// Where the snapshot, or what lies between, is expired, nothing can be told, and it is taken that all is well: expiry takes
/// old snapshots, and what is not an ancestor of a head last of all.
#[must_use]
pub fn is_rolled_back(table: &Table, commit: Option<&str>) -> bool {
    let Some(commit) = commit else { return false };
    let ours =
        table.metadata.snapshots().iter().find(|snapshot| snapshot.summary(SUMMARY_COMMIT) == Some(commit));
    let Some(ours) = ours else { return false };
    let of_head: BTreeSet<i64> = table.metadata.history().map(|snapshot| snapshot.snapshot_id).collect();
    !of_head.contains(&ours.snapshot_id)
        && table.metadata.ancestors(ours.snapshot_id).any(|snapshot| of_head.contains(&snapshot.snapshot_id))
}

/// What files are written for: a partitioning, and the schema that grows from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ground {
    spec: i32,
    schema: i32,
    last_column: i32,
}

impl Ground {
    /// A table's.
    #[must_use]
    pub fn of(table: &Table) -> Self {
        Self {
            spec: table.metadata.default_spec().spec_id,
            schema: table.metadata.current_schema().id(),
            last_column: table.metadata.last_column_id(),
        }
    }

    /// Whether files that were written for this may be added to a table. Its schema only matters where they change it: ids of
    /// columns mean the same for good, so that files without a new column, or with one that was dropped, are read as they
    /// should.
    #[must_use]
    pub fn is_under(&self, now: &Table, changes_schema: bool) -> bool {
        let now = Self::of(now);
        now.spec == self.spec
            && (!changes_schema || (now.schema == self.schema && now.last_column == self.last_column))
    }
}
