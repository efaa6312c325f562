//! Schema text to nodes. Written here rather than taken from `apache-avro`, whose parser panics on some texts (a
//! reference that wraps a named type), refuses schemas whose *defaults* do not fit (a reader of bytes needs none of
//! them, and registries hold many), and has no bound but the stack. It is the oracle of the tests instead.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::definitions::{Definition, Definitions, Kind, full_name, full_name_of, namespace_of, short_name};
use super::logical::logical;
use super::node::{Branch, Field, Node, NodeId};
use super::skip::Sized;

/// Nodes of one schema; the largest schemas seen in the wild have a few thousand.
const MAX_NODES: usize = 65_536;
/// Types inside types, names followed.
const MAX_DEPTH: usize = 128;
/// Bytes of a `fixed`; Kafka's largest record is far smaller than this allows.
const MAX_FIXED: u64 = 1 << 30;

/// Why a text is no Avro schema that can be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum ParseError {
    #[error("the text is not JSON")]
    NotJson(#[source] serde_json::Error),
    #[error("reference {name:?} is not JSON")]
    ReferenceNotJson { name: String, source: serde_json::Error },
    #[error("type {name:?} is defined twice, in different ways")]
    Redefined { name: String },
    #[error("a record, enum or fixed has no name")]
    Unnamed,
    #[error("type {name:?} is not defined in the schema or its references")]
    Unknown { name: String },
    #[error("{at} is not a type: {what}")]
    NotAType { at: String, what: &'static str },
    #[error("the schema has more than {MAX_NODES} types")]
    TooLarge,
    #[error("types are nested deeper than {MAX_DEPTH} at {at}")]
    TooDeep { at: String },
}

/// All nodes of a schema, and which of them a datum is.
pub(super) struct Parsed {
    pub(super) nodes: Vec<Node>,
    pub(super) root: NodeId,
    /// The full names of records, by node: for messages and for telling recursion.
    pub(super) names: HashMap<NodeId, String>,
    /// Which nodes take bytes.
    pub(super) sized: Sized,
}

/// Parses a schema and the texts it refers to.
pub(super) fn parse<'t>(
    text: &str,
    references: impl Iterator<Item = (&'t str, &'t str)>,
) -> Result<Parsed, ParseError> {
    let main: Value = serde_json::from_str(text).map_err(ParseError::NotJson)?;
    let references = references
        .map(|(name, text)| {
            serde_json::from_str::<Value>(text)
                .map_err(|source| ParseError::ReferenceNotJson { name: name.to_owned(), source })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let mut definitions = Definitions::default();
    definitions.gather(&main, "")?;
    for reference in &references {
        definitions.gather(reference, "")?;
    }
    let mut builder = Builder { definitions, nodes: Vec::new(), built: HashMap::new(), depth: 0 };
    let root = builder.schema(&main, "", "the schema")?;
    let names = builder.built.into_iter().map(|(name, id)| (id, name)).collect();
    let sized = Sized::of(&builder.nodes);
    Ok(Parsed { nodes: builder.nodes, root, names, sized })
}

struct Builder<'j> {
    definitions: Definitions<'j>,
    nodes: Vec<Node>,
    built: HashMap<String, NodeId>,
    depth: usize,
}

impl Builder<'_> {
    fn add(&mut self, node: Node) -> Result<NodeId, ParseError> {
        if self.nodes.len() >= MAX_NODES {
            return Err(ParseError::TooLarge);
        }
        let id = u32::try_from(self.nodes.len()).map_err(|_| ParseError::TooLarge)?;
        self.nodes.push(node);
        Ok(NodeId(id))
    }

    fn schema(&mut self, schema: &Value, namespace: &str, at: &str) -> Result<NodeId, ParseError> {
        if self.depth >= MAX_DEPTH {
            return Err(ParseError::TooDeep { at: at.to_owned() });
        }
        self.depth += 1;
        let id = match schema {
            Value::String(name) => self.named_by_word(name, namespace),
            Value::Array(branches) => self.union(branches, namespace, at),
            Value::Object(object) => self.object(object, namespace, at),
            _ => Err(not_a_type(at, "neither a name, nor an object, nor a list")),
        };
        self.depth -= 1;
        id
    }

    fn named_by_word(&mut self, name: &str, namespace: &str) -> Result<NodeId, ParseError> {
        match primitive(name) {
            Some(node) => self.add(node),
            None => self.resolve(name, namespace),
        }
    }

    /// The node of a named type, built at its first use.
    fn resolve(&mut self, name: &str, namespace: &str) -> Result<NodeId, ParseError> {
        let full = full_name(name, namespace);
        // A bare name that the namespace lacks may mean the type without one: older writers mean that.
        for candidate in [full.as_str(), name] {
            if let Some(id) = self.built.get(candidate) {
                return Ok(*id);
            }
            if let Some(definition) = self.definitions.get(candidate) {
                return self.define(candidate.to_owned(), definition);
            }
        }
        Err(ParseError::Unknown { name: full })
    }

    fn define(&mut self, full: String, definition: Definition<'_>) -> Result<NodeId, ParseError> {
        // The name is taken before the fields are built, so that they can refer to it.
        let id = self.add(Node::Null)?;
        self.built.insert(full.clone(), id);
        let node = match definition.kind {
            Kind::Record => self.record(definition.object, &full)?,
            Kind::Enum => enumeration(definition.object, &full)?,
            Kind::Fixed => fixed(definition.object, &full)?,
        };
        if let Some(place) = usize::try_from(id.0).ok().and_then(|index| self.nodes.get_mut(index)) {
            *place = node;
        }
        Ok(id)
    }

    fn object(
        &mut self,
        object: &Map<String, Value>,
        namespace: &str,
        at: &str,
    ) -> Result<NodeId, ParseError> {
        let Some(of_type) = object.get("type") else { return Err(not_a_type(at, "it has no \"type\"")) };
        let Value::String(word) = of_type else {
            let inner = self.schema(of_type, namespace, at)?;
            return self.annotated(inner, object);
        };
        match word.as_str() {
            "array" => {
                let items =
                    object.get("items").ok_or_else(|| not_a_type(at, "an array without \"items\""))?;
                let items = self.schema(items, namespace, at)?;
                self.add(Node::Array { items })
            }
            "map" => {
                let values =
                    object.get("values").ok_or_else(|| not_a_type(at, "a map without \"values\""))?;
                let values = self.schema(values, namespace, at)?;
                self.add(Node::Map { values })
            }
            word => match Kind::of(word) {
                Some(_) => self.resolve(&full_name_of(object, namespace)?, ""),
                None => {
                    let inner = self.named_by_word(word, namespace)?;
                    self.annotated(inner, object)
                }
            },
        }
    }

    /// The node itself, or its logical type where the object around it names one.
    fn annotated(&mut self, inner: NodeId, object: &Map<String, Value>) -> Result<NodeId, ParseError> {
        let base = usize::try_from(inner.0).ok().and_then(|index| self.nodes.get(index));
        match base.and_then(|base| logical(base, object)) {
            Some(node) => self.add(node),
            None => Ok(inner),
        }
    }

    fn union(&mut self, branches: &[Value], namespace: &str, at: &str) -> Result<NodeId, ParseError> {
        if branches.is_empty() {
            return Err(not_a_type(at, "a union of nothing"));
        }
        let mut built = Vec::with_capacity(branches.len());
        for branch in branches {
            if branch.is_array() {
                return Err(not_a_type(at, "a union directly inside a union"));
            }
            let node = self.schema(branch, namespace, at)?;
            built.push((self.branch_name(branch, namespace), node));
        }
        let shorts: Vec<String> = built.iter().map(|(full, _)| short_name(full).to_lowercase()).collect();
        let mut times: HashMap<&str, usize> = HashMap::with_capacity(shorts.len());
        shorts.iter().for_each(|short| *times.entry(short).or_default() += 1);
        let branches = built.iter().zip(&shorts).map(|((full, node), short)| {
            let alone = times.get(short.as_str()) == Some(&1);
            let name = if alone { short_name(full).to_owned() } else { full.replace('.', "_") };
            Branch { name: name.into(), node: *node }
        });
        let branches = branches.collect();
        self.add(Node::Union { branches })
    }

    /// The name of a branch: its base type, or the full name of a named type.
    fn branch_name(&self, branch: &Value, namespace: &str) -> String {
        match branch {
            Value::String(word) if primitive(word).is_some() => word.clone(),
            Value::String(word) => {
                let full = full_name(word, namespace);
                if self.built.contains_key(&full) { full } else { word.clone() }
            }
            Value::Object(object) => match object.get("type") {
                Some(Value::String(word)) if Kind::of(word).is_some() => {
                    full_name_of(object, namespace).unwrap_or_else(|_| word.clone())
                }
                Some(inner) if !matches!(inner.as_str(), Some("array" | "map")) => {
                    self.branch_name(inner, namespace)
                }
                Some(Value::String(word)) => word.clone(),
                _ => "union".to_owned(),
            },
            _ => "union".to_owned(),
        }
    }

    fn record(&mut self, object: &Map<String, Value>, full: &str) -> Result<Node, ParseError> {
        let list = object.get("fields").and_then(Value::as_array);
        let list = list.ok_or_else(|| not_a_type(full, "a record without a list of \"fields\""))?;
        let mut fields: Vec<Field> = Vec::with_capacity(list.len());
        let mut seen = std::collections::HashSet::with_capacity(list.len());
        for field in list {
            let name = field.get("name").and_then(Value::as_str).filter(|name| !name.is_empty());
            let name = name.ok_or_else(|| not_a_type(full, "a field without a name"))?;
            if !seen.insert(name) {
                return Err(not_a_type(full, "two fields of one name"));
            }
            let of_type = field.get("type").ok_or_else(|| not_a_type(full, "a field without a type"))?;
            let at = format!("field {name:?} of {full}");
            let node = self.schema(of_type, namespace_of(full), &at)?;
            fields.push(Field { name: name.into(), node });
        }
        Ok(Node::Record { fields: fields.into() })
    }
}

