//! Bytes into the tier: upload, prove, commit. In that order, and with the bound asked after the last byte was read.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use firnline_index::lineage::EpochStart;
use firnline_index::manifest::EntryKind;
use firnline_index::{LeaderEpoch, Offset, OffsetRange, TopicIdPartition};
use firnline_tier::{Basis, CommitOutcome, CommitRequest, Unpaced, UploadError, UploadedSegment};
use tokio::time::Instant;

use super::{After, Trouble, Turn};
use crate::history::{Continues, continues};
use crate::holes::{HoleInLog, Holes};
use crate::host::{HeldChain, Stretch, Witness};
use crate::plan::PlannedSegment;
use crate::sidecar::core::Core;
use crate::sidecar::next::Why;
use crate::sidecar::pace::AtRate;
use crate::sidecar::prove::{Unproven, before};
use crate::sidecar::step::SidecarStep;
use crate::sidecar::verdict::Hollow;
use crate::sidecar::view::Comparison;
use crate::sidecar::wait::{OperatorReason, WaitReason};
use crate::upload::{Start, Uploaded, Uploads};

impl Turn<'_> {
    pub(super) async fn upload(
        &mut self,
        chain: usize,
        segments: Vec<PlannedSegment>,
        why: Why,
    ) -> Result<After, Trouble> {
        let Some(chain) = self.held.chains.get(chain).cloned() else { return Ok(After::Done) };
        let segments = self.begin_where_vouched(&chain, segments).await?;
        let Some(first) = segments.first() else { return Ok(After::Done) };
        // Nobody leads a deleted topic, so that nobody could claim.
        if why != Why::Deleted && self.begin_where_pins_gave_way(first.start).await? {
            return Ok(After::Done);
        }
        let basis = Basis::of(self.manifest(), first.start);
        if !self.continues(&chain, why).await? {
            return Ok(After::Again);
        }
        if !self.rate_is_open() {
            return Err(Trouble::held(WaitReason::Rate));
        }
        let segments = self.provable(&chain, segments, why).await?;
        if segments.is_empty() || self.begins_inside_a_batch(&chain).await? {
            return Ok(After::Again);
        }
        let segments = self.up_to_a_batch(&chain, segments).await?;
        self.core.before(SidecarStep::Upload).await;
        let place = self.core.place(&self.tip);
        let (begun, at_rate) = (Instant::now(), place.is_some());
        let pace = Arc::new(AtRate { core: self.core, tip: self.tip.clone(), topic: at_rate });
        let uploads = Uploads { pace, ..self.uploads(EntryKind::Segment) };
        let mut all = true;
        let go_on = |next: &PlannedSegment| {
            let late = at_rate && begun.elapsed() >= COMMIT_WITHIN;
            all = !late && self.rate_is_open();
            if all {
                self.charge(next.bytes);
            }
            if all { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let Uploaded { segments: made, stopped } =
            uploads.run(&chain.log, &segments, Start::of(&basis), go_on).await;
        drop(place);
        if !made.is_empty() {
            self.commit(&chain, basis, made, why).await?;
        } else if stopped.is_none() {
            // All that is left are files without a batch: nothing to tell their end by. The next that is sealed tells it.
            let range = segments.last().and_then(|last| OffsetRange::new(basis.base, last.stop).ok());
            self.core.with(&self.tip, |slot| {
                let (start, sealed_end) = (chain.start, chain.sealed_end);
                slot.hollow = range.filter(|_| all).map(|range| Hollow { start, sealed_end, range });
            });
            return Ok(After::Done);
        }
        match stopped {
            Some((_, error)) => self.stopped(&chain, &segments, why, error).await,
            None => Ok(After::Done),
        }
    }

    /// What is committed of the file still written.
    pub(super) async fn upload_tail(&mut self, chain: usize, range: OffsetRange) -> Result<After, Trouble> {
        let Some(chain) = self.held.chains.get(chain).cloned() else { return Ok(After::Done) };
        let basis = Basis::of(self.manifest(), range.start());
        if !self.continues(&chain, Why::Leads).await? || self.begins_inside_a_batch(&chain).await? {
            return Ok(After::Again);
        }
        self.core.before(SidecarStep::Upload).await;
        let planned = PlannedSegment { start: range.start(), stop: range.end(), extents: 0..0, bytes: 0 };
        let uploads = self.uploads(EntryKind::TailPiece);
        match uploads.one(&chain.log, &planned, &Start::of(&basis)).await {
            Ok(Some(segment)) => {
                self.commit(&chain, basis, vec![segment], Why::Leads).await?;
                Ok(After::Done)
            }
            Ok(None) => Ok(After::Done),
            Err(error) => self.stopped(&chain, &[], Why::Leads, error).await,
        }
    }

    pub(super) fn uploads(&self, kind: EntryKind) -> Uploads<'static> {
        let parts = &self.core.parts;
        let (compacted, form) = {
            let state = self.core.state();
            let topic = state.topics.get(&self.tip.topic_id);
            let form = topic.map(|topic| topic.policy.form.clone()).unwrap_or_default();
            (topic.is_some_and(|topic| topic.leaves_holes()), form)
        };
        Uploads {
            tier: parts.tier.clone(),
            holes: if compacted { Holes::Allow } else { Holes::Refuse },
            kind,
            replaces: Vec::new(),
            form,
            progress: Arc::clone(&parts.progress),
            pace: Arc::new(Unpaced),
        }
    }

    /// Whether `chain` continues the tier; where it surely does not, that is remembered against it.
    async fn continues(&mut self, chain: &HeldChain, why: Why) -> Result<bool, Trouble> {
        let Some(manifest) = self.manifest().cloned() else { return Ok(true) };
        let log = Arc::clone(&chain.log);
        let tier_end = manifest.tier_end;
        let found = self.core.blocking(move || continues(&*log, &manifest)).await.map_err(Trouble::source)?;
        match found {
            Continues::Yes => Ok(true),
            // Of a deleted topic nobody leads any more who could tell.
            Continues::Untold if why == Why::Deleted || self.nothing_below(tier_end) => Ok(true),
            Continues::Untold => self.is_of_the_leaders_history(chain, tier_end, why).await,
            // Whoever changed the manifest first under this epoch need not have compared: retention does, or a follower.
            Continues::No(_) if chain.is_log && self.leads() && !self.is_compared() => {
                self.compare().await?;
                Ok(false)
            }
            Continues::No(_) if chain.is_log && self.leads() => {
                Err(Trouble::operator(OperatorReason::OtherHistory { tier_end }))
            }
            Continues::No(_) => {
                let at = before(tier_end).unwrap_or(tier_end);
                self.judge(chain, tier_end, Unproven::TierContradicts { at });
                Ok(false)
            }
        }
    }

    /// Whether the tier ends inside a batch of `chain`, which is remembered against it. So it may where it ends in a gap: that
    /// reaches up to what another sidecar held, and it was of another history.
    async fn begins_inside_a_batch(&self, chain: &HeldChain) -> Result<bool, Trouble> {
        let Some(tier_end) = self.tier_end().filter(|end| self.nothing_below(*end)) else { return Ok(false) };
        let log = Arc::clone(&chain.log);
        let across = self.core.blocking(move || log.batch_across(tier_end)).await.map_err(Trouble::source)?;
        let Some(across) = across else { return Ok(false) };
        self.judge(chain, tier_end, Unproven::InsideBatch { next: across.end() });
        Ok(true)
    }

    /// Whether a chain goes on from the tier that begins where that ends: so it does where the leader's log, which is to vouch for
    /// it, holds the tier's last record; where that begins above, what is remembered tells.
    async fn is_of_the_leaders_history(
        &mut self,
        chain: &HeldChain,
        tier_end: Offset,
        why: Why,
    ) -> Result<bool, Trouble> {
        let known = |turn: &Self| turn.core.with(&turn.tip, |slot| slot.comparison()).flatten();
        if known(self).is_none() {
            self.compare().await?;
        }
        match known(self) {
            Some(Comparison::Agrees) => Ok(true),
            // The leader vouches for what it asks for, and goes on from this tier itself: unless it is known here that what it asks for
            // goes on from another one.
            Some(Comparison::Undecided) if why == Why::Wanted => {
                match self.is_told_apart(chain, tier_end).await? {
                    true => Err(Trouble::operator(OperatorReason::OtherHistory { tier_end })),
                    false => Ok(true),
                }
            }
            Some(Comparison::Undecided) if self.witnessed_across(chain, tier_end).await? => Ok(true),
            Some(Comparison::Undecided) => Err(Trouble::operator(OperatorReason::PartsUnknown)),
            // The leader cuts first, or an operator does; or it is another leader by now.
            Some(_) if !self.leads() => Err(Trouble::operator(OperatorReason::OtherHistory { tier_end })),
            Some(_) | None => Ok(false),
        }
    }

    /// Whether the tier, as it is now, was compared with the log of the present leader.
    pub(super) fn is_compared(&self) -> bool {
        self.core.with(&self.tip, |slot| slot.comparison()).flatten().is_some()
    }

    /// Whether what is remembered joins the tier's last record to the first one of `chain`: one log held both, and both
    /// were committed.
    async fn witnessed_across(&self, chain: &HeldChain, tier_end: Offset) -> Result<bool, Trouble> {
        let witness = self.core.with(&self.tip, |slot| slot.witness.clone()).flatten();
        let Some(witness) = witness else { return Ok(false) };
        let log = Arc::clone(&chain.log);
        let first = self.core.blocking(move || log.epoch_from(tier_end)).await.map_err(Trouble::source)?;
        let last = before(tier_end);
        let tier = last.and_then(|last| self.manifest().and_then(|manifest| manifest.lineage.epoch_at(last)));
        let joins = |stretch: &Stretch| {
            last.and_then(|last| stretch.epoch_at(last)) == tier && stretch.epoch_at(tier_end) == first
        };
        Ok(first.is_some() && tier.is_some() && witness.stretches().any(joins))
    }

    /// Whether what is remembered, or what the broker notes beside its log, has another record than the tier right below the first one
    /// of `chain`. The leader's log does not reach down there, so that it vouches for both sides of an election in one breath.
    async fn is_told_apart(&self, chain: &HeldChain, tier_end: Offset) -> Result<bool, Trouble> {
        let witness = self.core.with(&self.tip, |slot| slot.witness.clone()).flatten();
        let log = Arc::clone(&chain.log);
        let read = move || log.epoch_from(tier_end).map(|first| (first, log.noted_epochs()));
        let (first, noted) = self.core.blocking(read).await.map_err(Trouble::source)?;
        let Some(last) = before(tier_end) else { return Ok(false) };
        let tier = self.manifest().and_then(|manifest| manifest.lineage.epoch_at(last));
        let parts = |at_end: Option<LeaderEpoch>, below: Option<LeaderEpoch>| {
            at_end == first && below.is_some() && below != tier
        };
        let remembered = witness
            .iter()
            .flat_map(Witness::stretches)
            .any(|known| parts(known.epoch_at(tier_end), known.epoch_at(last)));
        let noted = noted.is_some_and(|noted| parts(noted.epoch_at(tier_end), noted.epoch_at(last)));
        Ok(first.is_some() && tier.is_some() && (remembered || noted))
    }

    /// Whether the tier's newest span is empty, so that there is nothing to continue.
    fn nothing_below(&self, tier_end: Offset) -> bool {
        self.manifest()
            .is_none_or(|manifest| manifest.serving_start == tier_end || manifest.lineage.is_empty())
    }

    pub(super) fn leads(&self) -> bool {
        let leader = self.core.with(&self.tip, |slot| slot.leader).flatten();
        leader.is_some_and(|leader| leader.node == self.core.parts.node)
    }

    /// Proves what was uploaded, as far as it goes, and commits that; the rest is thrown away by name.
    async fn commit(
        &mut self,
        chain: &HeldChain,
        basis: Basis,
        mut segments: Vec<UploadedSegment>,
        why: Why,
    ) -> Result<(), Trouble> {
        let mut bound = match self.bound_to_prove(segments.last(), why).await {
            Ok(bound) => bound,
            Err(trouble) => {
                self.throw(segments.len() as u64, |thrown| &mut thrown.bound);
                return Err(trouble);
            }
        };
        let from = segments.first().map_or(Offset::ZERO, |first| first.entry.range.start());
        let mut refused = None;
        while let Some(asked) = segments.last().map(last_epoch) {
            match self.prove(chain, &segments, &bound).await? {
                Ok(_) => break,
                Err(found) => {
                    // What is refused of the lowest says what stands in the way next time.
                    refused = Some(found);
                    segments.pop();
                    self.throw(1, |thrown| &mut thrown.unproven);
                }
            }
            // The bound says nothing of an older epoch than the one it was asked with.
            if segments.last().is_some_and(|last| last_epoch(last) != asked) {
                bound = match self.bound_to_prove(segments.last(), why).await {
                    Ok(bound) => bound,
                    Err(trouble) => {
                        self.throw(segments.len() as u64, |thrown| &mut thrown.bound);
                        return Err(trouble);
                    }
                };
            }
        }
        if let Some(found) = refused
            && !found.passes()
        {
            self.judge(chain, from, found);
        }
        if segments.is_empty() {
            return Ok(());
        }
        self.core.before(SidecarStep::Commit).await;
        let request = CommitRequest {
            tip: self.tip.clone(),
            basis,
            segments,
            node: Some(self.core.parts.node),
            bound_epoch: Some(bound.leader.epoch),
            topic_partitions: self.topic_partitions(),
        };
        let count = request.segments.len() as u64;
        match self.core.parts.tier.commit(&request).await {
            Ok(CommitOutcome::Committed(now)) => {
                let bytes = request.segments.iter().map(|segment| segment.entry.log_bytes.get()).sum::<u64>();
                for segment in &request.segments {
                    self.core.parts.progress.committed(&self.tip, segment.entry.range);
                }
                {
                    let mut state = self.core.state();
                    state.counts.segments_committed += count;
                    state.counts.bytes_committed += bytes;
                    if matches!(why, Why::Takeover | Why::Wanted) {
                        state.counts.takeovers += count;
                    }
                }
                self.take_changed(*now);
                self.core.with(&self.tip, |slot| slot.committed_at = Some(Instant::now()));
                self.release_below_end().await
            }
            Ok(CommitOutcome::Lost(lost)) => {
                tracing::info!(tip = %self.tip, %lost, "finished uploads are thrown away");
                self.lost(&lost, count);
                Ok(())
            }
            Err(error) => {
                if !error.may_have_landed() {
                    self.throw(count, |thrown| &mut thrown.failed);
                }
                self.core.with(&self.tip, super::super::state::Slot::doubt_tier);
                Err(Trouble::edit(error))
            }
        }
    }

    /// An upload that was not finished.
    async fn stopped(
        &mut self,
        chain: &HeldChain,
        segments: &[PlannedSegment],
        why: Why,
        error: UploadError,
    ) -> Result<After, Trouble> {
        if matches!(error, UploadError::Changed { .. }) {
            self.throw(1, |thrown| &mut thrown.changed);
        }
        let diverged = match &error {
            UploadError::EpochBack { .. } => true,
            UploadError::Source(source) => {
                source.kind == firnline_index::log_source::SourceErrorKind::Diverged
            }
            _ => false,
        };
        if diverged && !(chain.is_log && self.leads()) {
            let at = self.tier_end().unwrap_or(chain.start);
            self.judge(chain, at, Unproven::TierContradicts { at });
            return Ok(After::Done);
        }
        // A damaged file must not keep back the good ones that were to be joined with it, nor a hole that was told what lies below.
        let hole = hole_of(&error).filter(|hole| self.was_told(hole) && lies_within(chain, hole.missing));
        let hole = hole.map(|hole| hole.missing);
        if let Some(good) = good_part_of(chain, segments, hole).filter(|_| error.is_damage()) {
            let basis = Basis::of(self.manifest(), good.start);
            let uploads = self.uploads(EntryKind::Segment);
            if basis.base < good.stop
                && let Ok(Some(segment)) = uploads.one(&chain.log, &good, &Start::of(&basis)).await
            {
                self.commit(chain, basis, vec![segment], why).await?;
                return Ok(After::Done);
            }
            // Where the leader lacks that, too, only what lies in the hole is lost.
            if let Some(hole) =
                hole.filter(|hole| hole.start() == basis.base && !(chain.is_log && self.leads()))
            {
                self.judge(chain, hole.start(), Unproven::Hole { next: hole.end() });
                return Ok(After::Done);
            }
        }
        Err(Trouble::upload(error))
    }

    /// Whether this very hole was found at another look, too. A broker that rolls or deletes leaves for a moment what looks like
    /// one, at another place each time.
    fn was_told(&self, hole: &HoleInLog) -> bool {
        let same = |error: &str| error.contains(&hole.to_string());
        self.core.with(&self.tip, |slot| matches!(&slot.wait, WaitReason::Damaged { error } if same(error)))
            == Some(true)
    }

    /// Whether the rate limits let anything through.
    fn rate_is_open(&self) -> bool {
        if self.core.rate_is_lifted(&self.tip) {
            return true;
        }
        let (at, mut state) = (Instant::now(), self.core.state());
        let whole = state.bytes.as_mut().is_none_or(|rate| rate.bucket.is_open(at));
        let topic = state.topics.get_mut(&self.tip.topic_id).and_then(|topic| topic.bytes.as_mut());
        topic.is_none_or(|rate| rate.bucket.is_open(at)) && whole
    }

    fn charge(&self, bytes: u64) {
        let mut state = self.core.state();
        if let Some(rate) = &mut state.bytes {
            rate.bucket.take(bytes);
        }
        if let Some(rate) = state.topics.get_mut(&self.tip.topic_id).and_then(|topic| topic.bytes.as_mut()) {
            rate.bucket.take(bytes);
        }
    }
}

