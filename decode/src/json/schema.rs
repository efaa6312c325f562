//! JSON Schema (draft-07 and what later drafts have in common with it) to columns.
//!
//! | schema | column |
//! |---|---|
//! | `boolean`, `integer`, `number`, `string`, or an `enum` or `const` of these | boolean, long, double, text; a `format` is a remark, not a promise, and changes nothing |
//! | `object` with `properties` | struct; those that `allOf` adds are among them |
//! | `object` with only `additionalProperties` of one schema | map |
//! | `array` with one schema for its items | list |
//! | any of these or `null`, as a list of types or by `oneOf`, `anyOf` | the same |
//! | `$ref` into the schema, or to a reference | what it refers to |
//! | everything else, and what contains itself | the value's JSON as text |
//!
//! What only says which values are good (`required`, `pattern`, a `oneOf` of such) changes no column, and is not checked: that was the
//! producer's to do. Columns are in the order of the schema.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields};

use super::document::Json;
use crate::error::Reference;
use crate::{Omitted, Why};

/// Says of a text column that it holds JSON.
pub(crate) const IS_JSON: &str = "firnline.json";

/// How deep columns may lie in columns.
const DEPTH_MAX: usize = 16;
/// How many schemas may lie in one another, `$ref`s followed.
const HOPS_MAX: usize = 64;
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

/// What a schema says of values.
pub(super) struct Parsed {
    pub(super) fields: Fields,
    /// Whether values are objects with these fields, or the one field itself.
    pub(super) is_object: bool,
    pub(super) omitted: Vec<Omitted>,
}

pub(super) fn parse(text: &str, references: &[Reference]) -> Result<Parsed, ParseError> {
    let json = |what: &str, text: &str| {
        serde_json::from_str::<Json>(text)
            .map_err(|source| ParseError::NotJson { what: what.to_owned(), source })
    };
    let root = json("the schema", text)?;
    let mut documents = HashMap::new();
    for Reference { name, text } in references {
        documents.insert(name.as_str(), json(&format!("reference {name:?}"), text)?);
    }
    let mut reader = Reader {
        documents: &documents,
        under_way: Vec::new(),
        columns: 0,
        path: Vec::new(),
        omitted: Vec::new(),
    };
    let field = reader.field("value", Place { schema: &root, document: &root }, 0)?;
    let omitted = reader.omitted;
    Ok(match field.data_type() {
        DataType::Struct(fields) => Parsed { fields: fields.clone(), is_object: true, omitted },
        _ => Parsed { fields: Fields::from(vec![field]), is_object: false, omitted },
    })
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

/// A map from texts to `value`.
pub(crate) fn map_of(value: Field) -> DataType {
    let entries = Fields::from(vec![Field::new("key", DataType::Utf8, false), value.with_name("value")]);
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entries), false)), false)
}

/// A schema, and the document that a `#` in it means.
#[derive(Clone, Copy)]
struct Place<'a> {
    schema: &'a Json,
    document: &'a Json,
}

impl<'a> Place<'a> {
    fn at(self, schema: &'a Json) -> Self {
        Self { schema, ..self }
    }

    /// Whether it tells values apart and gives no new columns.
    fn only_restricts(self) -> bool {
        const GIVES: [&str; 11] = [
            "$ref",
            "additionalProperties",
            "allOf",
            "anyOf",
            "const",
            "enum",
            "items",
            "oneOf",
            "patternProperties",
            "properties",
            "type",
        ];
        matches!(self.schema, Json::Object(_)) && GIVES.iter().all(|key| self.schema.get(key).is_none())
    }

    /// The schemas under `oneOf` and the like that are more than a restriction, if there are any.
    fn choices(self, of: &str) -> Option<Vec<Self>> {
        let Some(Json::List(choices)) = self.schema.get(of) else { return None };
        let choices: Vec<Self> =
            choices.iter().map(|choice| self.at(choice)).filter(|choice| !choice.only_restricts()).collect();
        (!choices.is_empty()).then_some(choices)
    }

    fn is_null(self) -> bool {
        self.schema.get("type").and_then(Json::text) == Some("null")
    }

