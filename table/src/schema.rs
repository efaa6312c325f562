//! A table's columns.
//!
//! Schemas of others are read as they are, as long as no id stands for two things; those made here obey the specification's
//! rules. Everything finds columns by id, never by name.

mod arrow;

pub use arrow::{FIELD_ID, from_arrow, primitive_from_arrow};

use crate::types::{Field, PrimitiveType, Type, TypeError, fields_from_json, fields_to_json};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The deepest nesting of a column's type.
pub(crate) const MAX_DEPTH: usize = 64;

/// The most columns and parts of columns in one schema.
pub(crate) const MAX_FIELDS: usize = 100_000;

/// The lowest of the ids that the specification keeps for its own columns.
const FIRST_RESERVED_ID: i32 = i32::MAX - 200;

/// Columns that cannot be a table's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// One id for two fields.
    #[error("field id {0} stands for more than one field")]
    TwiceId(i32),
    /// An id that is not positive, or is one of the specification's own.
    #[error("field id {0} cannot be used")]
    BadId(i32),
    /// Two columns of one name.
    #[error("there is more than one column `{0}`; rename one")]
    TwiceName(String),
    /// A name that is empty.
    #[error("the field with id {0} has no name")]
    NoName(i32),
    /// A column that identifies rows and cannot.
    #[error("field id {id} cannot identify rows: {why}")]
    Identifier {
        /// The field.
        id: i32,
        /// Why not.
        why: &'static str,
    },
    /// An Arrow type that no column has.
    #[error("column `{column}` has the Arrow type {data_type}, which no column of a table can have")]
    Arrow {
        /// The column, with the names of the columns around it.
        column: String,
        /// Its type.
        data_type: String,
    },
    /// A column that is known by name only.
    #[error("column `{column}` has the type {column_type}, which this program neither reads nor writes")]
    NotKnown {
        /// The column.
        column: String,
        /// Its type.
        column_type: String,
    },
    /// Types within types beyond all reason.
    #[error("types are nested deeper than {MAX_DEPTH} levels, or there are more than {MAX_FIELDS} fields")]
    TooLarge,
    /// JSON that is no schema.
    #[error(transparent)]
    Type(#[from] TypeError),
    /// JSON that is no schema.
    #[error("a schema has no usable `{0}`")]
    Json(&'static str),
}

/// Columns, by ids.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    id: i32,
    fields: Vec<Field>,
    identifier_field_ids: Vec<i32>,
    extra: Map<String, Value>,
    paths: BTreeMap<i32, Vec<usize>>,
}

impl Schema {
    /// Columns of a new schema. `identifier_field_ids` are the columns whose values identify a row.
    ///
    /// # Errors
    /// Ids or names that are used twice; identifiers that are not required, not primitive, floating, or within a list or map.
    pub fn new(id: i32, fields: Vec<Field>, identifier_field_ids: Vec<i32>) -> Result<Self, SchemaError> {
        let schema = Self::read(id, fields, identifier_field_ids, Map::new())?;
        schema.check()?;
        Ok(schema)
    }

    /// The same without the rules that old tables break.
    fn read(
        id: i32,
        fields: Vec<Field>,
        identifier_field_ids: Vec<i32>,
        extra: Map<String, Value>,
    ) -> Result<Self, SchemaError> {
        let mut paths = BTreeMap::new();
        index(&fields, &mut Vec::new(), &mut paths)?;
        Ok(Self { id, fields, identifier_field_ids, extra, paths })
    }