impl Core {
    /// Whether the rate limits do not hold for a partition: a disk is under pressure, or it is late as it is.
    pub(in crate::sidecar) fn rate_is_lifted(&self, tip: &TopicIdPartition) -> bool {
        let (settings, now) = (self.settings(), self.now());
        let state = self.state();
        if state.pressure {
            return true;
        }
        state.slots.get(tip).is_some_and(|slot| {
            let from = slot.digest().map(|digest| digest.tier_end);
            let files = slot.held.chains.iter().flat_map(|chain| &chain.files);
            let waiting = files.filter(|file| file.end.is_some_and(|end| from.is_none_or(|from| end > from)));
            let oldest = waiting.map(|file| file.written_at.get()).min();
            let limit = (settings.policy_of)(&tip.topic).max_lag.saturating_mul(OVERDUE);
            oldest.is_some_and(|oldest| {
                let age = u64::try_from(now.get().saturating_sub(oldest)).unwrap_or(0);
                Duration::from_millis(age) > limit
            })
        })
    }
}

/// How long after a turn's first upload at a rate's pace the next segment is left for another turn: what was uploaded is not in
/// the tier before it is committed.
const COMMIT_WITHIN: Duration = Duration::from_secs(60);
/// By how many times `max_lag` a partition may be late before its rate limit no longer holds it back.
const OVERDUE: u32 = 2;