    /// The one type of its values, if it is one.
    fn kind(self) -> Option<&'static str> {
        let mut kinds: Vec<&'static str> = match (self.schema.get("type"), self.schema.get("enum")) {
            (Some(Json::Text(kind)), _) => vec![known(kind)?],
            (Some(Json::List(kinds)), _) => {
                kinds.iter().map(|kind| known(kind.text()?)).collect::<Option<Vec<_>>>()?
            }
            (None, Some(Json::List(values))) => values.iter().map(of_value).collect(),
            (None, None) => match self.schema.get("const") {
                Some(value) => vec![of_value(value)],
                None if self.schema.get("properties").is_some() => vec!["object"],
                None => return None,
            },
            _ => return None,
        };
        kinds.sort_unstable();
        kinds.dedup();
        kinds.retain(|kind| *kind != "null");
        match kinds[..] {
            [only] => Some(only),
            ["integer", "number"] => Some("number"),
            _ => None,
        }
    }
}

fn known(kind: &str) -> Option<&'static str> {
    const KINDS: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];
    KINDS.into_iter().find(|known| *known == kind)
}

fn of_value(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool => "boolean",
        Json::Number { whole: true } => "integer",
        Json::Number { whole: false } => "number",
        Json::Text(_) => "string",
        // Only whole lists and objects are named by value, which gives them no columns.
        Json::List(_) | Json::Object(_) => "array",
    }
}

struct Reader<'a> {
    documents: &'a HashMap<&'a str, Json>,
    /// The schemas that are being read, by where they stand: one of these again contains itself.
    under_way: Vec<*const Json>,
    columns: usize,
    /// The names of the fields that are being read.
    path: Vec<&'a str>,
    omitted: Vec<Omitted>,
}

impl<'a> Reader<'a> {
    fn field(&mut self, name: &str, place: Place<'a>, depth: usize) -> Result<Field, ParseError> {
        self.columns += 1;
        if self.columns > COLUMNS_MAX {
            return Err(ParseError::TooMany);
        }
        let at = std::ptr::from_ref(place.schema);
        if depth > DEPTH_MAX || self.under_way.len() >= HOPS_MAX || self.under_way.contains(&at) {
            return Ok(as_json(name));
        }
        self.under_way.push(at);
        let field = self.of(name, place, depth);
        self.under_way.pop();
        field
    }

    fn of(&mut self, name: &str, place: Place<'a>, depth: usize) -> Result<Field, ParseError> {
        let schema = place.schema;
        if let Some(to) = schema.get("$ref").and_then(Json::text) {
            return match self.referred(to, place) {
                Some(place) => self.field(name, place, depth),
                None => Ok(as_json(name)),
            };
        }
        for many in ["oneOf", "anyOf"] {
            if let Some(choices) = place.choices(many) {
                let mut others = choices.into_iter().filter(|choice| !choice.is_null());
                return match (others.next(), others.next()) {
                    (Some(only), None) if schema.get("properties").is_none() => self.field(name, only, depth),
                    _ => Ok(as_json(name)),
                };
            }
        }
        let all = place.choices("allOf");
        if let Some([only]) = all.as_deref()
            && schema.get("type").is_none()
            && schema.get("properties").is_none()
        {
            return self.field(name, *only, depth);
        }
        let nullable = |data_type| Field::new(name, data_type, true);
        Ok(match place.kind() {
            Some("boolean") => nullable(DataType::Boolean),
            Some("integer") => nullable(DataType::Int64),
            Some("number") => nullable(DataType::Float64),
            Some("string") => nullable(DataType::Utf8),
            Some("array") => match (schema.get("items"), schema.get("prefixItems")) {
                (Some(items @ Json::Object(_)), None) => {
                    let item = self.field("element", place.at(items), depth + 1)?;
                    nullable(DataType::List(Arc::new(item)))
                }
                _ => as_json(name),
            },
            kind @ (Some("object") | None) => {
                if kind.is_none() && all.is_none() {
                    return Ok(as_json(name));
                }
                let mut properties = Vec::new();
                let decidable = self.gather(place, &mut properties, 0);
                match schema.get("additionalProperties") {
                    _ if !decidable => as_json(name),
                    _ if !properties.is_empty() => self.object(name, properties, depth)?,
                    Some(values @ Json::Object(_)) if schema.get("patternProperties").is_none() => {
                        nullable(map_of(self.field("value", place.at(values), depth + 1)?))
                    }
                    _ => as_json(name),
                }
            }
            _ => as_json(name),
        })
    }

