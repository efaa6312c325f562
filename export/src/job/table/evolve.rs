//! A table's schema while a round is written: it grows in memory, and becomes the table's with the round's commit.

use std::sync::Arc;

use arrow_schema::{DataType, Field as ArrowField, SchemaRef};
use firnline_table::schema::primitive_from_arrow;
use firnline_table::{EvolveError, Field, Schema, SchemaChange, SchemaUpdate, Table, Type};

use super::TableError;
use crate::rows::{FIELD_ID, Grown, Layout};

/// A schema as it is, and as it grows.
#[derive(Debug, Clone)]
pub struct Evolving {
    update: SchemaUpdate,
    schema: Schema,
}

impl Evolving {
    /// The table's own.
    #[must_use]
    pub fn of(table: &Table) -> Self {
        Self { update: SchemaUpdate::of(&table.metadata), schema: table.metadata.current_schema().clone() }
    }

    /// The schema by now.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Its columns as Arrow has them, with their ids.
    ///
    /// # Errors
    /// A column of a type that is known by name only.
    pub fn arrow(&self) -> Result<SchemaRef, TableError> {
        Ok(Arc::new(self.schema.arrow().map_err(TableError::schema)?))
    }

    /// Grows as rows need it; gives the layout with the ids that new columns got.
    ///
    /// # Errors
    /// Where columns cannot become what they are to be.
    pub fn grow(&mut self, grown: &Grown) -> Result<Layout, TableError> {
        let mut update = self.update.clone();
        for column in &grown.widened {
            let field = field_of(&self.schema, column);
            let field = field.ok_or_else(|| {
                TableError::columns(format!("there is no column {} to widen", column.name()))
            })?;
            widen(&mut update, field, column)?;
        }
        for column in &grown.added {
            update.add(None, column)?;
        }
        self.schema = update.schema().map_err(TableError::schema)?;
        self.update = update;
        Ok(grown.layout.with_fields(self.arrow()?.fields())?)
    }

    /// What the table's schema becomes; `None` where it stays.
    ///
    /// # Errors
    /// Columns that cannot be a table's.
    pub fn change(&self) -> Result<Option<SchemaChange>, TableError> {
        self.update.clone().finish().map_err(TableError::schema)
    }
}

/// The table's column that an Arrow column is: by its id, or by its name where it has none.
fn field_of<'a>(schema: &'a Schema, column: &ArrowField) -> Option<&'a Field> {
    let id = column.metadata().get(FIELD_ID).and_then(|id| id.parse().ok());
    id.map_or_else(|| schema.column(column.name()), |id| schema.field(id))
}

/// Makes a field what it is to be, and all that is in it.
fn widen(update: &mut SchemaUpdate, field: &Field, to: &ArrowField) -> Result<(), TableError> {
    if field.required && to.is_nullable() {
        update.make_optional(field.id)?;
    }
    let differs = || {
        TableError::from(EvolveError::Incompatible {
            column: field.name.clone(),
            from: field.field_type.to_string(),
            to: to.data_type().to_string(),
        })
    };
    match (&field.field_type, to.data_type()) {
        (Type::Primitive(_), _) => {
            let wanted = primitive_from_arrow(to).ok_or_else(differs)?;
            Ok(update.widen(field.id, &wanted)?)
        }
        (Type::Struct(fields), DataType::Struct(wanted)) => {
            for part in wanted {
                match fields.iter().find(|known| known.name == *part.name()) {
                    Some(known) => widen(update, known, part)?,
                    None => {
                        update.add(Some(field.id), part)?;
                    }
                }
            }
            Ok(())
        }
        (Type::List(list), DataType::List(element)) => widen(update, &list.element, element),
        (Type::Map(map), DataType::Map(entries, _)) => match entries.data_type() {
            DataType::Struct(parts) => match parts.get(1) {
                Some(value) => widen(update, &map.value, value),
                None => Err(differs()),
            },
            _ => Err(differs()),
        },
        _ => Err(differs()),
    }
}
