//! What a remote segment knows of transactions, by producer id and offset alone.
//!
//! Never by producer epoch: fencing and KIP-890 bump it between data and marker. And never anything from beyond the
//! segment's end: what is open there stays open, and a reader decides it from the producer's first marker in the entries
//! that follow.
//!
//! ```text
//!          ┌────────────────── segment ──────────────────┐┌─── next ───
//! P1  d d A│                d d d A                      ││
//! P2       │    C      d d d                             ││  d d C
//!          │    │                 │                     end
//!          │    first marker      (a) aborted: P1, first data, marker
//!          │    of P2             (c) open: P2, first data        (d) stable end = P2's first data
//! ```

mod codec;
mod tracker;

pub use codec::TransactionsError;
pub use tracker::{TransactionStart, TransactionTracker};

use crate::ids::{Offset, ProducerId, TimestampMs};

/// A transaction whose end has not come yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OpenTransaction {
    /// Who writes it.
    pub producer: ProducerId,
    /// The base offset of its first data batch.
    pub first_offset: Offset,
    /// The largest timestamp of its last data batch; tells how long it has been hanging.
    pub last_timestamp: Option<TimestampMs>,
}

/// A transaction that was aborted: its data lies between the two offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AbortedTransaction {
    /// Who wrote it.
    pub producer: ProducerId,
    /// The base offset of its first data batch, or a lower bound where that was never seen.
    pub first_offset: Offset,
    /// The offset of the abort marker.
    pub marker_offset: Offset,
}

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Its data counts.
    Committed,
    /// Its data does not.
    Aborted,
}

/// A producer's first marker in a segment: it decides what the segments before left open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FirstMarker {
    /// Whose marker.
    pub producer: ProducerId,
    /// Where it stands.
    pub marker_offset: Offset,
    /// What it says.
    pub outcome: Outcome,
}

/// The transactions of one segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentTransactions {
    /// (a) Aborts whose marker stands in the segment and that closed data; by marker offset.
    pub aborted: Vec<AbortedTransaction>,
    /// (b) Each producer's first marker in the segment; by marker offset.
    pub first_markers: Vec<FirstMarker>,
    /// (c) Open at the segment's end; by first offset.
    pub open: Vec<OpenTransaction>,
    /// (d) The smallest first offset in `open`, else the segment's end.
    pub stable_end: Offset,
}

impl SegmentTransactions {
    /// How many facts of all kinds one segment may hold: about 100 MB in memory. A gigabyte of the smallest transactions
    /// there are has fewer.
    pub const MAX_ITEMS: usize = 4 << 20;

    /// A segment up to `end` without any transaction.
    pub fn none(end: Offset) -> Self {
        Self { aborted: Vec::new(), first_markers: Vec::new(), open: Vec::new(), stable_end: end }
    }

    /// Memory held behind this value, in bytes.
    pub fn memory_bytes(&self) -> usize {
        size_of_val(&*self.aborted) + size_of_val(&*self.first_markers) + size_of_val(&*self.open)
    }

    /// The first marker of a producer, if it has one here.
    pub fn first_marker(&self, producer: ProducerId) -> Option<&FirstMarker> {
        self.first_markers.iter().find(|marker| marker.producer == producer)
    }

    /// The transaction that a producer has open at the end, if any.
    pub fn open_of(&self, producer: ProducerId) -> Option<&OpenTransaction> {
        self.open.iter().find(|open| open.producer == producer)
    }
}

#[cfg(test)]
mod tests;
