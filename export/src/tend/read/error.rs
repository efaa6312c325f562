//! Why a file could not be read.

use std::error::Error;
use std::sync::Arc;

/// A file of a table that could not be read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FileReadError {
    /// The store did not give the bytes.
    #[error("read {location}")]
    Store {
        /// Which file.
        location: String,
        /// Whether the file is not there.
        missing: bool,
        /// Why.
        #[source]
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The bytes are no Parquet file, or damaged.
    #[error("decode {location}")]
    Decode {
        /// Which file.
        location: String,
        /// Why.
        #[source]
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The file has another length than the table says.
    #[error("{location} has {found} bytes where the table says {expected}")]
    Size {
        /// Which file.
        location: String,
        /// What the table says.
        expected: u64,
        /// What is there.
        found: u64,
    },
    /// The file is of a kind that is not read here.
    #[error("{location}: {what}")]
    Unsupported {
        /// Which file.
        location: String,
        /// What it is.
        what: String,
    },
}

impl FileReadError {
    pub(crate) fn decode(location: &str, source: impl Error + Send + Sync + 'static) -> Self {
        Self::Decode { location: location.to_owned(), source: Arc::new(source) }
    }

    pub(crate) fn unsupported(location: &str, what: impl Into<String>) -> Self {
        Self::Unsupported { location: location.to_owned(), what: what.into() }
    }

    /// Whether the store says that the file is not there.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Store { missing: true, .. })
    }
}
