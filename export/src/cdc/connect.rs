//! JSON with its schema beside it, as Connect's `JsonConverter` writes it with `schemas.enable`:
//! `{"schema": {…}, "payload": {…}}`.
//!
//! The two parts are found without parsing them: the decoder reads the payload alone, and a schema is parsed once for all
//! records that carry the same bytes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::names::{Names, texts};

/// How deep a schema is followed.
const MAX_DEPTH: usize = 64;

/// How many schemas are kept; a topic has a handful.
const MAX_SCHEMAS: usize = 1024;

/// The two parts of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wrapped<'a> {
    /// The text of the schema.
    pub schema: &'a [u8],
    /// The text of the payload, `null` for none.
    pub payload: &'a [u8],
}

/// A value that is not wrapped so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the value is not an object of `schema` and `payload`")]
pub struct NotWrapped;

/// A Connect schema as the decoder needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectSchema {
    /// The fields as JSON holds them: a date is a number here, bytes are base64.
    pub fields: Fields,
    /// What they are called.
    pub names: Names,
    /// Fields that could not be understood and are left out, with why.
    pub left_out: Vec<String>,
}

/// Takes a wrapped value apart. The parts are not checked beyond where they end.
///
/// # Errors
/// [`NotWrapped`] for anything but an object with exactly these two members.
pub fn split(value: &[u8]) -> Result<Wrapped<'_>, NotWrapped> {
    let mut cursor = Cursor { bytes: value, at: 0 };
    let (mut schema, mut payload) = (None, None);
    cursor.token(b'{')?;
    loop {
        let name = cursor.string()?;
        cursor.token(b':')?;
        let part = cursor.value()?;
        let slot = match name {
            b"schema" => &mut schema,
            b"payload" => &mut payload,
            _ => return Err(NotWrapped),
        };
        if slot.replace(part).is_some() {
            return Err(NotWrapped);
        }
        if cursor.token(b',').is_err() {
            break;
        }
    }
    cursor.token(b'}')?;
    cursor.blank();
    match (schema, payload) {
        (Some(schema), Some(payload)) if cursor.at == value.len() => Ok(Wrapped { schema, payload }),
        _ => Err(NotWrapped),
    }
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn token(&mut self, byte: u8) -> Result<(), NotWrapped> {
        self.blank();
        if self.peek() != Some(byte) {
            return Err(NotWrapped);
        }
        self.at += 1;
        Ok(())
    }

    /// What stands between quotes, escapes as they are: the two names have none.
    fn string(&mut self) -> Result<&'a [u8], NotWrapped> {
        self.token(b'"')?;
        let start = self.at;
        loop {
            match self.peek() {
                None => return Err(NotWrapped),
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                Some(_) => self.at += 1,
            }
        }
        let text = self.bytes.get(start..self.at).ok_or(NotWrapped)?;
        self.at += 1;
        Ok(text)
    }

    /// One value: up to the bracket that closes it, or to the end of a word.
    fn value(&mut self) -> Result<&'a [u8], NotWrapped> {
        self.blank();
        let start = self.at;
        let mut depth = 0_usize;
        loop {
            match self.peek().ok_or(NotWrapped)? {
                b'"' => {
                    self.string()?;
                }
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                    continue;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1).ok_or(NotWrapped)?;
                    self.at += 1;
                }
                _ if depth > 0 => {
                    self.at += 1;
                    continue;
                }
                _ => {
                    while !matches!(
                        self.peek(),
                        None | Some(b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n')
                    ) {
                        self.at += 1;
                    }
                }
            }
            if depth == 0 {
                let value = self.bytes.get(start..self.at).ok_or(NotWrapped)?;
                return if value.is_empty() { Err(NotWrapped) } else { Ok(value) };
            }
        }
    }
}

impl ConnectSchema {
    /// Reads a schema's text.
    ///
    /// # Errors
    /// Says what is wrong with it: it is not JSON, or not a struct.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let schema: Value =
            serde_json::from_slice(text).map_err(|error| format!("the schema is not JSON: {error}"))?;
        let mut left_out = Vec::new();
        let (data_type, names) = read(&schema, "", 0, &mut left_out)?;
        match data_type {
            DataType::Struct(fields) => Ok(Self { fields, names, left_out }),
            other => Err(format!("the schema is of {other}, not a struct")),
        }
    }
}