    /// The properties of an object and of all that it is, too; `false` where these are not told.
    fn gather(&mut self, place: Place<'a>, properties: &mut Vec<(&'a str, Place<'a>)>, hops: usize) -> bool {
        // Parts count as columns do: they may refer to one another in ever more ways.
        self.columns += 1;
        if hops > HOPS_MAX || self.columns > COLUMNS_MAX {
            return false;
        }
        if let Some(to) = place.schema.get("$ref").and_then(Json::text) {
            let referred = self.referred(to, place);
            return referred.is_some_and(|place| self.gather(place, properties, hops + 1));
        }
        // The outermost was looked at by who asks.
        let is_object = hops == 0 || matches!(place.kind(), Some("object") | None);
        if !is_object || place.choices("oneOf").is_some() || place.choices("anyOf").is_some() {
            return false;
        }
        if let Some(Json::Object(own)) = place.schema.get("properties") {
            properties.extend(own.iter().map(|(name, schema)| (name.as_str(), place.at(schema))));
        }
        let all = place.choices("allOf").unwrap_or_default();
        all.into_iter().all(|part| self.gather(part, properties, hops + 1))
    }

    fn object(
        &mut self,
        name: &str,
        properties: Vec<(&'a str, Place<'a>)>,
        depth: usize,
    ) -> Result<Field, ParseError> {
        let mut fields: Vec<Field> = Vec::with_capacity(properties.len());
        let mut places: HashMap<String, usize> = HashMap::with_capacity(properties.len());
        for (key, place) in properties {
            match places.get(&key.to_lowercase()).map(|at| &mut fields[*at]) {
                // Told twice, by parts of an `allOf`: both hold, and whether that is one column is not asked.
                Some(field) if field.name() == key => *field = as_json(key),
                // What differs in case alone would be one column.
                Some(_) => {
                    let mut path = self.path.clone();
                    path.push(key);
                    self.omitted.push(Omitted { path: path.join("."), why: Why::NameClash });
                }
                None => {
                    places.insert(key.to_lowercase(), fields.len());
                    self.path.push(key);
                    let field = self.field(key, place, depth + 1);
                    self.path.pop();
                    fields.push(field?);
                }
            }
        }
        Ok(Field::new(name, DataType::Struct(fields.into()), true))
    }

    /// What a `$ref` means.
    fn referred(&self, to: &str, place: Place<'a>) -> Option<Place<'a>> {
        let (document, pointer) = to.split_once('#').unwrap_or((to, ""));
        let document = if document.is_empty() { place.document } else { self.documents.get(document)? };
        Some(Place { schema: document.pointer(pointer)?, document })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Parsed {
        parse(text, &[]).expect("a schema")
    }

    fn types(text: &str, references: &[Reference]) -> Vec<(String, String)> {
        let parsed = parse(text, references).expect("a schema");
        let of = |field: &Arc<Field>| {
            let of = if is_json(field) { "json".to_owned() } else { field.data_type().to_string() };
            (field.name().clone(), of)
        };
        parsed.fields.iter().map(of).collect()
    }

    #[test]
    fn what_is_plain_becomes_columns_and_what_is_open_json() {
        let schema = r##"{"type":"object","definitions":{"money":{"type":"number"},"tree":{"type":"object","properties":
            {"left":{"$ref":"#/definitions/tree"}}}},"properties":{
            "id":{"type":"integer"},"name":{"type":["null","string"]},"price":{"$ref":"#/definitions/money"},
            "either":{"oneOf":[{"type":"null"},{"type":"boolean"}]},"both":{"oneOf":[{"type":"integer"},{"type":"string"}]},
            "any":{},"far":{"$ref":"other.json"},"gone":{"$ref":"nowhere.json"},"tree":{"$ref":"#/definitions/tree"},
            "color":{"enum":["red","green",null]},"mixed":{"enum":["red",1]},"one":{"const":1.5},
            "numeric":{"type":["integer","number"]},"pair":{"type":"array","items":[{"type":"string"}]},
            "open":{"type":"object"},"wrapped":{"description":"x","allOf":[{"$ref":"#/definitions/money"}]},
            "pattern":{"type":"object","patternProperties":{"^a":{}},"additionalProperties":{"type":"string"}},
            "yes":true,"odd":{"type":"decimal"},"last":{"type":"array","items":{"type":"string"}}}}"##;
        let other = Reference { name: "other.json".to_owned(), text: r#"{"type":"string"}"#.to_owned() };
        let types = types(schema, &[other]);
        for ((name, of), wanted) in types.iter().zip([
            ("id", "Int64"),
            ("name", "Utf8"),
            ("price", "Float64"),
            ("either", "Boolean"),
            ("both", "json"),
            ("any", "json"),
            ("far", "Utf8"),
            ("gone", "json"),
            ("tree", "Struct"),
            ("color", "Utf8"),
            ("mixed", "json"),
            ("one", "Float64"),
            ("numeric", "Float64"),
            ("pair", "json"),
            ("open", "json"),
            ("wrapped", "Float64"),
            ("pattern", "json"),
            ("yes", "json"),
            ("odd", "json"),
            ("last", "List"),
        ]) {
            assert!(name == wanted.0 && of.starts_with(wanted.1), "{name} is {of}, wanted {wanted:?}");
        }
        assert_eq!(types.len(), 20);
    }

