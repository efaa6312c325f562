//! The types of columns, and their form in JSON.
//!
//! Types that this crate cannot write (`variant`, geometries, whatever comes) are kept by their names: a table that has such
//! columns can be read and committed to, as long as nobody wants values of them.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};
use std::fmt;
use std::str::FromStr;

/// The most digits that a decimal has.
pub const MAX_PRECISION: u8 = 38;

/// Text that is no type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TypeError {
    /// Not one of Iceberg's forms.
    #[error("`{0}` is no type of a column")]
    Unknown(String),
    /// Something in a type's JSON is missing or is not what it has to be.
    #[error("a {kind} type has no usable `{field}`")]
    Field {
        /// Which kind of type.
        kind: &'static str,
        /// Which field of its JSON.
        field: &'static str,
    },
}

/// A type without parts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PrimitiveType {
    /// True or false.
    Boolean,
    /// 32 bits.
    Int,
    /// 64 bits.
    Long,
    /// 32-bit IEEE 754.
    Float,
    /// 64-bit IEEE 754.
    Double,
    /// A number with a fixed point.
    Decimal {
        /// Digits in all, 1 to 38.
        precision: u8,
        /// Digits behind the point.
        scale: u8,
    },
    /// Days since 1970.
    Date,
    /// Microseconds since midnight.
    Time,
    /// Microseconds since 1970, of no time zone.
    Timestamp,
    /// Microseconds since 1970 UTC.
    TimestampTz,
    /// Nanoseconds since 1970, of no time zone (format version 3).
    TimestampNs,
    /// Nanoseconds since 1970 UTC (format version 3).
    TimestampTzNs,
    /// UTF-8.
    String,
    /// 16 bytes.
    Uuid,
    /// As many bytes as it says.
    Fixed(u32),
    /// Bytes.
    Binary,
    /// Null in every row (format version 3).
    Unknown,
    /// A type that is kept, not understood: its own text.
    Other(String),
}

impl PrimitiveType {
    /// Whether values of this type can be read as `into` for ever after (the specification's promotions).
    #[must_use]
    pub fn widens_to(&self, into: &Self) -> bool {
        match (self, into) {
            (Self::Int, Self::Long) | (Self::Float, Self::Double) => true,
            (Self::Decimal { precision: from, scale: a }, Self::Decimal { precision: to, scale: b }) => {
                a == b && from < to
            }
            _ => false,
        }
    }

    /// The lowest format version that has it.
    #[must_use]
    pub fn format_version(&self) -> u8 {
        match self {
            Self::TimestampNs | Self::TimestampTzNs | Self::Unknown | Self::Other(_) => 3,
            _ => 2,
        }
    }
}

impl fmt::Display for PrimitiveType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Long => "long",
            Self::Float => "float",
            Self::Double => "double",
            Self::Decimal { precision, scale } => return write!(f, "decimal({precision}, {scale})"),
            Self::Date => "date",
            Self::Time => "time",
            Self::Timestamp => "timestamp",
            Self::TimestampTz => "timestamptz",
            Self::TimestampNs => "timestamp_ns",
            Self::TimestampTzNs => "timestamptz_ns",
            Self::String => "string",
            Self::Uuid => "uuid",
            Self::Fixed(length) => return write!(f, "fixed[{length}]"),
            Self::Binary => "binary",
            Self::Unknown => "unknown",
            Self::Other(text) => text,
        };
        f.write_str(text)
    }
}

impl FromStr for PrimitiveType {
    type Err = TypeError;

    fn from_str(text: &str) -> Result<Self, TypeError> {
        let unknown = || TypeError::Unknown(text.to_owned());
        Ok(match text {
            "boolean" => Self::Boolean,
            "int" => Self::Int,
            "long" => Self::Long,
            "float" => Self::Float,
            "double" => Self::Double,
            "date" => Self::Date,
            "time" => Self::Time,
            "timestamp" => Self::Timestamp,
            "timestamptz" => Self::TimestampTz,
            "timestamp_ns" => Self::TimestampNs,
            "timestamptz_ns" => Self::TimestampTzNs,
            "string" => Self::String,
            "uuid" => Self::Uuid,
            "binary" => Self::Binary,
            "unknown" => Self::Unknown,
            _ => {
                if let Some(inner) = between(text, "decimal", '(', ')') {
                    let (precision, scale) = inner.split_once(',').ok_or_else(unknown)?;
                    let precision = precision.trim().parse().map_err(|_| unknown())?;
                    let scale = scale.trim().parse().map_err(|_| unknown())?;
                    if precision == 0 || precision > MAX_PRECISION || scale > precision {
                        return Err(unknown());
                    }
                    Self::Decimal { precision, scale }
                } else if let Some(inner) = between(text, "fixed", '[', ']') {
                    Self::Fixed(inner.trim().parse().map_err(|_| unknown())?)
                } else if text.is_empty() {
                    return Err(unknown());
                } else {
                    Self::Other(text.to_owned())
                }
            }
        })
    }
}

