//! What can be wrong with metadata and with changes of it.

use crate::partition::PartitionError;
use crate::schema::SchemaError;

/// Metadata that cannot be used, or a change that it does not take.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// Text that is no metadata.
    #[error("read table metadata")]
    Json(#[from] serde_json::Error),
    /// A version of the format that this program does not write.
    #[error(
        "the table has format version {0}; this program writes 2 and 3 (a table of version 1 can be upgraded by the engine that made it)"
    )]
    FormatVersion(u8),
    /// One thing refers to another that is not there.
    #[error("there is no {what} {id}")]
    Missing {
        /// What is missing.
        what: &'static str,
        /// Its number or name.
        id: String,
    },
    /// Something is there twice.
    #[error("there is a {what} {id} already")]
    Twice {
        /// What there is twice.
        what: &'static str,
        /// Its number or name.
        id: String,
    },
    /// Two parts of the metadata contradict each other.
    #[error("{0}")]
    Contradiction(String),
    /// `-1` for what was added last, and nothing was added.
    #[error("the last added {0} is asked for, but none was added")]
    NothingAdded(&'static str),
    /// A type that the format version does not have.
    #[error(
        "a column needs format version {needs}, and the table has {has}; upgrade it or choose another type"
    )]
    TooNew {
        /// The version with that type.
        needs: u8,
        /// The table's version.
        has: u8,
    },
    /// Columns that cannot be.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// Partitions that cannot be.
    #[error(transparent)]
    Partition(#[from] PartitionError),
    /// An order by a column that is not there or cannot be compared.
    #[error("the sort order has a field with the id {0}, which is not there or cannot be sorted by")]
    Sort(i32),
}

impl MetadataError {
    pub(super) fn missing(what: &'static str, id: impl ToString) -> Self {
        Self::Missing { what, id: id.to_string() }
    }

    pub(super) fn twice(what: &'static str, id: impl ToString) -> Self {
        Self::Twice { what, id: id.to_string() }
    }
}
