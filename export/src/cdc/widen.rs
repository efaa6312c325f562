//! Columns of one schema in the shape of another that has grown out of it: wider numbers, more columns.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, Decimal128Array, ListArray, MapArray, StructArray, new_null_array};
use arrow_schema::{ArrowError, DataType, Fields};

/// Columns that cannot be brought into a shape.
#[derive(Debug, thiserror::Error)]
pub enum WidenError {
    /// The type does not widen into the other.
    #[error("a column of type {from} does not fit into {into}")]
    Type {
        /// What it is.
        from: DataType,
        /// What it should become.
        into: DataType,
    },
    /// Arrow refused what was made.
    #[error("columns do not fit together")]
    Arrow(#[from] ArrowError),
}

/// Brings columns into the order and types of `into`. `place` gives for each target column the one it comes from; columns
/// that come from nowhere are null.
///
/// # Errors
/// [`WidenError::Type`] where a column would lose something.
pub fn align(
    columns: &[ArrayRef],
    into: &Fields,
    rows: usize,
    place: impl Fn(usize) -> Option<usize>,
) -> Result<Vec<ArrayRef>, WidenError> {
    let of = |(target, field): (usize, &Arc<arrow_schema::Field>)| match place(target)
        .and_then(|at| columns.get(at))
    {
        Some(column) => widen(column, field.data_type()),
        None => Ok(new_null_array(field.data_type(), rows)),
    };
    into.iter().enumerate().map(of).collect()
}

/// A column in a wider type. Struct fields are matched by name without regard to case.
///
/// # Errors
/// [`WidenError::Type`] where it would lose something.
pub fn widen(array: &ArrayRef, into: &DataType) -> Result<ArrayRef, WidenError> {
    let from = array.data_type();
    if from == into {
        return Ok(Arc::clone(array));
    }
    Ok(match (from, into) {
        (DataType::Int32, DataType::Int64) => {
            Arc::new(array.as_primitive::<Int32Type>().unary::<_, Int64Type>(i64::from))
        }
        (DataType::Int32, DataType::Float64) => {
            Arc::new(array.as_primitive::<Int32Type>().unary::<_, Float64Type>(f64::from))
        }
        (DataType::Float32, DataType::Float64) => {
            Arc::new(array.as_primitive::<Float32Type>().unary::<_, Float64Type>(f64::from))
        }
        (DataType::Decimal128(p, s), DataType::Decimal128(wider, scale)) if wider >= p && s == scale => {
            let numbers: &Decimal128Array = array.as_primitive::<Decimal128Type>();
            Arc::new(numbers.clone().with_precision_and_scale(*wider, *scale)?)
        }
        (DataType::Struct(_), DataType::Struct(fields)) => structs(array.as_struct(), fields)?,
        (DataType::List(_), DataType::List(element)) => {
            let list = array.as_list::<i32>();
            let values = widen(list.values(), element.data_type())?;
            Arc::new(ListArray::try_new(
                Arc::clone(element),
                list.offsets().clone(),
                values,
                list.nulls().cloned(),
            )?)
        }
        (DataType::Map(_, _), DataType::Map(entries, sorted)) => {
            let DataType::Struct(pair) = entries.data_type() else { return Err(mismatch(from, into)) };
            let [key, value] = pair.as_ref() else { return Err(mismatch(from, into)) };
            let map = array.as_map();
            let columns = vec![widen(map.keys(), key.data_type())?, widen(map.values(), value.data_type())?];
            let pairs = StructArray::try_new(pair.clone(), columns, None)?;
            let offsets = map.offsets().clone();
            Arc::new(MapArray::try_new(Arc::clone(entries), offsets, pairs, map.nulls().cloned(), *sorted)?)
        }
        // The same instants under another name of the zone, as other writers have it.
        (DataType::Timestamp(unit, Some(_)), DataType::Timestamp(other, Some(zone))) if unit == other => {
            let micros = array.as_primitive_opt::<arrow_array::types::TimestampMicrosecondType>();
            let micros = micros.ok_or_else(|| mismatch(from, into))?;
            Arc::new(micros.clone().with_timezone(Arc::clone(zone)))
        }
        _ => return Err(mismatch(from, into)),
    })
}

fn structs(from: &StructArray, fields: &Fields) -> Result<ArrayRef, WidenError> {
    let mut columns = Vec::with_capacity(fields.len());
    for field in fields {
        let same = |other: &&str| other.eq_ignore_ascii_case(field.name());
        let at = from.column_names().iter().position(same);
        columns.push(match at {
            Some(at) => widen(from.column(at), field.data_type())?,
            None => new_null_array(field.data_type(), from.len()),
        });
    }
    let array = StructArray::try_new_with_length(fields.clone(), columns, from.nulls().cloned(), from.len())?;
    Ok(Arc::new(array))
}

fn mismatch(from: &DataType, into: &DataType) -> WidenError {
    WidenError::Type { from: from.clone(), into: into.clone() }
}

#[cfg(test)]
mod tests {
    use arrow_array::{Int32Array, StringArray};
    use arrow_schema::Field;

    use super::*;

    #[test]
    fn numbers_widen_and_never_narrow() {
        let ints: ArrayRef = Arc::new(Int32Array::from(vec![Some(1), None]));
        let longs = widen(&ints, &DataType::Int64).unwrap();
        assert_eq!(longs.as_primitive::<Int64Type>().iter().collect::<Vec<_>>(), [Some(1), None]);
        assert!(matches!(widen(&longs, &DataType::Int32), Err(WidenError::Type { .. })));
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["1"]));
        assert!(widen(&texts, &DataType::Int64).is_err());
    }

    #[test]
    fn structs_grow_fields_and_columns_find_their_place() {
        let small: Fields = vec![Field::new("A", DataType::Int32, true)].into();
        let big: Fields =
            vec![Field::new("b", DataType::Utf8, true), Field::new("a", DataType::Int64, true)].into();
        let ints: ArrayRef = Arc::new(Int32Array::from(vec![5]));
        let one: ArrayRef = Arc::new(StructArray::new(small, vec![ints], None));
        let target: Fields =
            vec![Field::new("new", DataType::Utf8, true), Field::new("s", DataType::Struct(big), true)]
                .into();
        let columns = align(&[one], &target, 1, |at| at.checked_sub(1)).unwrap();
        assert_eq!(columns[0].null_count(), 1);
        let inner = columns[1].as_struct();
        assert_eq!(inner.column(1).as_primitive::<Int64Type>().value(0), 5);
        assert!(inner.column(0).is_null(0));
    }
}
