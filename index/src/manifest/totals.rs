//! Sums over entries.

use super::{Entry, Totals};
use crate::ids::ByteCount;

impl Totals {
    /// What one entry adds.
    pub fn of(entry: &Entry) -> Self {
        Self {
            entries: 1,
            log_bytes: entry.log_bytes,
            object_bytes: entry.location.length,
            records: entry.records.unwrap_or(0),
        }
    }

    /// The sum; `None` beyond 2^64.
    pub fn plus(self, other: Self) -> Option<Self> {
        Some(Self {
            entries: self.entries.checked_add(other.entries)?,
            log_bytes: self.log_bytes.checked_add(other.log_bytes.get())?,
            object_bytes: self.object_bytes.checked_add(other.object_bytes.get())?,
            records: self.records.checked_add(other.records)?,
        })
    }

    /// What is left; `None` below zero.
    pub fn minus(self, other: Self) -> Option<Self> {
        Some(Self {
            entries: self.entries.checked_sub(other.entries)?,
            log_bytes: self.log_bytes.checked_sub(other.log_bytes).map(ByteCount::new)?,
            object_bytes: self.object_bytes.checked_sub(other.object_bytes).map(ByteCount::new)?,
            records: self.records.checked_sub(other.records)?,
        })
    }
}
