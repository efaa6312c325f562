//! Columns that are built row by row, with a way back.
//!
//! A decoder pushes one value into each column, or fails somewhere in the middle; then [`RowBuilder::roll_back`] takes back
//! whatever the row has left in any of them, so that a bad record costs itself alone and nothing is decoded twice. Arrow's own
//! builders have no such way.
//!
//! Lists and maps are built of items that come one by one; what is not yet closed by `end` belongs to no row and goes with a
//! roll back, too.

mod bytes;
mod column;
mod nested;
mod numbers;
mod rows;
mod valid;

pub use bytes::{FixedColumn, TextColumn};
pub use column::Column;
pub use nested::{ListColumn, MapColumn, StructColumn};
pub use numbers::{
    BooleanColumn, DateColumn, DecimalColumn, Float32Column, Float64Column, Int32Column, Int64Column,
    NumberColumn, TimeColumn, TimestampColumn,
};
pub use rows::{RowBuilder, RowError, UnsupportedType};

#[cfg(test)]
mod tests;
