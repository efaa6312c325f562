//! Metadata from JSON and into it.

use super::{HIGHEST_FORMAT, LOWEST_FORMAT, MetadataError, TableMetadata};
use crate::partition::BEFORE_FIRST_ID;
use crate::snapshot::{MAIN, SnapshotRef};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::HashSet;

/// What some writers put where there is no snapshot.
const NO_SNAPSHOT: i64 = -1;

/// A missing collection may be written as null.
pub(super) fn null_is_none<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

pub(super) fn snapshot_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    Ok(Option::deserialize(deserializer)?.filter(|id| *id != NO_SNAPSHOT))
}

#[derive(Deserialize)]
struct Version {
    #[serde(rename = "format-version")]
    format_version: u8,
}

impl TableMetadata {
    /// Metadata from its JSON.
    ///
    /// # Errors
    /// What is no metadata, is of another format version, or contradicts itself so that a commit on it could lose something.
    pub fn parse(json: &[u8]) -> Result<Self, MetadataError> {
        // A version that is not known may have anything else in another form.
        let Version { format_version } = serde_json::from_slice(json)?;
        if !(LOWEST_FORMAT..=HIGHEST_FORMAT).contains(&format_version) {
            return Err(MetadataError::FormatVersion(format_version));
        }
        let mut metadata: Self = serde_json::from_slice(json)?;
        metadata.complete();
        metadata.check()?;
        Ok(metadata)
    }

    /// Its JSON.
    ///
    /// # Errors
    /// Never in practice: all keys are text.
    pub fn to_json(&self) -> Result<Vec<u8>, MetadataError> {
        let mut json = serde_json::to_value(self)?;
        if self.current_snapshot_id.is_none()
            && self.format_version < 3
            && let Some(fields) = json.as_object_mut()
        {
            // What readers of that version expect; null came later.
            fields.insert("current-snapshot-id".to_owned(), NO_SNAPSHOT.into());
        }
        Ok(serde_json::to_vec(&json)?)
    }

    /// Fills in what older writers leave out.
    fn complete(&mut self) {
        while self.location.len() > 1 && self.location.ends_with('/') {
            self.location.pop();
        }
        if let Some(current) = self.current_snapshot_id {
            self.refs.entry(MAIN.to_owned()).or_insert_with(|| SnapshotRef::branch(current));
        }
        if self.format_version >= 3 {
            self.next_row_id.get_or_insert(0);
        }
        for spec in &mut self.partition_specs {
            if spec.fields.iter().all(|field| field.field_id == 0) {
                let mut id = BEFORE_FIRST_ID;
                for field in &mut spec.fields {
                    id += 1;
                    field.field_id = id;
                }
            }
            self.last_partition_id = self.last_partition_id.max(spec.highest_field_id());
        }
    }

    fn check(&self) -> Result<(), MetadataError> {
        let twice = |what, ids: Vec<i64>| {
            let mut seen = HashSet::new();
            match ids.into_iter().find(|id| !seen.insert(*id)) {
                Some(id) => Err(MetadataError::twice(what, id)),
                None => Ok(()),
            }
        };
        twice("schema", self.schemas.iter().map(|schema| schema.id().into()).collect())?;
        twice("partition spec", self.partition_specs.iter().map(|spec| spec.spec_id.into()).collect())?;
        twice("sort order", self.sort_orders.iter().map(|order| order.order_id.into()).collect())?;
        twice("snapshot", self.snapshots.iter().map(|snapshot| snapshot.snapshot_id).collect())?;
        let schema = self.schema(self.current_schema_id);
        let schema = schema.ok_or_else(|| MetadataError::missing("schema", self.current_schema_id))?;
        if self.spec(self.default_spec_id).is_none() {
            return Err(MetadataError::missing("partition spec", self.default_spec_id));
        }
        if !self.sort_orders.iter().any(|order| order.order_id == self.default_sort_order_id) {
            return Err(MetadataError::missing("sort order", self.default_sort_order_id));
        }
        if schema.highest_id() > self.last_column_id {
            let why = format!(
                "a column has the id {}, and no id above {} was ever given; its ids could be given twice",
                schema.highest_id(),
                self.last_column_id
            );
            return Err(MetadataError::Contradiction(why));
        }
        for snapshot in &self.snapshots {
            if snapshot.sequence_number > self.last_sequence_number {
                let why = format!(
                    "snapshot {} has the sequence number {}, and none above {} was ever given",
                    snapshot.snapshot_id, snapshot.sequence_number, self.last_sequence_number
                );
                return Err(MetadataError::Contradiction(why));
            }
        }
        for reference in self.refs.values() {
            if self.snapshot(reference.snapshot_id).is_none() {
                return Err(MetadataError::missing("snapshot", reference.snapshot_id));
            }
        }
        let main = self.refs.get(MAIN).map(|main| main.snapshot_id);
        if main != self.current_snapshot_id {
            let why = format!(
                "the current snapshot is {:?} and the branch `main` is {main:?}",
                self.current_snapshot_id
            );
            return Err(MetadataError::Contradiction(why));
        }
        if self.next_row_id.is_some_and(|id| id < 0) {
            return Err(MetadataError::Contradiction("the next row id is negative".to_owned()));
        }
        Ok(())
    }
}

/// For tests and tools that look at metadata as it is.
impl From<&TableMetadata> for Value {
    fn from(metadata: &TableMetadata) -> Self {
        serde_json::to_value(metadata).unwrap_or_default()
    }
}
