//! Avro: datums (the bytes of one value, without a file around them) to rows of columns.
//!
//! Promises: one datum becomes exactly one value in each column, or one [`DecodeError`] that says what is wrong and
//! where; all of its bytes are used, none twice; no bytes make it panic, loop or take memory out of proportion to
//! their length. Reads with the writer's own schema: what a table's columns are named and whether they fit is
//! decided once, in [`Plan::new`], and there is no reader schema, no default and no alias.
//!
//! Leaves to others: framing, the registry, rolling back a row after an error.

mod compile;
mod cursor;
mod definitions;
mod logical;
mod node;
mod parse;
mod plan;
mod read;
mod shape;
mod skip;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use arrow_schema::{DataType, Fields};

use self::cursor::Cursor;
use self::parse::Parsed;
use self::plan::Root;
use self::read::Reader;
use crate::columns::Column;
use crate::omitted::Omitted;
use crate::{DecodeError, Reference, SchemaError, invalid};

/// A parsed Avro schema; cheap to clone.
#[derive(Clone)]
pub struct Schema {
    inner: Arc<Inner>,
}

struct Inner {
    parsed: Parsed,
    fields: Fields,
    omitted: Vec<Omitted>,
}

impl Schema {
    /// Parses a schema and the schemas it refers to, in any order.
    ///
    /// # Errors
    /// When a text is not JSON or not an Avro schema, a name is not defined or defined in two ways, or the schema
    /// has more types or columns than a table can have.
    pub fn parse(text: &str, references: &[Reference]) -> Result<Self, SchemaError> {
        let references =
            references.iter().map(|reference| (reference.name.as_str(), reference.text.as_str()));
        let parsed = parse::parse(text, references).map_err(invalid)?;
        let shape = shape::shape(&parsed).map_err(invalid)?;
        let inner = Inner { parsed, fields: shape.fields, omitted: shape.omitted };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The columns of a value: nullable, names as written.
    #[must_use]
    pub fn fields(&self) -> &Fields {
        &self.inner.fields
    }

    /// What has no column.
    #[must_use]
    pub fn omitted(&self) -> &[Omitted] {
        &self.inner.omitted
    }
}

/// How datums of one schema become rows of one table.
pub struct Plan {
    schema: Schema,
    root: Root,
}

impl Plan {
    /// Compiles a schema for columns of the types `target`. `place` tells the column of each field at the top, if
    /// it has one; fields inside go to columns of the same name but for upper and lower case.
    ///
    /// # Errors
    /// When a field does not fit the column it is given, or two fields are given one.
    pub fn new(
        schema: &Schema,
        target: &Fields,
        place: &dyn Fn(&[&str], &DataType) -> Option<usize>,
    ) -> Result<Self, SchemaError> {
        let root = compile::compile(&schema.inner.parsed, &schema.inner.fields, target, place);
        Ok(Self { schema: schema.clone(), root: root.map_err(invalid)? })
    }

    /// Reads one datum into one more value of each column.
    ///
    /// # Errors
    /// When the bytes are not exactly one value of the schema. Some columns then have a value more than others.
    pub fn decode(&self, datum: &[u8], columns: &mut [Column]) -> Result<(), DecodeError> {
        let mut reader = Reader { schema: &self.schema.inner.parsed, cursor: Cursor::new(datum) };
        Ok(reader.root(&self.root, columns)?)
    }
}
