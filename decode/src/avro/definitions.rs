//! Where each named type of a schema and its references is defined: the first pass over the texts. A registry hands
//! out references as whole texts in any order, and a text may repeat a definition that a reference holds too, so the
//! names are gathered before any type is built.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::parse::ParseError;

/// The definition of a named type, and the namespace around it.
#[derive(Clone, Copy)]
pub(super) struct Definition<'j> {
    pub(super) object: &'j Map<String, Value>,
    pub(super) kind: Kind,
}

/// The three types that have names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Record,
    Enum,
    Fixed,
}

impl Kind {
    /// The kind that a `type` names, if it names one.
    pub(super) fn of(name: &str) -> Option<Self> {
        match name {
            "record" | "error" => Some(Self::Record),
            "enum" => Some(Self::Enum),
            "fixed" => Some(Self::Fixed),
            _ => None,
        }
    }
}

/// All definitions by full name.
#[derive(Default)]
pub(super) struct Definitions<'j> {
    by_name: HashMap<String, Definition<'j>>,
}

impl<'j> Definitions<'j> {
    /// Adds every definition in `schema`, however deep (the JSON parser bounds the depth).
    ///
    /// # Errors
    /// When a name is defined twice in different ways, or a named type has no name.
    pub(super) fn gather(&mut self, schema: &'j Value, namespace: &str) -> Result<(), ParseError> {
        match schema {
            Value::Array(branches) => branches.iter().try_for_each(|branch| self.gather(branch, namespace)),
            Value::Object(object) => self.gather_object(object, namespace),
            _ => Ok(()),
        }
    }

    fn gather_object(&mut self, object: &'j Map<String, Value>, namespace: &str) -> Result<(), ParseError> {
        let Some(of_type) = object.get("type") else { return Ok(()) };
        let Value::String(name) = of_type else { return self.gather(of_type, namespace) };
        if let Some(kind) = Kind::of(name) {
            return self.define(object, kind, namespace);
        }
        for inner in ["items", "values"] {
            if let Some(inner) = object.get(inner) {
                self.gather(inner, namespace)?;
            }
        }
        Ok(())
    }

    fn define(
        &mut self,
        object: &'j Map<String, Value>,
        kind: Kind,
        namespace: &str,
    ) -> Result<(), ParseError> {
        let name = full_name_of(object, namespace)?;
        if let Some(known) = self.by_name.get(&name) {
            // The same words twice are one type; only a contradiction is an error.
            return if known.object == object { Ok(()) } else { Err(ParseError::Redefined { name }) };
        }
        let inside = namespace_of(&name).to_owned();
        self.by_name.insert(name, Definition { object, kind });
        let fields = object.get("fields").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for field in fields {
            if let Some(of_type) = field.get("type") {
                self.gather(of_type, &inside)?;
            }
        }
        Ok(())
    }

    /// The definition of a full name.
    pub(super) fn get(&self, full_name: &str) -> Option<Definition<'j>> {
        self.by_name.get(full_name).copied()
    }
}

/// The full name that a named type's object gives, by the rules of the Avro specification.
pub(super) fn full_name_of(object: &Map<String, Value>, enclosing: &str) -> Result<String, ParseError> {
    let name = object.get("name").and_then(Value::as_str).filter(|name| !name.is_empty());
    let name = name.ok_or(ParseError::Unnamed)?;
    let namespace = object.get("namespace").and_then(Value::as_str).unwrap_or(enclosing);
    Ok(full_name(name, namespace))
}

/// A name as it stands in a schema, made full: one with a dot is full already.
pub(super) fn full_name(name: &str, namespace: &str) -> String {
    match name.strip_prefix('.') {
        Some(bare) => bare.to_owned(),
        None if name.contains('.') || namespace.is_empty() => name.to_owned(),
        None => format!("{namespace}.{name}"),
    }
}

/// The namespace of a full name, empty where it has none.
pub(super) fn namespace_of(full_name: &str) -> &str {
    full_name.rsplit_once('.').map_or("", |(namespace, _)| namespace)
}

/// The name without its namespace.
pub(super) fn short_name(full_name: &str) -> &str {
    full_name.rsplit_once('.').map_or(full_name, |(_, name)| name)
}
