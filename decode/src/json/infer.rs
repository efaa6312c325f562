//! Fields out of a sample: to be looked over by a person and then declared. Nothing is guessed while records are exported.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields};
use serde_json::Value;

use super::schema::as_json;

/// How many fields are kept, all told; further ones are not.
const FIELDS_MAX: usize = 5_000;
/// How many keys an object that is no record may have: one with more is a map by ids or the like, and kept as JSON.
const KEYS_MAX: usize = 256;
/// The longest name kept, in bytes.
const NAME_MAX: usize = 256;
/// How deep it is looked.
const DEPTH_MAX: usize = 8;

/// What a sample of values has shown so far. The order in which they came makes no difference.
#[derive(Debug, Default)]
pub struct Inference {
    root: Seen,
    fields: usize,
    objects: u64,
    others: u64,
    left_out: bool,
}

/// What was seen in one place.
#[derive(Debug, Default)]
struct Seen {
    boolean: bool,
    integer: bool,
    /// A whole number past those of 64 bits with a sign, and no more than 20 digits.
    large: bool,
    float: bool,
    text: bool,
    object: Option<BTreeMap<String, Seen>>,
    list: Option<Box<Seen>>,
    /// Deeper than it is looked, or with more keys.
    deep: bool,
}

impl Inference {
    /// Looks at one value. What is no JSON object is counted and tells nothing.
    pub fn feed(&mut self, value: &[u8]) {
        match serde_json::from_slice::<Value>(value) {
            Ok(value @ Value::Object(_)) => {
                self.objects += 1;
                let Self { root, fields, left_out, .. } = self;
                root.see(&value, 0, fields, left_out);
            }
            _ => self.others += 1,
        }
    }

    /// How many values were objects.
    #[must_use]
    pub fn objects(&self) -> u64 {
        self.objects
    }

    /// How many were not.
    #[must_use]
    pub fn others(&self) -> u64 {
        self.others
    }

    /// Whether there were more fields than are kept.
    #[must_use]
    pub fn left_out(&self) -> bool {
        self.left_out
    }

    /// The fields, by name. What had no value but null, or values of several kinds, is kept as JSON.
    #[must_use]
    pub fn fields(&self) -> Fields {
        match self.root.field("value").data_type() {
            DataType::Struct(fields) => fields.clone(),
            _ => Fields::empty(),
        }
    }
}

impl Seen {
    fn see(&mut self, value: &Value, depth: usize, fields: &mut usize, left_out: &mut bool) {
        match value {
            Value::Null => {}
            Value::Bool(_) => self.boolean = true,
            Value::Number(number) if number.is_i64() => self.integer = true,
            Value::Number(number) if number.is_u64() => self.large = true,
            Value::Number(_) => self.float = true,
            Value::String(_) => self.text = true,
            Value::Array(_) | Value::Object(_) if depth >= DEPTH_MAX => self.deep = true,
            Value::Array(items) => {
                let list = self.list.get_or_insert_default();
                for item in items {
                    list.see(item, depth + 1, fields, left_out);
                }
            }
            // Too many keys have been seen here already.
            Value::Object(_) if self.deep && depth > 0 => {}
            Value::Object(members) => {
                let object = self.object.get_or_insert_default();
                for (key, value) in members {
                    if !object.contains_key(key) {
                        if *fields >= FIELDS_MAX || key.len() > NAME_MAX {
                            *left_out = true;
                            continue;
                        }
                        *fields += 1;
                    }
                    object.entry(key.clone()).or_default().see(value, depth + 1, fields, left_out);
                    if depth > 0 && object.len() > KEYS_MAX {
                        self.deep = true;
                        *fields -= object.values().map(Self::count).sum::<usize>();
                        object.clear();
                        break;
                    }
                }
            }
        }
    }

    /// Fields in it, itself among them.
    fn count(&self) -> usize {
        let items = self.list.as_ref().map_or(0, |list| list.count() - 1);
        1 + items + self.object.iter().flat_map(BTreeMap::values).map(Self::count).sum::<usize>()
    }

