//! Declared fields as a file: a JSON list, as `firnline export --infer` prints it for a person to look over.
//!
//! ```json
//! [
//!   {"name": "id", "type": "long"},
//!   {"name": "price", "type": "decimal(10,2)", "doc": "in the shop's currency"},
//!   {"name": "tags", "type": {"list": "string"}},
//!   {"name": "counts", "type": {"map": "int"}},
//!   {"name": "address", "type": {"struct": [{"name": "city", "type": "string"}]}},
//!   {"name": "rest", "type": "json"}
//! ]
//! ```
//!
//! Types are Iceberg's words: `boolean int long float double date time timestamp timestamptz string uuid binary decimal(P,S) fixed[N]`, and
//! `json` for what may be anything and is kept as its text.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields, TimeUnit};
use serde::Serialize;
use serde_json::Value;

use crate::json::{IS_JSON, as_json, map_of};

/// How deep fields may lie in fields.
const DEPTH_MAX: usize = 16;
/// What Iceberg calls the remark of a field, here in its metadata.
const DOC: &str = "doc";

/// Why a text declares no fields.
#[derive(Debug, thiserror::Error)]
pub enum DeclaredError {
    /// It is no JSON.
    #[error("it is no JSON")]
    NotJson(#[from] serde_json::Error),
    /// It is not of the form.
    #[error("{place}: {what}")]
    Form {
        /// The field.
        place: String,
        /// What is wrong.
        what: String,
    },
}

/// Reads declared fields.
///
/// # Errors
/// Where the text is not a list of fields, with the field that is wrong.
pub fn parse_fields(text: &str) -> Result<Fields, DeclaredError> {
    let value: Value = serde_json::from_str(text)?;
    fields(&value, "the file", 0)
}

fn form(place: &str, what: impl Into<String>) -> DeclaredError {
    DeclaredError::Form { place: place.to_owned(), what: what.into() }
}

fn fields(value: &Value, place: &str, depth: usize) -> Result<Fields, DeclaredError> {
    let Value::Array(list) = value else {
        return Err(form(place, "a list of fields is wanted, as [{\"name\": \"id\", \"type\": \"long\"}]"));
    };
    let mut fields: Vec<Field> = Vec::with_capacity(list.len());
    let mut names = HashSet::new();
    for (at, value) in list.iter().enumerate() {
        let place = format!("{place}, field {}", at + 1);
        let Value::Object(object) = value else { return Err(form(&place, "an object is wanted")) };
        if let Some(key) = object.keys().find(|key| !["name", "type", "doc"].contains(&key.as_str())) {
            return Err(form(&place, format!("{key:?} is not known: a field has name, type and doc")));
        }
        let Some(Value::String(name)) = object.get("name") else {
            return Err(form(&place, "it has no name"));
        };
        let place = format!("{place} ({name})");
        if name.is_empty() || !names.insert(name.to_lowercase()) {
            return Err(form(
                &place,
                "another field has this name, but for upper and lower case, or it is empty",
            ));
        }
        let of = object.get("type").ok_or_else(|| form(&place, "it has no type"))?;
        let mut field = field(name, of, &place, depth)?;
        match object.get("doc") {
            None => {}
            Some(Value::String(doc)) => {
                let mut metadata = field.metadata().clone();
                metadata.insert(DOC.to_owned(), doc.clone());
                field = field.with_metadata(metadata);
            }
            Some(_) => return Err(form(&place, "its doc is no text")),
        }
        fields.push(field);
    }
    if fields.is_empty() {
        return Err(form(place, "there is no field"));
    }
    Ok(fields.into())
}

fn field(name: &str, of: &Value, place: &str, depth: usize) -> Result<Field, DeclaredError> {
    if depth > DEPTH_MAX {
        return Err(form(place, format!("it lies more than {DEPTH_MAX} fields deep")));
    }
    let nullable = |data_type| Field::new(name, data_type, true);
    match of {
        Value::String(word) if word == "json" => Ok(as_json(name)),
        Value::String(word) => {
            let known = simple(word).ok_or_else(|| form(place, format!("{word:?} is no type")))?;
            let field = nullable(known);
            if word == "uuid" {
                let uuid = HashMap::from([("ARROW:extension:name".to_owned(), "arrow.uuid".to_owned())]);
                return Ok(field.with_metadata(uuid));
            }
            Ok(field)
        }
        Value::Object(object) => {
            let mut members = object.iter();
            match (members.next(), members.next()) {
                (Some((kind, of)), None) if kind == "list" => {
                    Ok(nullable(DataType::List(Arc::new(field("element", of, place, depth + 1)?))))
                }
                (Some((kind, of)), None) if kind == "map" => {
                    Ok(nullable(map_of(field("value", of, place, depth + 1)?)))
                }
                (Some((kind, of)), None) if kind == "struct" => {
                    Ok(nullable(DataType::Struct(fields(of, place, depth + 1)?)))
                }
                _ => Err(form(
                    place,
                    "a type of several is one of {\"list\": …}, {\"map\": …}, {\"struct\": […]}",
                )),
            }
        }
        _ => Err(form(place, "a type is a word or an object")),
    }
}

fn simple(word: &str) -> Option<DataType> {
    Some(match word {
        "boolean" => DataType::Boolean,
        "int" => DataType::Int32,
        "long" => DataType::Int64,
        "float" => DataType::Float32,
        "double" => DataType::Float64,
        "date" => DataType::Date32,
        "time" => DataType::Time64(TimeUnit::Microsecond),
        "timestamp" => DataType::Timestamp(TimeUnit::Microsecond, None),
        "timestamptz" => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        "string" => DataType::Utf8,
        "binary" => DataType::Binary,
        "uuid" => DataType::FixedSizeBinary(16),
        _ => {
            if let Some(size) = word.strip_prefix("fixed[").and_then(|rest| rest.strip_suffix(']')) {
                return size
                    .parse()
                    .ok()
                    .filter(|size| (1..=65_536).contains(size))
                    .map(DataType::FixedSizeBinary);
            }
            let digits = word.strip_prefix("decimal(")?.strip_suffix(')')?;
            let (precision, scale) = digits.split_once(',')?;
            let (precision, scale) = (precision.trim().parse::<u8>().ok()?, scale.trim().parse::<i8>().ok()?);
            let possible = (1..=38).contains(&precision) && (0..=38).contains(&scale);
            return (possible && scale.unsigned_abs() <= precision)
                .then_some(DataType::Decimal128(precision, scale));
        }
    })
}

/// Fields as such a file, a field a line.
#[must_use]
pub fn print_fields(fields: &Fields) -> String {
    let line = |field: &Field| serde_json::to_string(&printed(field)).map(|field| format!("  {field}"));
    // Texts alone: there is nothing that JSON could not say.
    let lines: Vec<String> = fields.iter().filter_map(|field| line(field).ok()).collect();
    format!("[\n{}\n]\n", lines.join(",\n"))
}

/// A field as the file has it.
#[derive(Serialize)]
struct Printed<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    of: Type<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    doc: Option<&'a str>,
}

