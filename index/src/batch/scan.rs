//! Walking batches that lie end to end, strictly: offsets rise, epochs never fall.

use super::{BatchError, BatchHeader, BatchLimits, Parsed};
use crate::ids::{LeaderEpoch, Offset, RawPosition};

/// What the batches so far demand of the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sequence {
    next_offset: Offset,
    epoch: Option<LeaderEpoch>,
}

impl Sequence {
    /// A log in which nothing below `next_offset` may come, and which has shown no epoch yet.
    pub const fn from(next_offset: Offset) -> Self {
        Self { next_offset, epoch: None }
    }

    /// One past the last offset seen, or where the log starts.
    pub const fn next_offset(&self) -> Offset {
        self.next_offset
    }

    /// The epoch of the last batch that had one.
    pub const fn epoch(&self) -> Option<LeaderEpoch> {
        self.epoch
    }

    /// Takes the next batch's header, or says what it breaks. Offsets may leave holes (compaction does). A batch without
    /// an epoch breaks nothing wherever it stands: a broker whose `message.format.version` was lowered writes magic 1
    /// behind magic 2 (and forgets its epochs then).
    pub fn take(&mut self, header: &BatchHeader) -> Result<(), BatchError> {
        if header.base_offset < self.next_offset {
            return Err(BatchError::OffsetBack { expected: self.next_offset, found: header.base_offset });
        }
        if let (Some(before), Some(found)) = (self.epoch, header.leader_epoch)
            && found < before
        {
            return Err(BatchError::EpochBack { before, found, offset: header.base_offset });
        }
        self.epoch = header.leader_epoch.or(self.epoch);
        self.next_offset = header.next_offset();
        Ok(())
    }
}

/// One whole batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch<'a> {
    /// Its header.
    pub header: BatchHeader,
    /// Where it starts.
    pub position: RawPosition,
    /// All of its bytes.
    pub bytes: &'a [u8],
}

/// Iterates over the whole batches in `bytes`. The first error is the last item.
#[derive(Debug, Clone)]
pub struct Batches<'a> {
    rest: &'a [u8],
    position: RawPosition,
    sequence: Sequence,
    limits: BatchLimits,
    failed: bool,
}

impl<'a> Batches<'a> {
    /// Batches lying end to end from the front of `bytes`, whose first byte stands at `position`; no offset below
    /// `lower_bound` may come.
    pub fn new(bytes: &'a [u8], position: RawPosition, lower_bound: Offset, limits: BatchLimits) -> Self {
        Self::resume(bytes, position, Sequence::from(lower_bound), limits)
    }

    /// The same, going on after batches that were seen before.
    pub fn resume(bytes: &'a [u8], position: RawPosition, sequence: Sequence, limits: BatchLimits) -> Self {
        Self { rest: bytes, position, sequence, limits, failed: false }
    }

    /// What the batches so far demand of the next one.
    pub fn sequence(&self) -> Sequence {
        self.sequence
    }

    /// The position after the last whole batch seen.
    pub fn position(&self) -> RawPosition {
        self.position
    }

    fn advance(&mut self) -> Result<Batch<'a>, BatchError> {
        let available = u64::try_from(self.rest.len()).unwrap_or(u64::MAX);
        let header = match BatchHeader::parse(self.rest, self.sequence.next_offset, &self.limits)? {
            Parsed::Header(header) => header,
            Parsed::NeedMore(needed) => {
                let needed = u64::try_from(needed).unwrap_or(u64::MAX);
                return Err(BatchError::Truncated { needed, available });
            }
        };
        let size = usize::try_from(header.size).unwrap_or(usize::MAX);
        let Some((bytes, rest)) = self.rest.split_at_checked(size) else {
            return Err(BatchError::Truncated { needed: u64::from(header.size), available });
        };
        self.sequence.take(&header)?;
        let batch = Batch { header, position: self.position, bytes };
        self.rest = rest;
        self.position =
            self.position.checked_add(u64::from(header.size)).unwrap_or(RawPosition::new(u64::MAX));
        Ok(batch)
    }
}

impl<'a> Iterator for Batches<'a> {
    type Item = Result<Batch<'a>, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.rest.is_empty() {
            return None;
        }
        let outcome = self.advance().map_err(|error| error.at(self.position));
        self.failed = outcome.is_err();
        Some(outcome)
    }
}
