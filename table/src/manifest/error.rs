//! What can be wrong with manifests.

use super::avro::AvroError;
use crate::io::IoError;
use crate::partition::PartitionError;

/// A manifest, or a list of them, that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The file could not be read or written.
    #[error(transparent)]
    Io(#[from] IoError),
    /// It is no Avro file, or a damaged one.
    #[error("manifest {location}")]
    Avro {
        /// The file.
        location: String,
        /// What is wrong.
        #[source]
        source: AvroError,
    },
    /// A value in it is missing or is not what it has to be.
    #[error("manifest {location}: `{field}` {why}")]
    Value {
        /// The file.
        location: String,
        /// Which field.
        field: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Its partitions cannot be told.
    #[error("manifest {location}")]
    Partition {
        /// The file.
        location: String,
        /// What is wrong.
        #[source]
        source: PartitionError,
    },
    /// A snapshot without a manifest list: one of a table that once was of format version 1.
    #[error("snapshot {0} has no manifest list; rewrite the table's manifests with the engine that made it")]
    NoList(i64),
}

impl ManifestError {
    /// The same call may succeed later without anybody doing anything.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Io(error) => error.is_retriable(),
            _ => false,
        }
    }

    /// The file is not there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        match self {
            Self::Io(error) => error.is_not_found(),
            _ => false,
        }
    }
}
