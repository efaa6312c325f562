//! Tables for tests.

use super::TableMetadata;
use crate::catalog::NewTable;
use crate::partition::PartitionSpec;
use crate::schema::Schema;
use crate::sort::SortOrder;
use std::collections::BTreeMap;
use uuid::Uuid;

pub(crate) fn new_table(schema: Schema) -> NewTable {
    NewTable {
        schema,
        spec: PartitionSpec::unpartitioned(),
        sort_order: SortOrder::unsorted(),
        location: None,
        properties: BTreeMap::new(),
        format_version: 2,
    }
}

pub(crate) fn table_of(new: NewTable) -> TableMetadata {
    TableMetadata::create(new, "memory:/db/t", Uuid::from_u128(7), 1_000).unwrap()
}
