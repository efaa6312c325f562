//! The columns that a message's data becomes: nullable Arrow fields in the order of the file, names as written.
//!
//! | Protobuf | column |
//! |---|---|
//! | uint32, fixed32 | 64-bit integer |
//! | uint64, fixed64 | decimal of 20 digits |
//! | enum | text: the value's name, or its number where the schema does not know it |
//! | members of a oneof | a column each |
//! | `google.protobuf.Timestamp` | timestamp in microseconds, UTC |
//! | `google.protobuf.Duration` | microseconds in a 64-bit integer |
//! | the wrapper types | the wrapped type |
//! | `Struct`, `Value`, `ListValue` | text: JSON |
//! | message without fields | boolean, true where it is present (it tells which member of a oneof was set) |
//! | group | struct |
//! | a message that contains itself | no column; see [`Omitted`] |
//!
//! Extensions have no columns.

use std::collections::HashSet;

use arrow_schema::{DataType, Field, FieldRef, Fields, TimeUnit};
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use crate::omitted::{Omitted, Why};

/// Columns of one message, nested ones counted: more is no table but a mistake (or types that double at each level).
const MAX_COLUMNS: usize = 10_000;
/// Messages inside messages, lists and maps that columns follow: less than a payload may nest.
const MAX_DEPTH: usize = 60;

/// A message's columns and what has none.
pub(super) struct Shape {
    pub(super) fields: Fields,
    pub(super) omitted: Vec<Omitted>,
}

/// The schema has more columns than a table can have.
#[derive(Debug, thiserror::Error)]
#[error(
    "message {message} has more than {MAX_COLUMNS} columns; types that contain each other many times over multiply"
)]
pub(super) struct TooManyColumns {
    message: String,
}

/// What a message type stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Timestamp,
    Duration,
    /// Its only field's value.
    Wrapper,
    /// Any JSON value, object or list.
    Json(Json),
    /// Fields of its own.
    Message,
}

/// The three messages that are JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Json {
    Object,
    List,
    Value,
}

/// What a message type stands for, by its name.
pub(super) fn known(message: &MessageDescriptor) -> Known {
    match message.full_name() {
        "google.protobuf.Timestamp" => Known::Timestamp,
        "google.protobuf.Duration" => Known::Duration,
        "google.protobuf.Struct" => Known::Json(Json::Object),
        "google.protobuf.ListValue" => Known::Json(Json::List),
        "google.protobuf.Value" => Known::Json(Json::Value),
        "google.protobuf.DoubleValue"
        | "google.protobuf.FloatValue"
        | "google.protobuf.Int64Value"
        | "google.protobuf.UInt64Value"
        | "google.protobuf.Int32Value"
        | "google.protobuf.UInt32Value"
        | "google.protobuf.BoolValue"
        | "google.protobuf.StringValue"
        | "google.protobuf.BytesValue" => Known::Wrapper,
        _ => Known::Message,
    }
}

/// The fields of a message in the order of the file.
pub(super) fn in_order(message: &MessageDescriptor) -> Vec<FieldDescriptor> {
    let mut fields: Vec<_> = message.fields().collect();
    fields.sort_by_key(|field| field.path().last().copied());
    fields
}

/// The columns of a message.
pub(super) fn shape(message: &MessageDescriptor) -> Result<Shape, TooManyColumns> {
    let mut shaper = Shaper {
        top: message.full_name(),
        path: Vec::new(),
        open: vec![message.full_name().to_owned()],
        columns: 0,
        omitted: Vec::new(),
    };
    let fields = shaper.fields(message)?;
    Ok(Shape { fields: fields.into(), omitted: shaper.omitted })
}

struct Shaper<'m> {
    top: &'m str,
    path: Vec<String>,
    /// Messages that the walk is inside of.
    open: Vec<String>,
    columns: usize,
    omitted: Vec<Omitted>,
}

type Typed = Result<Result<DataType, Why>, TooManyColumns>;

impl Shaper<'_> {
    fn fields(&mut self, message: &MessageDescriptor) -> Result<Vec<FieldRef>, TooManyColumns> {
        let mut fields = Vec::new();
        let mut taken = HashSet::new();
        for field in in_order(message) {
            self.path.push(field.name().to_owned());
            match self.field(&field)? {
                Ok(_) if !taken.insert(field.name().to_lowercase()) => self.omit(Why::NameClash),
                Ok(data_type) => fields.push(Field::new(field.name(), data_type, true).into()),
                Err(why) => self.omit(why),
            }
            self.path.pop();
        }
        Ok(fields)
    }

    fn omit(&mut self, why: Why) {
        self.omitted.push(Omitted { path: self.path.join("."), why });
    }

    fn field(&mut self, field: &FieldDescriptor) -> Typed {
        if field.is_map() {
            return self.map(field);
        }
        if !field.is_list() {
            return self.kind(&field.kind());
        }
        self.path.push("element".to_owned());
        let element = self.kind(&field.kind())?;
        self.path.pop();
        Ok(element.map(|element| DataType::List(Field::new("element", element, true).into())))
    }

    fn map(&mut self, field: &FieldDescriptor) -> Typed {
        let Kind::Message(entry) = field.kind() else { return Ok(Err(Why::Nothing)) };
        let key = match self.kind(&entry.map_entry_key_field().kind())? {
            Ok(key) => Field::new("key", key, false),
            Err(why) => return Ok(Err(why)),
        };
        self.path.push("value".to_owned());
        let value = self.kind(&entry.map_entry_value_field().kind())?;
        self.path.pop();
        Ok(value.map(|value| {
            let value = Field::new("value", value, true);
            let entries = DataType::Struct(vec![key, value].into());
            DataType::Map(Field::new("entries", entries, false).into(), false)
        }))
    }

    fn kind(&mut self, kind: &Kind) -> Typed {
        self.columns += 1;
        if self.columns > MAX_COLUMNS {
            return Err(TooManyColumns { message: self.top.to_owned() });
        }
        if self.path.len() > MAX_DEPTH {
            return Ok(Err(Why::TooDeep));
        }
        match kind {
            Kind::Message(message) => self.message(message),
            scalar => Ok(Ok(scalar_type(scalar))),
        }
    }

    fn message(&mut self, message: &MessageDescriptor) -> Typed {
        match known(message) {
            Known::Timestamp => Ok(Ok(DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())))),
            Known::Duration => Ok(Ok(DataType::Int64)),
            Known::Json(_) => Ok(Ok(DataType::Utf8)),
            Known::Wrapper => {
                let wrapped = message.get_field(1).map(|field| scalar_type(&field.kind()));
                Ok(wrapped.ok_or(Why::Nothing))
            }
            Known::Message => {
                if self.open.iter().any(|open| open == message.full_name()) {
                    return Ok(Err(Why::Recursive));
                }
                self.open.push(message.full_name().to_owned());
                let fields = self.fields(message)?;
                self.open.pop();
                Ok(Ok(if fields.is_empty() { DataType::Boolean } else { DataType::Struct(fields.into()) }))
            }
        }
    }
}

/// The column type of a scalar; messages never come here.
fn scalar_type(kind: &Kind) -> DataType {
    match kind {
        Kind::Double => DataType::Float64,
        Kind::Float => DataType::Float32,
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => DataType::Int32,
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 | Kind::Uint32 | Kind::Fixed32 => DataType::Int64,
        Kind::Uint64 | Kind::Fixed64 => DataType::Decimal128(20, 0),
        Kind::Bool => DataType::Boolean,
        Kind::String | Kind::Enum(_) => DataType::Utf8,
        Kind::Bytes | Kind::Message(_) => DataType::Binary,
    }
}
