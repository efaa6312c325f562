//! What a commit asks of a table and does to it, in the form that the REST specification sends.

use crate::metadata::TableMetadata;
use crate::partition::PartitionSpec;
use crate::schema::Schema;
use crate::snapshot::{Snapshot, SnapshotRef};
use crate::sort::SortOrder;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

/// The number that stands for what the same commit added last.
pub const LAST_ADDED: i32 = -1;

/// One change of a table's metadata.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum TableUpdate {
    /// Gives a new table its id.
    AssignUuid {
        /// The id.
        uuid: Uuid,
    },
    /// Raises the format version.
    UpgradeFormatVersion {
        /// The new version.
        format_version: u8,
    },
    /// Adds a schema, or finds the one that is the same.
    AddSchema {
        /// The schema.
        schema: Schema,
        /// The highest column id ever given, this schema's among them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_column_id: Option<i32>,
    },
    /// Makes a schema the current one.
    SetCurrentSchema {
        /// Its id, or [`LAST_ADDED`].
        schema_id: i32,
    },
    /// Adds a partition spec, or finds the one that is the same.
    AddSpec {
        /// The spec.
        spec: PartitionSpec,
    },
    /// Makes a spec the one that files are written by.
    SetDefaultSpec {
        /// Its id, or [`LAST_ADDED`].
        spec_id: i32,
    },
    /// Adds a sort order, or finds the one that is the same.
    AddSortOrder {
        /// The order.
        sort_order: SortOrder,
    },
    /// Makes an order the one that files are written by.
    SetDefaultSortOrder {
        /// Its id, or [`LAST_ADDED`].
        sort_order_id: i32,
    },
    /// Adds a snapshot, which nothing reads before a name is set to it.
    AddSnapshot {
        /// The snapshot.
        snapshot: Snapshot,
    },
    /// Sets a name to a snapshot.
    SetSnapshotRef {
        /// The name.
        ref_name: String,
        /// What it stands for.
        #[serde(flatten)]
        reference: SnapshotRef,
    },
    /// Forgets snapshots.
    RemoveSnapshots {
        /// Their ids.
        snapshot_ids: Vec<i64>,
    },
    /// Forgets a name.
    RemoveSnapshotRef {
        /// The name.
        ref_name: String,
    },
    /// Forgets statistics of a snapshot.
    RemoveStatistics {
        /// Its id.
        snapshot_id: i64,
    },
    /// Forgets partition statistics of a snapshot.
    RemovePartitionStatistics {
        /// Its id.
        snapshot_id: i64,
    },
    /// Says where new files lie.
    SetLocation {
        /// The directory.
        location: String,
    },
    /// Sets properties.
    SetProperties {
        /// New values by key.
        updates: BTreeMap<String, String>,
    },
    /// Removes properties.
    RemoveProperties {
        /// Their keys.
        removals: Vec<String>,
    },
}

/// What has to hold for a commit to be applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum TableRequirement {
    /// There is no such table.
    AssertCreate,
    /// It is this table, not another of the same name.
    AssertTableUuid {
        /// Its id.
        uuid: Uuid,
    },
    /// A name stands for this snapshot.
    AssertRefSnapshotId {
        /// The name.
        #[serde(rename = "ref")]
        ref_name: String,
        /// The snapshot; `None`: there is no such name.
        snapshot_id: Option<i64>,
    },
    /// No column was added.
    AssertLastAssignedFieldId {
        /// The highest column id.
        last_assigned_field_id: i32,
    },
    /// The schema was not changed.
    AssertCurrentSchemaId {
        /// The current schema.
        current_schema_id: i32,
    },
    /// No partition field was added.
    AssertLastAssignedPartitionId {
        /// The highest id of a partition field.
        last_assigned_partition_id: i32,
    },
    /// The spec that files are written by was not changed.
    AssertDefaultSpecId {
        /// That spec.
        default_spec_id: i32,
    },
    /// The order that files are written by was not changed.
    AssertDefaultSortOrderId {
        /// That order.
        default_sort_order_id: i32,
    },
}

/// A requirement that does not hold: somebody else has changed the table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the table's {what} is {now}, not {expected} as when the commit was made")]
pub struct Unmet {
    /// What differs.
    pub what: String,
    /// As it was.
    pub expected: String,
    /// As it is.
    pub now: String,
}

