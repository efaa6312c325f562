//! What Kafka Connect calls the types of a schema: `connect.name` and its parameters, beside the Arrow types that the
//! decoder made of it.
//!
//! Debezium writes a date as an `int` and says so by a name only (`io.debezium.time.Date`). The decoder knows Avro's and
//! JSON Schema's own types; this tree holds what they leave unsaid. A schema that cannot be understood gives an empty tree:
//! the columns then stay as the decoder made them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// How deep a schema is followed.
const MAX_DEPTH: usize = 64;

/// How many nodes a tree may have: references can name a type any number of times.
const MAX_NODES: usize = 100_000;

/// The Connect names of a field and of what is inside it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// The name of the type, e.g. `io.debezium.time.Date`.
    pub name: Option<String>,
    /// Its parameters, e.g. `scale`.
    pub parameters: BTreeMap<String, String>,
    /// Fields of a struct by their names; `element` of a list, `value` of a map.
    pub children: BTreeMap<String, Self>,
}

impl Names {
    /// A name without parameters.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self { name: Some(name.to_owned()), ..Self::default() }
    }

    /// What is said of a child; nothing where it is not known.
    #[must_use]
    pub fn child(&self, name: &str) -> &Self {
        static NOTHING: Names = Names { name: None, parameters: BTreeMap::new(), children: BTreeMap::new() };
        self.children.get(name).unwrap_or(&NOTHING)
    }

    /// Those of an Avro schema's text.
    #[must_use]
    pub fn of_avro(text: &str) -> Self {
        let Ok(schema) = serde_json::from_str::<Value>(text) else { return Self::default() };
        let mut walk = Avro { types: BTreeMap::new(), open: Vec::new(), nodes: 0 };
        walk.define(&schema, "", 0);
        walk.names(&schema, "", 0)
    }

    /// Those of a JSON Schema's text, as Connect's JSON Schema converter writes it.
    #[must_use]
    pub fn of_json_schema(text: &str) -> Self {
        let Ok(schema) = serde_json::from_str::<Value>(text) else { return Self::default() };
        json_schema(&schema, 0)
    }
}

impl Names {
    /// With what is said of columns by hand (`name`, `name(precision,scale)` or `name(scale)` for decimals): of the row in a
    /// record's envelope, with or without its wrapper, and of the record itself. What the schema says stays.
    #[must_use]
    pub fn with_types(mut self, types: &BTreeMap<String, String>) -> Self {
        if types.is_empty() {
            return self;
        }
        let row = || Self {
            children: types.iter().map(|(column, text)| (column.clone(), Self::of_text(text))).collect(),
            ..Self::default()
        };
        let mut said = row();
        let mut payload = row();
        for side in ["before", "after"] {
            said.children.insert(side.to_owned(), row());
            payload.children.insert(side.to_owned(), row());
        }
        said.children.insert("payload".to_owned(), payload);
        self.fill(&said);
        self
    }

    fn of_text(text: &str) -> Self {
        let Some((name, arguments)) = text.strip_suffix(')').and_then(|text| text.split_once('(')) else {
            return Self::named(text.trim());
        };
        let mut names = Self::named(name.trim());
        let mut numbers = arguments.split(',').map(|number| number.trim().to_owned()).rev();
        if let Some(scale) = numbers.next() {
            names.parameters.insert("scale".to_owned(), scale);
        }
        if let Some(precision) = numbers.next() {
            names.parameters.insert(PRECISION.to_owned(), precision);
        }
        names
    }

    /// As [`Self::with_types`] takes it; `None` without a name.
    pub(super) fn text(&self) -> Option<String> {
        let name = self.name.as_ref()?;
        Some(match (self.parameters.get(PRECISION), self.parameters.get("scale")) {
            (Some(precision), Some(scale)) => format!("{name}({precision},{scale})"),
            (None, Some(scale)) => format!("{name}({scale})"),
            _ => name.clone(),
        })
    }

    fn fill(&mut self, said: &Self) {
        if self.name.is_none() && said.name.is_some() {
            self.name.clone_from(&said.name);
            self.parameters.clone_from(&said.parameters);
        }
        for (name, child) in &said.children {
            self.children.entry(name.clone()).or_default().fill(child);
        }
    }
}

/// The parameter in which Debezium tells how many digits a decimal has.
pub(super) const PRECISION: &str = "connect.decimal.precision";

/// Walks an Avro schema.
struct Avro<'a> {
    /// Named types by full name.
    types: BTreeMap<String, &'a Value>,
    /// The named types that are being walked: what names one of them again is recursive.
    open: Vec<String>,
    nodes: usize,
}

