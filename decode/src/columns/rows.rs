//! Rows of columns.

use arrow_array::ArrayRef;
use arrow_schema::{DataType, Fields};

use super::column::Column;

/// A type that no table has a column of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no column can be of type {data_type}")]
pub struct UnsupportedType {
    /// The type.
    pub data_type: DataType,
}

impl UnsupportedType {
    pub(super) fn new(data_type: &DataType) -> Self {
        Self { data_type: data_type.clone() }
    }
}

/// A row that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column} has {found} values where each has {wanted}: a value was too long, or left out")]
pub struct RowError {
    /// The column, counted from 0.
    pub column: usize,
    /// How many values it should have.
    pub wanted: usize,
    /// How many it has.
    pub found: usize,
}

/// Columns that grow row by row.
#[derive(Debug)]
pub struct RowBuilder {
    columns: Vec<Column>,
    rows: usize,
}

impl RowBuilder {
    /// No rows of these columns. Whether a column takes nulls is not looked at.
    ///
    /// # Errors
    /// Where no table has a column of one of the types.
    pub fn new(fields: &Fields) -> Result<Self, UnsupportedType> {
        let columns = fields.iter().map(|field| Column::new(field.data_type()));
        Ok(Self { columns: columns.collect::<Result<_, _>>()?, rows: 0 })
    }

    /// Rows that have ended.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Memory held, in bytes. Looks at each column once.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.columns.iter().map(Column::bytes).sum()
    }

    /// The columns.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The columns, each of which takes one value before [`Self::end_row`].
    #[inline]
    pub fn columns_mut(&mut self) -> &mut [Column] {
        &mut self.columns
    }

    /// Makes a row of what the columns were given.
    ///
    /// # Errors
    /// Where one was given none, or two, or one that does not fit; then nothing of the row stays.
    pub fn end_row(&mut self) -> Result<(), RowError> {
        let wanted = self.rows + 1;
        let odd = self.columns.iter().enumerate().find(|(_, column)| column.len() != wanted);
        if let Some((column, odd)) = odd {
            let error = RowError { column, wanted, found: odd.len() };
            self.roll_back();
            return Err(error);
        }
        self.rows = wanted;
        Ok(())
    }

    /// Takes back what came since the last row ended.
    pub fn roll_back(&mut self) {
        for column in &mut self.columns {
            column.truncate(self.rows);
        }
    }

    /// A row without any value. What came since the last row ended is taken back.
    pub fn push_null_row(&mut self) {
        self.roll_back();
        for column in &mut self.columns {
            column.push_null();
        }
        self.rows += 1;
    }

    /// The rows as Arrow has them, each column of the same length; there are none then.
    #[must_use]
    pub fn finish(&mut self) -> Vec<ArrayRef> {
        self.roll_back();
        self.rows = 0;
        self.columns.iter_mut().map(Column::finish).collect()
    }
}
