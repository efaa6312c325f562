//! What is on its way to who consumes, in order.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use firnline_index::batch::BatchError;
use firnline_index::manifest::Gap;
use firnline_index::transactions::AbortedTransaction;
use firnline_index::{Offset, OffsetRange};
use firnline_store::Reservation;
use tokio::sync::oneshot;

use super::ScanBatches;
use crate::batches::{BatchChain, Taken, Wish, take};
use crate::error::ReadError;
use crate::open::Segment;

/// The next thing in the log.
pub(super) enum Run {
    Blocks(BlockRun),
    Gap(Gap),
    /// From here on nothing is decided.
    Undecided(Offset),
    /// What comes next cannot be had.
    Failed(ReadError),
}

/// Blocks of one segment that follow each other.
pub(super) struct BlockRun {
    pub(super) segment: Segment,
    pub(super) blocks: Range<u32>,
    pub(super) wish: Wish,
    pub(super) aborted: Arc<[AbortedTransaction]>,
    /// What they take of the window.
    pub(super) bytes: u64,
    pub(super) landing: Landing,
    /// What they take of the budget, until they are handed out.
    pub(super) _reserved: Option<Reservation>,
}

/// Blocks, each with its own outcome, or where they will come from.
pub(super) enum Landing {
    Here(Vec<Result<Bytes, ReadError>>),
    Coming(oneshot::Receiver<Vec<Result<Bytes, ReadError>>>),
}

impl BlockRun {
    /// Waits until the blocks are here. Cancel safe.
    pub(super) async fn land(&mut self) {
        if let Landing::Coming(coming) = &mut self.landing {
            // A task that is gone without an answer was aborted, or has panicked.
            let outcomes = coming.await.unwrap_or_else(|_| vec![Err(ReadError::Closed)]);
            self.landing = Landing::Here(outcomes);
        }
    }

    /// Takes what is here and right, up to the first block that is not: that one stays for the next time, as does what
    /// follows it. Gives the batches that are wanted of it, if there are any, and where the next item begins.
    ///
    /// # Errors
    /// Where the first block is wrong.
    pub(super) fn take(&mut self) -> Result<(Option<ScanBatches>, Offset), ReadError> {
        let Landing::Here(outcomes) = &mut self.landing else { return Err(ReadError::Closed) };
        let good = outcomes.iter().take_while(|outcome| outcome.is_ok()).count();
        if good == 0 {
            return Err(outcomes.first().and_then(|first| first.clone().err()).unwrap_or(ReadError::Closed));
        }
        let blocks = outcomes.drain(..good).collect::<Result<Vec<_>, _>>()?;
        let taken = self.item(blocks)?;
        self.blocks.start = self.blocks.start.saturating_add(u32::try_from(good).unwrap_or(u32::MAX));
        Ok(taken)
    }

    /// Whether all of it was taken.
    pub(super) fn is_done(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Makes an item of blocks, the first of which is the run's first; `None` where no batch in them is wanted.
    fn item(&self, blocks: Vec<Bytes>) -> Result<(Option<ScanBatches>, Offset), ReadError> {
        let numbers = self.blocks.start..self.blocks.start + u32::try_from(blocks.len()).unwrap_or(u32::MAX);
        let (start, end) =
            (self.segment.block(numbers.start).first_offset, self.segment.end_of_block(numbers.end - 1));
        let whole = self.wish.from <= start && end <= self.wish.before;
        let (chain, range) = if whole {
            (
                BatchChain::of(blocks),
                OffsetRange::new(start, end).expect("first offsets rise through a segment"),
            )
        } else {
            let entries: Vec<_> =
                numbers.clone().map(|number| self.segment.block(number)).zip(blocks).collect();
            let taken =
                take(&entries, &self.wish).map_err(|(at, error)| self.error(numbers.start, at, error))?;
            match taken {
                Taken::Batches { chain, range } => (chain, range),
                // What is wanted may end inside the block, behind a hole: what lies there is still to come.
                Taken::Below | Taken::Beyond => return Ok((None, end.min(self.wish.before))),
            }
        };
        // A hole behind the last batch belongs to this item: the next one begins where the next block does.
        let next = if range.end() >= self.wish.before {
            range.end()
        } else {
            range.end().max(end.min(self.wish.before))
        };
        let range = OffsetRange::new(range.start(), next).expect("the end only moved up");
        Ok((Some(ScanBatches { chain, range, aborted: Arc::clone(&self.aborted) }), next))
    }

    fn error(&self, first: u32, at: usize, error: BatchError) -> ReadError {
        let number = first.saturating_add(u32::try_from(at).unwrap_or(u32::MAX));
        self.segment.batch_error(number, error)
    }
}
