//! Which segments, and where to cut.

use std::cmp::Reverse;

use firnline_index::batch::{Batch, BatchError, Batches, Marker, control_marker};
use firnline_index::ids::{Offset, OffsetRange, RawPosition, TopicIdPartition};
use firnline_index::manifest::{Entry, Manifest, ManifestKind};
use firnline_index::transactions::{OpenTransaction, TransactionStart, TransactionTracker};
use futures::StreamExt;

use super::{Cut, Gaps, RestoreError, RestorePlan, RestoreRequest};
use crate::Tier;

impl Tier {
    /// Plans a restore. Cost: one GET for the manifest, one for each page in the range, and, where transactions are open at
    /// the end or the end lies inside a segment, one or two for tails and the blocks of that segment up to there; where
    /// transactions overlap without a pause, the same for each segment back to the last pause.
    pub async fn plan_restore(&self, request: &RestoreRequest) -> Result<RestorePlan, RestoreError> {
        let tip = request.tip.clone();
        let loaded = self.manifest(&tip).await?;
        let manifest = loaded.ok_or_else(|| RestoreError::Unknown { tip: tip.clone() })?.manifest;
        let wanted = wanted(request, &manifest)?;
        let (before, entries) = self.collect(&manifest, wanted).await?;
        if let Some(missing) =
            gaps(&entries, wanted).first().copied().filter(|_| request.gaps == Gaps::Refuse)
        {
            return Err(RestoreError::Gap { tip, missing });
        }
        let decided = self.decided(&manifest, before.as_ref(), &entries, wanted).await?;
        let range = OffsetRange::new(wanted.start(), decided.end).unwrap_or(wanted);
        let cut = (decided.end < wanted.end()).then(|| Cut {
            at: decided.end,
            wanted: wanted.end(),
            open: decided.open,
        });
        let entries: Vec<Entry> = entries.into_iter().filter(|e| e.range.overlaps(range)).collect();
        let log_bytes = entries.iter().map(|entry| entry.log_bytes.get()).sum();
        let gaps = gaps(&entries, range);
        Ok(RestorePlan { tip, range, entries, log_bytes, cut, gaps })
    }

