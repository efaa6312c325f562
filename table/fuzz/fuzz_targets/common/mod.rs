//! A table for the targets to work on.

use firnline_table::TableMetadata;

/// A table of format version 3 with a column and a partition field of several types, and two snapshots.
pub fn metadata() -> TableMetadata {
    let json = br#"{
        "format-version": 3, "table-uuid": "00000000-0000-0000-0000-000000000001", "location": "memory:/t",
        "last-sequence-number": 2, "last-updated-ms": 5, "last-column-id": 8, "current-schema-id": 0,
        "schemas": [{"type": "struct", "schema-id": 0, "fields": [
            {"id": 1, "name": "a", "required": true, "type": "long"},
            {"id": 2, "name": "b", "required": false, "type": "decimal(9, 2)"},
            {"id": 3, "name": "c", "required": false, "type": "uuid"},
            {"id": 4, "name": "d", "required": false, "type": "timestamptz"},
            {"id": 5, "name": "e", "required": false, "type": "string"},
            {"id": 6, "name": "f", "required": false, "type": "double"},
            {"id": 7, "name": "g", "required": false, "type": "fixed[3]"},
            {"id": 8, "name": "h", "required": false, "type": "boolean"}]}],
        "default-spec-id": 1, "last-partition-id": 1007,
        "partition-specs": [{"spec-id": 0, "fields": []}, {"spec-id": 1, "fields": [
            {"source-id": 1, "field-id": 1000, "name": "a_bucket", "transform": "bucket[4]"},
            {"source-id": 2, "field-id": 1001, "name": "b", "transform": "identity"},
            {"source-id": 3, "field-id": 1002, "name": "c", "transform": "identity"},
            {"source-id": 4, "field-id": 1003, "name": "d_day", "transform": "day"},
            {"source-id": 5, "field-id": 1004, "name": "e_trunc", "transform": "truncate[3]"},
            {"source-id": 6, "field-id": 1005, "name": "f", "transform": "identity"},
            {"source-id": 7, "field-id": 1006, "name": "g", "transform": "identity"},
            {"source-id": 8, "field-id": 1007, "name": "h", "transform": "identity"}]}],
        "default-sort-order-id": 0, "sort-orders": [{"order-id": 0, "fields": []}],
        "properties": {}, "current-snapshot-id": 2, "next-row-id": 4,
        "refs": {"main": {"snapshot-id": 2, "type": "branch"}},
        "snapshots": [
            {"snapshot-id": 1, "sequence-number": 1, "timestamp-ms": 1, "manifest-list": "memory:/1", "summary": {"operation": "append"}},
            {"snapshot-id": 2, "parent-snapshot-id": 1, "sequence-number": 2, "timestamp-ms": 5, "manifest-list": "memory:/2"}],
        "snapshot-log": [{"timestamp-ms": 1, "snapshot-id": 1}, {"timestamp-ms": 5, "snapshot-id": 2}], "metadata-log": []
    }"#;
    TableMetadata::parse(json).expect("it is the target's own")
}
