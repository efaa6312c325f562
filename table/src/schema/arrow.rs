//! Columns as Arrow's fields, with their ids as Parquet wants them: on every field, elements, keys and values among them.

use super::{MAX_DEPTH, Schema, SchemaError};
use crate::types::{Field, PrimitiveType, Type};
use arrow_schema::{DataType, Field as ArrowField, Fields, TimeUnit};
use std::collections::HashMap;
use std::sync::Arc;

/// The metadata key of an Arrow field that becomes the Parquet field's id.
pub const FIELD_ID: &str = "PARQUET:field_id";

/// The metadata key for what a column is for, as other Iceberg libraries have it.
const DOC: &str = "doc";

const EXTENSION: &str = "ARROW:extension:name";
const UUID: &str = "arrow.uuid";
const UTC: &str = "UTC";

impl Schema {
    /// The columns as Arrow has them, each field with its id.
    ///
    /// # Errors
    /// A column of a type that is known by name only.
    pub fn arrow(&self) -> Result<arrow_schema::Schema, SchemaError> {
        let fields = to_arrow(self.fields(), "")?;
        Ok(arrow_schema::Schema::new(fields))
    }

    /// Columns of a new table, from Arrow's: ids are given anew, 1 and up.
    ///
    /// # Errors
    /// An Arrow type that no column has; two columns of one name.
    pub fn from_arrow(fields: &Fields, identifiers: &[&str]) -> Result<Self, SchemaError> {
        let mut next = 0;
        let columns = from_arrow(fields, &mut next)?;
        let mut ids = Vec::with_capacity(identifiers.len());
        for name in identifiers {
            let field = columns.iter().find(|field| field.name == *name);
            ids.push(
                field.ok_or(SchemaError::Identifier { id: 0, why: "there is no column of that name" })?.id,
            );
        }
        Self::new(0, columns, ids)
    }
}

fn to_arrow(fields: &[Field], within: &str) -> Result<Fields, SchemaError> {
    fields.iter().map(|field| Ok(Arc::new(field_to_arrow(field, within)?))).collect()
}

fn field_to_arrow(field: &Field, within: &str) -> Result<ArrowField, SchemaError> {
    let path = joined(within, &field.name);
    let data_type = match &field.field_type {
        Type::Primitive(primitive) => primitive_to_arrow(primitive).ok_or_else(|| SchemaError::NotKnown {
            column: path.clone(),
            column_type: primitive.to_string(),
        })?,
        Type::Struct(fields) => DataType::Struct(to_arrow(fields, &path)?),
        Type::List(list) => DataType::List(Arc::new(field_to_arrow(&list.element, &path)?)),
        Type::Map(map) => {
            let parts = vec![field_to_arrow(&map.key, &path)?, field_to_arrow(&map.value, &path)?];
            let entries = ArrowField::new("entries", DataType::Struct(parts.into()), false);
            DataType::Map(Arc::new(entries), false)
        }
    };
    let mut metadata = HashMap::from([(FIELD_ID.to_owned(), field.id.to_string())]);
    if let Some(doc) = &field.doc {
        metadata.insert(DOC.to_owned(), doc.clone());
    }
    if field.primitive() == Some(&PrimitiveType::Uuid) {
        metadata.insert(EXTENSION.to_owned(), UUID.to_owned());
    }
    Ok(ArrowField::new(&field.name, data_type, !field.required).with_metadata(metadata))
}

fn primitive_to_arrow(primitive: &PrimitiveType) -> Option<DataType> {
    Some(match primitive {
        PrimitiveType::Boolean => DataType::Boolean,
        PrimitiveType::Int => DataType::Int32,
        PrimitiveType::Long => DataType::Int64,
        PrimitiveType::Float => DataType::Float32,
        PrimitiveType::Double => DataType::Float64,
        PrimitiveType::Decimal { precision, scale } => {
            DataType::Decimal128(*precision, i8::try_from(*scale).ok()?)
        }
        PrimitiveType::Date => DataType::Date32,
        PrimitiveType::Time => DataType::Time64(TimeUnit::Microsecond),
        PrimitiveType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        PrimitiveType::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
        PrimitiveType::TimestampNs => DataType::Timestamp(TimeUnit::Nanosecond, None),
        PrimitiveType::TimestampTzNs => DataType::Timestamp(TimeUnit::Nanosecond, Some(UTC.into())),
        PrimitiveType::String => DataType::Utf8,
        PrimitiveType::Uuid => DataType::FixedSizeBinary(16),
        PrimitiveType::Fixed(length) => DataType::FixedSizeBinary(i32::try_from(*length).ok()?),
        PrimitiveType::Binary => DataType::Binary,
        PrimitiveType::Unknown => DataType::Null,
        PrimitiveType::Other(_) => return None,
    })
}

