//! JSON: one value to one row of columns, strictly.
//!
//! Promises: a payload is exactly one value, or an error; nothing is guessed: `1.5` is no whole number, `"15"` no number, a key that
//! comes twice an error, and a number that does not fit is told. `1.0` is a whole number. What a schema leaves open (a field of
//! several types, an object without properties) is kept as JSON text, as it was written. Fields that the schema does not have are
//! skipped, those that a value does not have are null.
//!
//! Dates and times are texts of RFC 3339; bytes are base64, a UUID may be written as one. A decimal may be written as a text, too, as
//! those write it who do not trust floats. A whole number written with a point or an exponent is taken up to 2^53, where it is
//! certain which one it is.

mod compile;
mod document;
mod infer;
#[cfg(test)]
mod oracle;
mod read;
mod scalar;
mod schema;
#[cfg(test)]
mod tests;
mod time;

use arrow_schema::{DataType, Fields};
use std::sync::Arc;

use crate::Omitted;
use crate::columns::Column;
use crate::error::{DecodeError, Reference, SchemaError, invalid};
use compile::Root;

pub use infer::Inference;
pub(crate) use schema::{IS_JSON, as_json, map_of};

/// A schema of JSON values. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Schema {
    inner: Arc<Inner>,
}

struct Inner {
    fields: Fields,
    /// Whether a value is an object of the fields, or the one field itself.
    is_object: bool,
    omitted: Vec<Omitted>,
}

impl Schema {
    /// Reads a JSON Schema.
    pub(crate) fn parse(text: &str, references: &[Reference]) -> Result<Self, SchemaError> {
        let schema::Parsed { fields, is_object, omitted } =
            schema::parse(text, references).map_err(invalid)?;
        Ok(Self { inner: Arc::new(Inner { fields, is_object, omitted }) })
    }

    /// Objects with these fields.
    pub(crate) fn declared(fields: &Fields) -> Self {
        Self { inner: Arc::new(Inner { fields: fields.clone(), is_object: true, omitted: Vec::new() }) }
    }

    /// The columns of a value.
    pub(crate) fn fields(&self) -> &Fields {
        &self.inner.fields
    }

    /// What has no column.
    pub(crate) fn omitted(&self) -> &[Omitted] {
        &self.inner.omitted
    }
}

/// Which field goes to which column.
pub(crate) struct Plan {
    root: Root,
    is_object: bool,
}

impl Plan {
    pub(crate) fn new(
        schema: &Schema,
        target: &Fields,
        place: &dyn Fn(&[&str], &DataType) -> Option<usize>,
    ) -> Result<Self, SchemaError> {
        let root = compile::compile(&schema.inner.fields, target, place).map_err(invalid)?;
        Ok(Self { root, is_object: schema.inner.is_object })
    }

    pub(crate) fn decode(&self, payload: &[u8], columns: &mut [Column]) -> Result<(), DecodeError> {
        read::value(payload, &self.root, self.is_object, columns)
    }
}