    fn check(&self) -> Result<(), SchemaError> {
        check_names(&self.fields)?;
        for &id in self.paths.keys() {
            if id <= 0 || id >= FIRST_RESERVED_ID {
                return Err(SchemaError::BadId(id));
            }
        }
        for &id in &self.identifier_field_ids {
            let bad = |why| SchemaError::Identifier { id, why };
            let path = self.paths.get(&id).ok_or_else(|| bad("there is no such field"))?;
            let mut fields = self.fields.iter().collect::<Vec<_>>();
            for (depth, &index) in path.iter().enumerate() {
                let field = *fields.get(index).ok_or_else(|| bad("there is no such field"))?;
                if !field.required {
                    return Err(bad("it, or what it lies in, may be null"));
                }
                let last = depth + 1 == path.len();
                match &field.field_type {
                    Type::Primitive(PrimitiveType::Float | PrimitiveType::Double) => {
                        return Err(bad("floating-point numbers are not equal to themselves"));
                    }
                    Type::Primitive(_) => {}
                    Type::Struct(_) if !last => {}
                    _ => {
                        return Err(bad(
                            "only columns without parts, at the top or in structs, identify rows",
                        ));
                    }
                }
                fields = field.field_type.parts();
            }
        }
        Ok(())
    }

    /// Its number among the table's schemas.
    #[must_use]
    pub fn id(&self) -> i32 {
        self.id
    }

    /// The columns.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The columns whose values identify a row.
    #[must_use]
    pub fn identifier_field_ids(&self) -> &[i32] {
        &self.identifier_field_ids
    }

    /// The column, or part of one, that has this id.
    #[must_use]
    pub fn field(&self, id: i32) -> Option<&Field> {
        let (first, rest) = self.paths.get(&id)?.split_first()?;
        let mut field = self.fields.get(*first)?;
        for &index in rest {
            field = match &field.field_type {
                Type::Primitive(_) => return None,
                Type::Struct(fields) => fields.get(index)?,
                Type::List(list) => Some(&list.element).filter(|_| index == 0)?,
                Type::Map(map) => [&map.key, &map.value].get(index)?,
            };
        }
        Some(field)
    }

    /// The column of this name, upper and lower case as it is.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The column, or part of one, by names with dots between them.
    #[must_use]
    pub fn by_path(&self, path: &str) -> Option<&Field> {
        self.paths
            .keys()
            .find(|id| self.path_name(**id).as_deref() == Some(path))
            .and_then(|id| self.field(*id))
    }

    /// The names of what a field lies in and its own, with dots between them.
    #[must_use]
    pub fn path_name(&self, id: i32) -> Option<String> {
        let mut names = Vec::new();
        let mut fields: Vec<&Field> = self.fields.iter().collect();
        for &index in self.paths.get(&id)? {
            let field = *fields.get(index)?;
            names.push(field.name.as_str());
            fields = field.field_type.parts();
        }
        Some(names.join("."))
    }

    /// Whether a field lies within a list or a map, where a row has more than one value of it.
    pub(crate) fn is_repeated(&self, id: i32) -> bool {
        let Some(path) = self.paths.get(&id) else { return false };
        let mut fields: Vec<&Field> = self.fields.iter().collect();
        for &index in path.iter().take(path.len().saturating_sub(1)) {
            let Some(field) = fields.get(index) else { return false };
            if matches!(field.field_type, Type::List(_) | Type::Map(_)) {
                return true;
            }
            fields = field.field_type.parts();
        }
        false
    }

    /// Every id in it.
    pub fn ids(&self) -> impl Iterator<Item = i32> {
        self.paths.keys().copied()
    }

    /// The highest id in it, 0 where it has no columns.
    #[must_use]
    pub fn highest_id(&self) -> i32 {
        self.paths.last_key_value().map_or(0, |(id, _)| *id)
    }

    /// The same under another number.
    #[must_use]
    pub fn with_id(&self, id: i32) -> Self {
        Self { id, ..self.clone() }
    }

    /// Whether the other one has the same columns, whatever its number.
    #[must_use]
    pub fn same_columns(&self, other: &Self) -> bool {
        self.fields == other.fields && self.identifier_field_ids == other.identifier_field_ids
    }

    /// The lowest format version that has all its types.
    #[must_use]
    pub fn format_version(&self) -> u8 {
        let fields =
            self.ids().filter_map(|id| self.field(id)?.primitive().map(PrimitiveType::format_version));
        fields.max().unwrap_or(2)
    }

