//! Columns of values of one length.

use std::sync::Arc;

use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type,
    Time64MicrosecondType, TimestampMicrosecondType,
};
use arrow_array::{ArrayRef, BooleanArray, PrimitiveArray};
use arrow_buffer::BooleanBufferBuilder;
use arrow_schema::DataType;

use super::valid::Valid;

/// A column of numbers, dates or times.
#[derive(Debug)]
pub struct NumberColumn<T: ArrowPrimitiveType> {
    values: Vec<T::Native>,
    valid: Valid,
    data_type: DataType,
}

impl<T: ArrowPrimitiveType> NumberColumn<T> {
    pub(super) fn new(data_type: DataType) -> Self {
        Self { values: Vec::new(), valid: Valid::default(), data_type }
    }

    /// Adds a value.
    #[inline]
    pub fn push(&mut self, value: T::Native) {
        self.values.push(value);
        self.valid.push(true);
    }

    /// Adds none.
    #[inline]
    pub fn push_null(&mut self) {
        self.values.push(T::Native::default());
        self.valid.push(false);
    }

    /// How many there are.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.valid.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the values are.
    #[must_use]
    pub fn data_type(&self) -> &DataType {
        &self.data_type
    }

    pub(super) fn truncate(&mut self, length: usize) {
        self.values.truncate(length);
        self.valid.truncate(length);
    }

    pub(super) fn bytes(&self) -> usize {
        self.values.capacity() * size_of::<T::Native>() + self.valid.bytes()
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        let values = std::mem::take(&mut self.values);
        let array = PrimitiveArray::<T>::new(values.into(), self.valid.finish());
        Arc::new(array.with_data_type(self.data_type.clone()))
    }
}

/// A column of decimals: unscaled values.
#[derive(Debug)]
pub struct DecimalColumn {
    numbers: NumberColumn<Decimal128Type>,
    precision: u8,
    scale: i8,
}

impl DecimalColumn {
    pub(super) fn new(precision: u8, scale: i8) -> Self {
        Self { numbers: NumberColumn::new(DataType::Decimal128(precision, scale)), precision, scale }
    }

    /// Adds an unscaled value. Whether it has no more digits than [`Self::precision`] is the caller's to see to.
    #[inline]
    pub fn push(&mut self, unscaled: i128) {
        self.numbers.push(unscaled);
    }

    /// Adds none.
    #[inline]
    pub fn push_null(&mut self) {
        self.numbers.push_null();
    }

    /// How many digits a value may have.
    #[must_use]
    pub fn precision(&self) -> u8 {
        self.precision
    }

    /// How many of them stand behind the point.
    #[must_use]
    pub fn scale(&self) -> i8 {
        self.scale
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    pub(super) fn truncate(&mut self, length: usize) {
        self.numbers.truncate(length);
    }

    pub(super) fn bytes(&self) -> usize {
        self.numbers.bytes()
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        self.numbers.finish()
    }
}

/// A column of truths.
#[derive(Debug)]
pub struct BooleanColumn {
    values: BooleanBufferBuilder,
    valid: Valid,
}

impl BooleanColumn {
    pub(super) fn new() -> Self {
        Self { values: BooleanBufferBuilder::new(0), valid: Valid::default() }
    }

    /// Adds a value.
    #[inline]
    pub fn push(&mut self, value: bool) {
        self.values.append(value);
        self.valid.push(true);
    }

    /// Adds none.
    #[inline]
    pub fn push_null(&mut self) {
        self.values.append(false);
        self.valid.push(false);
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.valid.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn truncate(&mut self, length: usize) {
        if length < self.values.len() {
            self.values.truncate(length);
        }
        self.valid.truncate(length);
    }

    pub(super) fn bytes(&self) -> usize {
        self.values.capacity() / 8 + self.valid.bytes()
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        Arc::new(BooleanArray::new(self.values.finish(), self.valid.finish()))
    }
}

/// Whole numbers of 32 bits.
pub type Int32Column = NumberColumn<Int32Type>;
/// Whole numbers of 64 bits.
pub type Int64Column = NumberColumn<Int64Type>;
/// Numbers of single precision.
pub type Float32Column = NumberColumn<Float32Type>;
/// Numbers of double precision.
pub type Float64Column = NumberColumn<Float64Type>;
/// Days since 1970.
pub type DateColumn = NumberColumn<Date32Type>;
/// Microseconds since midnight.
pub type TimeColumn = NumberColumn<Time64MicrosecondType>;
/// Microseconds since 1970.
pub type TimestampColumn = NumberColumn<TimestampMicrosecondType>;
