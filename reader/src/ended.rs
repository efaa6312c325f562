//! A log as if it ended at an offset: at which batch, and how far it would be decided there.

use std::ops::Range;

use firnline_index::batch::control_marker;
use firnline_index::manifest::{Entry, Manifest};
use firnline_index::transactions::{OpenTransaction, TransactionStart, TransactionTracker};
use firnline_index::{Offset, TopicIdPartition};

use crate::batches::walk;
use crate::error::ReadError;
use crate::open::Segment;
use crate::place::{Located, Replan, stable_end_of};
use crate::reader::{Inner, Reader};

/// Blocks that are asked for at once.
const BLOCKS: u32 = 16;

/// Where a log ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// One past its last batch.
    pub end: Offset,
    /// The first offset of the first transaction that is open there, else the end.
    pub last_stable: Offset,
}

impl Reader {
    /// Where a partition's log would end if nothing at or beyond `offset` had been written: at the border of a batch, as a
    /// batch that holds `offset` was not there. What the tier does not have is taken as it is: beyond its end it ends
    /// there, and in a gap where the gap begins.
    ///
    /// GETs: manifest and tails as for a read; and, where there are transactions in the segment that holds `offset`, all of
    /// its blocks up to there, for what is open in the middle of a segment stands nowhere. Cancel safe.
    ///
    /// # Errors
    /// As [`Reader::read`].
    pub async fn ended_at(&self, tip: &TopicIdPartition, offset: Offset) -> Result<Ended, ReadError> {
        let mut replan = Replan::new();
        loop {
            let manifest = self.inner.manifests.get(tip, replan.age()).await?;
            match self.inner.ended_under(&manifest, offset).await {
                Ok(ended) => return Ok(ended),
                Err(error) => replan.after(&self.inner.manifests, tip, error)?,
            }
        }
    }
}

impl Inner {
    async fn ended_under(&self, manifest: &Manifest, offset: Offset) -> Result<Ended, ReadError> {
        let at = match self.pages.locate(manifest, offset).await? {
            Located::Entry(entry) if entry.range.start() < offset => {
                return self.ended_within(manifest, &entry, offset).await;
            }
            Located::AtOrBeyondEnd => {
                return Ok(Ended { end: manifest.tier_end, last_stable: stable_end_of(manifest) });
            }
            Located::BelowStart => return Ok(Ended { end: offset, last_stable: offset }),
            Located::Gap(gap) => gap.range.start(),
            Located::Entry(_) => offset,
            Located::Hole => return Err(ReadError::Hole { tip: manifest.tip.clone(), offset }),
        };
        let open = self.open_before(manifest, at).await?;
        Ok(Ended { end: at, last_stable: first_of(&open, at) })
    }

    /// The transactions open where the entry that ends at `at` ends; none are known where no entry does.
    async fn open_before(&self, manifest: &Manifest, at: Offset) -> Result<Vec<OpenTransaction>, ReadError> {
        let Some(last) = at.get().checked_sub(1).and_then(Offset::from_kafka) else { return Ok(Vec::new()) };
        match self.pages.locate(manifest, last).await? {
            Located::Entry(before) if before.range.end() == at => {
                Ok(self.open(manifest, &before).await?.tail().transactions().open.clone())
            }
            _ => Ok(Vec::new()),
        }
    }

    async fn ended_within(
        &self,
        manifest: &Manifest,
        entry: &Entry,
        offset: Offset,
    ) -> Result<Ended, ReadError> {
        let segment = self.open(manifest, entry).await?;
        let open = self.open_before(manifest, entry.range.start()).await?;
        let transactions = segment.tail().transactions();
        let has_none =
            open.is_empty() && transactions.first_markers.is_empty() && transactions.open.is_empty();
        let len = segment.index().len();
        // Without transactions only the last batch below is looked for, which a block before a hole may hold.
        let holding = (0..len).find(|number| segment.end_of_block(*number) > offset).unwrap_or(len);
        let mut next = if has_none { holding.saturating_sub(1) } else { 0 };
        let mut tracker = TransactionTracker::new(TransactionStart::Known(open));
        let mut end = entry.range.start();
        while next <= holding && next < len {
            let blocks = next..len.min(holding + 1).min(next + BLOCKS);
            next = blocks.end;
            if let Some(below) = self.observe(&segment, blocks, offset, &mut tracker).await? {
                end = below;
            }
        }
        Ok(Ended { end, last_stable: first_of(&tracker.open(), end) })
    }

    /// Follows the transactions through blocks, up to the batch that reaches beyond `offset`; gives where the last one before that
    /// ends, if there is one: behind it a hole may lie that a cleaner has left.
    async fn observe(
        &self,
        segment: &Segment,
        blocks: Range<u32>,
        offset: Offset,
        tracker: &mut TransactionTracker,
    ) -> Result<Option<Offset>, ReadError> {
        let mut end = None;
        for (entry, block) in self.blocks.get(segment, blocks).await? {
            let placed = |error| segment.batch_error(entry.number, error);
            for batch in walk(&entry, &block) {
                let batch = batch.map_err(placed)?;
                if batch.header.next_offset() > offset {
                    return Ok(end);
                }
                end = Some(batch.header.next_offset());
                let marks = batch.header.control && batch.header.record_count != Some(0);
                let marker = marks.then(|| control_marker(&batch.header, batch.bytes)).transpose();
                tracker.observe(&batch.header, marker.map_err(placed)?);
            }
        }
        Ok(end)
    }
}

/// Open transactions stand by first offset.
fn first_of(open: &[OpenTransaction], end: Offset) -> Offset {
    open.iter().map(|open| open.first_offset).min().map_or(end, |first| first.min(end))
}
