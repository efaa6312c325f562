//! Why a table is not repaired.

use firnline_index::{Offset, PartitionIndex};

use crate::codes::{self, Code};
use crate::job::JobError;
use crate::position::Position;

/// Why a table is not repaired. Nothing was changed, or the whole of one commit.
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    /// What repairs have in common with exports.
    #[error(transparent)]
    Job(#[from] JobError),
    /// Rows are deleted in it by files beside them.
    #[error(
        "table {table} has {count} delete files, which would not fit rewritten rows: compact it first (`firnline export maintain`, \
         or another engine's rewrite of data files), then repair; a current-state table has to be built anew, since what its \
         deletes took away is not in it any more"
    )]
    HasDeletes {
        /// The table.
        table: String,
        /// How many.
        count: usize,
    },
    /// Two topics' records are in it under the same partitions and offsets.
    #[error(
        "table {table} holds the records of two topics, which rows do not tell apart: build it anew from the tier"
    )]
    TwoTopics {
        /// The table.
        table: String,
    },
    /// The cut lies further back than the tier remembers.
    #[error(
        "partition {partition} was exported up to {position}, and the tier's lineage begins only at offset {known}: where the two \
         parted is not known; build the table anew from the tier"
    )]
    TooFarBack {
        /// The partition.
        partition: PartitionIndex,
        /// How far it was exported.
        position: Position,
        /// Where the lineage begins.
        known: Offset,
    },
    /// No snapshot that is left says how far it had come.
    #[error(
        "table {table} was rolled back, and no snapshot that is left tells how far it had come then: build it anew from the tier"
    )]
    Forgotten {
        /// The table.
        table: String,
    },
    /// It was planned anew as often as allowed, and each time somebody else committed first.
    #[error("table {table} changes faster than it can be repaired: stop its other writers for a moment")]
    Restless {
        /// The table.
        table: String,
    },
}

impl RepairError {
    /// The stable code for the error page.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Job(error) => error.code(),
            _ => codes::REPAIR_REFUSED,
        }
    }
}
