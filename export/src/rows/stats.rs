//! What became of records.

use std::collections::BTreeMap;

use firnline_index::TimestampMs;

/// Counts of what was encoded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowStats {
    /// Rows.
    pub rows: u64,
    /// Dead letters, by the stable word of their reason.
    pub dead: BTreeMap<&'static str, u64>,
    /// Records without a value, among the rows.
    pub tombstones: u64,
    /// Bytes of keys, uncompressed, of rows and dead letters.
    pub key_bytes: u64,
    /// Bytes of values, likewise.
    pub value_bytes: u64,
    /// Bytes of headers' names and values, likewise.
    pub header_bytes: u64,
    /// Timestamps beyond what microseconds can say; they are null.
    pub timestamps_out_of_range: u64,
    /// Markers of transactions, passed.
    pub control_batches: u64,
    /// Batches of aborted transactions, passed.
    pub aborted_batches: u64,
    /// Records in those.
    pub aborted_records: u64,
    /// The largest timestamp of a row.
    pub max_timestamp: Option<TimestampMs>,
}

impl RowStats {
    /// Adds what was counted elsewhere.
    pub fn add(&mut self, other: &Self) {
        let Self {
            rows,
            dead,
            tombstones,
            key_bytes,
            value_bytes,
            header_bytes,
            timestamps_out_of_range,
            control_batches,
            aborted_batches,
            aborted_records,
            max_timestamp,
        } = other;
        self.rows += rows;
        for (reason, count) in dead {
            *self.dead.entry(reason).or_default() += count;
        }
        self.tombstones += tombstones;
        self.key_bytes += key_bytes;
        self.value_bytes += value_bytes;
        self.header_bytes += header_bytes;
        self.timestamps_out_of_range += timestamps_out_of_range;
        self.control_batches += control_batches;
        self.aborted_batches += aborted_batches;
        self.aborted_records += aborted_records;
        self.max_timestamp = self.max_timestamp.max(*max_timestamp);
    }

    /// All dead letters.
    #[must_use]
    pub fn dead_letters(&self) -> u64 {
        self.dead.values().sum()
    }

    /// Bytes of keys, values and headers, uncompressed.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.key_bytes + self.value_bytes + self.header_bytes
    }
}