    /// The entries in the range, and the one right before them if it is still live: what lies wholly below the tier's
    /// start may be listed, though its object has gone.
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
                } else if entry.range.end() > manifest.tier_start {
                    preceding = Some(entry);
                }
            }
        }
        if manifest.kind == ManifestKind::Kip405 {
            entries = once(&manifest.tip, entries)?;
        }
        Ok((preceding, entries))
    }

    /// The largest offset up to which nothing is open, and what is open behind it.
    ///
    /// To cut before the first open transaction is not enough: what is decided only behind it (one that began earlier and
    /// ended later) is then open, too. Nor may anything be open where a gap begins: its marker may be lost with the gap.
    async fn decided(
        &self,
        manifest: &Manifest,
        before: Option<&Entry>,
        entries: &[Entry],
        wanted: OffsetRange,
    ) -> Result<Decided, RestoreError> {
        let torn = entries.windows(2).map(|pair| (&pair[0], &pair[1])).find(|(earlier, later)| {
            earlier.range.end() < later.range.start() && earlier.stable_end < earlier.range.end()
        });
        let mut end = torn.map_or(wanted.end(), |(earlier, _)| earlier.range.end());
        let mut open: Vec<OpenTransaction> = Vec::new();
        while let Some(at) = entries.partition_point(|entry| entry.range.start() < end).checked_sub(1) {
            let entry = &entries[at];
            // Where the segment itself tells what is open, its blocks need not be read.
            let (quiet, open_here, began) = if end >= entry.range.end() {
                let open_here = self.open_behind(manifest, entry).await?;
                let began = open_here.first().map(|first| first.first_offset);
                (began.is_none().then_some(end), open_here, began)
            } else {
                let preceding = at.checked_sub(1).map(|at| &entries[at]).or(before);
                let start = self.open_before(manifest, preceding, entry).await?;
                let began = match &start {
                    TransactionStart::Known(open) => open.first().map(|first| first.first_offset),
                    TransactionStart::Unknown { .. } => None,
                };
                let Followed { quiet, open } = self.follow(manifest, entry, start, end).await?;
                (quiet, open, began)
            };
            if open.is_empty() {
                open = open_here;
            }
            match (quiet, began) {
                (Some(quiet), _) if quiet > wanted.start() => return Ok(Decided { end: quiet, open }),
                (None, Some(began)) if began > wanted.start() => end = began,
                _ => {
                    let first_offset = open.first().map_or(end, |first| first.first_offset);
                    return Err(RestoreError::Undecided { first_offset, until: wanted.end() });
                }
            }
        }
        Ok(Decided { end, open })
    }

    /// What is open at a segment's end, by first offset. One GET where anything is.
    async fn open_behind(
        &self,
        manifest: &Manifest,
        entry: &Entry,
    ) -> Result<Vec<OpenTransaction>, RestoreError> {
        if entry.stable_end >= entry.range.end() {
            return Ok(Vec::new());
        }
        Ok(self.segment_tail(&manifest.tip, entry).await?.transactions().open.clone())
    }

    /// What is open where a segment begins; `preceding` is the entry before it, if there is one.
    async fn open_before(
        &self,
        manifest: &Manifest,
        preceding: Option<&Entry>,
        entry: &Entry,
    ) -> Result<TransactionStart, RestoreError> {
        let start = entry.range.start();
        Ok(match preceding.filter(|preceding| preceding.range.end() == start) {
            Some(preceding) => TransactionStart::Known(self.open_behind(manifest, preceding).await?),
            None if start == Offset::ZERO => TransactionStart::Known(Vec::new()),
            None => TransactionStart::Unknown { span_start: start },
        })
    }

    /// Follows the transactions through the batches of `entry` that begin below `until`.
    async fn follow(
        &self,
        manifest: &Manifest,
        entry: &Entry,
        start: TransactionStart,
        until: Offset,
    ) -> Result<Followed, RestoreError> {
        let (tip, key) = (&manifest.tip, entry.object_key(&manifest.tip));
        let tail = self.segment_tail(tip, entry).await?;
        let last = tail.index().find_offset(until).map_or(tail.index().len(), |number| number + 1);
        let mut runs = std::pin::pin!(self.block_runs(&key, entry.location.start.get(), &tail, 0..last));
        let limits = self.settings().limits;
        let mut tracker = TransactionTracker::new(start);
        let mut quiet = (!tracker.has_open()).then_some(entry.range.start());
        while let Some(run) = runs.next().await {
            let run = run
                .map_err(|(_, source)| RestoreError::Store { key: key.clone(), source: Box::new(source) })?;
            let key = key.clone();
            (tracker, quiet) = self
                .workers()
                .run(move || {
                    let decoder = run.decoder.clone();
                    for (block, stored) in run.split() {
                        let raw = decoder
                            .decode(&block, stored)
                            .map_err(|source| RestoreError::Block { key: key.clone(), source })?;
                        let at = RawPosition::new(block.raw.start);
                        for batch in Batches::new(&raw, at, block.first_offset, limits) {
                            let not_a_batch = |source| RestoreError::NotABatch { key: key.clone(), source };
                            let batch = batch.map_err(not_a_batch)?;
                            if batch.header.base_offset >= until {
                                return Ok((tracker, quiet));
                            }
                            let marker = marker(&batch).map_err(not_a_batch)?;
                            tracker.observe(&batch.header, marker);
                            if !tracker.has_open() {
                                quiet = Some(batch.header.next_offset());
                            }
                        }
                    }
                    Ok::<_, RestoreError>((tracker, quiet))
                })
                .await?;
        }
        let open = tracker.open();
        Ok(Followed { quiet: if open.is_empty() { Some(until) } else { quiet }, open })
    }
}

/// Up to where a restore may go.
struct Decided {
    /// Nothing is open there.
    end: Offset,
    /// What is open behind it, where it was wanted to end.
    open: Vec<OpenTransaction>,
}

/// What the batches of a segment up to an offset tell.
struct Followed {
    /// The largest offset, up to that one, at which nothing is open; `None` where something is throughout.
    quiet: Option<Offset>,
    /// What is open at the end, by first offset.
    open: Vec<OpenTransaction>,
}

/// What a batch says of a transaction's end. A cleaner may leave a control batch without its record; it ends nothing.
fn marker(batch: &Batch<'_>) -> Result<Option<Marker>, BatchError> {
    if !batch.header.control || batch.header.record_count == Some(0) {
        return Ok(None);
    }
    control_marker(&batch.header, batch.bytes).map(Some)
}

/// Leaves out segments that lie wholly in others: after a change of leaders brokers copy offsets again, within other borders.
fn once(tip: &TopicIdPartition, mut entries: Vec<Entry>) -> Result<Vec<Entry>, RestoreError> {
    entries.sort_by_key(|entry| (entry.range.start(), Reverse(entry.range.end())));
    let mut kept: Vec<Entry> = Vec::with_capacity(entries.len());
    for entry in entries {
        if let Some(before) = kept.last().filter(|before| before.range.overlaps(entry.range)) {
            let at = entry.range.start();
            if before.epoch_at(at) != entry.epoch_at(at) {
                return Err(RestoreError::Forked { tip: tip.clone(), at });
            }
            if entry.range.end() <= before.range.end() {
                continue;
            }
        }
        kept.push(entry);
    }
    Ok(kept)
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
