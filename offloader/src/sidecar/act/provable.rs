//! What of a plan can be proven, asked before it is uploaded.
//!
//! The proof that counts is asked after the last byte was read. Where it will surely fail, the upload is one for nothing, and
//! would be again with each turn: so what the leader's own log does not reach down to is asked for before, too.

use std::sync::Arc;

use firnline_index::manifest::Manifest;
use firnline_index::{LeaderEpoch, Offset, OffsetRange};
use firnline_tier::UploadedSegment;

use super::upload::last_epoch;
use super::{Trouble, Turn};
use crate::cluster::{Bound, Leader};
use crate::host::{HeldChain, Witness};
use crate::plan::PlannedSegment;
use crate::sidecar::held::Chain;
use crate::sidecar::next::Why;
use crate::sidecar::prove::{Claimed, Unproven, provable_from};
use crate::sidecar::wait::{BoundReason, OperatorReason, WaitReason};

impl Turn<'_> {
    /// As many of `segments` as can be proven now, from the first on. What stands in the way of the others is remembered.
    pub(super) async fn provable(
        &self,
        chain: &HeldChain,
        mut segments: Vec<PlannedSegment>,
        why: Why,
    ) -> Result<Vec<PlannedSegment>, Trouble> {
        let Some(first) = segments.first().map(|first| first.start) else { return Ok(segments) };
        // Where nobody could say what is committed after the last upload, it is asked before the next: that was one for nothing.
        let untold = self.core.with(&self.tip, |slot| {
            matches!(&slot.wait, WaitReason::Bound(BoundReason::Unavailable(_) | BoundReason::Denied(_)))
        });
        if why != Why::Deleted && untold == Some(true) {
            self.bound_for(None).await?;
        }
        let known = self.core.with(&self.tip, |slot| slot.bound).flatten();
        let of_the_leader = why == Why::Leads && chain.is_log;
        if of_the_leader && known.is_some_and(|known| known.log_start <= first) {
            return Ok(segments);
        }
        let mut asked: Option<(Option<LeaderEpoch>, Bound)> = None;
        let mut refused = None;
        while let Some(stop) = segments.last().map(|last| last.stop) {
            let Ok(range) = OffsetRange::new(first, stop) else { return Ok(Vec::new()) };
            // Where a file has no batch, or batches without an epoch, only the upload itself can tell.
            let Some(epochs) = self.epochs(chain, range).await? else { return Ok(segments) };
            let epoch = epochs.last().map(|last| last.epoch);
            let bound = match asked {
                Some((of, bound)) if of == epoch => bound,
                _ => self.bound_up_to(epoch, stop, why).await?,
            };
            asked = Some((epoch, bound));
            match self.prove_range(chain, range, &epochs, &bound).await? {
                Ok(_) => break,
                Err(found) => {
                    refused = Some(found);
                    segments.pop();
                }
            }
        }
        if let Some(found) = refused.filter(|found| !found.passes()) {
            self.judge(chain, first, found);
        }
        Ok(segments)
    }

    /// Ends the last of `segments` where a batch ends. Another history may have gone on within one, and what is left of a batch
    /// cannot be stored by itself.
    pub(super) async fn up_to_a_batch(
        &self,
        chain: &HeldChain,
        mut segments: Vec<PlannedSegment>,
    ) -> Result<Vec<PlannedSegment>, Trouble> {
        let Some(last) = segments.last_mut() else { return Ok(segments) };
        let stop = last.stop;
        if stop == chain.sealed_end || chain.log.extents().iter().any(|extent| extent.base == stop) {
            return Ok(segments);
        }
        let log = Arc::clone(&chain.log);
        let across = self.core.blocking(move || log.batch_across(stop)).await.map_err(Trouble::source)?;
        let Some(across) = across else { return Ok(segments) };
        last.stop = across.start();
        segments.retain(|segment| segment.start < segment.stop);
        if segments.is_empty() {
            let reason = BoundReason::Above { end: chain.sealed_end, high_watermark: stop };
            let held = self.core.with(&self.tip, |slot| slot.held_now());
            let same = |known: &&Chain| (known.start, known.sealed_end) == (chain.start, chain.sealed_end);
            let verdict = held.as_ref().and_then(|held| held.chains.iter().find(same)?.verdict);
            return Err(Trouble::held(match verdict {
                Some(why) => WaitReason::Operator(OperatorReason::Unproven { end: chain.sealed_end, why }),
                None => WaitReason::Bound(reason),
            }));
        }
        Ok(segments)
    }

    /// A tier that has nothing yet begins where what is held can be proven. A first file may begin below the leader's log
    /// start, with records that no client was ever served again and for which nobody vouches.
    pub(super) async fn begin_where_vouched(
        &self,
        chain: &HeldChain,
        mut segments: Vec<PlannedSegment>,
    ) -> Result<Vec<PlannedSegment>, Trouble> {
        let bound = self.core.with(&self.tip, |slot| slot.bound).flatten();
        let (Some(bound), None, Some(first), Some(last)) =
            (bound, self.manifest(), segments.first(), segments.last())
        else {
            return Ok(segments);
        };
        let Ok(range) = OffsetRange::new(first.start, last.stop) else { return Ok(segments) };
        if bound.log_start <= range.start() || range.is_empty() {
            return Ok(segments);
        }
        let Some(epochs) = self.epochs(chain, range).await? else { return Ok(segments) };
        let from_leaders_log = chain.is_log && bound.leader.node == self.core.parts.node;
        let claimed = Claimed { range, epochs: &epochs, from_leaders_log };
        let witness = self.core.with(&self.tip, |slot| slot.witness.clone()).flatten();
        let from = provable_from(&claimed, bound.log_start, witness.as_ref());
        // What is remembered of its beginning is for the proof to say.
        let first = epochs.epoch_at(range.start());
        let remembered = first.is_some()
            && witness
                .iter()
                .flat_map(Witness::stretches)
                .any(|known| known.epoch_at(range.start()) == first);
        if from <= range.start() || remembered {
            return Ok(segments);
        }
        // What is remembered begins where the leader's log did, which may be within a batch.
        let log = Arc::clone(&chain.log);
        let across = self.core.blocking(move || log.batch_across(from)).await.map_err(Trouble::source)?;
        let from = across.map_or(from, |batch| batch.end());
        tracing::warn!(
            tip = %self.tip, held_from = %range.start(), %from,
            "the tier begins above what is held: nobody tells that what lies below was committed"
        );
        segments.retain(|segment| segment.stop > from);
        if let Some(first) = segments.first_mut() {
            first.start = first.start.max(from);
        }
        Ok(segments)
    }

    /// The bound that segments, of which `last` is the last, are to be proven by.
    pub(super) async fn bound_to_prove(
        &self,
        last: Option<&UploadedSegment>,
        why: Why,
    ) -> Result<Bound, Trouble> {
        let end = last.map_or(Offset::ZERO, |last| last.entry.range.end());
        self.bound_up_to(last.and_then(last_epoch), end, why).await
    }

    /// The same for a range that ends at `end` with a batch of `epoch`.
    async fn bound_up_to(&self, epoch: Option<LeaderEpoch>, end: Offset, why: Why) -> Result<Bound, Trouble> {
        if why != Why::Deleted {
            return self.bound_for(epoch).await;
        }
        // Nobody leads a deleted topic. Its last bound stands for an answer of a leader that has nothing any more, so that the
        // witness alone can prove.
        let witness = self.core.with(&self.tip, |slot| slot.witness.clone()).flatten();
        let manifest = self.manifest();
        let deleted = manifest.and_then(|manifest| manifest.deleted).and_then(|deleted| deleted.last_bound);
        let fence = manifest.and_then(Manifest::fence);
        let Some(witness) = witness else {
            return Err(Trouble::operator(OperatorReason::Unproven { end, why: Unproven::NoWitness }));
        };
        let told = deleted.unwrap_or_else(|| witness.committed_to());
        let newest = witness.newest;
        // A later leader may have claimed or committed, and told this node nothing new before the end. Nobody leads any more
        // whom that claim would have to keep out.
        let epoch = Some(newest.epoch).max(fence).unwrap_or(newest.epoch);
        let leader = Leader { node: self.core.parts.node, epoch };
        Ok(Bound { leader, high_watermark: told, log_start: told, epoch_end: None })
    }
}
