//! One partition's log, from a position on, as far as it is decided.

use firnline_index::manifest::Gap;
use firnline_index::{LeaderEpoch, Offset, OffsetRange, TopicIdPartition};
use firnline_reader::{Isolation, Reader, Scan, ScanItem};

use super::raw::{Raw, RawBatches};
use super::{Position, SourceError};

/// The next of what a partition has.
#[derive(Debug)]
pub enum Fed {
    /// Batches; perhaps none that a reader of committed records sees, but their offsets are passed.
    Batches(RawBatches),
    /// These offsets are lost, which is on record. The feed goes on behind them.
    Gap(Gap),
    /// These offsets were asked for but went from the tier since: by retention, or an explicit deletion. Who exports all must
    /// stop here; the feed itself goes on behind them.
    Gone(OffsetRange),
}

/// A partition being read. Dropping it ends what it has asked for.
#[derive(Debug)]
pub struct PartitionFeed {
    scan: Scan,
    tip: TopicIdPartition,
    /// What is wanted.
    wanted: OffsetRange,
    epoch: Option<LeaderEpoch>,
}

impl PartitionFeed {
    pub(super) fn new(reader: &Reader, tip: TopicIdPartition, from: Position, until: Offset) -> Self {
        let start = from.next_offset;
        let wanted = OffsetRange::new(start, until).unwrap_or_else(|_| empty_at(start));
        let scan = reader.scan(&tip, wanted, Isolation::ReadCommitted);
        Self { scan, tip, wanted, epoch: from.leader_epoch }
    }

    /// The partition.
    #[must_use]
    pub fn tip(&self) -> &TopicIdPartition {
        &self.tip
    }

    /// What comes next; `None` at the end of what was asked for, at the tier's end, or where a transaction is not decided
    /// yet. Cancel safe.
    ///
    /// # Errors
    /// [`SourceError::Read`], after which the next call tries again from where the feed stands; [`SourceError::Batch`].
    pub async fn next(&mut self) -> Result<Option<Fed>, SourceError> {
        let partition = self.tip.partition;
        let item = self.scan.next().await.map_err(|source| SourceError::Read { partition, source })?;
        match item {
            None => Ok(None),
            Some(ScanItem::Gap(gap)) => Ok(Some(Fed::Gap(gap))),
            Some(ScanItem::Gone(range)) => Ok(Some(Fed::Gone(range))),
            Some(ScanItem::Batches(batches)) => {
                let Raw { batches, epoch } = Raw::of(partition, &batches, self.wanted)?;
                self.epoch = epoch.or(self.epoch);
                Ok(Some(Fed::Batches(batches)))
            }
        }
    }

    /// Where the export stands once all that was handed out is exported.
    #[must_use]
    pub fn position(&self) -> Position {
        let next_offset = self.scan.position().clamp(self.wanted.start(), self.wanted.end());
        Position { next_offset, leader_epoch: self.epoch }
    }

    /// The first offset of the transaction at which the feed has ended; `None` where it has not.
    #[must_use]
    pub fn undecided_from(&self) -> Option<Offset> {
        self.scan.undecided_from()
    }
}

fn empty_at(offset: Offset) -> OffsetRange {
    OffsetRange::new(offset, offset).unwrap_or(OffsetRange::EMPTY)
}
