//! Columns as JSON, for tests to compare with what an oracle says: bytes as `0x…`, decimals as their unscaled
//! value, dates and times as their count, maps as pairs in the order of their keys.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type, Time64MicrosecondType,
    TimestampMicrosecondType,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, Fields};
use serde_json::{Map, Value, json};

/// One value of a column.
pub(crate) fn show(array: &dyn Array, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Boolean => array.as_boolean().value(row).into(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        DataType::Float32 => float(array.as_primitive::<Float32Type>().value(row).into()),
        DataType::Float64 => float(array.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(..) => array.as_primitive::<Decimal128Type>().value(row).to_string().into(),
        DataType::Date32 => array.as_primitive::<Date32Type>().value(row).into(),
        DataType::Time64(_) => array.as_primitive::<Time64MicrosecondType>().value(row).into(),
        DataType::Timestamp(..) => array.as_primitive::<TimestampMicrosecondType>().value(row).into(),
        DataType::Utf8 => array.as_string::<i32>().value(row).into(),
        DataType::Binary => hex(array.as_binary::<i32>().value(row)),
        DataType::FixedSizeBinary(_) => hex(array.as_fixed_size_binary().value(row)),
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(row);
            (0..items.len()).map(|index| show(&items, index)).collect::<Vec<_>>().into()
        }
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            let pair = |index| (show(entries.column(0), index), show(entries.column(1), index));
            pairs((0..entries.len()).map(pair).collect())
        }
        DataType::Struct(fields) => {
            let columns = array.as_struct();
            let field = |(field, column): (&std::sync::Arc<arrow_schema::Field>, &ArrayRef)| {
                (field.name().clone(), show(column, row))
            };
            fields.iter().zip(columns.columns()).map(field).collect::<Map<_, _>>().into()
        }
        other => panic!("{other} is no type of a table"),
    }
}

/// One row of several columns.
pub(crate) fn row(fields: &Fields, columns: &[ArrayRef], row: usize) -> Value {
    let field = |(field, column): (&std::sync::Arc<arrow_schema::Field>, &ArrayRef)| {
        (field.name().clone(), show(column, row))
    };
    fields.iter().zip(columns).map(field).collect::<Map<_, _>>().into()
}

/// A map's entries in the order of their keys.
pub(crate) fn pairs(mut entries: Vec<(Value, Value)>) -> Value {
    entries.sort_by_key(|(key, _)| key.to_string());
    entries.into_iter().map(|(key, value)| json!([key, value])).collect::<Vec<_>>().into()
}

/// A number, or a word for what JSON has none for.
pub(crate) fn float(value: f64) -> Value {
    if value.is_finite() { value.into() } else { value.to_string().into() }
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> Value {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("0x{digits}").into()
}

/// An error with its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Numbers from a seed, for tests that make schemas and values.
pub(crate) struct Dice {
    state: u64,
}

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed | 1 }
    }

    /// Any number.
    pub(crate) fn any(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap().max(1);
        usize::try_from(self.any() % bound).unwrap()
    }

    /// A number that is often small and sometimes of full width.
    pub(crate) fn number(&mut self) -> u64 {
        let width = self.any() % 65;
        if width == 0 { 0 } else { self.any() >> (64 - width) }
    }

    /// A signed number that is often small.
    pub(crate) fn signed(&mut self) -> i64 {
        let number = self.number().cast_signed();
        if self.any().is_multiple_of(2) { number } else { number.wrapping_neg() }
    }

    /// A signed number of 32 bits that is often small.
    pub(crate) fn signed_short(&mut self) -> i32 {
        let shift = self.below(32);
        i32::try_from(self.any().cast_signed() >> 32).unwrap() >> shift
    }

    pub(crate) fn bytes(&mut self, longest: usize) -> Vec<u8> {
        let length = self.below(longest + 1);
        (0..length).map(|_| u8::try_from(self.below(256)).unwrap()).collect()
    }

    pub(crate) fn text(&mut self) -> String {
        const WORDS: [&str; 6] = ["a", "firn", "é", "\u{1f3d4}", "\"\\\n", ""];
        let length = self.below(4);
        (0..length).map(|_| WORDS[self.below(WORDS.len())]).collect()
    }
}