impl ConnectSchema {
    /// What [`super::CdcSettings::types`] needs of it: for JSON that is declared once and carries no schema.
    #[must_use]
    pub fn types(&self) -> BTreeMap<String, String> {
        let row =
            if self.names.children.contains_key("after") { self.names.child("after") } else { &self.names };
        row.children.iter().filter_map(|(column, names)| Some((column.clone(), names.text()?))).collect()
    }
}

fn read(
    schema: &Value,
    path: &str,
    depth: usize,
    left_out: &mut Vec<String>,
) -> Result<(DataType, Names), String> {
    if depth > MAX_DEPTH {
        return Err(format!("{path}: nested too deeply"));
    }
    let mut names =
        Names { name: schema.get("name").and_then(Value::as_str).map(str::to_owned), ..Names::default() };
    if let Some(Value::Object(parameters)) = schema.get("parameters") {
        names.parameters.extend(texts(parameters));
    }
    let word = schema.get("type").and_then(Value::as_str).ok_or_else(|| format!("{path}: no type"))?;
    let data_type = match word {
        "boolean" => DataType::Boolean,
        "int8" | "int16" | "int32" => DataType::Int32,
        "int64" => DataType::Int64,
        "float" | "float32" => DataType::Float32,
        "double" | "float64" => DataType::Float64,
        "string" => DataType::Utf8,
        "bytes" => DataType::Binary,
        "array" => {
            let (inside, inner) = read(part(schema, "items", path)?, path, depth + 1, left_out)?;
            names.children.insert("element".to_owned(), inner);
            DataType::List(Arc::new(Field::new("element", inside, true)))
        }
        "map" => {
            if part(schema, "keys", path)?.get("type").and_then(Value::as_str) != Some("string") {
                return Err(format!("{path}: a map whose keys are no strings"));
            }
            let (inside, inner) = read(part(schema, "values", path)?, path, depth + 1, left_out)?;
            names.children.insert("value".to_owned(), inner);
            let entries = vec![Field::new("key", DataType::Utf8, false), Field::new("value", inside, true)];
            DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entries.into()), false)), false)
        }
        "struct" => DataType::Struct(fields(schema, path, depth, &mut names, left_out)?),
        other => return Err(format!("{path}: unknown type `{other}`")),
    };
    Ok((data_type, names))
}

fn fields(
    schema: &Value,
    path: &str,
    depth: usize,
    names: &mut Names,
    left_out: &mut Vec<String>,
) -> Result<Fields, String> {
    let list =
        part(schema, "fields", path)?.as_array().ok_or_else(|| format!("{path}: fields are no list"))?;
    let mut fields = Vec::with_capacity(list.len());
    for field in list {
        let name = field
            .get("field")
            .and_then(Value::as_str)
            .ok_or_else(|| format!("{path}: a field without a name"))?;
        let inner = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        // A field that cannot be read costs itself only.
        match read(field, &inner, depth + 1, left_out) {
            Ok((data_type, child)) => {
                fields.push(Field::new(name, data_type, true));
                names.children.insert(name.to_owned(), child);
            }
            Err(why) => left_out.push(why),
        }
    }
    Ok(fields.into())
}

fn part<'a>(schema: &'a Value, name: &str, path: &str) -> Result<&'a Value, String> {
    schema.get(name).ok_or_else(|| format!("{path}: no {name}"))
}

/// Schemas by their bytes.
#[derive(Debug, Default)]
pub struct ConnectSchemas {
    known: HashMap<[u8; 32], Result<Arc<ConnectSchema>, String>>,
}

