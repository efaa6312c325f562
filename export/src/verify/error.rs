//! Why a verification could not be done. None of these says anything about the table's content.

use firnline_index::batch::BatchError;
use firnline_reader::ReadError;
use firnline_records::RecordError;
use firnline_table::manifest::ManifestError;

use crate::tend::read::FileReadError;

/// A verification that was not done.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The tier could not be read.
    #[error("read partition {partition} of the tier")]
    Tier {
        /// Which partition.
        partition: i32,
        /// Why.
        #[source]
        source: Box<ReadError>,
    },
    /// The tier's bytes hold no batch where one begins.
    #[error("partition {partition}: find batches")]
    Batch {
        /// Which partition.
        partition: i32,
        /// Why.
        #[source]
        source: BatchError,
    },
    /// A batch could not be decoded.
    #[error("partition {partition}: decode a batch")]
    Record {
        /// Which partition.
        partition: i32,
        /// Why.
        #[source]
        source: RecordError,
    },
    /// A file of the table could not be read.
    #[error("read the table's files")]
    File(#[from] FileReadError),
    /// What the table says of its files could not be read.
    #[error("read the manifests of {table}")]
    Manifests {
        /// Which table.
        table: String,
        /// Why.
        #[source]
        source: ManifestError,
    },
    /// The table cannot be compared with a log.
    #[error("{table} cannot be compared with the log: {why}")]
    NotComparable {
        /// Which table.
        table: String,
        /// Why.
        why: String,
    },
}