    #[test]
    fn parts_that_only_restrict_change_nothing_and_those_that_add_are_added() {
        let restricted = r#"{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"integer"}},
            "oneOf":[{"required":["a"]},{"required":["b"]}],"allOf":[{"if":{"required":["a"]},"then":{}}]}"#;
        assert_eq!(types(restricted, &[]).len(), 2);
        let added = r##"{"definitions":{"base":{"type":"object","properties":{"id":{"type":"integer"}}}},
            "allOf":[{"$ref":"#/definitions/base"},{"properties":{"a":{"type":"string"},"b":{"type":"string"}}}],
            "properties":{"b":{"type":"string"}}}"##;
        let added = types(added, &[]);
        let added: Vec<_> = added.iter().map(|(name, of)| (name.as_str(), of.as_str())).collect();
        assert_eq!(added, [("b", "json"), ("id", "Int64"), ("a", "Utf8")]);
        let chosen = r#"{"properties":{"a":{"type":"string"}},"oneOf":[{"properties":{"b":{}}},{"properties":{"c":{}}}]}"#;
        assert_eq!(types(chosen, &[]), [("value".to_owned(), "json".to_owned())]);
    }

    #[test]
    fn a_value_that_is_no_object_is_one_column() {
        assert_eq!(types(r#"{"type":"array","items":{"type":"integer"}}"#, &[])[0].0, "value");
        assert!(!parsed("true").is_object);
        assert!(parse("{", &[]).is_err());
        assert!(parse("{}", &[Reference { name: "a".to_owned(), text: "{".to_owned() }]).is_err());
    }

    #[test]
    fn names_that_differ_in_case_alone_are_told() {
        let parsed =
            parsed(r#"{"properties":{"o":{"properties":{"a":{"type":"string"},"A":{"type":"integer"}}}}}"#);
        assert_eq!(parsed.omitted, [Omitted { path: "o.A".to_owned(), why: Why::NameClash }]);
    }

    #[test]
    fn schemas_without_end_have_one() {
        let chain: Vec<String> =
            (0..9_000).map(|at| format!(r##""d{at}":{{"$ref":"#/definitions/d{}"}}"##, at + 1)).collect();
        let long = format!(r##"{{"definitions":{{{}}},"$ref":"#/definitions/d0"}}"##, chain.join(","));
        assert_eq!(types(&long, &[])[0].1, "json");
        let own = r##"{"allOf":[{"$ref":"#"},{"$ref":"#"}]}"##;
        assert_eq!(types(own, &[])[0].1, "json");
        let many: Vec<String> = (0..20_000).map(|at| format!(r#""p{at}":{{"type":"string"}}"#)).collect();
        assert!(parse(&format!(r#"{{"properties":{{{}}}}}"#, many.join(",")), &[]).is_err());
        assert!(parse(&"[".repeat(100_000), &[]).is_err());
    }
}
