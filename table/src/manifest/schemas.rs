//! The Avro schemas that manifests are written with, and the field ids that they are read by.

use crate::partition::PartitionColumn;
use crate::types::PrimitiveType;
use serde_json::{Value, json};

/// Field ids of entries.
pub(super) mod entry {
    pub(in crate::manifest) const STATUS: i32 = 0;
    pub(in crate::manifest) const SNAPSHOT_ID: i32 = 1;
    pub(in crate::manifest) const DATA_FILE: i32 = 2;
    pub(in crate::manifest) const SEQUENCE_NUMBER: i32 = 3;
    pub(in crate::manifest) const FILE_SEQUENCE_NUMBER: i32 = 4;
}

/// Field ids of files. A map's key and value have the two ids behind its own name.
pub(super) mod file {
    pub(in crate::manifest) const PATH: i32 = 100;
    pub(in crate::manifest) const FORMAT: i32 = 101;
    pub(in crate::manifest) const PARTITION: i32 = 102;
    pub(in crate::manifest) const RECORD_COUNT: i32 = 103;
    pub(in crate::manifest) const FILE_SIZE: i32 = 104;
    pub(in crate::manifest) const COLUMN_SIZES: [i32; 3] = [108, 117, 118];
    pub(in crate::manifest) const VALUE_COUNTS: [i32; 3] = [109, 119, 120];
    pub(in crate::manifest) const NULL_COUNTS: [i32; 3] = [110, 121, 122];
    pub(in crate::manifest) const LOWER_BOUNDS: [i32; 3] = [125, 126, 127];
    pub(in crate::manifest) const UPPER_BOUNDS: [i32; 3] = [128, 129, 130];
    pub(in crate::manifest) const KEY_METADATA: i32 = 131;
    pub(in crate::manifest) const SPLIT_OFFSETS: [i32; 2] = [132, 133];
    pub(in crate::manifest) const CONTENT: i32 = 134;
    pub(in crate::manifest) const EQUALITY_IDS: [i32; 2] = [135, 136];
    pub(in crate::manifest) const NAN_COUNTS: [i32; 3] = [137, 138, 139];
    pub(in crate::manifest) const SORT_ORDER_ID: i32 = 140;
    pub(in crate::manifest) const FIRST_ROW_ID: i32 = 142;
    pub(in crate::manifest) const REFERENCED_DATA_FILE: i32 = 143;
    pub(in crate::manifest) const CONTENT_OFFSET: i32 = 144;
    pub(in crate::manifest) const CONTENT_SIZE: i32 = 145;
}

/// Field ids of manifests in their list.
pub(super) mod list {
    pub(in crate::manifest) const PATH: i32 = 500;
    pub(in crate::manifest) const LENGTH: i32 = 501;
    pub(in crate::manifest) const SPEC_ID: i32 = 502;
    pub(in crate::manifest) const ADDED_SNAPSHOT_ID: i32 = 503;
    pub(in crate::manifest) const ADDED_FILES: i32 = 504;
    pub(in crate::manifest) const EXISTING_FILES: i32 = 505;
    pub(in crate::manifest) const DELETED_FILES: i32 = 506;
    pub(in crate::manifest) const PARTITIONS: [i32; 2] = [507, 508];
    pub(in crate::manifest) const CONTAINS_NULL: i32 = 509;
    pub(in crate::manifest) const LOWER: i32 = 510;
    pub(in crate::manifest) const UPPER: i32 = 511;
    pub(in crate::manifest) const ADDED_ROWS: i32 = 512;
    pub(in crate::manifest) const EXISTING_ROWS: i32 = 513;
    pub(in crate::manifest) const DELETED_ROWS: i32 = 514;
    pub(in crate::manifest) const SEQUENCE_NUMBER: i32 = 515;
    pub(in crate::manifest) const MIN_SEQUENCE_NUMBER: i32 = 516;
    pub(in crate::manifest) const CONTENT: i32 = 517;
    pub(in crate::manifest) const CONTAINS_NAN: i32 = 518;
    pub(in crate::manifest) const KEY_METADATA: i32 = 519;
    pub(in crate::manifest) const FIRST_ROW_ID: i32 = 520;
}