/// Columns from Arrow's, with ids behind `last_id`, which is moved on: a struct's fields before what is in them.
///
/// # Errors
/// An Arrow type that no column has.
pub fn from_arrow(fields: &Fields, last_id: &mut i32) -> Result<Vec<Field>, SchemaError> {
    let fields: Vec<&ArrowField> = fields.iter().map(AsRef::as_ref).collect();
    columns(&fields, last_id, "", 0)
}

fn columns(
    fields: &[&ArrowField],
    last_id: &mut i32,
    within: &str,
    depth: usize,
) -> Result<Vec<Field>, SchemaError> {
    if depth >= MAX_DEPTH {
        return Err(SchemaError::TooLarge);
    }
    let mut ids = Vec::with_capacity(fields.len());
    for _ in fields {
        *last_id = last_id.checked_add(1).ok_or(SchemaError::TooLarge)?;
        ids.push(*last_id);
    }
    let mut columns = Vec::with_capacity(fields.len());
    for (field, id) in fields.iter().zip(ids) {
        let field_type = column_type(field, last_id, within, depth)?;
        columns.push(Field {
            id,
            name: field.name().clone(),
            required: !field.is_nullable(),
            field_type,
            doc: field.metadata().get(DOC).cloned(),
            extra: serde_json::Map::new(),
        });
    }
    Ok(columns)
}

fn column_type(
    field: &ArrowField,
    last_id: &mut i32,
    within: &str,
    depth: usize,
) -> Result<Type, SchemaError> {
    let path = joined(within, field.name());
    let refused = || SchemaError::Arrow { column: path.clone(), data_type: field.data_type().to_string() };
    match field.data_type() {
        DataType::Struct(fields) => {
            let fields: Vec<&ArrowField> = fields.iter().map(AsRef::as_ref).collect();
            Ok(Type::Struct(columns(&fields, last_id, &path, depth + 1)?))
        }
        DataType::List(element) | DataType::LargeList(element) => {
            let mut columns = columns(&[element], last_id, &path, depth + 1)?;
            let element = columns.pop().ok_or_else(refused)?;
            Ok(Type::list(element.id, element.required, element.field_type))
        }
        DataType::Map(entries, _) => {
            let DataType::Struct(parts) = entries.data_type() else { return Err(refused()) };
            let parts: Vec<&ArrowField> = parts.iter().map(AsRef::as_ref).collect();
            let columns = columns(&parts, last_id, &path, depth + 1)?;
            let [key, value] = <[Field; 2]>::try_from(columns).map_err(|_| refused())?;
            Ok(Type::map((key.id, key.field_type), (value.id, value.required, value.field_type)))
        }
        _ => Ok(Type::Primitive(primitive_from_arrow(field).ok_or_else(refused)?)),
    }
}

/// The type without parts that an Arrow field's values have in a table.
#[must_use]
pub fn primitive_from_arrow(field: &ArrowField) -> Option<PrimitiveType> {
    let is_uuid = || field.metadata().get(EXTENSION).is_some_and(|name| name == UUID);
    Some(match field.data_type() {
        DataType::Boolean => PrimitiveType::Boolean,
        DataType::Int32 => PrimitiveType::Int,
        DataType::Int64 => PrimitiveType::Long,
        DataType::Float32 => PrimitiveType::Float,
        DataType::Float64 => PrimitiveType::Double,
        DataType::Decimal128(precision, scale) => {
            let scale = u8::try_from(*scale).ok().filter(|scale| scale <= precision)?;
            PrimitiveType::Decimal { precision: *precision, scale }
        }
        DataType::Date32 => PrimitiveType::Date,
        DataType::Time64(TimeUnit::Microsecond) => PrimitiveType::Time,
        DataType::Timestamp(TimeUnit::Microsecond, None) => PrimitiveType::Timestamp,
        DataType::Timestamp(TimeUnit::Nanosecond, None) => PrimitiveType::TimestampNs,
        DataType::Timestamp(unit, Some(zone)) if is_utc(zone) => match unit {
            TimeUnit::Microsecond => PrimitiveType::TimestampTz,
            TimeUnit::Nanosecond => PrimitiveType::TimestampTzNs,
            TimeUnit::Second | TimeUnit::Millisecond => return None,
        },
        DataType::Utf8 | DataType::LargeUtf8 => PrimitiveType::String,
        DataType::Binary | DataType::LargeBinary => PrimitiveType::Binary,
        DataType::FixedSizeBinary(16) if is_uuid() => PrimitiveType::Uuid,
        DataType::FixedSizeBinary(length) => PrimitiveType::Fixed(u32::try_from(*length).ok()?),
        DataType::Null => PrimitiveType::Unknown,
        _ => return None,
    })
}

fn is_utc(zone: &str) -> bool {
    ["UTC", "+00:00", "Etc/UTC", "Z"].contains(&zone)
}

fn joined(within: &str, name: &str) -> String {
    if within.is_empty() { name.to_owned() } else { format!("{within}.{name}") }
}
