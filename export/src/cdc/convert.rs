//! Columns as decoded to columns as they mean.
//!
//! A value that its new type cannot hold (a time of day of 25 hours, a decimal of 40 digits) is named, and becomes null in
//! the result: the caller leaves the row out.

use std::sync::Arc;

use arrow_array::builder::{Decimal128Builder, StringBuilder};
use arrow_array::cast::AsArray as _;
use arrow_array::types::{Date32Type, Int32Type, Int64Type, Time64MicrosecondType, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, ListArray, MapArray, PrimitiveArray, StructArray};
use arrow_schema::{ArrowError, DataType};

use super::logical::{Conversion, Unit};
use super::{decimal, zoned};

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Converts a column to `to`, which [`Conversion::of`] gave. Rows whose value does not fit are added to `bad`.
pub(super) fn convert(
    conversion: &Conversion,
    array: &ArrayRef,
    to: &DataType,
    bad: &mut Vec<usize>,
) -> Result<ArrayRef, ArrowError> {
    Ok(match conversion {
        Conversion::Keep => Arc::clone(array),
        Conversion::Days => {
            let days = array.as_primitive::<Int32Type>();
            Arc::new(days.unary::<_, Date32Type>(|day| day))
        }
        Conversion::TimeOfDay(unit) => {
            let in_a_day = |micros: &i64| (0..MICROS_PER_DAY).contains(micros);
            let values =
                integers(array).map(|value| (value, value.and_then(|v| micros(v, *unit)).filter(in_a_day)));
            Arc::new(checked(values, bad).into_iter().collect::<PrimitiveArray<Time64MicrosecondType>>())
        }
        Conversion::Since1970 { unit, zoned } => {
            let values = integers(array).map(|value| (value, value.and_then(|v| micros(v, *unit))));
            timestamps(checked(values, bad), *zoned)
        }
        Conversion::Zoned => {
            let texts = array.as_string::<i32>().iter().map(|text| (text, text.and_then(zoned::micros)));
            timestamps(checked(texts, bad), true)
        }
        Conversion::Decimal { precision, scale } => {
            let mut built =
                Decimal128Builder::with_capacity(array.len()).with_precision_and_scale(*precision, *scale)?;
            let fit = |bytes| decimal::unscaled(bytes).filter(|number| decimal::fits(*number, *precision));
            let values = array.as_binary::<i32>().iter().map(|bytes| (bytes, bytes.and_then(fit)));
            checked(values, bad).into_iter().for_each(|value| built.append_option(value));
            Arc::new(built.finish())
        }
        Conversion::VariableScale => variable(array, bad),
        Conversion::Struct(children) => structs(children, array, to, bad)?,
        Conversion::List(inner) => lists(inner, array, to, bad)?,
        Conversion::MapValues(inner) => maps(inner, array, to, bad)?,
    })
}

fn integers(array: &ArrayRef) -> Box<dyn Iterator<Item = Option<i64>> + '_> {
    match array.data_type() {
        DataType::Int32 => {
            Box::new(array.as_primitive::<Int32Type>().iter().map(|value| value.map(i64::from)))
        }
        _ => Box::new(array.as_primitive::<Int64Type>().iter()),
    }
}

/// Nanoseconds are cut off towards the past, so that order is kept.
fn micros(value: i64, unit: Unit) -> Option<i64> {
    match unit {
        Unit::Millis => value.checked_mul(1000),
        Unit::Micros => Some(value),
        Unit::Nanos => Some(value.div_euclid(1000)),
    }
}

/// The converted values; those that were there and are not any more are `bad`.
fn checked<A, B>(
    values: impl Iterator<Item = (Option<A>, Option<B>)>,
    bad: &mut Vec<usize>,
) -> Vec<Option<B>> {
    values
        .enumerate()
        .map(|(row, (before, after))| {
            if before.is_some() && after.is_none() {
                bad.push(row);
            }
            after
        })
        .collect()
}

fn timestamps(values: Vec<Option<i64>>, zoned: bool) -> ArrayRef {
    let array: PrimitiveArray<TimestampMicrosecondType> = values.into_iter().collect();
    Arc::new(if zoned { array.with_timezone("UTC") } else { array })
}