/// The epoch of a segment's last batch.
pub(super) fn last_epoch(segment: &UploadedSegment) -> Option<LeaderEpoch> {
    segment.entry.epochs.last().map(|EpochStart { epoch, .. }| *epoch)
}

/// What of `segments` a damaged log still has whole: all below the hole in it, or the first file of those that were to be joined.
fn good_part_of(
    chain: &HeldChain,
    segments: &[PlannedSegment],
    hole: Option<OffsetRange>,
) -> Option<PlannedSegment> {
    let first = segments.first()?;
    let to = |stop, bytes| PlannedSegment { start: first.start, stop, extents: 0..0, bytes };
    if let Some(hole) = hole {
        return Some(to(hole.start(), first.bytes));
    }
    let file = chain.files.iter().find(|file| file.end.is_some_and(|end| end > first.start))?;
    file.end.filter(|end| *end < first.stop).map(|stop| to(stop, file.bytes))
}

fn hole_of(error: &UploadError) -> Option<&HoleInLog> {
    let UploadError::Source(source) = error else { return None };
    source.cause.downcast_ref::<HoleInLog>()
}

/// Whether a hole lies in what the chain holds, with something of it behind: what is missing at its end is only not there yet.
fn lies_within(chain: &HeldChain, hole: OffsetRange) -> bool {
    chain.start <= hole.start()
        && (hole.end() < chain.sealed_end || (chain.is_log && hole.end() == chain.sealed_end))
}
