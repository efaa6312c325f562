//! What a verification has found.

use std::fmt;
use std::ops::Range;

use super::record::Compared;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyReport {
    /// What was compared of each record.
    pub compared: Compared,
    /// Each partition that was looked at.
    pub partitions: Vec<PartitionReport>,
    /// The first differences, by partition and offset.
    pub differences: Vec<Difference>,
    /// How many differences there are among the offsets that were looked at one by one.
    pub difference_count: u64,
    /// Whether there may be more differences than those counted.
    pub more: bool,
    /// Things that one should know, in sentences.
    pub notes: Vec<String>,
}

impl VerifyReport {
    /// Whether the table has what the log has.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.differences.is_empty() && self.partitions.iter().all(PartitionReport::is_equal)
    }
}

/// What was found in a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionReport {
    /// The partition.
    pub partition: i32,
    /// The offsets that were looked at.
    pub offsets: Range<i64>,
    /// Records of the log in them.
    pub log_records: u64,
    /// The sum of their checksums.
    pub log_checksum: u128,
    /// Rows of the table and of its dead letters in them.
    pub table_rows: u64,
    /// The sum of their checksums.
    pub table_checksum: u128,
    /// Of those rows, how many are dead letters.
    pub dead_letters: u64,
    /// Offsets in the range that the tier has lost or let go: nothing is known of them.
    pub unknown_offsets: u64,
    /// Rows of the table beyond the position that it has for the partition.
    pub beyond: u64,
}

impl PartitionReport {
    /// Whether table and log are equal here.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        (self.log_records, self.log_checksum) == (self.table_rows, self.table_checksum) && self.beyond == 0
    }
}

/// A record at which table and log differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Difference {
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
    /// How.
    pub what: What,
}

/// How they differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The log has it, the table does not.
    Missing,
    /// The table has it more often than the log.
    Doubled {
        /// How often.
        times: u32,
    },
    /// The table has it, the log does not: of an aborted transaction, of a branch that was cut off, or somebody else's.
    Unknown,
    /// Both have it, with other bytes.
    Differs,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, offset, what } = self;
        write!(f, "partition {partition}, offset {offset}: ")?;
        match what {
            What::Missing => f.write_str("not in the table"),
            What::Doubled { times } => write!(f, "{times} times in the table"),
            What::Unknown => f.write_str("in the table, but no committed record of the log"),
            What::Differs => f.write_str("other bytes in the table than in the log"),
        }
    }
}