fn variable(array: &ArrayRef, bad: &mut Vec<usize>) -> ArrayRef {
    let pair = array.as_struct();
    let (scale, value) = (pair.column_by_name("scale"), pair.column_by_name("value"));
    let mut built = StringBuilder::new();
    for row in 0..array.len() {
        let text = scale
            .zip(value)
            .filter(|(s, v)| pair.is_valid(row) && s.is_valid(row) && v.is_valid(row))
            .and_then(|(scale, value)| {
                let scale = scale.as_primitive::<Int32Type>().value(row);
                decimal::text(decimal::unscaled(value.as_binary::<i32>().value(row))?, scale)
            });
        if text.is_none() && pair.is_valid(row) {
            bad.push(row);
        }
        built.append_option(text);
    }
    Arc::new(built.finish())
}

fn structs(
    children: &[Conversion],
    array: &ArrayRef,
    to: &DataType,
    bad: &mut Vec<usize>,
) -> Result<ArrayRef, ArrowError> {
    let DataType::Struct(fields) = to else { return Err(mismatch(to)) };
    let from = array.as_struct();
    let mut columns = Vec::with_capacity(fields.len());
    for ((conversion, column), field) in children.iter().zip(from.columns()).zip(fields) {
        let mut inner = Vec::new();
        columns.push(convert(conversion, column, field.data_type(), &mut inner)?);
        // What stands under a null struct is nobody's value.
        bad.extend(inner.into_iter().filter(|row| from.is_valid(*row)));
    }
    let array = StructArray::try_new_with_length(fields.clone(), columns, from.nulls().cloned(), from.len())?;
    Ok(Arc::new(array))
}

fn lists(
    inner: &Conversion,
    array: &ArrayRef,
    to: &DataType,
    bad: &mut Vec<usize>,
) -> Result<ArrayRef, ArrowError> {
    let DataType::List(element) = to else { return Err(mismatch(to)) };
    let from = array.as_list::<i32>();
    let mut elements = Vec::new();
    let values = convert(inner, from.values(), element.data_type(), &mut elements)?;
    owners(from.value_offsets(), &elements, |row| from.is_valid(row), bad);
    let offsets = from.offsets().clone();
    Ok(Arc::new(ListArray::try_new(Arc::clone(element), offsets, values, from.nulls().cloned())?))
}

fn maps(
    inner: &Conversion,
    array: &ArrayRef,
    to: &DataType,
    bad: &mut Vec<usize>,
) -> Result<ArrayRef, ArrowError> {
    let DataType::Map(entries, sorted) = to else { return Err(mismatch(to)) };
    let DataType::Struct(pair) = entries.data_type() else { return Err(mismatch(to)) };
    let value_type = pair.get(1).map(|field| field.data_type()).ok_or_else(|| mismatch(to))?;
    let from = array.as_map();
    let mut elements = Vec::new();
    let values = convert(inner, from.values(), value_type, &mut elements)?;
    owners(from.value_offsets(), &elements, |row| from.is_valid(row), bad);
    let pairs = StructArray::try_new(pair.clone(), vec![Arc::clone(from.keys()), values], None)?;
    let offsets = from.offsets().clone();
    Ok(Arc::new(MapArray::try_new(Arc::clone(entries), offsets, pairs, from.nulls().cloned(), *sorted)?))
}

/// The rows whose elements are named; both lists ascend.
fn owners(offsets: &[i32], elements: &[usize], valid: impl Fn(usize) -> bool, bad: &mut Vec<usize>) {
    let mut left = elements.iter().peekable();
    for (row, pair) in offsets.windows(2).enumerate() {
        let end = pair.get(1).and_then(|end| usize::try_from(*end).ok()).unwrap_or(0);
        let start = pair.first().and_then(|start| usize::try_from(*start).ok()).unwrap_or(0);
        let mut hit = false;
        while let Some(element) = left.next_if(|element| **element < end) {
            hit |= *element >= start;
        }
        if hit && valid(row) {
            bad.push(row);
        }
    }
}

