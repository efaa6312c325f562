//! The same columns under other names for the same types: field ids stand in the types of nested columns, too.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::{
    Array as _, ArrayRef, ListArray, MapArray, RecordBatch, RecordBatchOptions, StructArray, new_null_array,
};
use arrow_schema::{DataType, Fields, SchemaRef};

use super::RowsError;
use super::merge::same;

/// A column under a type that differs from its own at most in what is noted beside the fields. Copies no values.
pub(super) fn retyped(column: &ArrayRef, to: &DataType) -> Option<ArrayRef> {
    if column.data_type() == to {
        return Some(Arc::clone(column));
    }
    if !same(column.data_type(), to) {
        return None;
    }
    Some(match to {
        DataType::Struct(fields) => {
            let from = column.as_struct();
            let columns = of_fields(from.columns(), fields)?;
            let nulls = from.nulls().cloned();
            Arc::new(StructArray::try_new_with_length(fields.clone(), columns, nulls, from.len()).ok()?)
        }
        DataType::List(element) => {
            let from: &ListArray = column.as_list();
            let values = retyped(from.values(), element.data_type())?;
            let (offsets, nulls) = (from.offsets().clone(), from.nulls().cloned());
            Arc::new(ListArray::try_new(Arc::clone(element), offsets, values, nulls).ok()?)
        }
        DataType::Map(entries, sorted) => {
            let from = column.as_map();
            let values: ArrayRef = Arc::new(from.entries().clone());
            let values = retyped(&values, entries.data_type())?;
            let (offsets, nulls) = (from.offsets().clone(), from.nulls().cloned());
            let values = values.as_struct().clone();
            Arc::new(MapArray::try_new(Arc::clone(entries), offsets, values, nulls, *sorted).ok()?)
        }
        _ => return None,
    })
}

fn of_fields(columns: &[ArrayRef], fields: &Fields) -> Option<Vec<ArrayRef>> {
    columns.iter().zip(fields).map(|(column, field)| retyped(column, field.data_type())).collect()
}

/// Rows as another schema has them: columns by their names, null where there is none. Copies no values.
///
/// # Errors
/// [`RowsError::Type`], [`RowsError::Required`].
pub fn conform(rows: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, RowsError> {
    let columns = schema.fields().iter().map(|field| match rows.column_by_name(field.name()) {
        Some(column) => retyped(column, field.data_type()).ok_or_else(|| RowsError::Type {
            column: field.name().clone(),
            expected: column.data_type().clone(),
            found: field.data_type().clone(),
        }),
        None if field.is_nullable() => Ok(new_null_array(field.data_type(), rows.num_rows())),
        None => Err(RowsError::Required { column: field.name().clone() }),
    });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    batch(schema, columns, rows.num_rows())
}

/// Columns put together.
pub(super) fn batch(
    schema: &SchemaRef,
    columns: Vec<ArrayRef>,
    rows: usize,
) -> Result<RecordBatch, RowsError> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options).map_err(RowsError::arrow)
}
