//! One segment in the place of the pieces of an unsealed tail: the only bytes that go up twice.

use firnline_index::lineage::Lineage;
use firnline_index::manifest::{Entry, EntryKind, Manifest};
use firnline_index::transactions::TransactionStart;
use firnline_index::{Offset, OffsetRange};
use firnline_tier::change::ReplacePieces;

use super::{After, Trouble, Turn};
use crate::host::HeldChain;
use crate::plan::PlannedSegment;
use crate::sidecar::next::Why;
use crate::sidecar::prove::{Unproven, before};
use crate::sidecar::step::SidecarStep;
use crate::sidecar::wait::OperatorReason;
use crate::upload::{Start, Uploads};

impl Turn<'_> {
    pub(super) async fn replace(&mut self, chain: usize, range: OffsetRange) -> Result<After, Trouble> {
        let Some(chain) = self.held.chains.get(chain).cloned() else { return Ok(After::Done) };
        let Some(manifest) = self.manifest().cloned() else { return Ok(After::Done) };
        let run = manifest.entries.iter().rev().take_while(|entry| entry.kind == EntryKind::TailPiece);
        let mut pieces: Vec<_> = run.map(|entry| entry.uuid).collect();
        pieces.reverse();
        if let Some(at) = self.replacement_parts(&chain, range, &manifest).await? {
            // An election may have cut the pieces out of the log. What goes on is another history, and replaces nothing.
            if chain.is_log && self.leads() && !self.is_compared() {
                return self.compare().await;
            }
            self.judge(&chain, range.start(), Unproven::TierContradicts { at });
            return Ok(After::Again);
        }
        let planned = PlannedSegment { start: range.start(), stop: range.end(), extents: 0..0, bytes: 0 };
        let Some(planned) = self.provable(&chain, vec![planned], Why::Leads).await?.pop() else {
            return Ok(After::Again);
        };
        let start = self.start_at(&manifest, range.start()).await?;
        self.core.before(SidecarStep::Upload).await;
        let uploads = Uploads { replaces: pieces.clone(), ..self.uploads(EntryKind::Segment) };
        let uploaded = uploads.one(&chain.log, &planned, &start).await;
        let Some(segment) = uploaded.map_err(Trouble::upload)? else { return Ok(After::Done) };
        let epoch = segment.entry.epochs.last().map(|last| last.epoch);
        let bound = match self.bound_for(epoch).await {
            Ok(bound) => bound,
            Err(trouble) => {
                self.throw(1, |thrown| &mut thrown.bound);
                return Err(trouble);
            }
        };
        if let Err(why) = self.prove(&chain, std::slice::from_ref(&segment), &bound).await? {
            self.throw(1, |thrown| &mut thrown.unproven);
            if why.passes() {
                return Ok(After::Done);
            }
            // Else the same bytes would go up again with each turn, and be thrown away again.
            self.judge(&chain, range.start(), why);
            return Ok(After::Again);
        }
        self.core.before(SidecarStep::Replace).await;
        let (range, bytes) = (segment.entry.range, segment.entry.log_bytes.get());
        let replace = ReplacePieces { pieces, segment, gc_boundary: manifest.gc_boundary };
        let writer = self.writer(Some(bound.leader.epoch));
        let ended =
            self.core.parts.tier.edit(&self.tip, Some(writer), &replace).await.map_err(Trouble::edit)?;
        if self.ended(ended, 1)? {
            self.core.parts.progress.committed(&self.tip, range);
            {
                let mut state = self.core.state();
                state.counts.segments_committed += 1;
                state.counts.bytes_committed += bytes;
            }
            self.core.with(&self.tip, |slot| slot.committed_at = Some(tokio::time::Instant::now()));
            self.release_below_end().await?;
        }
        Ok(After::Done)
    }

    /// Where `range` of `chain` is of another epoch than the pieces that the tier has there, if anywhere: told by a few reads of
    /// headers, before the bytes go up.
    async fn replacement_parts(
        &self,
        chain: &HeldChain,
        range: OffsetRange,
        manifest: &Manifest,
    ) -> Result<Option<Offset>, Trouble> {
        let epochs = self.epochs(chain, range).await?;
        let pieces = OffsetRange::new(range.start(), manifest.tier_end).ok();
        let parts = epochs
            .zip(pieces)
            .and_then(|(epochs, pieces)| epochs.first_divergence(&manifest.lineage, pieces));
        Ok(parts.map(|parts| parts.offset))
    }

    /// What an upload that begins at `at`, inside the tier, starts from: the transactions that the segment before leaves open.
    async fn start_at(&self, manifest: &Manifest, at: Offset) -> Result<Start, Trouble> {
        let mut below: Lineage = manifest.lineage.clone();
        below.truncate_to(at);
        let last_epoch = below.last().map(|start| start.epoch);
        let sealed = is_sealed(manifest);
        let start = |transactions| Start { base: at, transactions, last_epoch, sealed };
        if at == manifest.serving_start {
            return Ok(start(match at == Offset::ZERO {
                true => TransactionStart::Known(Vec::new()),
                false => TransactionStart::Unknown { span_start: at },
            }));
        }
        let Some(entry) = self.entry_before(manifest, at).await? else {
            return Err(Trouble::operator(OperatorReason::PartsUnknown));
        };
        if entry.stable_end == entry.range.end() {
            return Ok(start(TransactionStart::Known(Vec::new())));
        }
        let tail = self.core.parts.tier.segment_tail(&self.tip, &entry).await;
        match tail {
            Ok(tail) => Ok(start(TransactionStart::Known(tail.transactions().open.clone()))),
            Err(error) => Err(Trouble::tail(&error)),
        }
    }

    /// The entry that holds the offset before `at`, in the head or in a page: all before the pieces may have gone there.
    async fn entry_before(&self, manifest: &Manifest, at: Offset) -> Result<Option<Entry>, Trouble> {
        let Some(within) = before(at).and_then(|last| OffsetRange::new(last, at).ok()) else {
            return Ok(None);
        };
        let mut entries = self.core.parts.tier.entries(manifest, within);
        let mut found = None;
        while let Some(chunk) = entries.next_chunk().await.map_err(Trouble::read)? {
            found = chunk.into_iter().next_back().or(found);
        }
        Ok(found)
    }
}

/// Whether the newest segment is sealed: then so is what goes on from it.
pub(super) fn is_sealed(manifest: &Manifest) -> bool {
    manifest.entries.last().is_some_and(|newest| newest.key_id.is_some())
}
