//! One read: whole batches from an offset on.

mod behind;
mod positions;
mod streams;

pub(crate) use streams::{Stream, Streams};

use std::sync::Arc;

use firnline_index::manifest::{Entry, Gap, Manifest};
use firnline_index::transactions::AbortedTransaction;
use firnline_index::{Offset, OffsetRange, TopicIdPartition};
use futures::FutureExt as _;

use crate::batches::{BatchChain, Taken, Wish, take};
use crate::error::ReadError;
use crate::fetch::blocks_for;
use crate::open::Segment;
use crate::place::{Located, Replan, stable_end_of};
use crate::reader::{Inner, Reader};
use crate::settings::{Isolation, MAX_READ_BYTES, Sight};
use crate::transactions::Verdict;

/// The answer to a read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadOutcome {
    /// Batches.
    Batches(Batches),
    /// The offset lies in a gap that is on record: these offsets are lost.
    Gap {
        /// The gap.
        gap: Gap,
        /// What the tier has.
        bounds: Bounds,
    },
    /// The offset lies below the first one that the tier still has.
    BelowStart {
        /// What the tier has.
        bounds: Bounds,
    },
    /// The offset is the tier's end, or lies beyond it.
    AtEnd {
        /// What the tier has.
        bounds: Bounds,
    },
    /// From `from` on nothing may be given to a reader of committed records yet: a transaction that begins there is not
    /// decided. Never the answer to [`Isolation::ReadUncommitted`].
    Undecided {
        /// The first offset of that transaction.
        from: Offset,
        /// What the tier has.
        bounds: Bounds,
    },
}

/// Batches of one segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batches {
    /// The bytes.
    pub chain: BatchChain,
    /// From the first batch's base offset, which may lie below or, after compaction, above the offset asked for, up to
    /// one past the last batch's last offset: where to go on.
    pub range: OffsetRange,
    /// Aborted transactions that reach into `range`, for readers of committed records; else empty.
    pub aborted: Vec<AbortedTransaction>,
    /// What the tier has.
    pub bounds: Bounds,
}

/// The bounds of what a tier has of a partition, by the manifest that a read went by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The first offset of the oldest span.
    pub start: Offset,
    /// The first offset of the newest span: what consumers are told is the earliest.
    pub serving_start: Offset,
    /// The first offset of the first transaction open at the end, else the end.
    pub last_stable: Offset,
    /// One past the last offset.
    pub end: Offset,
}

impl Bounds {
    /// Those that a manifest tells. No request.
    #[must_use]
    pub fn of(manifest: &Manifest) -> Self {
        Self {
            start: manifest.tier_start,
            serving_start: manifest.serving_start,
            last_stable: stable_end_of(manifest),
            end: manifest.tier_end,
        }
    }
}

impl ReadOutcome {
    /// What the tier has of the partition.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        match self {
            Self::Batches(Batches { bounds, .. })
            | Self::Gap { bounds, .. }
            | Self::BelowStart { bounds }
            | Self::AtEnd { bounds }
            | Self::Undecided { bounds, .. } => *bounds,
        }
    }
}

impl Reader {
    /// Whole batches from the one that holds `offset` (or, in a hole that compaction has left, the first after it) on: as
    /// many as fit in `max_bytes`, but at least one; at most 16 MiB besides that one; out of one segment. An answer may be
    /// shorter than what there is by up to a block's length.
    ///
    /// GETs: one for the manifest unless it is held and young enough, one for the segment's tail unless it is held, one
    /// for the blocks unless they are held, and one for each level of pages of older entries. Reads that go on where one
    /// has ended are read ahead of. Cancel safe.
    ///
    /// # Errors
    /// Damage is told by object and block and never served. An object that is gone is looked for in the newest manifest
    /// before it is called missing.
    pub async fn read(
        &self,
        tip: &TopicIdPartition,
        offset: Offset,
        max_bytes: usize,
        sight: impl Into<Sight>,
    ) -> Result<ReadOutcome, ReadError> {
        let sight = sight.into();
        let inner = &self.inner;
        let mut replan = Replan::new();
        loop {
            let manifest = inner.manifests.get(tip, replan.age()).await?;
            let question = Question { offset, max_bytes: max_bytes.min(MAX_READ_BYTES), sight: &sight };
            match Inner::read_under(inner, &manifest, question).await {
                Ok(outcome) => return Ok(outcome),
                Err(error) => replan.after(&inner.manifests, tip, error)?,
            }
        }
    }
}

impl Reader {
    /// The same from memory alone: `None` where anything that the answer takes is not held, or is too old. Makes no request,
    /// begins none, and never waits; safe to be called where nothing may wait for the store.
    #[must_use]
    pub fn read_held(
        &self,
        tip: &TopicIdPartition,
        offset: Offset,
        max_bytes: usize,
        sight: impl Into<Sight>,
    ) -> Option<ReadOutcome> {
        let held = Self { inner: Arc::clone(self.inner.held()) };
        // Nothing brings what is missing, so that whoever waits for it is told at once that it does not come.
        held.read(tip, offset, max_bytes, sight).now_or_never()?.ok()
    }
}

