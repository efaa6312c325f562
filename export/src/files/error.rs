//! Why a file could not be written.

use std::error::Error;
use std::sync::Arc;

use arrow_schema::ArrowError;
use parquet::errors::ParquetError;

use crate::codes::{self, Code};

/// A file that was not written. Files of the same set that are finished stay; who wrote them decides about them.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FileError {
    /// The columns cannot stand in a Parquet file.
    #[error("make a Parquet schema of the table's columns")]
    Schema(#[source] Arc<ParquetError>),
    /// Rows could not be encoded.
    #[error("encode rows for {location}")]
    Encode {
        /// Where the file was to be.
        location: String,
        /// Why.
        #[source]
        source: Arc<ParquetError>,
    },
    /// Rows could not be told apart by their partition.
    #[error("divide rows into the table's partitions")]
    Partition(#[source] Arc<ArrowError>),
    /// The store did not take the bytes.
    #[error("write {location}")]
    Sink {
        /// Where the file was to be.
        location: String,
        /// Whether the same may work later, without anybody's doing.
        retriable: bool,
        /// Why.
        #[source]
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The store has another number of bytes than it was given.
    #[error("{location} has {found} bytes, but {written} were written; delete it")]
    Size {
        /// Where the file is.
        location: String,
        /// Bytes written.
        written: u64,
        /// Bytes that the store tells.
        found: u64,
    },
    /// A call before this one was dropped before its end, or has failed; what was written then is not known.
    #[error("an earlier write to these files was cut short; begin again with new files")]
    Broken,
}

impl FileError {
    pub(crate) fn encode(location: &str, source: ParquetError) -> Self {
        Self::Encode { location: location.to_owned(), source: Arc::new(source) }
    }

    /// Whether the same may work later, without anybody's doing.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        matches!(self, Self::Sink { retriable: true, .. } | Self::Size { .. })
    }

    /// The stable code for the error page.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Schema(_) | Self::Encode { .. } | Self::Partition(_) | Self::Broken => codes::PARQUET,
            Self::Sink { .. } | Self::Size { .. } => codes::FILE_STORE,
        }
    }
}
