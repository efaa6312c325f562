//! Why a commit cannot be built.

use crate::io::IoError;
use crate::manifest::ManifestError;
use crate::metadata::MetadataError;

/// How many files an error names.
pub(super) const NAMED: usize = 3;

/// A commit that was not built. The table is as it was.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A manifest could not be read or written.
    #[error("build a commit")]
    Manifest(#[from] ManifestError),
    /// A file could not be read, written or listed.
    #[error("build a commit")]
    Io(#[from] IoError),
    /// The table does not take the change of its metadata.
    #[error("build a commit")]
    Metadata(#[from] MetadataError),
    /// The columns have changed since the change of them was made: make it anew.
    #[error(
        "the table's columns were changed by somebody else; load the table and make the change of its columns anew"
    )]
    SchemaMoved,
    /// Files that were to be removed are not there: somebody else has removed them.
    #[error("{count} of the files to be removed are no part of the table any more: {named}")]
    NotThere {
        /// How many.
        count: usize,
        /// Some of them.
        named: String,
    },
    /// Rows of the replaced files were deleted since they were read: read them anew.
    #[error("rows of the replaced files were deleted by snapshot {by} since they were read")]
    Overtaken {
        /// The snapshot.
        by: i64,
    },
    /// The change itself is not one that can be made.
    #[error("the change cannot be made: {0}")]
    Invalid(String),
    /// The table says that none of its files may be deleted.
    #[error("the table's property `gc.enabled` is false: its files may be in use by other tables")]
    GcDisabled,
    /// A directory of files that are not all the table's.
    #[error(
        "{path} belongs to another table, which lies within {location}; remove orphans of such tables by hand"
    )]
    Nested {
        /// The other table's file.
        path: String,
        /// This table's directory.
        location: String,
    },
}

impl BuildError {
    /// The same call may succeed later without anybody doing anything.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Manifest(error) => error.is_retriable(),
            Self::Io(error) => error.is_retriable(),
            _ => false,
        }
    }

    /// The table has changed since the change was made: load it and make the change anew. A manifest that is not there is one
    /// that somebody has expired.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        match self {
            Self::SchemaMoved | Self::NotThere { .. } | Self::Overtaken { .. } => true,
            Self::Manifest(error) => error.is_not_found(),
            Self::Io(error) => error.is_not_found(),
            _ => false,
        }
    }

    /// An operator has to give a right or mend the credentials.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        match self {
            Self::Manifest(ManifestError::Io(error)) | Self::Io(error) => error.is_denied(),
            _ => false,
        }
    }
}