fn between<'a>(text: &'a str, word: &str, open: char, close: char) -> Option<&'a str> {
    text.strip_prefix(word)?.trim_start().strip_prefix(open)?.strip_suffix(close)
}

/// The type of a column, or of what is in one.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// Without parts.
    Primitive(PrimitiveType),
    /// Fields by name.
    Struct(Vec<Field>),
    /// Elements of one type.
    List(Box<ListType>),
    /// Keys and values of one type each.
    Map(Box<MapType>),
}

/// A list's element: a field by the name of `element`.
#[derive(Clone, Debug, PartialEq)]
pub struct ListType {
    /// What the elements are.
    pub element: Field,
}

/// A map's key, which is always required, and its value: fields by the names of `key` and `value`.
#[derive(Clone, Debug, PartialEq)]
pub struct MapType {
    /// What the keys are.
    pub key: Field,
    /// What the values are.
    pub value: Field,
}

/// A column, or a part of one.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its id in the table, never used for anything else.
    pub id: i32,
    /// Its name.
    pub name: String,
    /// Whether it is never null.
    pub required: bool,
    /// What it holds.
    pub field_type: Type,
    /// What it is for.
    pub doc: Option<String>,
    /// What others said about it that is not understood here (defaults among it).
    pub extra: Map<String, Value>,
}

impl Field {
    /// A field that may be null.
    #[must_use]
    pub fn optional(id: i32, name: impl Into<String>, field_type: impl Into<Type>) -> Self {
        let (name, field_type) = (name.into(), field_type.into());
        Self { id, name, required: false, field_type, doc: None, extra: Map::new() }
    }

    /// A field that is never null.
    #[must_use]
    pub fn required(id: i32, name: impl Into<String>, field_type: impl Into<Type>) -> Self {
        Self { required: true, ..Self::optional(id, name, field_type) }
    }

    /// The same with a doc.
    #[must_use]
    pub fn with_doc(mut self, doc: impl Into<String>) -> Self {
        self.doc = Some(doc.into());
        self
    }

    /// Its type if it has no parts.
    #[must_use]
    pub fn primitive(&self) -> Option<&PrimitiveType> {
        self.field_type.primitive()
    }
}

impl From<PrimitiveType> for Type {
    fn from(primitive: PrimitiveType) -> Self {
        Self::Primitive(primitive)
    }
}

impl Type {
    /// A list.
    #[must_use]
    pub fn list(element_id: i32, required: bool, element: impl Into<Type>) -> Self {
        let element = Field { required, ..Field::optional(element_id, "element", element) };
        Self::List(Box::new(ListType { element }))
    }

    /// A map.
    #[must_use]
    pub fn map(key: (i32, impl Into<Type>), value: (i32, bool, impl Into<Type>)) -> Self {
        let (key_id, key) = key;
        let (value_id, required, value) = value;
        let key = Field::required(key_id, "key", key);
        let value = Field { required, ..Field::optional(value_id, "value", value) };
        Self::Map(Box::new(MapType { key, value }))
    }

    /// Itself if it has no parts.
    #[must_use]
    pub fn primitive(&self) -> Option<&PrimitiveType> {
        match self {
            Self::Primitive(primitive) => Some(primitive),
            _ => None,
        }
    }

    /// Its parts: a struct's fields, a list's element, a map's key and value.
    #[must_use]
    pub fn parts(&self) -> Vec<&Field> {
        match self {
            Self::Primitive(_) => Vec::new(),
            Self::Struct(fields) => fields.iter().collect(),
            Self::List(list) => vec![&list.element],
            Self::Map(map) => vec![&map.key, &map.value],
        }
    }

    pub(crate) fn parts_mut(&mut self) -> Vec<&mut Field> {
        match self {
            Self::Primitive(_) => Vec::new(),
            Self::Struct(fields) => fields.iter_mut().collect(),
            Self::List(list) => vec![&mut list.element],
            Self::Map(map) => {
                let MapType { key, value } = map.as_mut();
                vec![key, value]
            }
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Self::Primitive(primitive) => Value::String(primitive.to_string()),
            Self::Struct(fields) => json!({ "type": "struct", "fields": fields_to_json(fields) }),
            Self::List(list) => json!({
                "type": "list",
                "element-id": list.element.id,
                "element-required": list.element.required,
                "element": list.element.field_type.to_json(),
            }),
            Self::Map(map) => json!({
                "type": "map",
                "key-id": map.key.id,
                "key": map.key.field_type.to_json(),
                "value-id": map.value.id,
                "value-required": map.value.required,
                "value": map.value.field_type.to_json(),
            }),
        }
    }

