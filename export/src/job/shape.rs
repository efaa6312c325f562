//! Where decoded rows become what a commit brings: the hook for current-state tables.
//!
//! An append-only table takes rows as they come, file by file. A current-state table needs all of a round's changes before it
//! knows the last one of each key, and then brings equality deletes and rows in one snapshot.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use arrow_array::RecordBatch;

use crate::rows::{Encoded, Grown, Layout, RowSettings};

/// Why rows could not be shaped.
pub type ShapeError = Arc<dyn Error + Send + Sync>;

/// Makes a [`Shape`] for each round.
pub trait Shaping: Send + Sync + fmt::Debug {
    /// How records are to be read, where keys and values are wanted as their own schemas have them, beside the rows
    /// ([`Layout::own`]), and not in the table's columns. `rows` is what the table is told.
    fn own(&self, rows: &RowSettings) -> Option<RowSettings> {
        let _ = rows;
        None
    }

    /// For a table with the columns of `layout`, which have field ids.
    ///
    /// # Errors
    /// Where such a table cannot take what is shaped.
    fn begin(&self, layout: &Arc<Layout>) -> Result<Box<dyn Shape>, ShapeError>;
}

/// Shapes the rows of one round.
pub trait Shape: Send {
    /// Takes rows in the order of their offsets.
    ///
    /// # Errors
    /// Where the export has to stop in front of one of them.
    fn push(&mut self, encoded: &mut Encoded) -> Result<Pushed, ShapeError>;

    /// Goes on with the columns that [`Pushed::Grow`] asked for, or that new fields of records brought.
    ///
    /// # Errors
    /// As [`Shaping::begin`].
    fn relayout(&mut self, layout: &Arc<Layout>) -> Result<(), ShapeError>;

    /// Whether all rows of a commit must have one schema: then a schema that grows is committed first, and the round begins
    /// again.
    fn one_schema(&self) -> bool {
        false
    }

    /// Bytes that it holds back. A round ends early for it.
    fn held(&self) -> usize;

    /// What is left at the end. `table_is_empty`: nothing is in the table yet that could be deleted.
    ///
    /// # Errors
    /// As for [`Self::push`].
    fn finish(&mut self, table_is_empty: bool) -> Result<Shaped, ShapeError>;
}

/// What became of rows.
#[derive(Debug)]
pub enum Pushed {
    /// They were taken. These may be written at once, and these are dead letters, with the columns of
    /// [`crate::rows::dead_letter_schema`], and their reasons.
    Taken {
        /// Rows with the table's columns.
        rows: Option<RecordBatch>,
        /// Dead letters.
        dead: Option<RecordBatch>,
    },
    /// The table needs other columns first; nothing was taken. [`Shape::relayout`], then push the same again.
    Grow(Grown),
}

/// What a shape brings at the end.
#[derive(Debug, Default)]
pub struct Shaped {
    /// Whether all that is in the table goes first.
    pub replaces_all: bool,
    /// Rows.
    pub rows: Vec<RecordBatch>,
    /// Keys whose rows of before go; the schema has the key's columns alone, with field ids, and is the same for all.
    pub deletes: Vec<RecordBatch>,
}

/// Rows as they come.
#[derive(Debug, Clone, Copy, Default)]
pub struct Append;

impl Shaping for Append {
    fn begin(&self, _: &Arc<Layout>) -> Result<Box<dyn Shape>, ShapeError> {
        Ok(Box::new(*self))
    }
}

impl Shape for Append {
    fn push(&mut self, encoded: &mut Encoded) -> Result<Pushed, ShapeError> {
        Ok(Pushed::Taken { rows: encoded.rows.take(), dead: None })
    }

    fn relayout(&mut self, _: &Arc<Layout>) -> Result<(), ShapeError> {
        Ok(())
    }

    fn held(&self) -> usize {
        0
    }

    fn finish(&mut self, _: bool) -> Result<Shaped, ShapeError> {
        Ok(Shaped::default())
    }
}
