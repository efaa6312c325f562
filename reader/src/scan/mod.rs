//! Everything from one offset to another, in order, across segments: long requests in parallel, ahead of who consumes.
//!
//! ```text
//!  manifest ─► entries ─► opening (a few segments ahead) ─► runs of blocks (up to the window) ─► items, in order
//!                                │ one GET each                 │ one GET each, checked off the async threads
//! ```
//!
//! A scan neither fills the caches nor flushes them. Its bytes are slices of what came from the store. What it has asked
//! for and not handed out counts against half of the reader's budget; each request is reserved by the scan itself before
//! it is made, and a scan waits for budget only while it holds none, so scans cannot block each other for ever.

mod plan;
mod runs;
mod window;

use std::sync::Arc;

use firnline_index::manifest::Gap;
use firnline_index::transactions::AbortedTransaction;
use firnline_index::{Offset, OffsetRange, TopicIdPartition};

use crate::batches::BatchChain;
use crate::error::ReadError;
use crate::place::Replan;
use crate::reader::{Inner, Reader};
use crate::settings::Isolation;
use plan::Planned;
use runs::Run;

/// The next of what a scan finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScanItem {
    /// Batches.
    Batches(ScanBatches),
    /// These offsets are lost, which is on record. The scan goes on behind them.
    Gap(Gap),
    /// These offsets were asked for but lie below the tier's start: gone by retention, or by an explicit deletion. The scan
    /// goes on behind them.
    Gone(OffsetRange),
}

/// Batches of one segment, up to 8 MiB of them as they are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanBatches {
    /// The bytes.
    pub chain: BatchChain,
    /// From the first batch's base offset, which may lie below where the scan begins, up to where the next item begins.
    pub range: OffsetRange,
    /// Aborted transactions that reach into the segment, for readers of committed records; else empty.
    pub aborted: Arc<[AbortedTransaction]>,
}

/// A scan under way. Dropping it ends what it has asked for.
///
/// A scan that is neither gone on with nor dropped keeps what it has read ahead.
pub struct Scan {
    inner: Arc<Inner>,
    tip: TopicIdPartition,
    isolation: Isolation,
    /// One past the last offset wanted.
    until: Offset,
    /// Where the next item begins.
    position: Offset,
    /// What is on its way; `None` before the first call and after an error.
    planned: Option<Planned>,
    replan: Replan,
    /// Where a transaction stands in the way.
    undecided_from: Option<Offset>,
}

impl Reader {
    /// Everything with offsets in `range`, in order; batches are whole, so the first may begin below it and the last end
    /// beyond. Ends at the tier's end, or, for readers of committed records, where a transaction is not decided yet.
    /// Makes no request before the first [`Scan::next`].
    #[must_use]
    pub fn scan(&self, tip: &TopicIdPartition, range: OffsetRange, isolation: Isolation) -> Scan {
        Scan {
            inner: Arc::clone(&self.inner),
            tip: tip.clone(),
            isolation,
            until: range.end(),
            position: range.start(),
            planned: None,
            replan: Replan::new(),
            undecided_from: None,
        }
    }
}

impl Scan {
    /// What comes next; `None` at the end. Cancel safe: a dropped call loses nothing.
    ///
    /// # Errors
    /// As [`Reader::read`]. After an error the next call tries again from where the scan stands.
    pub async fn next(&mut self) -> Result<Option<ScanItem>, ReadError> {
        loop {
            match self.advance().await {
                Ok(Some(item)) => {
                    self.replan = Replan::new();
                    return Ok(Some(item));
                }
                Ok(None) => return Ok(None),
                Err(error) => {
                    // Whatever was planned may rest on what is gone.
                    self.planned = None;
                    self.replan.after(&self.inner.manifests, &self.tip, error)?;
                }
            }
        }
    }

    /// Where the next item begins.
    #[must_use]
    pub fn position(&self) -> Offset {
        self.position
    }

    /// The first offset of the transaction at which a scan of committed records has ended; `None` where it has not.
    #[must_use]
    pub fn undecided_from(&self) -> Option<Offset> {
        self.undecided_from
    }

    async fn advance(&mut self) -> Result<Option<ScanItem>, ReadError> {
        loop {
            if self.position >= self.until || self.undecided_from.is_some() {
                return Ok(None);
            }
            let planned = match &mut self.planned {
                Some(planned) => planned,
                none => {
                    let manifest = self.inner.manifests.get(&self.tip, self.replan.age()).await?;
                    let start = manifest.tier_start.min(self.until);
                    let plan = Planned::new(
                        &self.inner,
                        manifest,
                        self.isolation,
                        self.position.max(start),
                        self.until,
                    );
                    let planned = none.insert(plan);
                    if let Ok(gone) = OffsetRange::new(self.position, start)
                        && !gone.is_empty()
                    {
                        self.position = start;
                        return Ok(Some(ScanItem::Gone(gone)));
                    }
                    planned
                }
            };
            planned.fill().await;
            match planned.runs.front_mut() {
                None => return Ok(None),
                Some(Run::Failed(error)) => return Err(error.clone()),
                Some(Run::Undecided(from)) => self.undecided_from = Some(*from),
                Some(Run::Gap(gap)) => {
                    let gap = *gap;
                    planned.runs.pop_front();
                    self.position = gap.range.end();
                    return Ok(Some(ScanItem::Gap(gap)));
                }
                Some(Run::Blocks(run)) => {
                    run.land().await;
                    let (item, next) = run.take()?;
                    planned.consumed();
                    self.position = self.position.max(next);
                    // What was made room for is on its way while this item is consumed.
                    planned.fill_without_waiting();
                    if let Some(item) = item {
                        return Ok(Some(ScanItem::Batches(item)));
                    }
                }
            }
        }
    }
}

impl std::fmt::Debug for Scan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let range = self.position.get()..self.until.get();
        f.debug_struct("Scan").field("tip", &self.tip).field("left", &range).finish_non_exhaustive()
    }
}
