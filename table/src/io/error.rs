//! What can go wrong with a file.

use firnline_store::{ErrorKind, StoreError};

/// A file that could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum IoError {
    /// A location in another place than the warehouse: it is neither read nor written.
    #[error(
        "{location} does not lie within the warehouse {root}; give the export a warehouse that holds the whole table, or move the table"
    )]
    Outside {
        /// The location.
        location: String,
        /// The warehouse.
        root: String,
    },
    /// The warehouse itself, where a file's location was meant.
    #[error("{location} is the warehouse itself and names no file")]
    NoFile {
        /// The location.
        location: String,
    },
    /// A store that cannot hold tables which others are to find.
    #[error("the warehouse {url} cannot hold tables: {why}")]
    Warehouse {
        /// The store's address.
        url: String,
        /// What is wrong and what would be right.
        why: &'static str,
    },
    /// A place outside of the warehouse that was to be opened for a table, and cannot be.
    #[error("open the files at {location}")]
    Open {
        /// The table's location.
        location: String,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The store failed for good: every retry that makes sense was made.
    #[error("{doing} {location}")]
    Store {
        /// What was done.
        doing: &'static str,
        /// The file, or the directory of a listing.
        location: String,
        /// Why it failed.
        #[source]
        source: StoreError,
    },
}

impl IoError {
    pub(super) fn outside(location: &str, root: &str) -> Self {
        Self::Outside { location: location.to_owned(), root: root.to_owned() }
    }

    /// There is no such file.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.store().is_some_and(StoreError::is_not_found)
    }

    /// The same call may succeed later without anybody doing anything.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        self.store().is_some_and(StoreError::is_retriable)
    }

    /// A create may have landed: read back before deciding anything.
    #[must_use]
    pub fn is_ambiguous(&self) -> bool {
        self.store().is_some_and(StoreError::is_ambiguous)
    }

    /// The file is longer than what is read at once.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        self.store().is_some_and(|error| matches!(error.kind(), ErrorKind::TooLarge { .. }))
    }

    /// An operator has to give a right or mend the credentials.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        self.store().is_some_and(StoreError::is_denied)
    }

    /// The store's own error, for its code.
    #[must_use]
    pub fn store(&self) -> Option<&StoreError> {
        match self {
            Self::Store { source, .. } => Some(source),
            Self::Outside { .. } | Self::NoFile { .. } | Self::Warehouse { .. } | Self::Open { .. } => None,
        }
    }
}