    /// All ids renumbered, 1 and up, in the order in which other writers do it: a struct's fields before what is in them.
    pub(crate) fn with_fresh_ids(&self) -> Result<(Self, BTreeMap<i32, i32>), SchemaError> {
        let (mut fields, mut next, mut new_ids) = (self.fields.clone(), 0, BTreeMap::new());
        renumber(fields.iter_mut().collect(), &mut next, &mut new_ids);
        let identifiers =
            self.identifier_field_ids.iter().filter_map(|id| new_ids.get(id).copied()).collect();
        Ok((Self::read(self.id, fields, identifiers, self.extra.clone())?, new_ids))
    }
}

fn renumber(mut fields: Vec<&mut Field>, next: &mut i32, new_ids: &mut BTreeMap<i32, i32>) {
    for field in &mut fields {
        *next = next.saturating_add(1);
        new_ids.insert(field.id, *next);
        field.id = *next;
    }
    for field in fields {
        renumber(field.field_type.parts_mut(), next, new_ids);
    }
}

fn index(
    fields: &[Field],
    path: &mut Vec<usize>,
    paths: &mut BTreeMap<i32, Vec<usize>>,
) -> Result<(), SchemaError> {
    let fields: Vec<&Field> = fields.iter().collect();
    index_parts(&fields, path, paths)
}

fn index_parts(
    fields: &[&Field],
    path: &mut Vec<usize>,
    paths: &mut BTreeMap<i32, Vec<usize>>,
) -> Result<(), SchemaError> {
    if path.len() >= MAX_DEPTH || paths.len() >= MAX_FIELDS {
        return Err(SchemaError::TooLarge);
    }
    for (position, field) in fields.iter().enumerate() {
        path.push(position);
        if paths.insert(field.id, path.clone()).is_some() {
            return Err(SchemaError::TwiceId(field.id));
        }
        index_parts(&field.field_type.parts(), path, paths)?;
        path.pop();
    }
    Ok(())
}

fn check_names(fields: &[Field]) -> Result<(), SchemaError> {
    let mut names = BTreeSet::new();
    for field in fields {
        if field.name.is_empty() {
            return Err(SchemaError::NoName(field.id));
        }
        if !names.insert(field.name.as_str()) {
            return Err(SchemaError::TwiceName(field.name.clone()));
        }
    }
    fields.iter().try_for_each(|field| check_parts(&field.field_type))
}

fn check_parts(of: &Type) -> Result<(), SchemaError> {
    match of {
        Type::Primitive(_) => Ok(()),
        Type::Struct(fields) => check_names(fields),
        Type::List(list) => check_parts(&list.element.field_type),
        Type::Map(map) => check_parts(&map.key.field_type).and_then(|()| check_parts(&map.value.field_type)),
    }
}

impl Serialize for Schema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut json = self.extra.clone();
        json.insert("type".to_owned(), json!("struct"));
        json.insert("schema-id".to_owned(), json!(self.id));
        json.insert("fields".to_owned(), fields_to_json(&self.fields));
        if !self.identifier_field_ids.is_empty() {
            json.insert("identifier-field-ids".to_owned(), json!(self.identifier_field_ids));
        }
        json.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Schema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut json = Map::deserialize(deserializer)?;
        schema_from_json(&mut json).map_err(D::Error::custom)
    }
}

fn schema_from_json(json: &mut Map<String, Value>) -> Result<Schema, SchemaError> {
    let id = match json.remove("schema-id") {
        None | Some(Value::Null) => 0,
        Some(id) => {
            id.as_i64().and_then(|id| i32::try_from(id).ok()).ok_or(SchemaError::Json("schema-id"))?
        }
    };
    let identifiers = match json.remove("identifier-field-ids") {
        None | Some(Value::Null) => Vec::new(),
        Some(ids) => serde_json::from_value(ids).map_err(|_| SchemaError::Json("identifier-field-ids"))?,
    };
    let fields = json.remove("fields").ok_or(SchemaError::Json("fields"))?;
    let fields = fields_from_json(fields.as_array().ok_or(SchemaError::Json("fields"))?)?;
    json.remove("type");
    Schema::read(id, fields, identifiers, std::mem::take(json))
}

#[cfg(test)]
mod tests;