impl<'a> Avro<'a> {
    /// Notes all named types.
    fn define(&mut self, schema: &'a Value, namespace: &str, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        match schema {
            Value::Array(branches) => branches.iter().for_each(|b| self.define(b, namespace, depth + 1)),
            Value::Object(object) => {
                let (full, inner) = full_name(object, namespace);
                if let Some(full) = full {
                    self.types.entry(full).or_insert(schema);
                }
                for field in fields(object) {
                    if let Some(of) = field.get("type") {
                        self.define(of, &inner, depth + 1);
                    }
                }
                for key in ["type", "items", "values"] {
                    if let Some(of @ (Value::Object(_) | Value::Array(_))) = object.get(key) {
                        self.define(of, &inner, depth + 1);
                    }
                }
            }
            _ => {}
        }
    }

    fn names(&mut self, schema: &'a Value, namespace: &str, depth: usize) -> Names {
        self.nodes += 1;
        if depth > MAX_DEPTH || self.nodes > MAX_NODES {
            return Names::default();
        }
        match schema {
            Value::Array(branches) => {
                let mut some = branches.iter().filter(|b| b.as_str() != Some("null"));
                match (some.next(), some.next()) {
                    // An optional value is what it is where it is there.
                    (Some(one), None) => self.names(one, namespace, depth + 1),
                    _ => Names::default(),
                }
            }
            Value::String(name) => self.referred(name, namespace, depth),
            Value::Object(object) => self.object(object, namespace, depth),
            _ => Names::default(),
        }
    }

    fn referred(&mut self, name: &str, namespace: &str, depth: usize) -> Names {
        let full = qualified(name, namespace);
        let found = self.types.get(&full).map(|schema| (full, *schema));
        let Some((full, schema)) = found.or_else(|| self.types.get(name).map(|s| (name.to_owned(), *s)))
        else {
            return Names::default();
        };
        if self.open.contains(&full) {
            return Names::default();
        }
        let namespace = full.rsplit_once('.').map_or("", |(before, _)| before).to_owned();
        self.names(schema, &namespace, depth + 1)
    }

    fn object(&mut self, object: &'a Map<String, Value>, namespace: &str, depth: usize) -> Names {
        let (full, inner) = full_name(object, namespace);
        let opened = full.is_some();
        self.open.extend(full);
        let mut names = match object.get("type") {
            // `{"type": {"type": "int", …}}` and `{"type": ["null", …]}`.
            Some(of @ (Value::Object(_) | Value::Array(_))) => self.names(of, &inner, depth + 1),
            Some(Value::String(of)) if !is_own(of) => self.referred(of, namespace, depth),
            _ => Names::default(),
        };
        if let Some(name) = object.get("connect.name").and_then(Value::as_str) {
            names.name = Some(name.to_owned());
        }
        if let Some(Value::Object(parameters)) = object.get("connect.parameters") {
            names.parameters.extend(texts(parameters));
        }
        for field in fields(object) {
            let (Some(name), Some(of)) = (field.get("name").and_then(Value::as_str), field.get("type"))
            else {
                continue;
            };
            let child = self.names(of, &inner, depth + 1);
            names.children.insert(name.to_owned(), child);
        }
        for (key, child) in [("items", "element"), ("values", "value")] {
            if let Some(of) = object.get(key) {
                let inside = self.names(of, &inner, depth + 1);
                names.children.insert(child.to_owned(), inside);
            }
        }
        if opened {
            self.open.pop();
        }
        names
    }
}

fn is_own(name: &str) -> bool {
    const OWN: [&str; 13] = [
        "null", "boolean", "int", "long", "float", "double", "bytes", "string", "record", "enum", "array",
        "map", "fixed",
    ];
    OWN.contains(&name)
}

