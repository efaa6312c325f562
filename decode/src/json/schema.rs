//! JSON Schema (draft-07 and what later drafts have in common with it) to columns.
//!
//! | schema | column |
//! |---|---|
//! | `boolean`, `integer`, `number`, `string` | boolean, long, double, text; a `format` is a remark, not a promise, and changes nothing |
//! | `object` with `properties` | struct |
//! | `object` with only `additionalProperties` of one schema | map |
//! | `array` with one schema for its items | list |
//! | any of these or `null`, as a list of types or by `oneOf`, `anyOf` | the same |
//! | `$ref` into the schema, or to a reference | what it refers to |
//! | everything else, and what contains itself | the value's JSON as text |

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields};
use serde_json::Value;

use crate::error::Reference;

/// Says of a text column that it holds JSON.
pub(crate) const IS_JSON: &str = "firnline.json";

/// How deep columns may lie in columns.
const DEPTH_MAX: usize = 16;
/// How many columns a schema may have, all told.
const COLUMNS_MAX: usize = 10_000;

/// Why a JSON Schema cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum ParseError {
    /// It is no JSON.
    #[error("{what} is no JSON")]
    NotJson {
        what: String,
        #[source]
        source: serde_json::Error,
    },
    /// It has more than a table can.
    #[error("it has more than {COLUMNS_MAX} columns")]
    TooMany,
}

/// The columns of a schema, and whether values are objects with these fields.
pub(super) fn parse(text: &str, references: &[Reference]) -> Result<(Fields, bool), ParseError> {
    let json = |what: &str, text: &str| {
        serde_json::from_str::<Value>(text).map_err(|source| ParseError::NotJson { what: what.to_owned(), source })
    };
    let root = json("the schema", text)?;
    let mut documents = HashMap::new();
    for Reference { name, text } in references {
        documents.insert(name.as_str(), json(&format!("reference {name:?}"), text)?);
    }
    let mut reader = Reader { documents: &documents, under_way: Vec::new(), columns: 0 };
    let field = reader.field("value", &root, &root, 0)?;
    match field.data_type() {
        DataType::Struct(fields) => Ok((fields.clone(), true)),
        _ => Ok((Fields::from(vec![field]), false)),
    }
}

/// A column for any value.
pub(crate) fn as_json(name: &str) -> Field {
    let metadata = HashMap::from([(IS_JSON.to_owned(), "true".to_owned())]);
    Field::new(name, DataType::Utf8, true).with_metadata(metadata)
}

/// Whether a column is for any value.
pub(super) fn is_json(field: &Field) -> bool {
    field.metadata().contains_key(IS_JSON)
}

struct Reader<'a> {
    documents: &'a HashMap<&'a str, Value>,
    /// The schemas that are being read, by where they stand: one of these again contains itself.
    under_way: Vec<*const Value>,
    columns: usize,
}

impl<'a> Reader<'a> {
    /// `root` is the document that a `#` in `schema` means.
    fn field(&mut self, name: &str, schema: &'a Value, root: &'a Value, depth: usize) -> Result<Field, ParseError> {
        self.columns += 1;
        if self.columns > COLUMNS_MAX {
            return Err(ParseError::TooMany);
        }
        let place = std::ptr::from_ref(schema);
        if depth > DEPTH_MAX || self.under_way.contains(&place) {
            return Ok(as_json(name));
        }
        self.under_way.push(place);
        let field = self.of(name, schema, root, depth);
        self.under_way.pop();
        field
    }

