//! Asking for the bound that proves what was read, after it was read.

use std::time::Duration;

use firnline_index::lineage::Lineage;
use firnline_index::manifest::Manifest;
use firnline_index::{LeaderEpoch, Offset, OffsetRange};
use firnline_tier::{RandomExt, UploadedSegment};

use super::upload::last_epoch;
use super::{After, Trouble, Turn};
use crate::chain_of;
use crate::cluster::{AskError, Bound, BoundAsk};
use crate::host::HeldChain;
use crate::sidecar::epochs::epochs_of;
use crate::sidecar::prove::{Claimed, Proof, Unproven, prove};
use crate::sidecar::step::SidecarStep;
use crate::sidecar::verdict::{ChainId, Verdict};
use crate::sidecar::wait::BoundReason;

/// How often a leader that has moved, or does not answer, is asked again before what was uploaded is thrown away.
const ASKS: u32 = 6;
/// The limit of the random pause before the first repetition; doubles with each.
const PAUSE: Duration = Duration::from_millis(250);

impl Turn<'_> {
    /// Asks the bound once, to plan by.
    pub(super) async fn ask_bound(&mut self) -> Result<After, Trouble> {
        let leader = self.core.with(&self.tip, |slot| slot.leader).flatten();
        let Some(leader) = leader else { return Ok(After::Done) };
        self.core.before(SidecarStep::AskBounds).await;
        let ask = BoundAsk { tip: self.tip.clone(), leader, epoch_end_of: None };
        let told = self.core.parts.cluster.bounds(&[ask]).await.into_iter().next();
        let told = told.unwrap_or_else(|| Err(AskError::Unavailable("the answer is empty".into())));
        match self.core.take_bound(&self.tip, leader, told) {
            Some(_) => Ok(After::Again),
            None => {
                let reason = self.core.with(&self.tip, |slot| slot.bound_error.clone()).flatten();
                Err(Trouble::bound(reason.unwrap_or(BoundReason::NotAsked)))
            }
        }
    }

    /// The bound that the present leader tells now, with where `epoch` ends in its log. Whoever leads by now may vouch for
    /// the bytes, so that a leader that moves costs a question and not an upload.
    pub(super) async fn bound_for(&self, epoch: Option<LeaderEpoch>) -> Result<Bound, Trouble> {
        let mut pause = PAUSE;
        let mut leader = self.core.with(&self.tip, |slot| slot.leader).flatten();
        let mut reason = BoundReason::NotAsked;
        for attempt in 0..ASKS {
            if attempt > 0 {
                tokio::time::sleep(self.core.parts.tier.env().random.jitter(pause)).await;
                pause = pause.saturating_mul(2);
            }
            let Some(asked) = leader else {
                leader = self.core.ask_leader(&self.tip).await;
                continue;
            };
            self.core.before(SidecarStep::Prove).await;
            let ask = BoundAsk { tip: self.tip.clone(), leader: asked, epoch_end_of: epoch };
            match self.core.parts.cluster.bounds(&[ask]).await.into_iter().next() {
                Some(Ok(bound)) => {
                    self.core.take_bound(&self.tip, asked, Ok(bound));
                    return Ok(bound);
                }
                Some(Err(AskError::Denied { missing })) => {
                    return Err(Trouble::bound(BoundReason::Denied(missing.into())));
                }
                Some(Err(error)) => {
                    reason = BoundReason::Unavailable(chain_of(&error).into());
                    leader = self.core.ask_leader(&self.tip).await;
                }
                None => {}
            }
        }
        Err(Trouble::bound(reason))
    }

    /// Whether uploaded segments of `chain`, end to end, are committed, as `bound` tells, which was asked after they were
    /// read and with the epoch of the last one's last batch.
    pub(super) async fn prove(
        &self,
        chain: &HeldChain,
        segments: &[UploadedSegment],
        bound: &Bound,
    ) -> Result<Result<Proof, Unproven>, Trouble> {
        let (Some(first), Some(last)) = (segments.first(), segments.last()) else {
            return Ok(Ok(Proof::Bound));
        };
        let range =
            OffsetRange::new(first.entry.range.start(), last.entry.range.end()).unwrap_or(last.entry.range);
        let mut epochs = Lineage::empty();
        for segment in segments {
            // They were uploaded one upon the other, so epochs do not fall.
            if epochs.extend(&segment.entry.epochs).is_err() {
                return Ok(Err(Unproven::NoEpoch));
            }
        }
        if last_epoch(last).is_none() {
            epochs = Lineage::empty();
        }
        self.prove_range(chain, range, &epochs, bound).await
    }

    /// Whether `range` of `chain`, which `epochs` wrote, is committed, as `bound` tells.
    pub(super) async fn prove_range(
        &self,
        chain: &HeldChain,
        range: OffsetRange,
        epochs: &Lineage,
        bound: &Bound,
    ) -> Result<Result<Proof, Unproven>, Trouble> {
        let claimed = Claimed {
            range,
            epochs,
            from_leaders_log: chain.is_log && bound.leader.node == self.core.parts.node,
        };
        let witness = self.core.with(&self.tip, |slot| slot.witness.clone()).flatten();
        let nothing = Lineage::empty();
        let span = |manifest: &Manifest| OffsetRange::new(manifest.serving_start, manifest.tier_end).ok();
        let (tier, span) = self.manifest().map_or((&nothing, OffsetRange::EMPTY), |manifest| {
            (&manifest.lineage, span(manifest).unwrap_or(OffsetRange::EMPTY))
        });
        match prove(&claimed, bound, witness.as_ref(), tier, span) {
            Ok(Proof::Bound) if !claimed.from_leaders_log => {
                let parted = self.parted_inside(epochs, bound).await?;
                Ok(parted.map_or(Ok(Proof::Bound), Err))
            }
            Ok(proof) => Ok(Ok(proof)),
            Err(Unproven::OffLineage { leader, end: Some(told) }) => {
                let shared = self.shared_end(chain, leader, told).await?;
                Ok(Err(Unproven::OffLineage { leader, end: Some(shared) }))
            }
            Err(why) => Ok(Err(why)),
        }
    }

    /// Where the leader's log, as far as it reaches down, has other epochs than these, if anywhere. A chain is put together by names and
    /// epochs: a pin of another history may end where the log begins, and then one vouched record does not prove what lies below.
    async fn parted_inside(&self, epochs: &Lineage, bound: &Bound) -> Result<Option<Unproven>, Trouble> {
        for pair in epochs.starts().windows(2).filter(|pair| pair[1].start > bound.log_start) {
            let (epoch, end) = (pair[0].epoch, pair[1].start);
            let told = self.bound_for(Some(epoch)).await?;
            if !told.vouches_for(epoch, end) && end > told.log_start {
                let (leader, end) =
                    (told.epoch_end.map(|told| told.epoch), told.epoch_end.map(|told| told.end));
                return Ok(Some(Unproven::OffLineage { leader, end }));
            }
        }
        Ok(None)
    }

    /// Up to where a chain can share the leader's log, which has `leader` up to `told` and nothing newer below that.
    async fn shared_end(
        &self,
        chain: &HeldChain,
        leader: Option<LeaderEpoch>,
        told: Offset,
    ) -> Result<Offset, Trouble> {
        let (log, start, end) = (std::sync::Arc::clone(&chain.log), chain.start, chain.sealed_end);
        let ours = self.core.blocking(move || epochs_of(&*log, start, end)).await.map_err(Trouble::source)?;
        let newer = ours.as_ref().and_then(|ours| {
            let higher = ours.starts().partition_point(|start| Some(start.epoch) <= leader);
            ours.starts().get(higher).map(|start| start.start)
        });
        Ok(newer.map_or(told, |newer| newer.min(told)))
    }

    /// Remembers what speaks against a chain.
    pub(super) fn judge(&self, chain: &HeldChain, from: Offset, why: Unproven) {
        tracing::warn!(
            tip = %self.tip, from = %chain.start, to = %chain.sealed_end, reason = %why, "held bytes are not proven"
        );
        self.core.with(&self.tip, |slot| {
            let epoch = slot.leader.map(|leader| leader.epoch);
            let from = slot.digest().map(|_| from);
            slot.judge(Verdict { of: ChainId::of(chain), sealed_end: chain.sealed_end, from, epoch, why });
            slot.dirty = true;
        });
    }

    /// The epochs of `range` in a chain; `None` where they cannot be told.
    pub(super) async fn epochs(
        &self,
        chain: &HeldChain,
        range: OffsetRange,
    ) -> Result<Option<Lineage>, Trouble> {
        let log = std::sync::Arc::clone(&chain.log);
        let found = self.core.blocking(move || epochs_of(&*log, range.start(), range.end())).await;
        found.map_err(Trouble::source)
    }
}
