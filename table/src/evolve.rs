//! Changing a table's columns so that every file written before stays readable: columns are added, widened, made optional and
//! renamed. Ids are never used again, also not those of columns that somebody dropped.

use crate::metadata::TableMetadata;
use crate::schema::{Schema, SchemaError, from_arrow};
use crate::types::{Field, PrimitiveType, Type};
use arrow_schema::{Field as ArrowField, Fields};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A change that cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvolveError {
    /// A column that is not there.
    #[error("there is no column with the id {0}")]
    NoField(i32),
    /// A name that is taken.
    #[error("there is a column `{0}` already; add it under another name")]
    Taken(String),
    /// A type that values of the old one are not values of.
    #[error("column `{column}` cannot become {to} from {from}; add a column under another name")]
    Incompatible {
        /// The column.
        column: String,
        /// Its type.
        from: String,
        /// The type wanted.
        to: String,
    },
    /// A column that rows have no value for.
    #[error("column `{0}` cannot be required: the rows that are there have no value of it")]
    Required(String),
    /// A place for columns that is none.
    #[error("the field with the id {0} is no struct that columns could be added to")]
    NoStruct(i32),
    /// A column that identifies rows.
    #[error("column `{0}` identifies rows and cannot become optional")]
    Identifier(String),
    /// Columns that cannot be a table's.
    #[error(transparent)]
    Schema(#[from] SchemaError),
}

/// A schema that follows on another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SchemaChange {
    /// The schema that it was made for: it is refused on another.
    pub base_schema_id: i32,
    /// The highest column id before.
    pub base_last_column_id: i32,
    /// The new schema. Its number is not final: a table that has the same columns already keeps their number.
    pub schema: Schema,
    /// The highest column id ever given.
    pub last_column_id: i32,
}

/// A schema under change.
#[derive(Clone, Debug)]
pub struct SchemaUpdate {
    base: Schema,
    base_last_column_id: i32,
    next_schema_id: i32,
    fields: Vec<Field>,
    identifiers: Vec<i32>,
    last_column_id: i32,
}

impl SchemaUpdate {
    /// Begins with a table's current schema.
    #[must_use]
    pub fn of(metadata: &TableMetadata) -> Self {
        let base = metadata.current_schema().clone();
        let next_schema_id = metadata.schemas().iter().map(Schema::id).max().unwrap_or(0).saturating_add(1);
        Self {
            fields: base.fields().to_vec(),
            identifiers: base.identifier_field_ids().to_vec(),
            base,
            base_last_column_id: metadata.last_column_id(),
            next_schema_id,
            last_column_id: metadata.last_column_id(),
        }
    }

    /// The columns as they are by now.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Adds a column at the end, of the type that an Arrow field has; to the table, or to the struct with the id `parent`.
    /// Gives its id. What lies in it gets ids, too.
    ///
    /// # Errors
    /// A name that is taken, a type that no column has, a field that may not be null, a parent that is no struct.
    pub fn add(&mut self, parent: Option<i32>, field: &ArrowField) -> Result<i32, EvolveError> {
        let mut last = self.last_column_id;
        let columns = from_arrow(&Fields::from(vec![Arc::new(field.clone())]), &mut last)?;
        let column = columns.into_iter().next().ok_or(SchemaError::TooLarge)?;
        if column.required {
            return Err(EvolveError::Required(column.name));
        }
        let siblings = match parent {
            None => &mut self.fields,
            Some(id) => match find(&mut self.fields, id).map(|parent| &mut parent.field_type) {
                Some(Type::Struct(fields)) => fields,
                _ => return Err(EvolveError::NoStruct(id)),
            },
        };
        if siblings.iter().any(|sibling| sibling.name == column.name) {
            return Err(EvolveError::Taken(column.name));
        }
        let id = column.id;
        siblings.push(column);
        self.last_column_id = last;
        Ok(id)
    }

