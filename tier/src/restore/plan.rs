//! Which segments, and where to cut.

use firnline_index::batch::{Batch, BatchError, Batches, Marker, control_marker};
use firnline_index::ids::{Offset, OffsetRange, RawPosition};
use firnline_index::manifest::{Entry, Manifest};
use firnline_index::segment::decode_block;
use firnline_index::transactions::{SegmentTransactions, TransactionStart, TransactionTracker};
use futures::StreamExt;

use super::{Cut, Gaps, RestoreError, RestorePlan, RestoreRequest};
use crate::Tier;

impl Tier {
    /// Plans a restore. Cost: one GET for the manifest, one for each page in the range, and, where transactions are open at
    /// the end or the end lies inside a segment, one or two for tails and the blocks of that segment up to there.
    pub async fn plan_restore(&self, request: &RestoreRequest) -> Result<RestorePlan, RestoreError> {
        let tip = request.tip.clone();
        let loaded = self.manifest(&tip).await?;
        let manifest = loaded.ok_or_else(|| RestoreError::Unknown { tip: tip.clone() })?.manifest;
        let wanted = wanted(request, &manifest)?;
        let (before, entries) = self.collect(&manifest, wanted).await?;
        let gaps = gaps(&entries, wanted);
        if let Some(missing) = gaps.first().copied().filter(|_| request.gaps == Gaps::Refuse) {
            return Err(RestoreError::Gap { tip, missing });
        }
        let mut range = wanted;
        let mut cut = None;
        if let Some(last) = entries.last() {
            let undecided = self.undecided(&manifest, before.as_ref(), &entries, last, wanted.end()).await?;
            if let Some(first) = undecided.open.first() {
                let (first_offset, until) = (first.first_offset, wanted.end());
                range = OffsetRange::new(wanted.start(), first_offset)
                    .ok()
                    .filter(|range| !range.is_empty())
                    .ok_or(RestoreError::Undecided { first_offset, until })?;
                cut = Some(Cut { at: first_offset, wanted: until, open: undecided.open });
            }
        }
        let entries: Vec<Entry> = entries.into_iter().filter(|e| e.range.overlaps(range)).collect();
        let log_bytes = entries.iter().map(|entry| entry.log_bytes.get()).sum();
        Ok(RestorePlan { tip, range, entries, log_bytes, cut, gaps })
    }

    /// The entries in the range, and the one right before them.
    async fn collect(
        &self,
        manifest: &Manifest,
        wanted: OffsetRange,
    ) -> Result<(Option<Entry>, Vec<Entry>), RestoreError> {
        let before = wanted.start().get().checked_sub(1).and_then(|offset| Offset::new(offset).ok());
        let from = before.unwrap_or(wanted.start());
        let within = OffsetRange::new(from, wanted.end()).unwrap_or(wanted);
        let mut chunks = self.entries(manifest, within);
        let (mut preceding, mut entries) = (None, Vec::new());
        while let Some(chunk) = chunks.next_chunk().await? {
            for entry in chunk {
                if entry.range.overlaps(wanted) {
                    entries.push(entry);
                } else {
                    preceding = Some(entry);
                }
            }
        }
        Ok((preceding, entries))
    }

    /// The transactions open at `until`, which lies in or at the end of `last`.
    async fn undecided(
        &self,
        manifest: &Manifest,
        before: Option<&Entry>,
        entries: &[Entry],
        last: &Entry,
        until: Offset,
    ) -> Result<SegmentTransactions, RestoreError> {
        let tip = &manifest.tip;
        if until >= last.range.end() {
            if last.stable_end >= last.range.end() {
                return Ok(SegmentTransactions::none(last.range.end()));
            }
            return Ok(self.segment_tail(tip, last).await?.transactions().clone());
        }
        let preceding = entries.len().checked_sub(2).map(|at| &entries[at]).or(before);
        let start = match preceding.filter(|entry| entry.range.end() == last.range.start()) {
            Some(entry) if entry.stable_end >= entry.range.end() => TransactionStart::Known(Vec::new()),
            Some(entry) => {
                TransactionStart::Known(self.segment_tail(tip, entry).await?.transactions().open.clone())
            }
            None if last.range.start() == Offset::ZERO => TransactionStart::Known(Vec::new()),
            None => TransactionStart::Unknown { span_start: last.range.start() },
        };
        self.follow(manifest, last, start, until).await
    }