/// The schema of a manifest's entries.
pub(super) fn entries(columns: &[PartitionColumn], format_version: u8) -> String {
    let partition: Vec<Value> = columns.iter().map(partition_field).collect();
    let mut fields = vec![
        required("content", file::CONTENT, "int"),
        required("file_path", file::PATH, "string"),
        required("file_format", file::FORMAT, "string"),
        required(
            "partition",
            file::PARTITION,
            json!({"type": "record", "name": "r102", "fields": partition}),
        ),
        required("record_count", file::RECORD_COUNT, "long"),
        required("file_size_in_bytes", file::FILE_SIZE, "long"),
        optional("column_sizes", file::COLUMN_SIZES[0], map(file::COLUMN_SIZES, "long")),
        optional("value_counts", file::VALUE_COUNTS[0], map(file::VALUE_COUNTS, "long")),
        optional("null_value_counts", file::NULL_COUNTS[0], map(file::NULL_COUNTS, "long")),
        optional("nan_value_counts", file::NAN_COUNTS[0], map(file::NAN_COUNTS, "long")),
        optional("lower_bounds", file::LOWER_BOUNDS[0], map(file::LOWER_BOUNDS, "bytes")),
        optional("upper_bounds", file::UPPER_BOUNDS[0], map(file::UPPER_BOUNDS, "bytes")),
        optional("key_metadata", file::KEY_METADATA, json!("bytes")),
        optional("split_offsets", file::SPLIT_OFFSETS[0], list(file::SPLIT_OFFSETS, "long")),
        optional("equality_ids", file::EQUALITY_IDS[0], list(file::EQUALITY_IDS, "int")),
        optional("sort_order_id", file::SORT_ORDER_ID, json!("int")),
    ];
    if format_version >= 3 {
        fields.push(optional("first_row_id", file::FIRST_ROW_ID, json!("long")));
    }
    fields.push(optional("referenced_data_file", file::REFERENCED_DATA_FILE, json!("string")));
    if format_version >= 3 {
        fields.push(optional("content_offset", file::CONTENT_OFFSET, json!("long")));
        fields.push(optional("content_size_in_bytes", file::CONTENT_SIZE, json!("long")));
    }
    let schema = json!({
        "type": "record",
        "name": "manifest_entry",
        "fields": [
            required("status", entry::STATUS, "int"),
            optional("snapshot_id", entry::SNAPSHOT_ID, json!("long")),
            optional("sequence_number", entry::SEQUENCE_NUMBER, json!("long")),
            optional("file_sequence_number", entry::FILE_SEQUENCE_NUMBER, json!("long")),
            required("data_file", entry::DATA_FILE, json!({"type": "record", "name": "r2", "fields": fields})),
        ],
    });
    schema.to_string()
}

/// The schema of a manifest list.
pub(super) fn manifests(format_version: u8) -> String {
    let partition = json!({
        "type": "record",
        "name": "r508",
        "fields": [
            required("contains_null", list::CONTAINS_NULL, "boolean"),
            optional("contains_nan", list::CONTAINS_NAN, json!("boolean")),
            optional("lower_bound", list::LOWER, json!("bytes")),
            optional("upper_bound", list::UPPER, json!("bytes")),
        ],
    });
    let partitions = json!({"type": "array", "items": partition, "element-id": list::PARTITIONS[1]});
    let mut fields = vec![
        required("manifest_path", list::PATH, "string"),
        required("manifest_length", list::LENGTH, "long"),
        required("partition_spec_id", list::SPEC_ID, "int"),
        required("content", list::CONTENT, "int"),
        required("sequence_number", list::SEQUENCE_NUMBER, "long"),
        required("min_sequence_number", list::MIN_SEQUENCE_NUMBER, "long"),
        required("added_snapshot_id", list::ADDED_SNAPSHOT_ID, "long"),
        required("added_files_count", list::ADDED_FILES, "int"),
        required("existing_files_count", list::EXISTING_FILES, "int"),
        required("deleted_files_count", list::DELETED_FILES, "int"),
        required("added_rows_count", list::ADDED_ROWS, "long"),
        required("existing_rows_count", list::EXISTING_ROWS, "long"),
        required("deleted_rows_count", list::DELETED_ROWS, "long"),
        optional("partitions", list::PARTITIONS[0], partitions),
        optional("key_metadata", list::KEY_METADATA, json!("bytes")),
    ];
    if format_version >= 3 {
        fields.push(optional("first_row_id", list::FIRST_ROW_ID, json!("long")));
    }
    json!({"type": "record", "name": "manifest_file", "fields": fields}).to_string()
}

fn required(name: &str, id: i32, of: impl Into<Value>) -> Value {
    json!({"name": name, "type": of.into(), "field-id": id})
}

fn optional(name: &str, id: i32, of: Value) -> Value {
    json!({"name": name, "type": ["null", of], "default": null, "field-id": id})
}