/// A type likewise.
#[derive(Serialize)]
#[serde(untagged)]
enum Type<'a> {
    Word(Cow<'static, str>),
    List { list: Box<Type<'a>> },
    Map { map: Box<Type<'a>> },
    Struct { r#struct: Vec<Printed<'a>> },
}

fn printed(field: &Field) -> Printed<'_> {
    let doc = field.metadata().get(DOC).map(String::as_str);
    Printed { name: field.name(), of: type_of(field), doc }
}

fn type_of(field: &Field) -> Type<'_> {
    let is_uuid = || field.metadata().contains_key("ARROW:extension:name");
    let word: Cow<'static, str> = match field.data_type() {
        _ if field.metadata().contains_key(IS_JSON) => "json".into(),
        DataType::Boolean => "boolean".into(),
        DataType::Int32 => "int".into(),
        DataType::Int64 => "long".into(),
        DataType::Float32 => "float".into(),
        DataType::Float64 => "double".into(),
        DataType::Date32 => "date".into(),
        DataType::Time64(_) => "time".into(),
        DataType::Timestamp(_, None) => "timestamp".into(),
        DataType::Timestamp(_, Some(_)) => "timestamptz".into(),
        DataType::Binary => "binary".into(),
        DataType::FixedSizeBinary(16) if is_uuid() => "uuid".into(),
        DataType::FixedSizeBinary(size) => format!("fixed[{size}]").into(),
        DataType::Decimal128(precision, scale) => format!("decimal({precision},{scale})").into(),
        DataType::List(item) => return Type::List { list: Box::new(type_of(item)) },
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) if fields.len() == 2 => {
                return Type::Map { map: Box::new(type_of(&fields[1])) };
            }
            _ => "json".into(),
        },
        DataType::Struct(fields) => {
            return Type::Struct { r#struct: fields.iter().map(|field| printed(field)).collect() };
        }
        _ => "string".into(),
    };
    Type::Word(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &str = r#"[
  {"name":"a","type":"boolean"},
  {"name":"b","type":"decimal(10,2)","doc":"in the shop's currency"},
  {"name":"c","type":{"list":{"map":"timestamptz"}}},
  {"name":"d","type":{"struct":[{"name":"e","type":"uuid"},{"name":"f","type":"json"},{"name":"g","type":"fixed[3]"}]}}
]
"#;

    #[test]
    fn fields_read_back_as_they_are() {
        let fields = parse_fields(ALL).expect("fields");
        assert_eq!(print_fields(&fields), ALL);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (text, says) in [
            ("{", "JSON"),
            ("{}", "a list of fields"),
            ("[]", "no field"),
            (r#"[{"type":"int"}]"#, "field 1: it has no name"),
            (r#"[{"name":"a"}]"#, "field 1 (a): it has no type"),
            (r#"[{"name":"a","type":"integer"}]"#, "\"integer\" is no type"),
            (r#"[{"name":"a","type":"int"},{"name":"A","type":"int"}]"#, "field 2 (A): another field"),
            (r#"[{"name":"a","type":"int","doc":1}]"#, "its doc is no text"),
            (r#"[{"name":"a","type":"int","default":1}]"#, "\"default\" is not known"),
            (r#"[{"name":"a","type":{"list":"decimal(2,3)"}}]"#, "decimal(2,3)"),
        ] {
            let error = parse_fields(text).expect_err(text).to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