fn not_a_type(at: &str, what: &'static str) -> ParseError {
    ParseError::NotAType { at: at.to_owned(), what }
}

fn primitive(name: &str) -> Option<Node> {
    Some(match name {
        "null" => Node::Null,
        "boolean" => Node::Boolean,
        "int" => Node::Int,
        "long" => Node::Long,
        "float" => Node::Float,
        "double" => Node::Double,
        "bytes" => Node::Bytes,
        "string" => Node::String,
        _ => return None,
    })
}

fn enumeration(object: &Map<String, Value>, full: &str) -> Result<Node, ParseError> {
    let list = object.get("symbols").and_then(Value::as_array);
    let list = list.ok_or_else(|| not_a_type(full, "an enum without a list of \"symbols\""))?;
    let symbols = list.iter().map(|symbol| symbol.as_str().map(Box::from)).collect::<Option<Arc<[_]>>>();
    let symbols = symbols.ok_or_else(|| not_a_type(full, "a symbol of an enum is not a text"))?;
    Ok(Node::Enum { symbols })
}

fn fixed(object: &Map<String, Value>, full: &str) -> Result<Node, ParseError> {
    let size = object.get("size").and_then(Value::as_u64).filter(|size| *size <= MAX_FIXED);
    let size = size.and_then(|size| usize::try_from(size).ok());
    let size = size.ok_or_else(|| not_a_type(full, "a fixed without a usable \"size\""))?;
    let node = Node::Fixed { size };
    Ok(logical(&node, object).unwrap_or(node))
}
