//! One column of any type.

use arrow_array::ArrayRef;
use arrow_schema::{DataType, TimeUnit};

use super::bytes::{FixedColumn, TextColumn};
use super::nested::{ListColumn, MapColumn, StructColumn};
use super::numbers::{
    BooleanColumn, DateColumn, DecimalColumn, Float32Column, Float64Column, Int32Column, Int64Column,
    TimeColumn, TimestampColumn,
};
use super::rows::UnsupportedType;

/// A column of one of the types that a table can have.
#[derive(Debug)]
pub enum Column {
    /// Truths.
    Boolean(BooleanColumn),
    /// Whole numbers of 32 bits.
    Int32(Int32Column),
    /// Whole numbers of 64 bits.
    Int64(Int64Column),
    /// Numbers of single precision.
    Float32(Float32Column),
    /// Numbers of double precision.
    Float64(Float64Column),
    /// Decimals.
    Decimal128(DecimalColumn),
    /// Days since 1970.
    Date32(DateColumn),
    /// Microseconds since midnight.
    Time64(TimeColumn),
    /// Microseconds since 1970, in UTC or of no zone.
    Timestamp(TimestampColumn),
    /// Texts.
    Utf8(TextColumn),
    /// Bytes.
    Binary(TextColumn),
    /// Bytes of one length.
    FixedSizeBinary(FixedColumn),
    /// Lists.
    List(ListColumn),
    /// Maps.
    Map(MapColumn),
    /// Structs.
    Struct(StructColumn),
}

/// Does the same with whatever column it is.
macro_rules! each {
    ($column:expr, $inner:ident => $does:expr) => {
        match $column {
            Column::Boolean($inner) => $does,
            Column::Int32($inner) => $does,
            Column::Int64($inner) => $does,
            Column::Float32($inner) => $does,
            Column::Float64($inner) => $does,
            Column::Decimal128($inner) => $does,
            Column::Date32($inner) => $does,
            Column::Time64($inner) => $does,
            Column::Timestamp($inner) => $does,
            Column::Utf8($inner) => $does,
            Column::Binary($inner) => $does,
            Column::FixedSizeBinary($inner) => $does,
            Column::List($inner) => $does,
            Column::Map($inner) => $does,
            Column::Struct($inner) => $does,
        }
    };
}

impl Column {
    /// An empty column.
    ///
    /// # Errors
    /// Where no table has columns of this type.
    pub fn new(data_type: &DataType) -> Result<Self, UnsupportedType> {
        Ok(match data_type {
            DataType::Boolean => Self::Boolean(BooleanColumn::new()),
            DataType::Int32 => Self::Int32(Int32Column::new(DataType::Int32)),
            DataType::Int64 => Self::Int64(Int64Column::new(DataType::Int64)),
            DataType::Float32 => Self::Float32(Float32Column::new(DataType::Float32)),
            DataType::Float64 => Self::Float64(Float64Column::new(DataType::Float64)),
            DataType::Decimal128(precision, scale) if (1..=38).contains(precision) && *scale >= 0 => {
                Self::Decimal128(DecimalColumn::new(*precision, *scale))
            }
            DataType::Date32 => Self::Date32(DateColumn::new(DataType::Date32)),
            DataType::Time64(TimeUnit::Microsecond) => Self::Time64(TimeColumn::new(data_type.clone())),
            DataType::Timestamp(TimeUnit::Microsecond, zone)
                if zone.as_deref().is_none_or(|zone| zone == "UTC" || zone == "+00:00") =>
            {
                Self::Timestamp(TimestampColumn::new(data_type.clone()))
            }
            DataType::Utf8 => Self::Utf8(TextColumn::new(true)),
            DataType::Binary => Self::Binary(TextColumn::new(false)),
            DataType::FixedSizeBinary(size) if *size > 0 => Self::FixedSizeBinary(FixedColumn::new(*size)),
            DataType::List(item) => Self::List(ListColumn::new(item)?),
            DataType::Map(entries, sorted) => Self::Map(MapColumn::new(entries, *sorted)?),
            DataType::Struct(fields) => Self::Struct(StructColumn::new(fields)?),
            other => return Err(UnsupportedType::new(other)),
        })
    }

    /// Adds none.
    #[inline]
    pub fn push_null(&mut self) {
        each!(self, column => column.push_null());
    }

    /// How many values there are. Items that are not yet a list count as none.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        each!(self, column => column.len())
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes back all but the first `length` values, and items that are not yet a list.
    pub fn truncate(&mut self, length: usize) {
        each!(self, column => column.truncate(length));
    }

    /// Memory held, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        each!(self, column => column.bytes())
    }

    /// The values as Arrow has them; the column is empty then.
    #[must_use]
    pub fn finish(&mut self) -> ArrayRef {
        each!(self, column => column.finish())
    }
}