impl TableRequirement {
    /// Whether it holds for a table, `None` where there is none.
    ///
    /// # Errors
    /// What differs.
    pub fn check(&self, table: Option<&TableMetadata>) -> Result<(), Unmet> {
        let Some(table) = table else {
            return match self {
                Self::AssertCreate => Ok(()),
                _ => Err(unmet("existence", "true", "false")),
            };
        };
        match self {
            Self::AssertCreate => Err(unmet("existence", "false", "true")),
            Self::AssertTableUuid { uuid } => same("id", uuid, &table.uuid()),
            Self::AssertRefSnapshotId { ref_name, snapshot_id } => {
                let now = table.refs().get(ref_name).map(|reference| reference.snapshot_id);
                let text = |id: Option<i64>| id.map_or_else(|| "none".to_owned(), |id| id.to_string());
                same(&format!("snapshot of `{ref_name}`"), &text(*snapshot_id), &text(now))
            }
            Self::AssertLastAssignedFieldId { last_assigned_field_id } => {
                same("highest column id", last_assigned_field_id, &table.last_column_id())
            }
            Self::AssertCurrentSchemaId { current_schema_id } => {
                same("schema", current_schema_id, &table.current_schema().id())
            }
            Self::AssertLastAssignedPartitionId { last_assigned_partition_id } => {
                same("highest partition field id", last_assigned_partition_id, &table.last_partition_id())
            }
            Self::AssertDefaultSpecId { default_spec_id } => {
                same("partition spec", default_spec_id, &table.default_spec().spec_id)
            }
            Self::AssertDefaultSortOrderId { default_sort_order_id } => {
                same("sort order", default_sort_order_id, &table.default_sort_order().order_id)
            }
        }
    }
}

fn unmet(what: &str, expected: &str, now: &str) -> Unmet {
    Unmet { what: what.to_owned(), expected: expected.to_owned(), now: now.to_owned() }
}

fn same<T: PartialEq + ToString>(what: &str, expected: &T, now: &T) -> Result<(), Unmet> {
    if expected == now { Ok(()) } else { Err(unmet(what, &expected.to_string(), &now.to_string())) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn updates_and_requirements_have_the_form_of_the_rest_specification() {
        let id = Uuid::from_u128(1);
        let mut reference = SnapshotRef::branch(7);
        reference.max_ref_age_ms = Some(5);
        for (update, text) in [
            (TableUpdate::AssignUuid { uuid: id }, json!({"action": "assign-uuid", "uuid": id.to_string()})),
            (
                TableUpdate::UpgradeFormatVersion { format_version: 3 },
                json!({"action": "upgrade-format-version", "format-version": 3}),
            ),
            (
                TableUpdate::SetCurrentSchema { schema_id: LAST_ADDED },
                json!({"action": "set-current-schema", "schema-id": -1}),
            ),
            (
                TableUpdate::SetSnapshotRef { ref_name: "main".to_owned(), reference },
                json!({"action": "set-snapshot-ref", "ref-name": "main", "snapshot-id": 7, "type": "branch", "max-ref-age-ms": 5}),
            ),
            (
                TableUpdate::RemoveSnapshots { snapshot_ids: vec![1, 2] },
                json!({"action": "remove-snapshots", "snapshot-ids": [1, 2]}),
            ),
            (
                TableUpdate::SetProperties { updates: BTreeMap::from([("a".to_owned(), "b".to_owned())]) },
                json!({"action": "set-properties", "updates": {"a": "b"}}),
            ),
            (
                TableUpdate::AddSortOrder { sort_order: SortOrder::unsorted() },
                json!({"action": "add-sort-order", "sort-order": {"order-id": 0, "fields": []}}),
            ),
        ] {
            assert_eq!(serde_json::to_value(&update).unwrap(), text);
            assert_eq!(serde_json::from_value::<TableUpdate>(text).unwrap(), update);
        }
        let none = TableRequirement::AssertRefSnapshotId { ref_name: "main".to_owned(), snapshot_id: None };
        // Null has to be there: it says that there is no such name.
        let text = json!({"type": "assert-ref-snapshot-id", "ref": "main", "snapshot-id": null});
        assert_eq!(serde_json::to_value(&none).unwrap(), text);
        assert_eq!(
            serde_json::to_value(TableRequirement::AssertLastAssignedFieldId { last_assigned_field_id: 4 })
                .unwrap(),
            json!({"type": "assert-last-assigned-field-id", "last-assigned-field-id": 4})
        );
    }

    #[test]
    fn a_table_that_is_not_there_meets_one_requirement() {
        assert!(TableRequirement::AssertCreate.check(None).is_ok());
        assert!(TableRequirement::AssertTableUuid { uuid: Uuid::nil() }.check(None).is_err());
    }
}