impl ConnectSchemas {
    /// The schema of these bytes, parsed when they are first seen.
    ///
    /// # Errors
    /// As [`ConnectSchema::parse`].
    pub fn get(&mut self, text: &[u8]) -> Result<Arc<ConnectSchema>, String> {
        let digest: [u8; 32] = Sha256::digest(text).into();
        if let Some(known) = self.known.get(&digest) {
            return known.clone();
        }
        // More than a topic ever has: somebody makes one a record. Starting over keeps memory bounded.
        if self.known.len() >= MAX_SCHEMAS {
            self.known.clear();
        }
        let parsed = ConnectSchema::parse(text).map(Arc::new);
        self.known.insert(digest, parsed.clone());
        parsed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parts_are_found_in_any_order_and_with_any_blanks() {
        let value = br#" { "payload" : {"a":"}\"{","b":[1,{"c":null}]} ,
            "schema":{"type":"struct"}} "#;
        let wrapped = split(value).unwrap();
        assert_eq!(wrapped.payload, br#"{"a":"}\"{","b":[1,{"c":null}]}"#);
        assert_eq!(wrapped.schema, br#"{"type":"struct"}"#);
        assert_eq!(split(br#"{"schema":null,"payload":null}"#).unwrap().payload, b"null");
    }

    #[test]
    fn anything_else_is_not_wrapped() {
        for value in [
            "",
            "{",
            "{}",
            "[]",
            "null",
            r#"{"schema":1}"#,
            r#"{"schema":1,"payload":2,"more":3}"#,
            r#"{"schema":1,"payload":2}x"#,
            r#"{"schema":1,"schema":1,"payload":2}"#,
            r#"{"schema":,"payload":2}"#,
            r#"{"schema":1,"payload":2"#,
            r#"{"schema":1,"payload":"2}"#,
            r#"{"schema":1,"payload":2,}"#,
            r#"{"schema":1 "payload":2}"#,
            r#"{"schema":1,"payload":[2}"#,
        ] {
            assert_eq!(split(value.as_bytes()), Err(NotWrapped), "{value}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_bring_it_down(value in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = split(&value);
            let _ = ConnectSchema::parse(&value);
        }

        #[test]
        fn what_serde_writes_is_taken_apart(a in ".*", b in ".*") {
            let text = serde_json::json!({"schema": {"x": a}, "payload": [b, {"y": a}]}).to_string();
            let wrapped = split(text.as_bytes()).unwrap();
            let schema: Value = serde_json::from_slice(wrapped.schema).unwrap();
            let payload: Value = serde_json::from_slice(wrapped.payload).unwrap();
            prop_assert_eq!(&schema["x"], &Value::from(a.clone()));
            prop_assert_eq!(&payload[0], &Value::from(b.clone()));
        }
    }

    #[test]
    fn a_schema_gives_fields_and_names_and_leaves_out_what_it_cannot_say() {
        let text = br#"{"type":"struct","name":"s.t.Envelope","optional":false,"fields":[
            {"field":"after","type":"struct","optional":true,"name":"s.t.Value","fields":[
                {"field":"id","type":"int32","optional":false},
                {"field":"born","type":"int32","optional":true,"name":"io.debezium.time.Date","version":1},
                {"field":"price","type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2","connect.decimal.precision":"10"}},
                {"field":"tags","type":"array","items":{"type":"string","optional":true}},
                {"field":"odd","type":"map","keys":{"type":"int32"},"values":{"type":"string"}}]},
            {"field":"op","type":"string","optional":false}]}"#;
        let mut schemas = ConnectSchemas::default();
        let schema = schemas.get(text).unwrap();
        assert!(Arc::ptr_eq(&schema, &schemas.get(text).unwrap()), "parsed once");
        let DataType::Struct(row) = schema.fields[0].data_type() else { panic!("a struct") };
        let types: Vec<_> = row.iter().map(|f| (f.name().as_str(), f.data_type().clone())).collect();
        assert_eq!(types[0], ("id", DataType::Int32));
        assert_eq!(types[2], ("price", DataType::Binary));
        assert_eq!(types.len(), 4);
        assert_eq!(schema.left_out, ["after.odd: a map whose keys are no strings"]);
        assert_eq!(schema.names.child("after").child("born").name.as_deref(), Some("io.debezium.time.Date"));
        let types = schema.types();
        assert_eq!(types["born"], "io.debezium.time.Date");
        assert_eq!(types["price"], "org.apache.kafka.connect.data.Decimal(10,2)");
        assert!(schemas.get(b"{").is_err());
        assert!(schemas.get(br#"{"type":"int32"}"#).is_err());
    }
}
