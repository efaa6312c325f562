//! Avro schemas as trees, each field with the id that Iceberg gives it.

use super::AvroError;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;

const MAX_DEPTH: usize = 32;

/// The most types in one schema; a name that stands for a type counts anew wherever it is used.
const MAX_TYPES: usize = 50_000;

/// How a value is stored.
#[derive(Debug)]
pub(super) enum Node {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    Text,
    Fixed(usize),
    Enum(usize),
    Record(Vec<(i32, Arc<Node>)>),
    Array(Arc<Node>),
    Map(Arc<Node>),
    Union(Vec<Arc<Node>>),
}

/// The id of a field that has none: it is read and passed over.
pub(super) const NO_ID: i32 = 0;

pub(super) fn parse(json: &[u8]) -> Result<Arc<Node>, AvroError> {
    let json: Value = serde_json::from_slice(json).map_err(|_| AvroError::Schema("it is no JSON"))?;
    let mut parser = Parser { names: HashMap::new(), types: 0 };
    parser.node(&json, "", 0)
}

struct Parser {
    names: HashMap<String, (Arc<Node>, usize)>,
    types: usize,
}

impl Parser {
    fn node(&mut self, json: &Value, namespace: &str, depth: usize) -> Result<Arc<Node>, AvroError> {
        self.types += 1;
        if depth > MAX_DEPTH || self.types > MAX_TYPES {
            return Err(AvroError::TooLarge("any manifest's schema"));
        }
        match json {
            Value::String(name) => self.named(name, namespace),
            Value::Array(branches) => {
                let nodes = branches.iter().map(|branch| self.node(branch, namespace, depth + 1));
                Ok(Arc::new(Node::Union(nodes.collect::<Result<_, _>>()?)))
            }
            Value::Object(_) => self.complex(json, namespace, depth),
            _ => Err(AvroError::Schema("a type is neither text nor an object")),
        }
    }

    fn complex(&mut self, json: &Value, namespace: &str, depth: usize) -> Result<Arc<Node>, AvroError> {
        let text = |key: &str| json.get(key).and_then(Value::as_str);
        let missing = |what| AvroError::Schema(what);
        let before = self.types;
        let full = text("name").map(|name| full_name(name, text("namespace").unwrap_or(namespace)));
        let node = match text("type") {
            Some("record" | "error") => {
                let full = full.clone().ok_or_else(|| missing("a record has no name"))?;
                let namespace = full.rsplit_once('.').map_or("", |(namespace, _)| namespace).to_owned();
                let fields = json
                    .get("fields")
                    .and_then(Value::as_array)
                    .ok_or_else(|| missing("a record has no fields"))?;
                let mut nodes = Vec::new();
                for field in fields {
                    let id =
                        field.get("field-id").and_then(Value::as_i64).and_then(|id| i32::try_from(id).ok());
                    let of = field.get("type").ok_or_else(|| missing("a field has no type"))?;
                    nodes.push((id.unwrap_or(NO_ID), self.node(of, &namespace, depth + 1)?));
                }
                Node::Record(nodes)
            }
            Some("array") => {
                let items = json.get("items").ok_or_else(|| missing("an array has no items"))?;
                Node::Array(self.node(items, namespace, depth + 1)?)
            }
            Some("map") => {
                let values = json.get("values").ok_or_else(|| missing("a map has no values"))?;
                Node::Map(self.node(values, namespace, depth + 1)?)
            }
            Some("fixed") => {
                let size =
                    json.get("size").and_then(Value::as_u64).and_then(|size| usize::try_from(size).ok());
                Node::Fixed(size.ok_or_else(|| missing("a fixed type has no size"))?)
            }
            Some("enum") => {
                let symbols = json
                    .get("symbols")
                    .and_then(Value::as_array)
                    .ok_or_else(|| missing("an enum has no symbols"))?;
                Node::Enum(symbols.len())
            }
            Some(name) => return self.named(name, namespace),
            // `{"type": {"type": …}}` and `{"type": ["null", …]}`
            None => {
                let inner = json.get("type").ok_or_else(|| missing("a type has no type"))?;
                return self.node(inner, namespace, depth + 1);
            }
        };
        let node = Arc::new(node);
        if let Some(full) = full.filter(|_| matches!(*node, Node::Record(_) | Node::Fixed(_) | Node::Enum(_)))
        {
            self.names.insert(full, (Arc::clone(&node), self.types - before));
        }
        Ok(node)
    }

    fn named(&mut self, name: &str, namespace: &str) -> Result<Arc<Node>, AvroError> {
        Ok(Arc::new(match name {
            "null" => Node::Null,
            "boolean" => Node::Boolean,
            "int" => Node::Int,
            "long" => Node::Long,
            "float" => Node::Float,
            "double" => Node::Double,
            "bytes" => Node::Bytes,
            "string" => Node::Text,
            _ => {
                let found = self.names.get(&full_name(name, namespace)).or_else(|| self.names.get(name));
                // A name within its own type is not found either: types that hold themselves are in no manifest.
                let (node, types) = found.ok_or(AvroError::Schema("a type is not known"))?;
                self.types += types;
                return Ok(Arc::clone(node));
            }
        }))
    }
}

fn full_name(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() { name.to_owned() } else { format!("{namespace}.{name}") }
}
