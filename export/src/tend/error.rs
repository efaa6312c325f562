//! Why a table could not be kept in shape.

use arrow_schema::ArrowError;
use firnline_table::manifest::ManifestError;
use firnline_table::partition::PartitionError;
use firnline_table::{BuildError, CatalogError, CommitError, MetadataError};

use super::read::FileReadError;
use crate::files::FileError;

/// Maintenance that ended early. The table is as whole as before.
#[derive(Debug, thiserror::Error)]
pub enum TendError {
    /// The catalog did not give the table.
    #[error("load table {table}")]
    Catalog {
        /// Which table.
        table: String,
        /// Why.
        #[source]
        source: CatalogError,
    },
    /// There is no such table any more.
    #[error("table {table} is not there")]
    Vanished {
        /// Which table.
        table: String,
    },
    /// What the table says of its files could not be read.
    #[error("read the manifests of {table}")]
    Manifests {
        /// Which table.
        table: String,
        /// Why.
        #[source]
        source: ManifestError,
    },
    /// The table's partitioning is not understood.
    #[error("partition files of {table}")]
    Spec {
        /// Which table.
        table: String,
        /// Why.
        #[source]
        source: PartitionError,
    },
    /// A change of the table's metadata makes no sense.
    #[error("change the metadata of {table}")]
    Metadata {
        /// Which table.
        table: String,
        /// Why.
        #[source]
        source: MetadataError,
    },
    /// A commit could not be built.
    #[error("build a commit to {table}")]
    Build {
        /// Which table.
        table: String,
        /// Why.
        #[source]
        source: BuildError,
    },
    /// A commit was refused.
    #[error("commit to {table}")]
    Commit {
        /// Which table.
        table: String,
        /// Why.
        #[source]
        source: CommitError,
    },
    /// It is not known whether a commit has landed.
    #[error(
        "{table}: it is not known whether commit {commit} has landed; its files stay, and go as orphans if it has not"
    )]
    Unsettled {
        /// Which table.
        table: String,
        /// The commit's id in the snapshot's summary.
        commit: String,
        /// What was answered.
        #[source]
        source: CommitError,
    },
    /// Others commit all the time.
    #[error("{table}: {attempts} attempts at a commit met others; try again, or when less is written")]
    Contended {
        /// Which table.
        table: String,
        /// How many attempts.
        attempts: u32,
    },
    /// A file could not be read.
    #[error("read the files of {table}")]
    Read {
        /// Which table.
        table: String,
        /// Why.
        #[source]
        source: FileReadError,
    },
    /// A file could not be written.
    #[error("write files of {table}")]
    Write {
        /// Which table.
        table: String,
        /// Why.
        #[source]
        source: FileError,
    },
    /// Rows could not be put together.
    #[error("put rows of {table} together")]
    Rows {
        /// Which table.
        table: String,
        /// Why.
        #[source]
        source: ArrowError,
    },
}
