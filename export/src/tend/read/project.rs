//! A file's columns as the table's columns of today: matched by id, on every level, widened where they have grown.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::{Array, ArrayRef, ListArray, MapArray, RecordBatch, StructArray, new_null_array};
use arrow_schema::{DataType, Field, Fields, SchemaRef};

use super::error::FileReadError;
use crate::cdc::{WidenError, widen};

/// Where Parquet's field ids stand in Arrow.
const FIELD_ID: &str = "PARQUET:field_id";

/// A field's id, where it has one.
#[must_use]
pub fn field_id(field: &Field) -> Option<i32> {
    field.metadata().get(FIELD_ID)?.parse().ok()
}

/// Rows of a file in the columns of `schema`. Columns that the file does not have are null.
///
/// # Errors
/// Where a column of the file has a type that does not widen into the table's.
pub fn project(
    location: &str,
    batch: &RecordBatch,
    schema: &SchemaRef,
) -> Result<RecordBatch, FileReadError> {
    let from = batch.schema();
    let columns = children(from.fields(), batch.columns(), schema.fields(), batch.num_rows());
    let columns = columns.map_err(|error| FileReadError::decode(location, error))?;
    let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
        .map_err(|error| FileReadError::decode(location, error))
}

fn children(
    from: &Fields,
    columns: &[ArrayRef],
    into: &Fields,
    rows: usize,
) -> Result<Vec<ArrayRef>, WidenError> {
    let one = |field: &Arc<Field>| {
        let place = match field_id(field) {
            Some(id) => from.iter().position(|other| field_id(other) == Some(id)),
            None => from.iter().position(|other| other.name() == field.name()),
        };
        match place.and_then(|at| from.get(at).zip(columns.get(at))) {
            Some((other, column)) => convert(other, column, field),
            None => Ok(new_null_array(field.data_type(), rows)),
        }
    };
    into.iter().map(one).collect()
}

fn convert(from: &Field, array: &ArrayRef, into: &Field) -> Result<ArrayRef, WidenError> {
    if array.data_type() == into.data_type() {
        return Ok(Arc::clone(array));
    }
    match (from.data_type(), into.data_type()) {
        (DataType::Struct(old), DataType::Struct(new)) => {
            let array = array.as_struct();
            let columns = children(old, array.columns(), new, array.len())?;
            let made =
                StructArray::try_new_with_length(new.clone(), columns, array.nulls().cloned(), array.len())?;
            Ok(Arc::new(made))
        }
        (DataType::List(old), DataType::List(new)) => {
            let array = array.as_list::<i32>();
            let values = convert(old, array.values(), new)?;
            let (offsets, nulls) = (array.offsets().clone(), array.nulls().cloned());
            Ok(Arc::new(ListArray::try_new(Arc::clone(new), offsets, values, nulls)?))
        }
        (DataType::Map(old, _), DataType::Map(new, sorted)) => {
            let array = array.as_map();
            let (DataType::Struct(old), DataType::Struct(pair)) = (old.data_type(), new.data_type()) else {
                return widen(&(Arc::new(array.clone()) as ArrayRef), into.data_type());
            };
            let columns = array.entries().columns().iter().zip(old).zip(pair);
            let columns = columns.map(|((column, old), new)| convert(old, column, new));
            let pairs = StructArray::try_new(pair.clone(), columns.collect::<Result<_, _>>()?, None)?;
            let (offsets, nulls) = (array.offsets().clone(), array.nulls().cloned());
            Ok(Arc::new(MapArray::try_new(Arc::clone(new), offsets, pairs, nulls, *sorted)?))
        }
        _ => widen(array, into.data_type()),
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::types::Int64Type;
    use arrow_array::{Int32Array, StringArray};
    use arrow_schema::Schema;

    use super::*;

    fn field(name: &str, data_type: DataType, id: i32) -> Field {
        Field::new(name, data_type, true).with_metadata([(FIELD_ID.to_owned(), id.to_string())])
    }

    #[test]
    fn columns_are_found_by_id_whatever_they_are_called() {
        let inner: Fields = vec![field("x", DataType::Int32, 4)].into();
        let xs: ArrayRef = Arc::new(Int32Array::from(vec![1, 2]));
        let pair: ArrayRef = Arc::new(StructArray::new(inner.clone(), vec![xs], None));
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
        let old = Schema::new(vec![field("a", DataType::Utf8, 1), field("s", DataType::Struct(inner), 2)]);
        let batch = RecordBatch::try_new(Arc::new(old), vec![texts, pair]).unwrap();
        let inner: Fields = vec![field("new", DataType::Utf8, 5), field("y", DataType::Int64, 4)].into();
        let new = Arc::new(Schema::new(vec![
            field("t", DataType::Struct(inner), 2),
            field("a", DataType::Utf8, 9),
            field("b", DataType::Utf8, 1),
        ]));
        let made = project("f", &batch, &new).unwrap();
        let pair = made.column(0).as_struct();
        assert_eq!(pair.column(1).as_primitive::<Int64Type>().values(), &[1, 2]);
        assert_eq!(pair.column(0).null_count(), 2);
        assert_eq!(made.column(1).null_count(), 2, "another column of the same name");
        assert_eq!(made.column(2).as_string::<i32>().value(1), "b");
    }

    #[test]
    fn a_column_that_does_not_widen_is_an_error_that_names_the_file() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["a"]));
        let old = Schema::new(vec![field("a", DataType::Utf8, 1)]);
        let batch = RecordBatch::try_new(Arc::new(old), vec![texts]).unwrap();
        let new = Arc::new(Schema::new(vec![field("a", DataType::Int32, 1)]));
        assert!(project("the file", &batch, &new).unwrap_err().to_string().contains("the file"));
    }
}
