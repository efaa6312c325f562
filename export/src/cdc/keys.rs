//! Keys as bytes: two keys are equal where their bytes are.
//!
//! The form is the same for an int column and for the long column it has been widened to, so that a delete written before a
//! schema change still meets the rows written after it. It never leaves memory.

use arrow_array::cast::AsArray as _;
use arrow_array::types::{
    Date32Type, Decimal128Type, Int32Type, Int64Type, Time64MicrosecondType, TimestampMicrosecondType,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, TimeUnit};

/// A column that cannot be part of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a column of type {0} cannot tell rows apart")]
pub struct KeyError(pub DataType);

/// Whether a column of this type may be part of a key: scalars but for floating-point numbers, as Iceberg has it.
#[must_use]
pub(crate) fn may_be_key(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Boolean
            | DataType::Int32
            | DataType::Int64
            | DataType::Decimal128(..)
            | DataType::Date32
            | DataType::Time64(TimeUnit::Microsecond)
            | DataType::Timestamp(TimeUnit::Microsecond, _)
            | DataType::Utf8
            | DataType::Binary
            | DataType::FixedSizeBinary(_)
    )
}

/// Appends a row's key to `out`; null is a value like any other.
///
/// # Errors
/// For a column that [cannot be part of a key](KeyError).
pub fn encode_key(columns: &[ArrayRef], row: usize, out: &mut Vec<u8>) -> Result<(), KeyError> {
    for column in columns {
        if column.is_null(row) {
            out.push(0);
            continue;
        }
        match column.data_type() {
            DataType::Boolean => out.extend([1, u8::from(column.as_boolean().value(row))]),
            DataType::Int32 => integer(out, 2, i64::from(column.as_primitive::<Int32Type>().value(row))),
            DataType::Int64 => integer(out, 2, column.as_primitive::<Int64Type>().value(row)),
            DataType::Date32 => integer(out, 3, i64::from(column.as_primitive::<Date32Type>().value(row))),
            DataType::Time64(TimeUnit::Microsecond) => {
                integer(out, 4, column.as_primitive::<Time64MicrosecondType>().value(row));
            }
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                integer(out, 5, column.as_primitive::<TimestampMicrosecondType>().value(row));
            }
            DataType::Decimal128(..) => {
                out.push(6);
                out.extend(column.as_primitive::<Decimal128Type>().value(row).to_be_bytes());
            }
            DataType::Utf8 => bytes(out, 7, column.as_string::<i32>().value(row).as_bytes()),
            DataType::Binary => bytes(out, 8, column.as_binary::<i32>().value(row)),
            DataType::FixedSizeBinary(_) => bytes(out, 8, column.as_fixed_size_binary().value(row)),
            other => return Err(KeyError(other.clone())),
        }
    }
    Ok(())
}

fn integer(out: &mut Vec<u8>, tag: u8, value: i64) {
    out.push(tag);
    out.extend(value.to_be_bytes());
}

fn bytes(out: &mut Vec<u8>, tag: u8, value: &[u8]) {
    out.push(tag);
    // Lengths keep ("a", "bc") and ("ab", "c") apart.
    out.extend((value.len() as u64).to_be_bytes());
    out.extend(value);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Float64Array, Int32Array, Int64Array, StringArray};

    use super::*;

    fn key(columns: &[ArrayRef], row: usize) -> Vec<u8> {
        let mut out = Vec::new();
        encode_key(columns, row, &mut out).unwrap();
        out
    }

    #[test]
    fn widened_numbers_are_equal_and_split_texts_are_not() {
        let int: ArrayRef = Arc::new(Int32Array::from(vec![Some(-7), None]));
        let long: ArrayRef = Arc::new(Int64Array::from(vec![Some(-7), None]));
        assert_eq!(key(&[Arc::clone(&int)], 0), key(&[Arc::clone(&long)], 0));
        assert_eq!(key(&[int], 1), key(&[long], 1));
        let one: [ArrayRef; 2] =
            [Arc::new(StringArray::from(vec!["a"])), Arc::new(StringArray::from(vec!["bc"]))];
        let two: [ArrayRef; 2] =
            [Arc::new(StringArray::from(vec!["ab"])), Arc::new(StringArray::from(vec!["c"]))];
        assert_ne!(key(&one, 0), key(&two, 0));
    }

    #[test]
    fn floating_point_numbers_are_refused() {
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![1.0]));
        assert_eq!(encode_key(&[floats], 0, &mut Vec::new()), Err(KeyError(DataType::Float64)));
        assert!(!may_be_key(&DataType::Float64) && may_be_key(&DataType::Utf8));
    }
}
