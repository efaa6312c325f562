//! Metadata that follows from metadata by the updates of a commit.

use super::create::check_version;
use super::{HIGHEST_FORMAT, MetadataError, PREVIOUS_VERSIONS, TableMetadata, statistics_of};
use crate::partition::PartitionSpec;
use crate::schema::Schema;
use crate::snapshot::{MAIN, MetadataLogEntry, RefKind, Snapshot, SnapshotLogEntry, SnapshotRef};
use crate::sort::SortOrder;
use crate::update::{LAST_ADDED, TableUpdate};
use std::collections::HashSet;

/// How many old metadata files a table remembers if it says nothing.
const DEFAULT_PREVIOUS_VERSIONS: u64 = 100;

/// What one commit has added so far, for "the last added".
#[derive(Default)]
struct Added {
    schema: Option<i32>,
    spec: Option<i32>,
    order: Option<i32>,
    snapshots: HashSet<i64>,
}

impl TableMetadata {
    /// The metadata after these updates. `previous` is the file that holds this one, empty if there is none.
    ///
    /// # Errors
    /// The first update that it does not take. Nothing of the others is to be seen then.
    pub fn apply(&self, updates: &[TableUpdate], previous: &str, now_ms: i64) -> Result<Self, MetadataError> {
        let mut next = self.clone();
        // Clocks of different machines differ; times of one table do not go back.
        next.last_updated_ms = now_ms.max(self.last_updated_ms);
        let mut added = Added::default();
        for update in updates {
            next.take(update, &mut added)?;
        }
        if !previous.is_empty() {
            let entry =
                MetadataLogEntry { timestamp_ms: self.last_updated_ms, metadata_file: previous.to_owned() };
            next.metadata_log.push(entry);
        }
        let most = next.number(PREVIOUS_VERSIONS).unwrap_or(DEFAULT_PREVIOUS_VERSIONS).max(1);
        let excess = next.metadata_log.len().saturating_sub(usize::try_from(most).unwrap_or(usize::MAX));
        next.metadata_log.drain(..excess);
        Ok(next)
    }

    fn take(&mut self, update: &TableUpdate, added: &mut Added) -> Result<(), MetadataError> {
        match update {
            TableUpdate::AssignUuid { uuid } if *uuid == self.table_uuid => Ok(()),
            TableUpdate::AssignUuid { .. } => Err(MetadataError::twice("table id", self.table_uuid)),
            TableUpdate::UpgradeFormatVersion { format_version } => self.upgrade(*format_version),
            TableUpdate::AddSchema { schema, last_column_id } => {
                added.schema = Some(self.add_schema(schema, *last_column_id)?);
                Ok(())
            }
            TableUpdate::SetCurrentSchema { schema_id } => {
                let id = or_last_added(*schema_id, added.schema, "schema")?;
                self.set_current_schema(id)
            }
            TableUpdate::AddSpec { spec } => {
                added.spec = Some(self.add_spec(spec)?);
                Ok(())
            }
            TableUpdate::SetDefaultSpec { spec_id } => {
                let id = or_last_added(*spec_id, added.spec, "partition spec")?;
                self.spec(id).ok_or_else(|| MetadataError::missing("partition spec", id))?;
                self.default_spec_id = id;
                Ok(())
            }
            TableUpdate::AddSortOrder { sort_order } => {
                added.order = Some(self.add_sort_order(sort_order)?);
                Ok(())
            }
            TableUpdate::SetDefaultSortOrder { sort_order_id } => {
                let id = or_last_added(*sort_order_id, added.order, "sort order")?;
                if !self.sort_orders.iter().any(|order| order.order_id == id) {
                    return Err(MetadataError::missing("sort order", id));
                }
                self.default_sort_order_id = id;
                Ok(())
            }
            TableUpdate::AddSnapshot { snapshot } => {
                added.snapshots.insert(snapshot.snapshot_id);
                self.add_snapshot(snapshot)
            }
            TableUpdate::SetSnapshotRef { ref_name, reference } => self.set_ref(ref_name, reference, added),
            TableUpdate::RemoveSnapshots { snapshot_ids } => self.remove_snapshots(snapshot_ids),
            TableUpdate::RemoveSnapshotRef { ref_name } => {
                if ref_name == MAIN {
                    self.current_snapshot_id = None;
                    self.snapshot_log.clear();
                }
                self.refs.remove(ref_name);
                Ok(())
            }
            TableUpdate::RemoveStatistics { snapshot_id } => {
                self.statistics.retain(|statistics| statistics_of(statistics) != Some(*snapshot_id));
                Ok(())
            }
            TableUpdate::RemovePartitionStatistics { snapshot_id } => {
                self.partition_statistics
                    .retain(|statistics| statistics_of(statistics) != Some(*snapshot_id));
                Ok(())
            }
            TableUpdate::SetLocation { location } => {
                location.trim_end_matches('/').clone_into(&mut self.location);
                Ok(())
            }
            TableUpdate::SetProperties { updates } => {
                self.properties.extend(updates.clone());
                Ok(())
            }
            TableUpdate::RemoveProperties { removals } => {
                for key in removals {
                    self.properties.remove(key);
                }
                Ok(())
            }
        }
    }

