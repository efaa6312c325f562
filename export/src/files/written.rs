//! What is known of a file that is there.

use super::ColumnMetrics;

/// A file that was written whole.
#[derive(Debug, Clone, PartialEq)]
pub struct WrittenFile<K> {
    /// Where it is.
    pub location: String,
    /// The partition of all its rows.
    pub partition: K,
    /// How many rows it has.
    pub rows: u64,
    /// Its exact size in bytes.
    pub size: u64,
    /// Where its row groups begin: where readers may divide it.
    pub split_offsets: Vec<i64>,
    /// What is known of its columns, by field id; only those that have one.
    pub columns: Vec<ColumnMetrics>,
}
