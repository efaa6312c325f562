//! Why a partition cannot be gone on with.

use std::sync::Arc;

use firnline_index::batch::BatchError;
use firnline_index::{Offset, PartitionIndex};
use firnline_reader::{ErrorKind, ReadError};

use super::Position;
use crate::codes::{self, Code};

/// A partition that cannot be read, or must not be.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SourceError {
    /// The tier did not give what was asked for.
    #[error("read partition {partition}")]
    Read {
        /// The partition.
        partition: PartitionIndex,
        /// Why.
        #[source]
        source: ReadError,
    },
    /// What was exported is no longer part of the log: an unclean election, or another truncation, took it away.
    #[error(
        "partition {partition} was exported up to offset {}, but from offset {at} on the tier has another log \
         (an unclean election cut it): run `firnline export repair` to take back the rows from offset {at} on",
        position.next_offset
    )]
    Cut {
        /// The partition.
        partition: PartitionIndex,
        /// How far it was exported.
        position: Position,
        /// The first offset at which the exported rows may differ from the log.
        at: Offset,
    },
    /// What comes next is gone from the tier.
    #[error(
        "partition {partition} was exported up to offset {next}, but the tier begins at offset {start}: what lies between \
         is gone by retention or deletion"
    )]
    BelowStart {
        /// The partition.
        partition: PartitionIndex,
        /// The first offset that is not exported.
        next: Offset,
        /// The tier's first offset.
        start: Offset,
    },
    /// Bytes whose checksum is right hold no batch where one begins.
    #[error("partition {partition} has no batch where one begins, behind offset {behind}; run verify")]
    Batch {
        /// The partition.
        partition: PartitionIndex,
        /// One past the last offset of the batch before.
        behind: Offset,
        /// What is wrong.
        #[source]
        source: Arc<BatchError>,
    },
}

impl SourceError {
    /// Whether the same may work later, without anybody's doing.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        matches!(self, Self::Read { source, .. } if source.kind() == ErrorKind::Retry)
    }

    /// The stable code for the error page; the reader's own where it could not read.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Read { source, .. } => {
                let firnline_reader::Code { code, title, cure } = source.code();
                Code { code, title, cure }
            }
            Self::Cut { .. } => codes::CUT,
            Self::BelowStart { .. } => codes::BELOW_START,
            Self::Batch { .. } => codes::NO_BATCH,
        }
    }
}
