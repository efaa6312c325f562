//! The Parquet side of a table's columns: types, encodings, what is kept beside the values.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields, Schema};
use parquet::arrow::ArrowSchemaConverter;
use parquet::basic::{Compression, Encoding, LogicalType, Type as Physical, ZstdLevel};
use parquet::errors::Result;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::{ColumnPath, SchemaDescriptor, Type, TypePtr};

use super::FileSettings;

/// How long the bounds of texts and bytes are at most, in bytes. Lower bounds are cut, upper ones counted up by one on a
/// character's border.
const BOUND_BYTES: usize = 16;

/// The metadata that marks a column of Arrow as being more than its type says.
const EXTENSION: &str = "ARROW:extension:name";
const UUID: &str = "arrow.uuid";

/// The Parquet schema of columns. Lists have `list.element`, maps `key_value.key|value`, as the format wants it, whatever the
/// Arrow fields are called; field ids are those of `PARQUET:field_id`, on every level.
pub(super) fn descriptor(schema: &Schema) -> Result<SchemaDescriptor> {
    let converter = ArrowSchemaConverter::new().with_coerce_types(true).schema_root("table");
    let plain = converter.convert(schema)?;
    let root = plain.root_schema();
    let fields = with_uuids(root.get_fields(), schema.fields())?;
    let root = Type::group_type_builder(root.name()).with_fields(fields).build()?;
    Ok(SchemaDescriptor::new(Arc::new(root)))
}

/// The same types; 16 bytes that Arrow marks as a UUID are one in Parquet.
fn with_uuids(types: &[TypePtr], fields: &Fields) -> Result<Vec<TypePtr>> {
    types.iter().zip(fields).map(|(of, field)| with_uuid(of, field)).collect()
}

fn with_uuid(of: &TypePtr, field: &Field) -> Result<TypePtr> {
    match field.data_type() {
        DataType::FixedSizeBinary(16) if field.metadata().get(EXTENSION).is_some_and(|name| name == UUID) => {
            let info = of.get_basic_info();
            let uuid = Type::primitive_type_builder(of.name(), Physical::FIXED_LEN_BYTE_ARRAY)
                .with_length(16)
                .with_repetition(info.repetition())
                .with_logical_type(Some(LogicalType::Uuid))
                .with_id(info.has_id().then(|| info.id()))
                .build()?;
            Ok(Arc::new(uuid))
        }
        DataType::Struct(fields) => regroup(of, with_uuids(of.get_fields(), fields)?),
        // `list` around the element, `key_value` around key and value.
        DataType::List(element) => match of.get_fields() {
            [list] => {
                let element = std::slice::from_ref(element);
                let inner = with_uuids(list.get_fields(), &element.iter().cloned().collect())?;
                regroup(of, vec![regroup(list, inner)?])
            }
            _ => Ok(Arc::clone(of)),
        },
        DataType::Map(entries, _) => match (of.get_fields(), entries.data_type()) {
            ([entry], DataType::Struct(fields)) => {
                let inner = with_uuids(entry.get_fields(), fields)?;
                regroup(of, vec![regroup(entry, inner)?])
            }
            _ => Ok(Arc::clone(of)),
        },
        _ => Ok(Arc::clone(of)),
    }
}

/// A group with other fields.
fn regroup(of: &TypePtr, fields: Vec<TypePtr>) -> Result<TypePtr> {
    let info = of.get_basic_info();
    let mut builder = Type::group_type_builder(of.name())
        .with_converted_type(info.converted_type())
        .with_logical_type(info.logical_type_ref().cloned())
        .with_fields(fields)
        .with_id(info.has_id().then(|| info.id()));
    if info.has_repetition() {
        builder = builder.with_repetition(info.repetition());
    }
    Ok(Arc::new(builder.build()?))
}

/// How the columns are written, by what was measured: Zstandard at its first level; numbers that rise by little as differences;
/// bytes that hardly repeat without a dictionary; all else with one, for as long as it stays small.
pub(super) fn properties(schema: &Schema, settings: &FileSettings) -> WriterProperties {
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(settings.row_group_rows.max(1)))
        .set_max_row_group_bytes(Some(settings.row_group_bytes.max(1)))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_statistics_truncate_length(Some(BOUND_BYTES))
        .set_coerce_types(true)
        .set_key_value_metadata(key_values(settings));
    for field in schema.fields() {
        builder = column(builder, field);
    }
    for name in &settings.bloom {
        builder = builder.set_column_bloom_filter_enabled(ColumnPath::new(vec![name.clone()]), true);
    }
    builder.build()
}

fn column(builder: WriterPropertiesBuilder, field: &Field) -> WriterPropertiesBuilder {
    let name = ColumnPath::new(vec![field.name().clone()]);
    match (field.name().as_str(), field.data_type()) {
        ("kafka_offset" | "kafka_timestamp" | "kafka_sequence", _) | (_, DataType::Timestamp(..)) => builder
            .set_column_dictionary_enabled(name.clone(), false)
            .set_column_encoding(name, Encoding::DELTA_BINARY_PACKED),
        ("kafka_key" | "kafka_value", DataType::Binary | DataType::Utf8) => {
            builder.set_column_dictionary_enabled(name, false)
        }
        _ => builder,
    }
}

fn key_values(settings: &FileSettings) -> Option<Vec<KeyValue>> {
    let ordered: Vec<KeyValue> =
        settings.key_values.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone())).collect();
    (!ordered.is_empty()).then_some(ordered)
}
