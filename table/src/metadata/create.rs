//! The first metadata of a table.

use super::{HIGHEST_FORMAT, LOWEST_FORMAT, MetadataError, TableMetadata};
use crate::catalog::NewTable;
use crate::partition::BEFORE_FIRST_ID;
use crate::sort::SortOrder;
use serde_json::Map;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Properties that ask for something when a table is made and are none of its properties.
const RESERVED: [&str; 2] = ["format-version", "uuid"];

impl TableMetadata {
    /// The metadata of a new table without files. All ids are given anew, in the order in which every writer gives them.
    ///
    /// # Errors
    /// Columns, partitions or an order that do not fit each other or the format version.
    pub fn create(new: NewTable, location: &str, uuid: Uuid, now_ms: i64) -> Result<Self, MetadataError> {
        let NewTable { schema, mut spec, mut sort_order, location: _, mut properties, format_version } = new;
        if !(LOWEST_FORMAT..=HIGHEST_FORMAT).contains(&format_version) {
            return Err(MetadataError::FormatVersion(format_version));
        }
        spec.check(&schema)?;
        if let Some(id) = sort_order.misfit(&schema) {
            return Err(MetadataError::Sort(id));
        }
        check_version(schema.format_version(), format_version)?;

        let (fresh, new_ids) = schema.with_fresh_ids()?;
        let schema = fresh.with_id(0);
        let new_id = |id: i32| new_ids.get(&id).copied().unwrap_or(id);
        spec.spec_id = 0;
        for (field_id, field) in (BEFORE_FIRST_ID + 1..).zip(&mut spec.fields) {
            field.field_id = field_id;
            field.source_id = new_id(field.source_id);
        }
        for field in &mut sort_order.fields {
            field.source_id = new_id(field.source_id);
        }
        sort_order.order_id = i32::from(!sort_order.is_unsorted());
        let default_sort_order_id = sort_order.order_id;
        for key in RESERVED {
            properties.remove(key);
        }
        Ok(Self {
            format_version,
            table_uuid: uuid,
            location: location.trim_end_matches('/').to_owned(),
            last_sequence_number: 0,
            last_updated_ms: now_ms,
            last_column_id: schema.highest_id(),
            current_schema_id: 0,
            schemas: vec![schema],
            default_spec_id: 0,
            last_partition_id: spec.highest_field_id(),
            partition_specs: vec![spec],
            default_sort_order_id,
            sort_orders: if sort_order.is_unsorted() {
                vec![SortOrder::unsorted()]
            } else {
                vec![sort_order]
            },
            properties,
            current_snapshot_id: None,
            refs: BTreeMap::new(),
            snapshots: Vec::new(),
            statistics: Vec::new(),
            partition_statistics: Vec::new(),
            snapshot_log: Vec::new(),
            metadata_log: Vec::new(),
            next_row_id: (format_version >= 3).then_some(0),
            extra: Map::new(),
        })
    }
}

pub(super) fn check_version(needs: u8, has: u8) -> Result<(), MetadataError> {
    if needs > has { Err(MetadataError::TooNew { needs, has }) } else { Ok(()) }
}
