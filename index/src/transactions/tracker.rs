//! One pass over a segment's batches.

use std::collections::BTreeMap;

use super::{AbortedTransaction, FirstMarker, OpenTransaction, Outcome, SegmentTransactions};
use crate::batch::{BatchHeader, Marker};
use crate::ids::{Offset, ProducerId};

/// What was open where a segment starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransactionStart {
    /// Exactly these: the segment goes on where the last one ended, or at the start of the log.
    Known(Vec<OpenTransaction>),
    /// Nobody knows. A producer's first abort may then close data from anywhere in the span.
    Unknown {
        /// The first offset of the span.
        span_start: Offset,
    },
}

/// Follows the transactions through a segment. Memory grows with the number of producers that use transactions in it.
#[derive(Debug, Clone)]
pub struct TransactionTracker {
    open: BTreeMap<ProducerId, OpenTransaction>,
    first_markers: BTreeMap<ProducerId, FirstMarker>,
    aborted: Vec<AbortedTransaction>,
    unknown_from: Option<Offset>,
}

impl TransactionTracker {
    /// Starts where a segment starts.
    pub fn new(start: TransactionStart) -> Self {
        let (open, unknown_from) = match start {
            TransactionStart::Known(open) => (open, None),
            TransactionStart::Unknown { span_start } => (Vec::new(), Some(span_start)),
        };
        let open = open.into_iter().map(|transaction| (transaction.producer, transaction)).collect();
        Self { open, first_markers: BTreeMap::new(), aborted: Vec::new(), unknown_from }
    }

    /// Takes the next batch, with its marker if it is a control batch. Batches without a transaction change nothing, and
    /// neither does one without records: a cleaner keeps such headers long after it has removed the data and its marker.
    pub fn observe(&mut self, header: &BatchHeader, marker: Option<Marker>) {
        let Some(producer) = header.producer.map(|producer| producer.id) else { return };
        match marker {
            Some(Marker::Commit) => self.end(producer, header.base_offset, Outcome::Committed),
            Some(Marker::Abort) => self.end(producer, header.base_offset, Outcome::Aborted),
            Some(Marker::Other(_)) => {}
            None if header.transactional && !header.control && header.record_count != Some(0) => {
                let open = self.open.entry(producer).or_insert(OpenTransaction {
                    producer,
                    first_offset: header.base_offset,
                    last_timestamp: None,
                });
                open.last_timestamp = header.max_timestamp.or(open.last_timestamp);
            }
            None => {}
        }
    }

    fn end(&mut self, producer: ProducerId, marker_offset: Offset, outcome: Outcome) {
        let closed = self.open.remove(&producer).map(|open| open.first_offset);
        let seen_before = self.first_markers.contains_key(&producer);
        if outcome == Outcome::Aborted {
            // A marker that closed nothing is no aborted transaction, unless what it closed lies before what we saw.
            let first_offset = closed.or(if seen_before { None } else { self.unknown_from });
            self.aborted.extend(first_offset.map(|first_offset| AbortedTransaction {
                producer,
                first_offset,
                marker_offset,
            }));
        }
        self.first_markers.entry(producer).or_insert(FirstMarker { producer, marker_offset, outcome });
    }

    /// How many facts are held.
    pub fn len(&self) -> usize {
        self.open.len() + self.first_markers.len() + self.aborted.len()
    }

    /// Whether no transaction has been seen.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether any transaction is open now.
    pub fn has_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// What is open now, by first offset.
    pub fn open(&self) -> Vec<OpenTransaction> {
        let mut open: Vec<_> = self.open.values().copied().collect();
        open.sort_by_key(|transaction| (transaction.first_offset, transaction.producer));
        open
    }

    /// Ends the segment at `end`, one past its last offset.
    pub fn finish(self, end: Offset) -> SegmentTransactions {
        let open = self.open();
        let stable_end = open.first().map_or(end, |transaction| transaction.first_offset);
        let mut first_markers: Vec<_> = self.first_markers.into_values().collect();
        first_markers.sort_by_key(|marker| marker.marker_offset);
        SegmentTransactions { aborted: self.aborted, first_markers, open, stable_end }
    }
}
