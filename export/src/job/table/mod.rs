//! Where an export's own types meet those of Iceberg tables: files, partitions, schemas, and what a table says of itself.

mod evolve;
mod facts;
mod files;
mod new;
mod rows;
mod sink;
mod spec;

pub use evolve::Evolving;
pub use facts::{
    Ground, column_id, current_snapshot, in_ancestry, is_empty, is_rolled_back, property, summary_in_ancestry,
};
pub use files::{LiveFiles, data_file, data_file_in, data_prefix, equality_file, live_files, offset_bounds};
pub(crate) use new::{new_dead_letters, new_table};
pub(crate) use rows::Rows;
pub use sink::IoSink;
pub use spec::{PartitionKey, SpecPartitioner};

use std::error::Error;
use std::sync::Arc;

use arrow_schema::ArrowError;
use firnline_table::manifest::ManifestError;
use firnline_table::partition::PartitionError;
use firnline_table::schema::SchemaError;
use firnline_table::{EvolveError, NameError};

use crate::rows::RowsError;
use crate::tend::read::FileReadError;

/// Why a table cannot be exported to as it is.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TableError {
    /// Its name.
    #[error("it cannot be called so")]
    Name(#[from] NameError),
    /// Its schema.
    #[error("its schema cannot be used")]
    Schema(#[source] Arc<SchemaError>),
    /// A change of its schema.
    #[error("its columns cannot become what the records need")]
    Evolve(#[from] EvolveError),
    /// Its partitioning.
    #[error("it cannot be partitioned so")]
    Partitioning(#[source] Arc<PartitionError>),
    /// A partitioning that nobody understands.
    #[error(
        "`{text}` is no partitioning: write a column, or day(COLUMN), hour(COLUMN), month(COLUMN), year(COLUMN), \
             bucket(NUMBER, COLUMN), truncate(NUMBER, COLUMN)"
    )]
    Word {
        /// What was written.
        text: String,
    },
    /// Its columns.
    #[error("{what}")]
    Columns {
        /// What is wrong.
        what: String,
    },
    /// Rows for it.
    #[error("its columns are not what the rows have")]
    Rows(#[from] RowsError),
    /// Rows of it.
    #[error("its rows cannot be divided")]
    Arrow(#[from] Arc<ArrowError>),
    /// One of its files.
    #[error("one of its files cannot be read")]
    File(#[from] FileReadError),
    /// Its manifests.
    #[error("its manifests cannot be read")]
    Manifests {
        /// Whether the same may work later.
        retriable: bool,
        /// Why.
        #[source]
        source: Arc<dyn Error + Send + Sync>,
    },
}

impl TableError {
    pub(crate) fn schema(error: SchemaError) -> Self {
        Self::Schema(Arc::new(error))
    }

    pub(crate) fn partitioning(error: PartitionError) -> Self {
        Self::Partitioning(Arc::new(error))
    }

    pub(crate) fn columns(what: impl Into<String>) -> Self {
        Self::Columns { what: what.into() }
    }

    pub(crate) fn manifests(error: ManifestError) -> Self {
        Self::Manifests { retriable: error.is_retriable(), source: Arc::new(error) }
    }

    /// Whether the same may work later, without anybody's doing.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Manifests { retriable, .. } => *retriable,
            Self::File(FileReadError::Store { missing, .. }) => !missing,
            _ => false,
        }
    }
}

impl From<ArrowError> for TableError {
    fn from(error: ArrowError) -> Self {
        Self::Arrow(Arc::new(error))
    }
}