    fn from_json(json: &Value) -> Result<Self, TypeError> {
        if let Value::String(text) = json {
            return Ok(Self::Primitive(text.parse()?));
        }
        let kind = json.get("type").and_then(Value::as_str).unwrap_or_default();
        match kind {
            "struct" => {
                let fields = json.get("fields").and_then(Value::as_array);
                let fields = fields.ok_or(TypeError::Field { kind: "struct", field: "fields" })?;
                Ok(Self::Struct(fields_from_json(fields)?))
            }
            "list" => {
                let kind = "list";
                let id = id(json, kind, "element-id")?;
                let required = flag(json, kind, "element-required")?;
                let element = json.get("element").ok_or(TypeError::Field { kind, field: "element" })?;
                Ok(Self::list(id, required, Self::from_json(element)?))
            }
            "map" => {
                let kind = "map";
                let key = json.get("key").ok_or(TypeError::Field { kind, field: "key" })?;
                let value = json.get("value").ok_or(TypeError::Field { kind, field: "value" })?;
                Ok(Self::map(
                    (id(json, kind, "key-id")?, Self::from_json(key)?),
                    (
                        id(json, kind, "value-id")?,
                        flag(json, kind, "value-required")?,
                        Self::from_json(value)?,
                    ),
                ))
            }
            other => Err(TypeError::Unknown(other.to_owned())),
        }
    }
}

/// The type as Iceberg's own tools print it: `struct<1: a: optional int>`, `list<string>`.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Primitive(primitive) => primitive.fmt(f),
            Self::List(list) => write!(f, "list<{}>", list.element.field_type),
            Self::Map(map) => write!(f, "map<{}, {}>", map.key.field_type, map.value.field_type),
            Self::Struct(fields) => {
                f.write_str("struct<")?;
                for (index, field) in fields.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    let need = if field.required { "required" } else { "optional" };
                    write!(f, "{comma}{}: {}: {need} {}", field.id, field.name, field.field_type)?;
                }
                f.write_str(">")
            }
        }
    }
}

pub(crate) fn fields_to_json(fields: &[Field]) -> Value {
    Value::Array(fields.iter().map(field_to_json).collect())
}

fn field_to_json(field: &Field) -> Value {
    let mut json = field.extra.clone();
    json.insert("id".to_owned(), json!(field.id));
    json.insert("name".to_owned(), json!(field.name));
    json.insert("required".to_owned(), json!(field.required));
    json.insert("type".to_owned(), field.field_type.to_json());
    if let Some(doc) = &field.doc {
        json.insert("doc".to_owned(), json!(doc));
    }
    Value::Object(json)
}

pub(crate) fn fields_from_json(fields: &[Value]) -> Result<Vec<Field>, TypeError> {
    fields.iter().map(field_from_json).collect()
}

fn field_from_json(json: &Value) -> Result<Field, TypeError> {
    let kind = "struct";
    let name = json.get("name").and_then(Value::as_str).ok_or(TypeError::Field { kind, field: "name" })?;
    let field_type = json.get("type").ok_or(TypeError::Field { kind, field: "type" })?;
    let mut extra = json.as_object().cloned().unwrap_or_default();
    for known in ["id", "name", "required", "type", "doc"] {
        extra.remove(known);
    }
    Ok(Field {
        id: id(json, kind, "id")?,
        name: name.to_owned(),
        required: flag(json, kind, "required")?,
        field_type: Type::from_json(field_type)?,
        doc: json.get("doc").and_then(Value::as_str).map(str::to_owned),
        extra,
    })
}

fn id(json: &Value, kind: &'static str, field: &'static str) -> Result<i32, TypeError> {
    let id = json.get(field).and_then(Value::as_i64).and_then(|id| i32::try_from(id).ok());
    id.ok_or(TypeError::Field { kind, field })
}

fn flag(json: &Value, kind: &'static str, field: &'static str) -> Result<bool, TypeError> {
    json.get(field).and_then(Value::as_bool).ok_or(TypeError::Field { kind, field })
}

impl Serialize for Type {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Type {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_json(&Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl Serialize for PrimitiveType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PrimitiveType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests;
