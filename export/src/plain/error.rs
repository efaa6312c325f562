//! Why a plain export has stopped. What was written before stays, and the next run goes on from there.

use std::sync::Arc;

use firnline_index::manifest::Gap;
use firnline_index::{Offset, PartitionIndex};
use firnline_store::StoreError;
use parquet::errors::ParquetError;

use crate::codes::{self, Code};
use crate::files::FileError;
use crate::rows::RowsError;
use crate::source::SourceError;

/// A plain export that has stopped.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PlainError {
    /// The tier cannot be gone on with.
    #[error("read the tier")]
    Source(#[from] SourceError),
    /// Rows cannot be made.
    #[error("make rows of records")]
    Rows(#[from] RowsError),
    /// Files cannot be made.
    #[error("make files of rows")]
    Files(#[from] FileError),
    /// The place did not take or give a file.
    #[error("use {key} in {store}")]
    Store {
        /// The key.
        key: String,
        /// The store's address.
        store: String,
        /// Why.
        #[source]
        source: Arc<StoreError>,
    },
    /// There are files of the same topic that another export has written.
    #[error(
        "{key} was written with other settings, or of another topic of that name (its fingerprint is {found}, this export's \
         is {ours}): export to another place"
    )]
    OtherExport {
        /// One of them.
        key: String,
        /// Its fingerprint.
        found: String,
        /// This export's.
        ours: String,
    },
    /// Two files have the same records.
    #[error(
        "{one} and {other} have the same records: two exports have run at once. Delete the files of one of the two ranges, and \
         run again"
    )]
    Overlap {
        /// One of them.
        one: String,
        /// Another.
        other: String,
    },
    /// A file is there and is not what it should be.
    #[error("{key} is there, but {what}: delete it, and run again")]
    Differs {
        /// The key.
        key: String,
        /// What is wrong.
        what: String,
    },
    /// A file's footer cannot be read.
    #[error("{key} is no Parquet file: delete it, and run again")]
    Footer {
        /// The key.
        key: String,
        /// Why.
        #[source]
        source: Arc<ParquetError>,
    },
    /// What was exported is no longer part of the log: an unclean election, or another truncation, took it away.
    #[error(
        "{key} has records of partition {partition} that are no longer part of the log, which is another one from offset \
         {at} on: delete all files of the partition whose range ends above that, and run again"
    )]
    Cut {
        /// The key of a file of the newest stretch.
        key: String,
        /// The partition.
        partition: PartitionIndex,
        /// The first offset at which the exported rows may differ from the log.
        at: Offset,
    },
    /// Offsets are lost in the tier, and are not to be passed.
    #[error("offsets {} of partition {partition} are lost in the tier: set export.pass_gaps to go on behind them", gap.range)]
    Gap {
        /// The partition.
        partition: PartitionIndex,
        /// Which offsets.
        gap: Gap,
    },
    /// A stretch came to more files than names have room for.
    #[error("a stretch of partition {partition} comes to {files} files: make stretches smaller")]
    TooManyFiles {
        /// The partition.
        partition: PartitionIndex,
        /// How many.
        files: usize,
    },
}

impl PlainError {
    /// Whether the same may work later, without anybody's doing.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Source(error) => error.is_retriable(),
            Self::Rows(error) => error.is_retriable(),
            Self::Files(error) => error.is_retriable(),
            Self::Store { source, .. } => source.is_retriable(),
            _ => false,
        }
    }

    /// The stable code for the error page.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Source(error) => error.code(),
            Self::Rows(error) => error.code(),
            Self::Files(error) => error.code(),
            Self::Store { .. } => codes::FILE_STORE,
            Self::OtherExport { .. } => codes::PLAIN_OTHER,
            Self::Overlap { .. } => codes::PLAIN_OVERLAP,
            Self::Differs { .. } | Self::Footer { .. } => codes::PLAIN_DIFFERS,
            Self::Cut { .. } => codes::PLAIN_CUT,
            Self::Gap { .. } => codes::GAP,
            Self::TooManyFiles { .. } => codes::PLAIN_SETTINGS,
        }
    }
}