    fn of(&mut self, name: &str, schema: &'a Value, root: &'a Value, depth: usize) -> Result<Field, ParseError> {
        let Value::Object(object) = schema else { return Ok(as_json(name)) };
        if let Some(Value::String(to)) = object.get("$ref") {
            return match self.referred(to, root) {
                Some((schema, root)) => self.field(name, schema, root, depth),
                None => Ok(as_json(name)),
            };
        }
        for many in ["oneOf", "anyOf"] {
            if let Some(Value::Array(choices)) = object.get(many) {
                let mut others = choices.iter().filter(|choice| choice.get("type") != Some(&"null".into()));
                return match (others.next(), others.next()) {
                    (Some(only), None) => self.field(name, only, root, depth),
                    _ => Ok(as_json(name)),
                };
            }
        }
        let kind = match object.get("type") {
            Some(Value::String(kind)) => kind.as_str(),
            Some(Value::Array(kinds)) => {
                let mut others = kinds.iter().filter_map(Value::as_str).filter(|kind| *kind != "null");
                match (others.next(), others.next()) {
                    (Some(only), None) => only,
                    _ => return Ok(as_json(name)),
                }
            }
            None if object.contains_key("properties") => "object",
            _ => return Ok(as_json(name)),
        };
        let nullable = |data_type| Field::new(name, data_type, true);
        Ok(match kind {
            "boolean" => nullable(DataType::Boolean),
            "integer" => nullable(DataType::Int64),
            "number" => nullable(DataType::Float64),
            "string" => nullable(DataType::Utf8),
            "array" => match object.get("items") {
                Some(items @ Value::Object(_)) => {
                    let item = self.field("element", items, root, depth + 1)?;
                    nullable(DataType::List(Arc::new(item)))
                }
                _ => as_json(name),
            },
            "object" => match (object.get("properties"), object.get("additionalProperties")) {
                (Some(Value::Object(properties)), _) if !properties.is_empty() => {
                    let mut fields: Vec<Field> = Vec::with_capacity(properties.len());
                    for (key, schema) in properties {
                        // What differs in case alone would be one column.
                        if fields.iter().any(|field| field.name().eq_ignore_ascii_case(key)) {
                            continue;
                        }
                        fields.push(self.field(key, schema, root, depth + 1)?);
                    }
                    nullable(DataType::Struct(fields.into()))
                }
                (_, Some(values @ Value::Object(_))) => {
                    let value = self.field("value", values, root, depth + 1)?;
                    nullable(map_of(value))
                }
                _ => as_json(name),
            },
            _ => as_json(name),
        })
    }

    /// What a `$ref` means, with the document in which it stands.
    fn referred(&self, to: &str, root: &'a Value) -> Option<(&'a Value, &'a Value)> {
        let (document, pointer) = to.split_once('#').unwrap_or((to, ""));
        let document = if document.is_empty() { root } else { self.documents.get(document)? };
        Some((document.pointer(pointer)?, document))
    }
}

/// A map from texts to `value`.
pub(crate) fn map_of(value: Field) -> DataType {
    let entries = Fields::from(vec![Field::new("key", DataType::Utf8, false), value.with_name("value")]);
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entries), false)), false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(text: &str, references: &[Reference]) -> Vec<(String, String)> {
        let (fields, _) = parse(text, references).expect("a schema");
        let of = |field: &Arc<Field>| {
            let of = if is_json(field) { "json".to_owned() } else { field.data_type().to_string() };
            (field.name().clone(), of)
        };
        fields.iter().map(of).collect()
    }

    #[test]
    fn what_is_plain_becomes_columns_and_what_is_open_json() {
        let schema = r##"{"type":"object","definitions":{"money":{"type":"number"},"tree":{"type":"object","properties":
            {"left":{"$ref":"#/definitions/tree"}}}},"properties":{
            "id":{"type":"integer"},"name":{"type":["null","string"]},"price":{"$ref":"#/definitions/money"},
            "either":{"oneOf":[{"type":"null"},{"type":"boolean"}]},"both":{"oneOf":[{"type":"integer"},{"type":"string"}]},
            "any":{},"far":{"$ref":"other.json"},"gone":{"$ref":"nowhere.json"},"tree":{"$ref":"#/definitions/tree"}}}"##;
        let other = Reference { name: "other.json".to_owned(), text: r#"{"type":"string"}"#.to_owned() };
        let types: HashMap<String, String> = types(schema, &[other]).into_iter().collect();
        for (name, of) in [
            ("id", "Int64"),
            ("name", "Utf8"),
            ("price", "Float64"),
            ("either", "Boolean"),
            ("both", "json"),
            ("any", "json"),
            ("far", "Utf8"),
            ("gone", "json"),
        ] {
            assert_eq!(types[name], of, "{name}");
        }
        assert!(types["tree"].starts_with("Struct"), "{}", types["tree"]);
    }

    #[test]
    fn a_value_that_is_no_object_is_one_column() {
        assert_eq!(types(r#"{"type":"array","items":{"type":"integer"}}"#, &[])[0].0, "value");
        assert!(parse("{", &[]).is_err());
    }
}
