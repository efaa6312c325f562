//! Changes to the manifest that carry no bytes: claim, cut, gap, tombstone.

use firnline_index::manifest::{DeadReason, GapReason, Manifest, Writer};
use firnline_index::{LeaderEpoch, Offset, OffsetRange};
use firnline_tier::change::{ClaimPartition, CutTier, DivideWanted, MarkDeleted, RecordGap};
use tokio::time::Instant;

use super::{After, Trouble, Turn};
use crate::cluster::Leader;
use crate::host::Witness;
use crate::sidecar::step::SidecarStep;
use crate::sidecar::wait::WaitReason;

impl Turn<'_> {
    /// Whose name a change is made in: this node's, under the epoch of the present leader.
    pub(super) fn writer(&self, epoch: Option<LeaderEpoch>) -> Writer {
        self.core.parts.tier.writer(self.core.parts.node, epoch)
    }

    fn leader(&self) -> Option<Leader> {
        self.core.with(&self.tip, |slot| slot.leader).flatten()
    }

    /// One more than the highest partition of the topic that is known here.
    pub(super) fn topic_partitions(&self) -> u32 {
        let mut state = self.core.state();
        let of = state.slots_of(self.tip.topic_id);
        of.map(|(tip, _)| u32::try_from(tip.partition.get()).unwrap_or(0).saturating_add(1))
            .max()
            .unwrap_or(1)
    }

    pub(super) async fn claim(&mut self, wanted: Vec<OffsetRange>) -> Result<After, Trouble> {
        self.claim_from(wanted, None).await
    }

    /// Begins a tier below all that is held, where pins gave way before anything of the partition went up: what they held is
    /// asked for like any other range that is missing, and becomes a gap if nobody brings it. Gives whether that was needed.
    pub(super) async fn begin_where_pins_gave_way(&mut self, held_from: Offset) -> Result<bool, Trouble> {
        let known = self.core.with(&self.tip, |slot| {
            let starts = slot.gave_way.iter().map(|gone| gone.start());
            (slot.leader, starts.filter(|start| *start < held_from).min())
        });
        let Some((Some(leader), Some(start))) = known else { return Ok(false) };
        let Ok(missing) = OffsetRange::new(start, held_from) else { return Ok(false) };
        if self.manifest().is_some() {
            return Ok(false);
        }
        if leader.node != self.core.parts.node {
            // Only the leader claims; to begin above what is missing would leave that out in silence.
            return Err(Trouble::held(WaitReason::Uploader { leader: leader.node }));
        }
        tracing::warn!(tip = %self.tip, %missing, "pins gave way before anything went up: the tier begins with what is missing");
        self.claim_from(vec![missing], Some(start)).await?;
        Ok(true)
    }

    async fn claim_from(
        &mut self,
        wanted: Vec<OffsetRange>,
        start: Option<Offset>,
    ) -> Result<After, Trouble> {
        let Some(leader) = self.leader() else { return Ok(After::Done) };
        {
            let mut state = self.core.state();
            if !state.claims.is_open(Instant::now()) {
                return Err(Trouble::held(WaitReason::ClaimRate));
            }
            state.claims.take(1);
        }
        self.core.before(SidecarStep::Claim).await;
        tracing::info!(tip = %self.tip, epoch = %leader.epoch, ?wanted, "claims the partition");
        let claim = ClaimPartition {
            epoch: leader.epoch,
            node: self.core.parts.node,
            wanted,
            start,
            topic_partitions: self.topic_partitions(),
        };
        let writer = self.writer(Some(leader.epoch));
        let ended =
            self.core.parts.tier.edit(&self.tip, Some(writer), &claim).await.map_err(Trouble::edit)?;
        if self.ended(ended, 0)? {
            self.core.state().counts.claims += 1;
        }
        Ok(After::Done)
    }

    /// Tells the leader of what is held here inside the range that it asks for.
    pub(super) async fn divide_wanted(&mut self, at: Offset) -> Result<After, Trouble> {
        let Some(leader) = self.leader() else { return Ok(After::Done) };
        self.core.before(SidecarStep::Claim).await;
        tracing::info!(tip = %self.tip, %at, epoch = %leader.epoch, "holds a part of what the leader asks for");
        let divide = DivideWanted { epoch: leader.epoch, at };
        let writer = self.writer(None);
        let ended =
            self.core.parts.tier.edit(&self.tip, Some(writer), &divide).await.map_err(Trouble::edit)?;
        self.ended(ended, 0)?;
        Ok(After::Done)
    }

    pub(super) async fn cut(&mut self, at: Offset) -> Result<After, Trouble> {
        let (Some(leader), Some(manifest)) = (self.leader(), self.manifest()) else { return Ok(After::Done) };
        let cut = CutTier {
            at,
            reason: DeadReason::Truncation,
            tier_end: manifest.tier_end,
            last_epoch: manifest.lineage.last().map(|last| last.epoch),
        };
        self.core.before(SidecarStep::Cut).await;
        tracing::warn!(
            tip = %self.tip, %at, tier_end = %cut.tier_end, epoch = %leader.epoch,
            "the leader's log goes another way: what the tier has from here on becomes a dead branch"
        );
        let writer = self.writer(Some(leader.epoch));
        let ended = self.core.parts.tier.edit(&self.tip, Some(writer), &cut).await.map_err(Trouble::edit)?;
        if self.ended(ended, 0)? {
            self.core.state().counts.cuts += 1;
        }
        Ok(After::Done)
    }

    pub(super) async fn record_gap(&mut self, range: OffsetRange) -> Result<After, Trouble> {
        let known = self.core.with(&self.tip, |slot| {
            let gave_way = slot.gave_way.iter().any(|gone| gone.overlaps(range));
            let epoch =
                slot.leader.map(|leader| leader.epoch).or(slot.witness.as_ref().map(|w| w.newest.epoch));
            (gave_way, epoch)
        });
        let Some((gave_way, Some(epoch))) = known else { return Ok(After::Done) };
        // Of a deleted topic nobody leads any more whom a later leader's claim would have to keep out.
        let fence = self.manifest().filter(|manifest| manifest.deleted.is_some()).and_then(Manifest::fence);
        let epoch = fence.map_or(epoch, |fence| fence.max(epoch));
        let reason = if gave_way { GapReason::Reserve } else { GapReason::LocalRetention };
        self.core.before(SidecarStep::RecordGap).await;
        tracing::error!(tip = %self.tip, %range, ?reason, "records are lost: no replica brought them in time");
        let gap = RecordGap { range, reason };
        let writer = self.writer(Some(epoch));
        let ended = self.core.parts.tier.edit(&self.tip, Some(writer), &gap).await.map_err(Trouble::edit)?;
        if self.ended(ended, 0)? {
            self.core.state().counts.gaps += 1;
        }
        Ok(After::Done)
    }

    pub(super) async fn tombstone(&mut self) -> Result<After, Trouble> {
        let last_bound =
            self.core.with(&self.tip, |slot| slot.witness.as_ref().map(Witness::committed_to)).flatten();
        self.core.before(SidecarStep::Tombstone).await;
        tracing::warn!(tip = %self.tip, last_bound = ?last_bound, "the topic is deleted: what was committed goes up, then its pins go");
        let mark = MarkDeleted { last_bound };
        let writer = self.writer(None);
        let ended = self.core.parts.tier.edit(&self.tip, Some(writer), &mark).await.map_err(Trouble::edit)?;
        self.ended(ended, 0)?;
        Ok(After::Again)
    }
}