    /// Follows the transactions through the batches of `entry` that begin below `until`.
    async fn follow(
        &self,
        manifest: &Manifest,
        entry: &Entry,
        start: TransactionStart,
        until: Offset,
    ) -> Result<SegmentTransactions, RestoreError> {
        let (tip, key) = (&manifest.tip, entry.object_key(&manifest.tip));
        let tail = self.segment_tail(tip, entry).await?;
        let last = tail.index().find_offset(until).map_or(tail.index().len(), |number| number + 1);
        let mut runs =
            std::pin::pin!(self.block_runs(&key, entry.location.start.get(), tail.index(), 0..last));
        let limits = self.settings().limits;
        let mut tracker = TransactionTracker::new(start);
        while let Some(run) = runs.next().await {
            let run = run
                .map_err(|(_, source)| RestoreError::Store { key: key.clone(), source: Box::new(source) })?;
            let key = key.clone();
            tracker = self
                .workers()
                .run(move || {
                    for (block, stored) in run.split() {
                        let raw = decode_block(&block, stored)
                            .map_err(|source| RestoreError::Block { key: key.clone(), source })?;
                        let at = RawPosition::new(block.raw.start);
                        for batch in Batches::new(&raw, at, block.first_offset, limits) {
                            let not_a_batch = |source| RestoreError::NotABatch { key: key.clone(), source };
                            let batch = batch.map_err(not_a_batch)?;
                            if batch.header.base_offset >= until {
                                return Ok(tracker);
                            }
                            let marker = marker(&batch).map_err(not_a_batch)?;
                            tracker.observe(&batch.header, marker);
                        }
                    }
                    Ok::<_, RestoreError>(tracker)
                })
                .await?;
        }
        Ok(tracker.finish(until))
    }
}

/// What a batch says of a transaction's end. A cleaner may leave a control batch without its record; it ends nothing.
fn marker(batch: &Batch<'_>) -> Result<Option<Marker>, BatchError> {
    if !batch.header.control || batch.header.record_count == Some(0) {
        return Ok(None);
    }
    control_marker(&batch.header, batch.bytes).map(Some)
}

/// The offsets asked for, held against what there is.
fn wanted(request: &RestoreRequest, manifest: &Manifest) -> Result<OffsetRange, RestoreError> {
    let from = request.from.unwrap_or(manifest.tier_start);
    let until = request.until.unwrap_or(manifest.tier_end);
    if until <= from && request.until.is_some() {
        return Err(RestoreError::Backwards { from, until });
    }
    let has = OffsetRange::new(manifest.tier_start, manifest.tier_end)
        .map_err(|_| RestoreError::Unknown { tip: request.tip.clone() })?;
    if !has.contains(from) {
        return Err(RestoreError::Outside { tip: request.tip.clone(), from, has });
    }
    OffsetRange::new(from, until.min(manifest.tier_end)).map_err(|_| RestoreError::Backwards { from, until })
}

/// The offsets of `wanted` that no entry covers.
fn gaps(entries: &[Entry], wanted: OffsetRange) -> Vec<OffsetRange> {
    let ends = entries.iter().map(|entry| entry.range.end());
    let starts = entries.iter().map(|entry| entry.range.start()).chain([wanted.end()]);
    std::iter::once(wanted.start())
        .chain(ends)
        .zip(starts)
        .filter_map(|(end, start)| OffsetRange::new(end, start).ok())
        .filter(|gap| !gap.is_empty())
        .collect()
}
