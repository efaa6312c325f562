//! What a job tells whoever watches it.

use std::fmt;

use firnline_index::{OffsetRange, PartitionIndex};

/// Is told how a job gets on. All calls are short and come in order; none is made twice for the same.
pub trait Progress: Send + Sync + fmt::Debug {
    /// A round begins, with about so many bytes of the log to be read in all, this round and those to come.
    fn round_begins(&self, backlog_bytes: u64) {
        let _ = backlog_bytes;
    }

    /// So many bytes of a partition's log were read, up to this offset.
    fn read(&self, partition: PartitionIndex, range: OffsetRange, bytes: u64) {
        let _ = (partition, range, bytes);
    }

    /// What was read and written is part of the table.
    fn committed(&self, rows: u64) {
        let _ = rows;
    }

    /// It waits for something that does not answer, named here.
    fn stalled(&self, what: &str) {
        let _ = what;
    }
}

/// Nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Progress for Unwatched {}
