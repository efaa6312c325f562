//! All about a table that is not in its files: columns, partitioning, properties, snapshots.
//!
//! Metadata is read from JSON, changed by updates, and written again. Whatever is in it and not known here is kept. What it
//! promises: ids of columns and partition fields are never given twice, sequence numbers only rise, times only go forward, a
//! name never stands for a snapshot that is not there. What it leaves to others: whether anybody else has changed the table
//! (the catalogs), and the files (manifests, commits).

mod apply;
mod create;
mod error;
mod read;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use error::MetadataError;

use crate::partition::{PartitionColumn, PartitionError, PartitionSpec};
use crate::schema::Schema;
use crate::snapshot::{MetadataLogEntry, Snapshot, SnapshotLogEntry, SnapshotRef};
use crate::sort::SortOrder;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashSet};
use uuid::Uuid;

/// The lowest format version that is read and written.
pub(crate) const LOWEST_FORMAT: u8 = 2;

/// The highest one.
pub(crate) const HIGHEST_FORMAT: u8 = 3;

/// How many old metadata files a table remembers.
pub(crate) const PREVIOUS_VERSIONS: &str = "write.metadata.previous-versions-max";

/// All about a table that is not in its files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TableMetadata {
    format_version: u8,
    table_uuid: Uuid,
    location: String,
    #[serde(default)]
    last_sequence_number: i64,
    last_updated_ms: i64,
    last_column_id: i32,
    current_schema_id: i32,
    schemas: Vec<Schema>,
    default_spec_id: i32,
    partition_specs: Vec<PartitionSpec>,
    last_partition_id: i32,
    default_sort_order_id: i32,
    sort_orders: Vec<SortOrder>,
    #[serde(default, deserialize_with = "read::null_is_none")]
    properties: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "read::snapshot_id")]
    current_snapshot_id: Option<i64>,
    #[serde(default, deserialize_with = "read::null_is_none")]
    refs: BTreeMap<String, SnapshotRef>,
    #[serde(default, deserialize_with = "read::null_is_none")]
    snapshots: Vec<Snapshot>,
    #[serde(default, deserialize_with = "read::null_is_none", skip_serializing_if = "Vec::is_empty")]
    statistics: Vec<Value>,
    #[serde(default, deserialize_with = "read::null_is_none", skip_serializing_if = "Vec::is_empty")]
    partition_statistics: Vec<Value>,
    #[serde(default, deserialize_with = "read::null_is_none")]
    snapshot_log: Vec<SnapshotLogEntry>,
    #[serde(default, deserialize_with = "read::null_is_none")]
    metadata_log: Vec<MetadataLogEntry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next_row_id: Option<i64>,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

impl TableMetadata {
    /// 2 or 3.
    #[must_use]
    pub fn format_version(&self) -> u8 {
        self.format_version
    }

