//! Values of one schema into the columns of one table.

use arrow_schema::{DataType, Fields};

use crate::columns::RowBuilder;
use crate::error::{DecodeError, SchemaError};
use crate::schema::{Inner, WriterSchema};
use crate::{avro, json, protobuf};

/// Which field of a schema goes to which column. Made once for each schema and table.
pub struct Plan {
    kind: Kind,
}

enum Kind {
    Avro(avro::Plan),
    Protobuf(protobuf::Plan),
    Json(json::Plan),
}

impl Plan {
    /// A plan for columns of the types `target`. `place` is asked for each field at the top, by its path and type, and tells the
    /// column that it goes to, if any; fields of structs go to those of the same name but for upper and lower case. Columns
    /// that nothing goes to are null.
    ///
    /// # Errors
    /// Where a field does not fit the column that it is given ([`crate::fits`]), or two are given one.
    pub fn new(
        schema: &WriterSchema,
        message_index: &[i32],
        target: &Fields,
        place: &dyn Fn(&[&str], &DataType) -> Option<usize>,
    ) -> Result<Self, SchemaError> {
        let kind = match &schema.inner {
            Inner::Avro(schema) => Kind::Avro(avro::Plan::new(schema, target, place)?),
            Inner::Protobuf { .. } => {
                Kind::Protobuf(protobuf::Plan::new(&schema.message(message_index)?, target, place)?)
            }
            Inner::Json(schema) => Kind::Json(json::Plan::new(schema, target, place)?),
        };
        Ok(Self { kind })
    }

    /// Gives each column one more value; [`RowBuilder::end_row`] then makes a row of them.
    ///
    /// # Errors
    /// Where the bytes are not one value of the schema. What was given so far is still there: [`RowBuilder::roll_back`].
    #[inline]
    pub fn decode(&self, payload: &[u8], row: &mut RowBuilder) -> Result<(), DecodeError> {
        let columns = row.columns_mut();
        match &self.kind {
            Kind::Avro(plan) => plan.decode(payload, columns),
            Kind::Protobuf(plan) => plan.decode(payload, columns),
            Kind::Json(plan) => plan.decode(payload, columns),
        }
    }
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan").finish_non_exhaustive()
    }
}
