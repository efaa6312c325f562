//! Snapshots: which files a table had at a moment, and the names that snapshots have.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The branch that readers read when they ask for nothing else.
pub const MAIN: &str = "main";

/// The summary's key for what kind of change led to a snapshot.
pub(crate) const OPERATION: &str = "operation";

/// The files of a table at a moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Snapshot {
    /// Its id.
    pub snapshot_id: i64,
    /// The one that it came from; `None` for the first, and where that is no longer known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_snapshot_id: Option<i64>,
    /// Its place among all changes of the table; 0 in tables that once were of format version 1.
    #[serde(default)]
    pub sequence_number: i64,
    /// When it was made, milliseconds since 1970.
    pub timestamp_ms: i64,
    /// The file that lists its manifests. Only tables of format version 1 are without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest_list: Option<String>,
    /// What changed, and totals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<BTreeMap<String, String>>,
    /// The schema that was current then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_id: Option<i32>,
    /// The first id of the rows that it added (format version 3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_row_id: Option<i64>,
    /// How many row ids it took (format version 3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added_rows: Option<i64>,
    /// What is kept without being understood.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Snapshot {
    /// A value of its summary.
    #[must_use]
    pub fn summary(&self, key: &str) -> Option<&str> {
        self.summary.as_ref()?.get(key).map(String::as_str)
    }

    /// `append`, `replace`, `overwrite` or `delete`, as far as it is told.
    #[must_use]
    pub fn operation(&self) -> Option<&str> {
        self.summary(OPERATION)
    }

    /// A number of its summary, such as `total-records`.
    #[must_use]
    pub fn count(&self, key: &str) -> Option<u64> {
        self.summary(key)?.parse().ok()
    }
}

/// Whether a name moves on with commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RefKind {
    /// It does.
    Branch,
    /// It does not.
    Tag,
}

/// What a name of a snapshot stands for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SnapshotRef {
    /// The snapshot.
    pub snapshot_id: i64,
    /// Whether it moves on with commits.
    #[serde(rename = "type")]
    pub kind: RefKind,
    /// How many snapshots of a branch expiry keeps at least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_snapshots_to_keep: Option<i32>,
    /// How old, in milliseconds, snapshots of a branch get before expiry may take them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_snapshot_age_ms: Option<i64>,
    /// How old, in milliseconds, its snapshot gets before expiry takes the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_ref_age_ms: Option<i64>,
    /// What is kept without being understood.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl SnapshotRef {
    /// A branch without rules of its own.
    #[must_use]
    pub fn branch(snapshot_id: i64) -> Self {
        Self::new(snapshot_id, RefKind::Branch)
    }

    /// A tag without rules of its own.
    #[must_use]
    pub fn tag(snapshot_id: i64) -> Self {
        Self::new(snapshot_id, RefKind::Tag)
    }

    fn new(snapshot_id: i64, kind: RefKind) -> Self {
        Self {
            snapshot_id,
            kind,
            min_snapshots_to_keep: None,
            max_snapshot_age_ms: None,
            max_ref_age_ms: None,
            extra: Map::new(),
        }
    }
}

/// Which snapshot was current from when on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SnapshotLogEntry {
    /// From when on, milliseconds since 1970.
    pub timestamp_ms: i64,
    /// Which snapshot.
    pub snapshot_id: i64,
}

/// Which file held the metadata until when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MetadataLogEntry {
    /// When that metadata was made, milliseconds since 1970.
    pub timestamp_ms: i64,
    /// Its file.
    pub metadata_file: String,
}