    /// The table's id: what tells it from another of the same name.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        self.table_uuid
    }

    /// The directory that its files lie in.
    #[must_use]
    pub fn location(&self) -> &str {
        &self.location
    }

    /// The highest sequence number of its snapshots.
    #[must_use]
    pub fn last_sequence_number(&self) -> i64 {
        self.last_sequence_number
    }

    /// When it was last changed, milliseconds since 1970.
    #[must_use]
    pub fn last_updated_ms(&self) -> i64 {
        self.last_updated_ms
    }

    /// The highest id that a column or a part of one ever had.
    #[must_use]
    pub fn last_column_id(&self) -> i32 {
        self.last_column_id
    }

    /// The highest id that a partition field ever had.
    #[must_use]
    pub fn last_partition_id(&self) -> i32 {
        self.last_partition_id
    }

    /// All its schemas, old ones among them.
    #[must_use]
    pub fn schemas(&self) -> &[Schema] {
        &self.schemas
    }

    /// One of its schemas.
    #[must_use]
    pub fn schema(&self, id: i32) -> Option<&Schema> {
        self.schemas.iter().find(|schema| schema.id() == id)
    }

    /// The columns as they are now.
    ///
    /// # Panics
    /// Never: metadata without its current schema is refused when it is read.
    #[must_use]
    pub fn current_schema(&self) -> &Schema {
        self.schema(self.current_schema_id).expect("checked when it was made")
    }

    /// All its partition specs, old ones among them.
    #[must_use]
    pub fn specs(&self) -> &[PartitionSpec] {
        &self.partition_specs
    }

    /// One of its partition specs.
    #[must_use]
    pub fn spec(&self, id: i32) -> Option<&PartitionSpec> {
        self.partition_specs.iter().find(|spec| spec.spec_id == id)
    }

    /// The spec that new files are written by.
    ///
    /// # Panics
    /// Never: metadata without its default spec is refused when it is read.
    #[must_use]
    pub fn default_spec(&self) -> &PartitionSpec {
        self.spec(self.default_spec_id).expect("checked when it was made")
    }

    /// The fields of a spec with their types. Columns that are gone are looked up in old schemas.
    ///
    /// # Errors
    /// There is no such spec, or its fields cannot be told.
    pub fn partition_columns(&self, spec_id: i32) -> Result<Vec<PartitionColumn>, PartitionError> {
        let spec = self.spec(spec_id).ok_or(PartitionError::Values { spec: spec_id, values: Vec::new() })?;
        spec.columns(|id| {
            let current = self.current_schema().field(id);
            let field = current.or_else(|| self.schemas.iter().rev().find_map(|schema| schema.field(id)))?;
            field.primitive().cloned()
        })
    }

    /// All its sort orders.
    #[must_use]
    pub fn sort_orders(&self) -> &[SortOrder] {
        &self.sort_orders
    }

    /// The order that new files are written by.
    ///
    /// # Panics
    /// Never: metadata without its default order is refused when it is read.
    #[must_use]
    pub fn default_sort_order(&self) -> &SortOrder {
        let order = self.sort_orders.iter().find(|order| order.order_id == self.default_sort_order_id);
        order.expect("checked when it was made")
    }

    /// Its properties.
    #[must_use]
    pub fn properties(&self) -> &BTreeMap<String, String> {
        &self.properties
    }

    /// A property that is a number.
    pub(crate) fn number(&self, key: &str) -> Option<u64> {
        self.properties.get(key)?.trim().parse().ok()
    }

    /// All snapshots that are known.
    #[must_use]
    pub fn snapshots(&self) -> &[Snapshot] {
        &self.snapshots
    }

    /// One of the snapshots.
    #[must_use]
    pub fn snapshot(&self, id: i64) -> Option<&Snapshot> {
        self.snapshots.iter().find(|snapshot| snapshot.snapshot_id == id)
    }

    /// What readers read, `None` as long as nothing was ever written.
    #[must_use]
    pub fn current_snapshot(&self) -> Option<&Snapshot> {
        self.snapshot(self.current_snapshot_id?)
    }

    /// The names of snapshots.
    #[must_use]
    pub fn refs(&self) -> &BTreeMap<String, SnapshotRef> {
        &self.refs
    }

    /// Which snapshots were current, oldest first.
    #[must_use]
    pub fn snapshot_log(&self) -> &[SnapshotLogEntry] {
        &self.snapshot_log
    }

    /// Which files held earlier metadata, oldest first.
    #[must_use]
    pub fn metadata_log(&self) -> &[MetadataLogEntry] {
        &self.metadata_log
    }

    /// The first row id that is free (format version 3).
    #[must_use]
    pub fn next_row_id(&self) -> Option<i64> {
        self.next_row_id
    }

    /// A snapshot, the one that it came from, and so on, as far as they are known.
    pub fn ancestors(&self, id: i64) -> impl Iterator<Item = &Snapshot> {
        let by_id: BTreeMap<i64, &Snapshot> =
            self.snapshots.iter().map(|snapshot| (snapshot.snapshot_id, snapshot)).collect();
        let (mut next, mut seen) = (Some(id), HashSet::new());
        std::iter::from_fn(move || {
            let snapshot = *by_id.get(&next?)?;
            next = snapshot.parent_snapshot_id;
            // A chain that bites its tail ends where it would begin again.
            seen.insert(snapshot.snapshot_id).then_some(snapshot)
        })
    }

    /// The current snapshot, the one that it came from, and so on.
    pub fn history(&self) -> impl Iterator<Item = &Snapshot> {
        self.current_snapshot_id.into_iter().flat_map(|id| self.ancestors(id))
    }

    /// Files of statistics, with the snapshots that they are of.
    pub(crate) fn statistics_files(&self) -> impl Iterator<Item = (i64, &str)> {
        self.statistics.iter().chain(&self.partition_statistics).filter_map(|statistics| {
            let id = statistics.get("snapshot-id")?.as_i64()?;
            Some((id, statistics.get("statistics-path")?.as_str()?))
        })
    }

    pub(crate) fn has_statistics(&self, snapshot_id: i64) -> (bool, bool) {
        let of = |all: &[Value]| all.iter().any(|one| statistics_of(one) == Some(snapshot_id));
        (of(&self.statistics), of(&self.partition_statistics))
    }
}

fn statistics_of(statistics: &Value) -> Option<i64> {
    statistics.get("snapshot-id")?.as_i64()
}