    /// Gives a column a wider type. The type that it has already is fine.
    ///
    /// # Errors
    /// A type that does not hold all values of the old one.
    pub fn widen(&mut self, id: i32, to: &PrimitiveType) -> Result<(), EvolveError> {
        let field = find(&mut self.fields, id).ok_or(EvolveError::NoField(id))?;
        match &field.field_type {
            Type::Primitive(from) if from == to => Ok(()),
            Type::Primitive(from) if from.widens_to(to) => {
                field.field_type = Type::Primitive(to.clone());
                Ok(())
            }
            from => Err(EvolveError::Incompatible {
                column: field.name.clone(),
                from: from.to_string(),
                to: to.to_string(),
            }),
        }
    }

    /// Lets a column be null.
    ///
    /// # Errors
    /// A column that identifies rows, or is not there.
    pub fn make_optional(&mut self, id: i32) -> Result<(), EvolveError> {
        let identifies = self.identifiers.contains(&id);
        let field = find(&mut self.fields, id).ok_or(EvolveError::NoField(id))?;
        if identifies {
            return Err(EvolveError::Identifier(field.name.clone()));
        }
        field.required = false;
        Ok(())
    }

    /// Gives a column another name; its id stays, and so does what is in it.
    ///
    /// # Errors
    /// A name that is taken, a column that is not there.
    pub fn rename(&mut self, id: i32, name: &str) -> Result<(), EvolveError> {
        let siblings = siblings(&mut self.fields, id).ok_or(EvolveError::NoField(id))?;
        if siblings.iter().any(|sibling| sibling.id != id && sibling.name == name) {
            return Err(EvolveError::Taken(name.to_owned()));
        }
        let field = siblings.iter_mut().find(|field| field.id == id).ok_or(EvolveError::NoField(id))?;
        name.clone_into(&mut field.name);
        Ok(())
    }

    /// The schema as it would be.
    ///
    /// # Errors
    /// Columns that cannot be a table's.
    pub fn schema(&self) -> Result<Schema, SchemaError> {
        Schema::new(self.next_schema_id, self.fields.clone(), self.identifiers.clone())
    }

    /// The change, `None` where there is none.
    ///
    /// # Errors
    /// Columns that cannot be a table's.
    pub fn finish(self) -> Result<Option<SchemaChange>, SchemaError> {
        let schema = self.schema()?;
        if schema.same_columns(&self.base) {
            return Ok(None);
        }
        Ok(Some(SchemaChange {
            base_schema_id: self.base.id(),
            base_last_column_id: self.base_last_column_id,
            schema,
            last_column_id: self.last_column_id,
        }))
    }
}

fn find(fields: &mut [Field], id: i32) -> Option<&mut Field> {
    for field in fields {
        if field.id == id {
            return Some(field);
        }
        if let Some(found) = find_in(&mut field.field_type, id) {
            return Some(found);
        }
    }
    None
}

fn find_in(within: &mut Type, id: i32) -> Option<&mut Field> {
    for part in within.parts_mut() {
        if part.id == id {
            return Some(part);
        }
        if let Some(found) = find_in(&mut part.field_type, id) {
            return Some(found);
        }
    }
    None
}

/// The struct's fields, or the table's, that the field with this id is one of. Elements, keys and values are of none.
fn siblings(fields: &mut Vec<Field>, id: i32) -> Option<&mut Vec<Field>> {
    if fields.iter().any(|field| field.id == id) {
        return Some(fields);
    }
    fields.iter_mut().find_map(|field| siblings_in(&mut field.field_type, id))
}

fn siblings_in(within: &mut Type, id: i32) -> Option<&mut Vec<Field>> {
    match within {
        Type::Primitive(_) => None,
        Type::Struct(fields) => siblings(fields, id),
        Type::List(list) => siblings_in(&mut list.element.field_type, id),
        Type::Map(map) => {
            let parts = map.as_mut();
            siblings_in(&mut parts.key.field_type, id)
                .or_else(|| siblings_in(&mut parts.value.field_type, id))
        }
    }
}

#[cfg(test)]
mod tests;
