//! A written set: the files of one round, and all that its commit has to know. Writing and committing meet only here, so that
//! several machines may write for one that commits.

use std::collections::BTreeMap;

use firnline_index::{OffsetRange, PartitionIndex};
use firnline_table::{DataFile, SchemaChange};

use super::table::Ground;
use crate::position::Advance;

/// The files of one round. Not part of the table yet; whoever drops it leaves its files to orphan removal.
#[derive(Debug, Clone)]
pub struct Written {
    /// Its id: in the files' names, the snapshot's summary and the table's properties. All attempts to commit it have the same.
    pub commit: String,
    /// From where to where it leads, by partition; each moves forward.
    pub ranges: Vec<Advance>,
    /// Files with rows.
    pub add: Vec<DataFile>,
    /// Files with equality deletes, of current-state tables.
    pub add_deletes: Vec<DataFile>,
    /// Whether all that is in the table goes: a truncation of the source came before the rows.
    pub replaces_all: bool,
    /// Its dead letters; `None` where there are none.
    pub dead: Option<DeadSet>,
    /// The table that the files were written for.
    pub ground: Ground,
    /// What the table's schema becomes by them; `None` where it stays.
    pub schema: Option<SchemaChange>,
    /// Where their columns come from, as the table's property has it.
    pub columns: String,
    /// Offsets in `ranges` that the tier does not have (any more).
    pub missing: Vec<(PartitionIndex, OffsetRange)>,
    /// What was counted.
    pub counts: Counts,
    /// The largest time of a record, by partition.
    pub newest_ms: BTreeMap<PartitionIndex, i64>,
}

/// Dead letters of a written set, with the positions of their own table.
#[derive(Debug, Clone)]
pub struct DeadSet {
    /// Files with rows.
    pub add: Vec<DataFile>,
    /// From where to where the dead-letter table comes by it.
    pub ranges: Vec<Advance>,
    /// The table that the files were written for.
    pub ground: Ground,
}

/// What a round counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows.
    pub rows: u64,
    /// Uncompressed bytes of keys, values and headers.
    pub read_bytes: u64,
    /// Dead letters, by reason.
    pub dead: BTreeMap<String, u64>,
}

impl Written {
    /// Whether there is anything to commit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Offsets passed that are known lost or gone.
    #[must_use]
    pub fn missing_offsets(&self) -> u64 {
        self.missing.iter().map(|(_, range)| range.span()).sum()
    }

    /// Bytes of its files.
    #[must_use]
    pub fn file_bytes(&self) -> u64 {
        let files = self.add.iter().chain(&self.add_deletes);
        files.map(|file| file.file_size).sum()
    }
}