#[derive(Debug, Clone, Copy)]
struct Question<'s> {
    offset: Offset,
    max_bytes: usize,
    sight: &'s Sight,
}

impl Inner {
    async fn read_under(
        self: &Arc<Self>,
        manifest: &Arc<Manifest>,
        question: Question<'_>,
    ) -> Result<ReadOutcome, ReadError> {
        let bounds = Bounds::of(manifest);
        let mut at = question.offset;
        loop {
            let entry = match self.pages.locate(manifest, at).await? {
                Located::Entry(entry) => entry,
                Located::Gap(gap) => return Ok(ReadOutcome::Gap { gap, bounds }),
                Located::BelowStart => return Ok(ReadOutcome::BelowStart { bounds }),
                Located::AtOrBeyondEnd => return Ok(ReadOutcome::AtEnd { bounds }),
                Located::Hole => return Err(ReadError::Hole { tip: manifest.tip.clone(), offset: at }),
            };
            if let Some(outcome) =
                self.read_entry(manifest, &entry, Question { offset: at, ..question }).await?
            {
                return Ok(outcome);
            }
            // Compaction has left nothing behind `at` in this segment.
            at = entry.range.end();
        }
    }

    /// What a segment has from an offset on; `None` where no batch of it reaches that far.
    async fn read_entry(
        self: &Arc<Self>,
        manifest: &Arc<Manifest>,
        entry: &Entry,
        question: Question<'_>,
    ) -> Result<Option<ReadOutcome>, ReadError> {
        let Question { offset, max_bytes, sight } = question;
        let segment = self.open(manifest, entry).await?;
        let verdict = match sight.isolation {
            Isolation::ReadUncommitted => None,
            Isolation::ReadCommitted => {
                Some(self.verdict(manifest, &segment, sight.decided.as_deref()).await?)
            }
        };
        let bounds = Bounds::of(manifest);
        let undecided = verdict.as_ref().and_then(|verdict| verdict.undecided_from);
        let held_up = undecided.map(|from| ReadOutcome::Undecided { from, bounds });
        if undecided.is_some_and(|from| offset >= from) {
            return Ok(held_up);
        }
        let wish = Wish { from: offset, before: undecided.unwrap_or(Offset::MAX), max_bytes };
        let mut wanted = blocks_for(segment.index(), offset, max_bytes);
        // What this read waits for goes first.
        let mut asked = self.blocks.get(&segment, wanted.clone());
        self.read_ahead(manifest, &segment, offset, wanted.end);
        loop {
            let blocks = asked.await?;
            let taken = take(&blocks, &wish);
            match taken.map_err(|(at, error)| segment.batch_error(blocks[at].0.number, error))? {
                Taken::Beyond => return Ok(held_up),
                Taken::Batches { chain, range } => {
                    let places = (offset, range.end());
                    self.streams.moved(&manifest.tip, places, chain.len(), self.brings);
                    let aborted = verdict.as_ref().map_or_else(Vec::new, |v: &Verdict| v.aborted_in(range));
                    return Ok(Some(ReadOutcome::Batches(Batches { chain, range, aborted, bounds })));
                }
                // Compaction has left nothing behind `offset` in these blocks.
                Taken::Below if wanted.end < segment.index().len() => {
                    wanted = wanted.end..wanted.end + 1;
                    asked = self.blocks.get(&segment, wanted.clone());
                }
                Taken::Below => return Ok(None),
            }
        }
    }

    /// Begins to read what will be asked for next, from the block `first` on, if this read goes on where another has ended.
    fn read_ahead(self: &Arc<Self>, manifest: &Arc<Manifest>, segment: &Segment, from: Offset, first: u32) {
        if !self.brings {
            return;
        }
        let at = streams::whereabouts(segment, first);
        let Some((stream, window)) = self.streams.goes_on(&manifest.tip, from, at) else { return };
        let rest = streams::blocks_ahead(segment, first, window);
        self.blocks.ahead(segment, rest.blocks, window, &stream);
        if rest.beyond == 0 {
            return;
        }
        let (this, manifest) = (Arc::clone(self), Arc::clone(manifest));
        let (mut end, mut beyond) = (segment.entry().range.end(), rest.beyond);
        let ahead = async move {
            for _ in 0..streams::SEGMENTS_AHEAD {
                // Whoever asks will be told what is wrong; reading ahead only tries.
                let Ok(Located::Entry(entry)) = this.pages.locate(&manifest, end).await else { return };
                let Ok(segment) = this.open(&manifest, &entry).await else { return };
                let rest = streams::blocks_ahead(&segment, 0, beyond);
                this.blocks.ahead(&segment, rest.blocks, window, &stream);
                if rest.beyond == 0 {
                    return;
                }
                (end, beyond) = (entry.range.end(), rest.beyond);
            }
        };
        self.spawn(ahead);
    }
}
