//! Why a job stops, or tries again.

use std::sync::Arc;

use firnline_index::{Offset, OffsetRange, PartitionIndex};
use firnline_table::{BuildError, CatalogError, CommitError};

use super::name::Collision;
use super::table::TableError;
use crate::codes::{self, Code};
use crate::files::FileError;
use crate::position::{PositionError, Source};
use crate::rows::RowsError;
use crate::source::SourceError;

/// Why a round did not become part of its table.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The tier.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Records.
    #[error(transparent)]
    Rows(#[from] RowsError),
    /// Files.
    #[error(transparent)]
    Files(#[from] FileError),
    /// The table's name.
    #[error(transparent)]
    Name(#[from] Collision),
    /// The table's properties.
    #[error("read what table {table} says of its exporters")]
    Properties {
        /// The table.
        table: String,
        /// What is wrong with them.
        #[source]
        source: PositionError,
    },
    /// The table's schema, partitioning or files.
    #[error("table {table}")]
    Table {
        /// The table.
        table: String,
        /// What is wrong.
        #[source]
        source: TableError,
    },
    /// The catalog.
    #[error("ask the catalog for table {table}")]
    Catalog {
        /// The table.
        table: String,
        /// What it answered.
        #[source]
        source: CatalogError,
    },
    /// A commit could not be put together.
    #[error("make a commit to table {table}")]
    Build {
        /// The table.
        table: String,
        /// Why.
        #[source]
        source: BuildError,
    },
    /// The catalog refuses a commit for good.
    #[error("the catalog refuses the commit to table {table}")]
    Refused {
        /// The table.
        table: String,
        /// Why.
        #[source]
        source: CommitError,
    },
    /// As often as allowed, a commit was not accepted. It may have landed: the next round finds out.
    #[error("table {table} took no commit in {attempts} attempts; the files written are kept")]
    Unsettled {
        /// The table.
        table: String,
        /// How many attempts.
        attempts: u32,
        /// The last answer.
        #[source]
        source: Option<CommitError>,
    },
    /// Another exporter has taken the table over.
    #[error(
        "table {table} was taken over by exporter {by} (epoch {epoch}); this one stops: two exporters of one table only \
         undo each other's work"
    )]
    Fenced {
        /// The table.
        table: String,
        /// The other exporter.
        by: String,
        /// Its epoch.
        epoch: u64,
    },
    /// While files were written, the table moved on: they are given up, and the round begins again.
    #[error("table {table} moved on while a round was written; its files are given up")]
    MovedOn {
        /// The table.
        table: String,
    },
    /// The table was dropped, or renamed, while it was exported to.
    #[error(
        "table {table} is not there any more; start the export again to make it anew, with all of its history"
    )]
    Vanished {
        /// The table.
        table: String,
    },
    /// The table's records come from another topic.
    #[error(
        "table {table} holds the records of {has}, not of {wanted}: export to another table, or, where the topic was made \
         anew and its offsets are to go on in the same table, say `--continue-as {}`", has.topic_id
    )]
    OtherSource {
        /// The table.
        table: String,
        /// Where its records come from.
        has: Box<Source>,
        /// Where they would come from.
        wanted: Box<Source>,
    },
    /// The table was set back by hand, its positions were not.
    #[error(
        "table {table} was rolled back behind what was exported last, and its positions were not: going on would leave rows \
         out; run `firnline export repair --rolled-back`, or roll the table forward again"
    )]
    RolledBack {
        /// The table.
        table: String,
    },
    /// Offsets are lost, and the settings refuse to go on behind them.
    #[error(
        "partition {partition} has lost offsets {} to {}, which is on record in the tier; `missing.lost = \"record\"` goes on \
         behind them", range.start(), range.end()
    )]
    LostOffsets {
        /// The partition.
        partition: PartitionIndex,
        /// The offsets.
        range: OffsetRange,
    },
    /// A record is no row, and the settings have the export stop in front of it.
    #[error(
        "partition {partition} has a record at or behind offset {from} that is no row ({reason}); a dead-letter table \
             takes such records: `dead_letters = \"table\"`"
    )]
    DeadLetter {
        /// The partition.
        partition: PartitionIndex,
        /// The first offset of the rows that it was read with.
        from: Offset,
        /// Why.
        reason: String,
    },
    /// What a table's rows are made into could not be made.
    #[error("shape rows for table {table}")]
    Shape {
        /// The table.
        table: String,
        /// Why.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
}

/// What a caller does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The same may work after a pause.
    Retry,
    /// The same will work at once: the table is to be loaded again.
    Again,
    /// Somebody has to decide something first.
    Stop,
}

impl JobError {
    /// What to do next.
    #[must_use]
    pub fn next(&self) -> Next {
        let retry = |again: bool| if again { Next::Retry } else { Next::Stop };
        match self {
            Self::MovedOn { .. } => Next::Again,
            Self::Unsettled { .. } => Next::Retry,
            Self::Source(error) => retry(error.is_retriable()),
            Self::Rows(error) => retry(error.is_retriable()),
            Self::Files(error) => retry(error.is_retriable()),
            Self::Catalog { source, .. } => retry(source.is_retriable()),
            Self::Build { source, .. } => retry(source.is_retriable() || source.is_stale()),
            Self::Table { source, .. } => retry(source.is_retriable()),
            Self::Refused { .. }
            | Self::Name(_)
            | Self::Properties { .. }
            | Self::Fenced { .. }
            | Self::OtherSource { .. }
            | Self::Vanished { .. }
            | Self::RolledBack { .. }
            | Self::LostOffsets { .. }
            | Self::DeadLetter { .. }
            | Self::Shape { .. } => Next::Stop,
        }
    }

    /// The stable code for the error page.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Source(error) => error.code(),
            Self::Rows(error) => error.code(),
            Self::Files(error) => error.code(),
            Self::Name(_) => codes::NAME_TAKEN,
            Self::Properties { .. } => codes::PROPERTIES,
            Self::Table { .. } => codes::TABLE,
            Self::Catalog { .. } => codes::CATALOG,
            Self::Build { .. } => codes::BUILD,
            Self::Refused { .. } => codes::COMMIT_REFUSED,
            Self::Unsettled { .. } => codes::UNSETTLED,
            Self::Fenced { .. } => codes::FENCED,
            Self::MovedOn { .. } => codes::MOVED_ON,
            Self::Vanished { .. } => codes::VANISHED,
            Self::OtherSource { .. } => codes::OTHER_SOURCE,
            Self::RolledBack { .. } => codes::ROLLED_BACK,
            Self::LostOffsets { .. } => codes::LOST_OFFSETS,
            Self::DeadLetter { .. } => codes::DEAD_LETTER,
            Self::Shape { .. } => codes::SHAPE,
        }
    }
}
