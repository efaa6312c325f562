//! What a scan gives, batch by batch, without what a reader of committed records does not see.

use std::sync::Arc;

use bytes::Bytes;
use firnline_index::batch::{BatchHeader, BatchLimits, Batches};
use firnline_index::transactions::AbortedTransaction;
use firnline_index::{LeaderEpoch, OffsetRange, PartitionIndex, RawPosition};
use firnline_reader::ScanBatches;

use super::SourceError;

/// One batch with data in it.
#[derive(Debug, Clone)]
pub struct RawBatch {
    /// Its header.
    pub header: BatchHeader,
    /// All of its bytes.
    pub bytes: Bytes,
}

/// Batches of one partition that follow each other. Records outside of [`Self::range`] are not wanted: the first and the last
/// batch may reach over it.
#[derive(Debug, Clone)]
pub struct RawBatches {
    partition: PartitionIndex,
    range: OffsetRange,
    batches: Vec<RawBatch>,
    left_out: LeftOut,
    bytes: usize,
}

/// What was passed and is no row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Markers of transactions.
    pub control_batches: u64,
    /// Batches of aborted transactions.
    pub aborted_batches: u64,
    /// Records in those, as far as their headers tell.
    pub aborted_records: u64,
}

impl RawBatches {
    /// The partition.
    #[must_use]
    pub fn partition(&self) -> PartitionIndex {
        self.partition
    }

    /// The offsets that these batches stand for, holes and what was left out included.
    #[must_use]
    pub fn range(&self) -> OffsetRange {
        self.range
    }

    /// The batches.
    #[must_use]
    pub fn batches(&self) -> &[RawBatch] {
        &self.batches
    }

    /// Their bytes, as they are in the log: compressed as the producer did.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// What was passed and is no row.
    #[must_use]
    pub fn left_out(&self) -> LeftOut {
        self.left_out
    }

    /// The two parts of these at a batch's border, so that the first has `batches` of them.
    #[must_use]
    pub fn split_at(mut self, batches: usize) -> (Self, Option<Self>) {
        let Some(next) = self.batches.get(batches) else { return (self, None) };
        let at = next.header.base_offset.clamp(self.range.start(), self.range.end());
        let (Ok(before), Ok(after)) =
            (OffsetRange::new(self.range.start(), at), OffsetRange::new(at, self.range.end()))
        else {
            return (self, None);
        };
        let rest = self.batches.split_off(batches);
        let length = rest.iter().map(|batch| batch.bytes.len()).sum();
        self.bytes -= length;
        self.range = before;
        let rest = Self {
            partition: self.partition,
            range: after,
            batches: rest,
            left_out: LeftOut::default(),
            bytes: length,
        };
        (self, Some(rest))
    }
}

/// What a scan gave, and what it tells of the log.
pub(super) struct Raw {
    pub(super) batches: RawBatches,
    /// The epoch of the last batch that has one.
    pub(super) epoch: Option<LeaderEpoch>,
}

impl Raw {
    pub(super) fn of(
        partition: PartitionIndex,
        scanned: &ScanBatches,
        wanted: OffsetRange,
    ) -> Result<Self, SourceError> {
        let mut next = scanned.range.start();
        let (mut batches, mut left_out, mut epoch) = (Vec::new(), LeftOut::default(), None);
        for part in scanned.chain.parts() {
            for batch in Batches::new(part, RawPosition::ZERO, next, BatchLimits::DEFAULT) {
                let batch = batch.map_err(|error| SourceError::Batch {
                    partition,
                    behind: next,
                    source: Arc::new(error),
                })?;
                let header = batch.header;
                next = header.next_offset();
                if next <= wanted.start() || header.base_offset >= wanted.end() {
                    continue;
                }
                epoch = header.leader_epoch.or(epoch);
                if header.control {
                    left_out.control_batches += 1;
                } else if is_aborted(&header, &scanned.aborted) {
                    left_out.aborted_batches += 1;
                    left_out.aborted_records += u64::from(header.record_count.unwrap_or(0));
                } else {
                    batches.push(RawBatch { header, bytes: part.slice_ref(batch.bytes) });
                }
            }
        }
        let start = scanned.range.start().clamp(wanted.start(), wanted.end());
        let end = scanned.range.end().clamp(start, wanted.end());
        let range = OffsetRange::new(start, end).unwrap_or(OffsetRange::EMPTY);
        let bytes = batches.iter().map(|batch| batch.bytes.len()).sum();
        Ok(Self { batches: RawBatches { partition, range, batches, left_out, bytes }, epoch })
    }
}

/// Whether a batch belongs to one of these transactions: by producer id and offsets, never by producer epoch.
fn is_aborted(header: &BatchHeader, aborted: &[AbortedTransaction]) -> bool {
    let Some(producer) = header.producer.filter(|_| header.transactional) else { return false };
    aborted.iter().any(|aborted| {
        aborted.producer == producer.id
            && aborted.first_offset <= header.base_offset
            && header.last_offset < aborted.marker_offset
    })
}