/// A map with numbers as keys, which Avro has not: a list of pairs.
fn map(ids: [i32; 3], values: &str) -> Value {
    let [_, key, value] = ids;
    json!({
        "type": "array",
        "logicalType": "map",
        "items": {
            "type": "record",
            "name": format!("k{key}_v{value}"),
            "fields": [required("key", key, "int"), required("value", value, values)],
        },
    })
}

fn list(ids: [i32; 2], items: &str) -> Value {
    let [_, element] = ids;
    json!({"type": "array", "items": items, "element-id": element})
}

fn partition_field(column: &PartitionColumn) -> Value {
    let name = avro_name(&column.name);
    let mut field = optional(&name, column.id, partition_type(column));
    if name != column.name
        && let Some(field) = field.as_object_mut()
    {
        field.insert("iceberg-field-name".to_owned(), json!(column.name));
    }
    field
}

fn partition_type(column: &PartitionColumn) -> Value {
    use PrimitiveType as T;
    // Named types have to differ from each other, so their names have the field's id.
    let fixed = |size: u32| json!({"type": "fixed", "name": format!("fixed_{}", column.id), "size": size});
    let with = |of: Value, logical: &str| {
        let mut of = if of.is_object() { of } else { json!({"type": of}) };
        if let Some(fields) = of.as_object_mut() {
            fields.insert("logicalType".to_owned(), json!(logical));
        }
        of
    };
    match &column.value_type {
        T::Boolean => json!("boolean"),
        // A void field of a column that is gone: always null.
        T::Int | T::Unknown | T::Other(_) => json!("int"),
        T::Long => json!("long"),
        T::Float => json!("float"),
        T::Double => json!("double"),
        T::Date => with(json!("int"), "date"),
        T::Time => with(json!("long"), "time-micros"),
        T::Timestamp | T::TimestampTz => {
            let utc = column.value_type == T::TimestampTz;
            json!({"type": "long", "logicalType": "timestamp-micros", "adjust-to-utc": utc})
        }
        T::TimestampNs | T::TimestampTzNs => {
            let utc = column.value_type == T::TimestampTzNs;
            json!({"type": "long", "logicalType": "timestamp-nanos", "adjust-to-utc": utc})
        }
        T::String => json!("string"),
        T::Binary => json!("bytes"),
        T::Uuid => with(fixed(16), "uuid"),
        T::Fixed(length) => fixed(*length),
        T::Decimal { precision, scale } => json!({
            "type": "fixed",
            "name": format!("decimal_{}", column.id),
            "size": decimal_size(*precision),
            "logicalType": "decimal",
            "precision": precision,
            "scale": scale,
        }),
    }
}

/// How many bytes every number of so many digits fits into.
pub(super) fn decimal_size(precision: u8) -> usize {
    let highest = 10_i128.checked_pow(u32::from(precision)).map_or(i128::MAX, |power| power - 1);
    let bits = 128 - highest.leading_zeros() + 1;
    usize::try_from(bits.div_ceil(8)).unwrap_or(16)
}

/// A name that Avro takes, made as other writers make it.
fn avro_name(name: &str) -> String {
    let mut made = String::with_capacity(name.len());
    for (index, letter) in name.chars().enumerate() {
        if letter.is_ascii_alphabetic() || letter == '_' || (index > 0 && letter.is_ascii_digit()) {
            made.push(letter);
        } else if letter.is_ascii_digit() {
            made.push('_');
            made.push(letter);
        } else {
            made.push_str(&format!("_x{:X}", u32::from(letter)));
        }
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_take_the_bytes_that_the_specification_says() {
        for (precision, bytes) in
            [(1, 1), (2, 1), (3, 2), (4, 2), (9, 4), (10, 5), (18, 8), (19, 9), (38, 16)]
        {
            assert_eq!(decimal_size(precision), bytes, "{precision}");
        }
    }

    #[test]
    fn names_that_avro_does_not_take_are_spelled_out() {
        assert_eq!(avro_name("a.b"), "a_x2Eb");
        assert_eq!(avro_name("9lives"), "_9lives");
        assert_eq!(avro_name("größe"), "gr_xF6_xDFe");
        assert_eq!(avro_name("plain_1"), "plain_1");
    }

    #[test]
    fn schemas_are_avro() {
        for version in [2, 3] {
            apache_avro::Schema::parse_str(&entries(&[], version)).unwrap();
            apache_avro::Schema::parse_str(&manifests(version)).unwrap();
        }
    }
}