    fn field(&self, name: &str) -> Field {
        let Self { boolean, integer, large, float, text, object, list, deep } = self;
        let number = *integer || *large || *float;
        let kinds = [*boolean, number, *text, object.is_some(), list.is_some(), *deep];
        let nullable = |data_type| Field::new(name, data_type, true);
        match kinds {
            [true, false, false, false, false, false] => nullable(DataType::Boolean),
            [false, true, false, false, false, false] if *float => nullable(DataType::Float64),
            [false, true, false, false, false, false] if *large => nullable(DataType::Decimal128(20, 0)),
            [false, true, false, false, false, false] => nullable(DataType::Int64),
            [false, false, true, false, false, false] => nullable(DataType::Utf8),
            [false, false, false, true, false, false] => {
                let (mut fields, mut places) = (Vec::<Field>::new(), HashMap::new());
                for (key, seen) in object.iter().flatten() {
                    match places.get(&key.to_lowercase()).map(|at: &usize| &mut fields[*at]) {
                        // Keys that differ in case alone would be one column.
                        Some(field) => *field = as_json(field.name()),
                        None => {
                            places.insert(key.to_lowercase(), fields.len());
                            fields.push(seen.field(key));
                        }
                    }
                }
                if fields.is_empty() { as_json(name) } else { nullable(DataType::Struct(fields.into())) }
            }
            [false, false, false, false, true, false] => {
                let item = list.as_ref().map_or_else(|| as_json("element"), |list| list.field("element"));
                nullable(DataType::List(Arc::new(item)))
            }
            _ => as_json(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::schema::is_json;
    use super::*;

    fn of(values: &[&str]) -> Fields {
        let mut inference = Inference::default();
        for value in values {
            inference.feed(value.as_bytes());
        }
        inference.fields()
    }

    #[test]
    fn numbers_widen_and_what_differs_is_json_whatever_the_order() {
        let values =
            [r#"{"a":1,"b":"x","c":[1]}"#, r#"{"a":1.5,"b":2,"d":null}"#, r#"{"c":[2.5],"e":{"f":true}}"#];
        let forward = of(&values);
        let backward = of(&[values[2], values[1], values[0]]);
        assert_eq!(forward, backward);
        let field = |name: &str| forward.find(name).expect("a field").1.clone();
        assert_eq!(field("a").data_type(), &DataType::Float64);
        assert!(is_json(&field("b")) && is_json(&field("d")));
        assert!(field("c").data_type().to_string().contains("Float64"));
        assert!(field("e").data_type().to_string().contains("Boolean"));
    }

    #[test]
    fn what_64_bits_with_a_sign_do_not_hold_is_a_decimal() {
        let large = of(&[r#"{"a":18446744073709551615}"#, r#"{"a":-1}"#]);
        assert_eq!(large[0].data_type(), &DataType::Decimal128(20, 0));
        let float = of(&[r#"{"a":18446744073709551615}"#, r#"{"a":0.5}"#]);
        assert_eq!(float[0].data_type(), &DataType::Float64);
    }

    #[test]
    fn an_object_by_ids_is_json_and_memory_is_bounded() {
        let ids = |ids: std::ops::Range<usize>| {
            let ids: Vec<String> = ids.map(|id| format!(r#""id{id}":{{"n":[{{"m":1}}]}}"#)).collect();
            format!(r#"{{"by":{{{}}},"a":1}}"#, ids.join(","))
        };
        let (one, two) = (ids(0..200), ids(150..350));
        for order in [[&one, &two, &one], [&two, &one, &one], [&one, &one, &two]] {
            let mut inference = Inference::default();
            for value in order {
                inference.feed(value.as_bytes());
            }
            assert!(is_json(inference.fields().find("by").expect("a field").1));
            assert_eq!(inference.fields, 2);
            assert!(!inference.left_out());
        }
        let mut wide = Inference::default();
        let keys: Vec<String> = (0..6_000).map(|key| format!(r#""k{key}":1"#)).collect();
        wide.feed(format!("{{{}}}", keys.join(",")).as_bytes());
        assert!(wide.left_out() && wide.fields().len() == FIELDS_MAX);
        let mut long = Inference::default();
        long.feed(format!(r#"{{"{}":1,"a":1}}"#, "x".repeat(300)).as_bytes());
        assert!(long.left_out() && long.fields().len() == 1);
    }

    #[test]
    fn what_is_no_object_tells_nothing() {
        let mut inference = Inference::default();
        for value in [&b"[1]"[..], b"7", b"", b"\xff", b"{\"a\":1}"] {
            inference.feed(value);
        }
        assert_eq!((inference.objects(), inference.others()), (1, 4));
        assert_eq!(inference.fields().len(), 1);
    }
}