    fn upgrade(&mut self, version: u8) -> Result<(), MetadataError> {
        if version < self.format_version || version > HIGHEST_FORMAT {
            return Err(MetadataError::FormatVersion(version));
        }
        self.format_version = version;
        if version >= 3 {
            self.next_row_id.get_or_insert(0);
        }
        Ok(())
    }

    fn add_schema(&mut self, schema: &Schema, last_column_id: Option<i32>) -> Result<i32, MetadataError> {
        check_version(schema.format_version(), self.format_version)?;
        if let Some(last) = last_column_id.filter(|last| *last < self.last_column_id) {
            let why = format!("the highest column id cannot go back to {last} from {}", self.last_column_id);
            return Err(MetadataError::Contradiction(why));
        }
        self.last_column_id = self.last_column_id.max(last_column_id.unwrap_or(0)).max(schema.highest_id());
        if let Some(same) = self.schemas.iter().find(|other| other.same_columns(schema)) {
            return Ok(same.id());
        }
        let id = self.schemas.iter().map(Schema::id).max().unwrap_or(-1).saturating_add(1);
        self.schemas.push(schema.with_id(id));
        Ok(id)
    }

    fn set_current_schema(&mut self, id: i32) -> Result<(), MetadataError> {
        self.schema(id).ok_or_else(|| MetadataError::missing("schema", id))?;
        self.current_schema_id = id;
        Ok(())
    }

    fn add_spec(&mut self, spec: &PartitionSpec) -> Result<i32, MetadataError> {
        if let Some(same) = self.partition_specs.iter().find(|other| other.same_fields(spec)) {
            return Ok(same.spec_id);
        }
        spec.check(self.current_schema())?;
        let mut spec = spec.clone();
        spec.spec_id =
            self.partition_specs.iter().map(|spec| spec.spec_id).max().unwrap_or(-1).saturating_add(1);
        for field in &mut spec.fields {
            if field.field_id == 0 {
                self.last_partition_id = self.last_partition_id.saturating_add(1);
                field.field_id = self.last_partition_id;
            }
            // An id stands for one thing made of one column, in whatever spec.
            let others = self.partition_specs.iter().flat_map(|other| &other.fields);
            let clash = others.into_iter().any(|other| {
                other.field_id == field.field_id
                    && (other.source_id != field.source_id || other.transform != field.transform)
            });
            if clash {
                return Err(MetadataError::twice("partition field", field.field_id));
            }
        }
        self.last_partition_id = self.last_partition_id.max(spec.highest_field_id());
        let id = spec.spec_id;
        self.partition_specs.push(spec);
        Ok(id)
    }

    fn add_sort_order(&mut self, order: &SortOrder) -> Result<i32, MetadataError> {
        if let Some(same) = self.sort_orders.iter().find(|other| other.fields == order.fields) {
            return Ok(same.order_id);
        }
        if let Some(id) = order.misfit(self.current_schema()) {
            return Err(MetadataError::Sort(id));
        }
        let highest = self.sort_orders.iter().map(|order| order.order_id).max().unwrap_or(0);
        let order_id = if order.is_unsorted() { 0 } else { highest.saturating_add(1) };
        self.sort_orders.push(SortOrder { order_id, ..order.clone() });
        Ok(order_id)
    }

