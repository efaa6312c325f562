//! Values into columns, for readers that have worked out beforehand which value goes where. A column of a type that
//! the plan did not expect cannot come about; it is a fault of the record all the same and not a panic.

use arrow_schema::DataType;

use crate::Reason;
use crate::columns::Column;
use crate::fault::{Fault, fault};

/// How many values in columns one value of a type makes, at least; bytes of one length count by 16, since a null has as many.
pub(crate) fn cells(of: &DataType) -> u64 {
    match of {
        DataType::Struct(fields) => {
            fields.iter().fold(1, |sum: u64, field| sum.saturating_add(cells(field.data_type())))
        }
        DataType::FixedSizeBinary(size) => 1 + u64::try_from(*size).unwrap_or(0) / 16,
        _ => 1,
    }
}

/// The fault of a column that is not of the type planned.
#[cold]
pub(crate) fn misfit() -> Fault {
    fault(Reason::WrongType, "a column is not of the type that was planned; please report this as a defect")
}

#[inline]
pub(crate) fn null(column: &mut Column) {
    column.push_null();
}

#[inline]
pub(crate) fn boolean(column: &mut Column, value: bool) -> Result<(), Fault> {
    match column {
        Column::Boolean(column) => column.push(value),
        _ => return Err(misfit()),
    }
    Ok(())
}

/// A 32-bit number, or a date.
#[inline]
pub(crate) fn int(column: &mut Column, value: i32) -> Result<(), Fault> {
    match column {
        Column::Int32(column) => column.push(value),
        Column::Int64(column) => column.push(value.into()),
        Column::Float64(column) => column.push(value.into()),
        Column::Date32(column) => column.push(value),
        _ => return Err(misfit()),
    }
    Ok(())
}

/// A 64-bit number, or a time or timestamp in microseconds.
#[inline]
pub(crate) fn long(column: &mut Column, value: i64) -> Result<(), Fault> {
    match column {
        Column::Int64(column) => column.push(value),
        Column::Timestamp(column) => column.push(value),
        Column::Time64(column) => column.push(value),
        _ => return Err(misfit()),
    }
    Ok(())
}

#[inline]
pub(crate) fn float(column: &mut Column, value: f32) -> Result<(), Fault> {
    match column {
        Column::Float32(column) => column.push(value),
        Column::Float64(column) => column.push(value.into()),
        _ => return Err(misfit()),
    }
    Ok(())
}

#[inline]
pub(crate) fn double(column: &mut Column, value: f64) -> Result<(), Fault> {
    match column {
        Column::Float64(column) => column.push(value),
        _ => return Err(misfit()),
    }
    Ok(())
}

/// The unscaled value of a decimal.
#[inline]
pub(crate) fn decimal(column: &mut Column, value: i128) -> Result<(), Fault> {
    match column {
        Column::Decimal128(column) => column.push(value),
        _ => return Err(misfit()),
    }
    Ok(())
}

#[inline]
pub(crate) fn text(column: &mut Column, value: &str) -> Result<(), Fault> {
    match column {
        Column::Utf8(column) => column.push(value.as_bytes()),
        _ => return Err(misfit()),
    }
    Ok(())
}

#[inline]
pub(crate) fn bytes(column: &mut Column, value: &[u8]) -> Result<(), Fault> {
    match column {
        Column::Binary(column) => column.push(value),
        Column::FixedSizeBinary(column) => column.push(value),
        _ => return Err(misfit()),
    }
    Ok(())
}

/// The items of the list that is being made.
#[inline]
pub(crate) fn items(column: &mut Column) -> Result<&mut Column, Fault> {
    match column {
        Column::List(column) => Ok(column.items()),
        _ => Err(misfit()),
    }
}

/// The keys and values of the map that is being made.
#[inline]
pub(crate) fn entries(column: &mut Column) -> Result<(&mut Column, &mut Column), Fault> {
    match column {
        Column::Map(column) => Ok(column.entries()),
        _ => Err(misfit()),
    }
}

/// The fields of the struct that is being made.
#[inline]
pub(crate) fn children(column: &mut Column) -> Result<&mut [Column], Fault> {
    match column {
        Column::Struct(column) => Ok(column.children()),
        _ => Err(misfit()),
    }
}

/// Makes a list, map or struct of what its parts were given since the last one.
#[inline]
pub(crate) fn end(column: &mut Column) -> Result<(), Fault> {
    match column {
        Column::List(column) => column.end(),
        Column::Map(column) => column.end(),
        Column::Struct(column) => column.end(),
        _ => return Err(misfit()),
    }
    Ok(())
}

/// Keys compared pair by pair; more are sorted.
const PAIRS: usize = 8;

/// Whether the keys that a map was given from `first` on are all different: a table's map holds each key once.
#[inline]
pub(crate) fn distinct(keys: &Column, first: usize) -> Result<(), Fault> {
    let Column::Utf8(keys) = keys else { return Err(misfit()) };
    let repeated = match keys.len().saturating_sub(first) {
        0 | 1 => None,
        2..=PAIRS => {
            let later = |one: usize| one + 1..keys.len();
            (first..keys.len()).find(|one| later(*one).any(|other| keys.value(*one) == keys.value(other)))
        }
        _ => repeated_of_many(first..keys.len(), |index| keys.value(index)),
    };
    match repeated {
        None => Ok(()),
        Some(_) => Err(fault(Reason::DuplicateKey, "a map has a key twice")),
    }
}

fn repeated_of_many<'k>(range: std::ops::Range<usize>, key: impl Fn(usize) -> &'k [u8]) -> Option<usize> {
    let mut order: Vec<usize> = range.collect();
    order.sort_unstable_by_key(|index| key(*index));
    let mut pairs = order.iter().zip(order.iter().skip(1));
    pairs.find(|(one, other)| key(**one) == key(**other)).map(|(one, _)| *one)
}