fn fields(object: &Map<String, Value>) -> impl Iterator<Item = &Map<String, Value>> {
    object.get("fields").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

/// The full name of a named type, and the namespace inside it.
fn full_name(object: &Map<String, Value>, namespace: &str) -> (Option<String>, String) {
    let named = matches!(object.get("type").and_then(Value::as_str), Some("record" | "enum" | "fixed"));
    let Some(name) = object.get("name").and_then(Value::as_str).filter(|_| named) else {
        return (None, namespace.to_owned());
    };
    let full = match object.get("namespace").and_then(Value::as_str) {
        Some(own) => qualified(name, own),
        None => qualified(name, namespace),
    };
    let inner = full.rsplit_once('.').map_or("", |(before, _)| before).to_owned();
    (Some(full), inner)
}

fn qualified(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() { name.to_owned() } else { format!("{namespace}.{name}") }
}

/// Parameters as text, whatever they were written as.
pub(super) fn texts(parameters: &Map<String, Value>) -> impl Iterator<Item = (String, String)> {
    parameters.iter().map(|(key, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (key.clone(), text)
    })
}

fn json_schema(schema: &Value, depth: usize) -> Names {
    let Some(object) = schema.as_object().filter(|_| depth <= MAX_DEPTH) else { return Names::default() };
    if let Some(Value::Array(branches)) = object.get("oneOf") {
        let mut some = branches.iter().filter(|b| b.get("type").and_then(Value::as_str) != Some("null"));
        return match (some.next(), some.next()) {
            (Some(one), None) => json_schema(one, depth + 1),
            _ => Names::default(),
        };
    }
    let mut names = Names::default();
    if let Some(title) = object.get("title").and_then(Value::as_str) {
        names.name = Some(title.to_owned());
    }
    if let Some(Value::Object(parameters)) = object.get("connect.parameters") {
        names.parameters.extend(texts(parameters));
    }
    if let Some(Value::Object(properties)) = object.get("properties") {
        for (name, of) in properties {
            names.children.insert(name.clone(), json_schema(of, depth + 1));
        }
    }
    if let Some(items) = object.get("items") {
        names.children.insert("element".to_owned(), json_schema(items, depth + 1));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENVELOPE: &str = r#"{"type":"record","name":"Envelope","namespace":"s.t","fields":[
        {"name":"before","type":["null",{"type":"record","name":"Value","fields":[
            {"name":"id","type":"long"},
            {"name":"born","type":["null",{"type":"int","connect.version":1,"connect.name":"io.debezium.time.Date"}],"default":null},
            {"name":"price","type":{"type":"bytes","scale":2,"precision":64,"connect.version":1,
               "connect.parameters":{"scale":"2"},"connect.name":"org.apache.kafka.connect.data.Decimal","logicalType":"decimal"}},
            {"name":"at","type":{"type":"array","items":{"type":"long","connect.name":"io.debezium.time.MicroTimestamp"}}}
        ]}],"default":null},
        {"name":"after","type":["null","Value"],"default":null},
        {"name":"op","type":"string"}]}"#;

    #[test]
    fn avro_names_are_found_behind_unions_references_and_lists() {
        let names = Names::of_avro(ENVELOPE);
        for side in ["before", "after"] {
            let row = names.child(side);
            assert_eq!(row.child("born").name.as_deref(), Some("io.debezium.time.Date"), "{side}");
            assert_eq!(row.child("price").parameters["scale"], "2", "{side}");
            let element = row.child("at").child("element");
            assert_eq!(element.name.as_deref(), Some("io.debezium.time.MicroTimestamp"), "{side}");
            assert_eq!(row.child("id"), &Names::default());
        }
    }

    #[test]
    fn recursive_and_hostile_schemas_end() {
        let recursive = r#"{"type":"record","name":"N","fields":[{"name":"next","type":["null","N"]}]}"#;
        assert_eq!(Names::of_avro(recursive).child("next"), &Names::default());
        // Each type names the next one twice: 2^40 nodes, were they all walked.
        let mut text = r#"{"type":"record","name":"T40","fields":[]}"#.to_owned();
        for n in (0..40).rev() {
            text = format!(
                r#"{{"type":"record","name":"T{n}","fields":[{{"name":"a","type":{text}}},{{"name":"b","type":"T{}"}}]}}"#,
                n + 1
            );
        }
        let _ = Names::of_avro(&text);
        assert_eq!(Names::of_avro("not json"), Names::default());
        assert_eq!(Names::of_avro(&"[".repeat(100_000)), Names::default());
    }

    #[test]
    fn types_said_by_hand_fill_what_the_schema_leaves_open() {
        let types = BTreeMap::from([
            ("born".to_owned(), "io.debezium.time.Timestamp".to_owned()),
            ("cost".to_owned(), "org.apache.kafka.connect.data.Decimal(10, 2)".to_owned()),
        ]);
        let names = Names::of_avro(ENVELOPE).with_types(&types);
        let row = names.child("after");
        assert_eq!(row.child("born").name.as_deref(), Some("io.debezium.time.Date"), "the schema says so");
        assert_eq!(row.child("cost").parameters[PRECISION], "10");
        assert_eq!(row.child("cost").text().unwrap(), "org.apache.kafka.connect.data.Decimal(10,2)");
        assert_eq!(names.child("payload").child("before").child("cost"), row.child("cost"));
        assert_eq!(names.child("cost"), row.child("cost"));
    }

    #[test]
    fn json_schema_titles_are_names() {
        let text = r#"{"type":"object","properties":{"born":{"oneOf":[{"type":"null"},
            {"type":"integer","title":"io.debezium.time.Date","connect.version":1,"connect.type":"int32"}]}}}"#;
        assert_eq!(Names::of_json_schema(text).child("born").name.as_deref(), Some("io.debezium.time.Date"));
    }
}