    fn add_snapshot(&mut self, snapshot: &Snapshot) -> Result<(), MetadataError> {
        if self.snapshot(snapshot.snapshot_id).is_some() {
            return Err(MetadataError::twice("snapshot", snapshot.snapshot_id));
        }
        if snapshot.snapshot_id < 0 {
            let why = format!("{} is no id of a snapshot", snapshot.snapshot_id);
            return Err(MetadataError::Contradiction(why));
        }
        if snapshot.manifest_list.is_none() {
            return Err(MetadataError::missing("manifest list of snapshot", snapshot.snapshot_id));
        }
        if snapshot.sequence_number <= self.last_sequence_number {
            let why = format!(
                "a snapshot has the sequence number {}, and {} was given already",
                snapshot.sequence_number, self.last_sequence_number
            );
            return Err(MetadataError::Contradiction(why));
        }
        if self.format_version >= 3 {
            let next = self.next_row_id.unwrap_or(0);
            let (Some(first), Some(rows)) = (snapshot.first_row_id, snapshot.added_rows) else {
                let why = "a snapshot of a table of format version 3 has to say which row ids it takes";
                return Err(MetadataError::Contradiction(why.to_owned()));
            };
            if first < next || rows < 0 {
                let why =
                    format!("a snapshot takes {rows} row ids from {first}, and those below {next} are taken");
                return Err(MetadataError::Contradiction(why));
            }
            self.next_row_id = Some(first.saturating_add(rows));
        }
        self.last_sequence_number = snapshot.sequence_number;
        self.last_updated_ms = self.last_updated_ms.max(snapshot.timestamp_ms);
        self.snapshots.push(snapshot.clone());
        Ok(())
    }

    fn set_ref(&mut self, name: &str, reference: &SnapshotRef, added: &Added) -> Result<(), MetadataError> {
        let id = reference.snapshot_id;
        let snapshot = self.snapshot(id).ok_or_else(|| MetadataError::missing("snapshot", id))?;
        if name == MAIN {
            if reference.kind != RefKind::Branch {
                return Err(MetadataError::Contradiction("`main` has to be a branch".to_owned()));
            }
            let at = if added.snapshots.contains(&id) { snapshot.timestamp_ms } else { self.last_updated_ms };
            if self.current_snapshot_id != Some(id) {
                let last = self.snapshot_log.last().map_or(at, |last| last.timestamp_ms);
                self.snapshot_log.push(SnapshotLogEntry { timestamp_ms: at.max(last), snapshot_id: id });
            }
            self.current_snapshot_id = Some(id);
        }
        self.refs.insert(name.to_owned(), reference.clone());
        Ok(())
    }

    fn remove_snapshots(&mut self, ids: &[i64]) -> Result<(), MetadataError> {
        let ids: HashSet<i64> = ids.iter().copied().collect();
        if let Some((name, _)) = self.refs.iter().find(|(_, reference)| ids.contains(&reference.snapshot_id))
        {
            let why = format!("the name `{name}` stands for a snapshot that is to be removed");
            return Err(MetadataError::Contradiction(why));
        }
        self.snapshots.retain(|snapshot| !ids.contains(&snapshot.snapshot_id));
        self.statistics.retain(|statistics| statistics_of(statistics).is_none_or(|id| !ids.contains(&id)));
        self.partition_statistics
            .retain(|statistics| statistics_of(statistics).is_none_or(|id| !ids.contains(&id)));
        // What was current before a snapshot that is gone cannot be told without a hole.
        let last_gone = self.snapshot_log.iter().rposition(|entry| ids.contains(&entry.snapshot_id));
        if let Some(last_gone) = last_gone {
            self.snapshot_log.drain(..=last_gone);
        }
        Ok(())
    }
}

fn or_last_added(id: i32, added: Option<i32>, what: &'static str) -> Result<i32, MetadataError> {
    if id == LAST_ADDED { added.ok_or(MetadataError::NothingAdded(what)) } else { Ok(id) }
}