fn mismatch(to: &DataType) -> ArrowError {
    ArrowError::SchemaError(format!("a conversion to {to} does not fit its column"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use arrow_array::{BinaryArray, Int32Array, Int64Array, StringArray};
    use arrow_buffer::OffsetBuffer;
    use arrow_schema::{Field, Fields};

    use super::*;
    use crate::cdc::names::Names;

    fn run(array: ArrayRef, names: &Names) -> (ArrayRef, Vec<usize>) {
        let (conversion, to) = Conversion::of(array.data_type(), names);
        let mut bad = Vec::new();
        let result = convert(&conversion, &array, &to, &mut bad).unwrap();
        assert_eq!(result.data_type(), &to);
        assert_eq!(result.len(), array.len());
        (result, bad)
    }

    #[test]
    fn units_become_microseconds_and_order_is_kept_below_1970() {
        let longs = |values: Vec<Option<i64>>| Arc::new(Int64Array::from(values)) as ArrayRef;
        let at = |name, values| {
            let (array, bad) = run(longs(values), &Names::named(name));
            let values: Vec<_> = array.as_primitive::<TimestampMicrosecondType>().iter().collect();
            (values, bad)
        };
        assert_eq!(at("io.debezium.time.Timestamp", vec![Some(1), None]).0, [Some(1000), None]);
        assert_eq!(at("io.debezium.time.NanoTimestamp", vec![Some(1999), Some(-1)]).0, [Some(1), Some(-1)]);
        let (values, bad) = at("io.debezium.time.Timestamp", vec![Some(i64::MAX), Some(2)]);
        assert_eq!((values, bad), (vec![None, Some(2000)], vec![0]));
        let (time, bad) =
            run(longs(vec![Some(86_400_000_000), Some(1)]), &Names::named("io.debezium.time.MicroTime"));
        assert_eq!((time.null_count(), bad), (1, vec![0]));
    }

    #[test]
    fn decimals_are_read_and_those_with_too_many_digits_named() {
        let mut names = Names::named("org.apache.kafka.connect.data.Decimal");
        names.parameters = BTreeMap::from([
            ("scale".to_owned(), "2".to_owned()),
            ("connect.decimal.precision".to_owned(), "4".to_owned()),
        ]);
        let bytes: Vec<Option<&[u8]>> = vec![Some(&[0x04, 0xd2]), None, Some(&[0xff]), Some(&[0x27, 0x10])];
        let (array, bad) = run(Arc::new(BinaryArray::from(bytes)), &names);
        let values: Vec<_> = array.as_primitive::<arrow_array::types::Decimal128Type>().iter().collect();
        assert_eq!(values, [Some(1234), None, Some(-1), None]);
        assert_eq!(bad, [3]);
    }

    #[test]
    fn a_variable_scale_becomes_text() {
        let fields: Fields =
            vec![Field::new("scale", DataType::Int32, true), Field::new("value", DataType::Binary, true)]
                .into();
        let scale: ArrayRef = Arc::new(Int32Array::from(vec![1, 0, 1]));
        let value: ArrayRef = Arc::new(BinaryArray::from(vec![Some(&[15_u8][..]), Some(&[7]), None]));
        let pair = StructArray::new(fields, vec![scale, value], Some(vec![true, false, true].into()));
        let (array, bad) = run(Arc::new(pair), &Names::named("io.debezium.data.VariableScaleDecimal"));
        let texts: Vec<_> = array.as_string::<i32>().iter().collect();
        assert_eq!((texts, bad), (vec![Some("1.5"), None, None], vec![2]));
    }

    #[test]
    fn a_bad_element_names_the_row_of_its_list() {
        let values: ArrayRef = Arc::new(StringArray::from(vec!["1970-01-01T00:00:00Z", "x", "y", "y"]));
        let element = Arc::new(Field::new("element", DataType::Utf8, true));
        let offsets = OffsetBuffer::new(vec![0, 1, 1, 3, 4].into());
        let list = ListArray::new(element, offsets, values, Some(vec![true, true, true, false].into()));
        let mut names = Names::default();
        names.children.insert("element".into(), Names::named("io.debezium.time.ZonedTimestamp"));
        let (_, bad) = run(Arc::new(list), &names);
        assert_eq!(bad, [2], "the last list is null: nobody sees what is under it");
    }
}
