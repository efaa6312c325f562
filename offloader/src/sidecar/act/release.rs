//! Letting pins go, each only after a look at the manifest as it is now.

use std::sync::Arc;

use firnline_index::lineage::Lineage;
use firnline_index::manifest::{
    Coverage, DeadReason, EntryKind, MAX_DEAD_BRANCHES, MAX_DEAD_ENTRIES, Manifest,
};
use firnline_index::transactions::TransactionStart;
use firnline_index::{Offset, OffsetRange};
use firnline_tier::EditOutcome;
use firnline_tier::change::AddDead;

use super::replace::is_sealed;
use super::{After, Trouble, Turn};
use crate::host::{HeldChain, HeldFile, PinId};
use crate::plan::PlannedSegment;
use crate::sidecar::epochs::epochs_behind_none;
use crate::sidecar::step::SidecarStep;
use crate::sidecar::wait::OperatorReason;
use crate::upload::Start;

/// What is to become of a pin.
enum Verdict {
    /// The tier has its bytes, or nobody asks for them.
    Let,
    /// Its bytes went another way than the log, or into a recorded gap, from `at` up to `to` at most. Where the tier has others in
    /// their place, it is `doubted` which of the two is the log's.
    Dead { at: Offset, to: Offset, epochs: Lineage, reason: DeadReason, doubted: bool },
    /// It stays.
    Keep,
}

impl Turn<'_> {
    /// Lets go what the tier has below `below`.
    pub(super) async fn release(&mut self, below: Offset) -> Result<After, Trouble> {
        self.sift(below).await?;
        let generation = self.manifest().map_or(0, |manifest| manifest.generation);
        let now = tokio::time::Instant::now();
        self.core.with(&self.tip, |slot| {
            slot.kept = Some((generation, now));
            slot.dirty = true;
        });
        Ok(After::Done)
    }

    /// The manifest is at hand: whatever pins lie wholly below the tier's end may go with it.
    pub(super) async fn release_below_end(&mut self) -> Result<(), Trouble> {
        match self.tier_end() {
            Some(end) => self.sift(end).await,
            None => Ok(()),
        }
    }

    /// Looks at each pin that ends at or below `below`. Pins beside which the broker's own link still is go along: each would
    /// cost a look at the manifest of its own once retention has come to it.
    async fn sift(&mut self, below: Offset) -> Result<(), Trouble> {
        let held = Arc::clone(&self.held);
        let (mut free, mut freed, mut dropped) = (Vec::new(), 0, 0);
        let mut trouble = None;
        'pins: for chain in &held.chains {
            for file in &chain.files {
                let Some(pin) = file.pin.clone() else { continue };
                let end = file.end.unwrap_or(chain.sealed_end);
                if below < Offset::MAX && (file.end.is_none() || end > below) {
                    continue;
                }
                let verdict = match self.judge_pin(chain, file, end, below).await {
                    Err(trouble) if trouble.is_of_the_log() => {
                        self.unreadable(file, &trouble);
                        Verdict::Keep
                    }
                    verdict => verdict?,
                };
                match verdict {
                    Verdict::Let => free.push(pin),
                    Verdict::Dead { at, to, epochs, reason, doubted } if file.sole_link => {
                        // The tier may be what went another way, and be cut later: then these are the bytes that it lacks.
                        // What of them lies in a gap is kept by name all the same.
                        let settled =
                            !doubted || below == Offset::MAX || self.is_off_lineage(&epochs, end).await;
                        if !settled && reason == DeadReason::Truncation {
                            continue;
                        }
                        if self.is_kept_by_name(&epochs, at, to).await? {
                            free.extend(settled.then_some(pin));
                        } else {
                            let committed = self.was_committed(&epochs, at, end);
                            // What is remembered now may speak of the log that went on, and of these bytes no more: that
                            // they were never committed is not known. A leak is better than a loss.
                            if committed || self.has_room_for_doubt() {
                                let reason = if committed { reason } else { DeadReason::NeverCommitted };
                                let dead = OffsetRange::new(at, end).ok();
                                // Uploads take their time, and what was found of other pins holds now.
                                freed += free.len() as u64;
                                self.let_go(std::mem::take(&mut free)).await?;
                                match self.add_dead(chain, file, dead, reason).await {
                                    Ok(true) => free.extend(settled.then_some(pin)),
                                    Ok(false) => {}
                                    Err(trouble) if trouble.is_of_the_log() => {
                                        self.unreadable(file, &trouble);
                                    }
                                    Err(other) => {
                                        trouble = Some(other);
                                        break 'pins;
                                    }
                                }
                            } else if reason == DeadReason::Truncation {
                                tracing::warn!(
                                    tip = %self.tip, from = %file.base, to = %end, parts_at = %at,
                                    "a pin is dropped: its bytes are not known to have been committed, and the log went another way"
                                );
                                dropped += 1;
                                free.push(pin);
                            }
                        }
                    }
                    Verdict::Dead { .. } | Verdict::Keep => {}
                }
            }
        }
        freed += free.len() as u64;
        self.let_go(free).await?;
        let mut state = self.core.state();
        state.counts.pins_released += freed - dropped;
        state.counts.pins_dropped += dropped;
        trouble.map_or(Ok(()), Err)
    }

    /// A pin that cannot be read keeps itself, and holds up no other.
    fn unreadable(&self, file: &HeldFile, trouble: &Trouble) {
        tracing::warn!(
            tip = %self.tip, from = %file.base, pin = file.pin.as_ref().map(|pin| pin.name.as_str()),
            error = %trouble.error, "a pin is kept: what it holds cannot be read"
        );
    }

    /// What the manifest says of a pin's bytes.
    async fn judge_pin(
        &self,
        chain: &HeldChain,
        file: &HeldFile,
        end: Offset,
        below: Offset,
    ) -> Result<Verdict, Trouble> {
        let manifest = match &self.read {
            Some(Some(loaded)) => &loaded.manifest,
            // A topic that is deleted before anything of it was committed.
            Some(None) if below == Offset::MAX => return Ok(Verdict::Let),
            // There is none, or it changed under our hands: nothing says that these bytes are anywhere else.
            Some(None) | None => return Ok(Verdict::Keep),
        };
        let gone = manifest.deleted.is_some() && below == Offset::MAX;
        if gone && file.base >= manifest.tier_end {
            return Ok(Verdict::Let);
        }
        if end <= manifest.tier_start {
            return self.judge_below_start(chain, file, end, manifest).await;
        }
        // Beyond the tier's end lies what was never committed, where the topic is gone.
        let end = if gone { end.min(manifest.tier_end) } else { end };
        let Ok(range) = OffsetRange::new(file.base, end) else { return Ok(Verdict::Keep) };
        let Some(epochs) = self.epochs(chain, range).await? else {
            return self.judge_without_epochs(chain, range, manifest).await;
        };
        let covered =
            self.core.parts.tier.covers(manifest, range, epochs.starts()).await.map_err(Trouble::read)?;
        let verdict = match covered {
            Coverage::Whole => Verdict::Let,
            Coverage::Other { at, .. } => Verdict::Dead {
                at,
                to: end,
                epochs: epochs.clone(),
                reason: DeadReason::Truncation,
                doubted: true,
            },
            // It came too late: a gap is never filled. What was committed is kept by name.
            Coverage::Missing { .. } => match self.lost_of(manifest, range, &epochs).await? {
                Some((lost, parts)) => Verdict::Dead {
                    at: lost.start(),
                    to: lost.end(),
                    epochs: epochs.clone(),
                    reason: DeadReason::NeverCommitted,
                    doubted: parts,
                },
                None => Verdict::Keep,
            },
        };
        self.with_what_lies_below(file, &epochs, verdict, manifest).await
    }

    /// The same for a file that reaches over the first offset that the tier ever had: what of it was told committed below that is in
    /// no entry, and would go with the rest.
    async fn with_what_lies_below(
        &self,
        file: &HeldFile,
        epochs: &Lineage,
        verdict: Verdict,
        manifest: &Manifest,
    ) -> Result<Verdict, Trouble> {
        let to = manifest.began();
        let doubted = match &verdict {
            Verdict::Let => false,
            Verdict::Dead { doubted, .. } => *doubted,
            Verdict::Keep => return Ok(verdict),
        };
        let deleted = manifest.floor.is_some_and(|floor| to <= floor);
        if file.base >= to || deleted || self.is_kept_by_name(epochs, file.base, to).await? {
            return Ok(verdict);
        }
        if !self.was_committed(epochs, file.base, to) {
            // What is the broker's own still may be told committed yet.
            return Ok(if file.sole_link { verdict } else { Verdict::Keep });
        }
        let (at, epochs) = (file.base, epochs.clone());
        Ok(Verdict::Dead { at, to, epochs, reason: DeadReason::NeverCommitted, doubted })
    }

    /// What becomes of a pin whose batches carry no epoch, as very old ones do not: nothing but the leader's own log says
    /// that two batches of the same offsets are the same then, as it was alone when they were uploaded.
    async fn judge_without_epochs(
        &self,
        chain: &HeldChain,
        range: OffsetRange,
        manifest: &Manifest,
    ) -> Result<Verdict, Trouble> {
        if !(chain.is_log && self.leads()) {
            return Ok(Verdict::Keep);
        }
        let log = Arc::clone(&chain.log);
        let found = self.core.blocking(move || epochs_behind_none(&*log, range.start(), range.end())).await;
        let Some(epochs) = found.map_err(Trouble::source)? else { return Ok(Verdict::Keep) };
        let covered = self.core.parts.tier.covers(manifest, range, epochs.starts()).await;
        Ok(match covered.map_err(Trouble::read)? {
            Coverage::Whole => Verdict::Let,
            Coverage::Other { .. } | Coverage::Missing { .. } => Verdict::Keep,
        })
    }

    /// What of `range` lies in recorded gaps, from the first to the last of it, where the tier has all else. Where it went on
    /// with other records, all that follows is kept with what was lost, and that is said.
    async fn lost_of(
        &self,
        manifest: &Manifest,
        range: OffsetRange,
        epochs: &Lineage,
    ) -> Result<Option<(OffsetRange, bool)>, Trouble> {
        let mut at = range.start().max(manifest.tier_start);
        let mut lost: Option<OffsetRange> = None;
        let gaps = manifest.gaps.iter().filter_map(|gap| gap.range.intersection(range));
        for (gap, next) in gaps.map(|gap| (Some(gap), gap.start())).chain([(None, range.end())]) {
            let between = OffsetRange::new(at, next).ok().filter(|between| !between.is_empty());
            if let Some(between) = between {
                let covered = self.core.parts.tier.covers(manifest, between, epochs.starts()).await;
                match (covered.map_err(Trouble::read)?, lost) {
                    (Coverage::Whole, _) => {}
                    (Coverage::Other { .. }, Some(lost)) => {
                        let parted = OffsetRange::new(lost.start(), range.end()).ok();
                        return Ok(parted.map(|parted| (parted, true)));
                    }
                    (Coverage::Other { .. } | Coverage::Missing { .. }, _) => return Ok(None),
                }
            }
            if let Some(gap) = gap {
                at = at.max(gap.end());
                lost = lost.map_or(Some(gap), |lost| OffsetRange::new(lost.start(), gap.end()).ok());
            }
        }
        Ok(lost.map(|lost| (lost, false)))
    }

    /// What becomes of a pin wholly below the tier's start. Retention or a floor took out what the tier once had; but what
    /// lies below the first offset that it ever had is no less acknowledged: the leader that began the tier had lost it
    /// already, and this pin may be the last that holds it. A tier does not grow downwards, so it is kept by name.
    async fn judge_below_start(
        &self,
        chain: &HeldChain,
        file: &HeldFile,
        end: Offset,
        manifest: &Manifest,
    ) -> Result<Verdict, Trouble> {
        let deleted = manifest.floor.is_some_and(|floor| end <= floor);
        if deleted || file.base >= manifest.began() {
            return Ok(Verdict::Let);
        }
        let Ok(range) = OffsetRange::new(file.base, end) else { return Ok(Verdict::Keep) };
        match self.epochs(chain, range).await? {
            Some(epochs) if self.was_committed(&epochs, file.base, end) => {
                let reason = DeadReason::NeverCommitted;
                Ok(Verdict::Dead { at: file.base, to: end, epochs, reason, doubted: false })
            }
            // It is the broker's own still, and may be told committed yet.
            _ if !file.sole_link => Ok(Verdict::Keep),
            // Nobody was ever told that it was committed while it was held here: the broker's retention has ended it.
            _ => Ok(Verdict::Let),
        }
    }

    /// Whether the leader says that its log holds other records than those of `epochs` up to `end`. Where it cannot tell, or
    /// does not answer, it is not said.
    async fn is_off_lineage(&self, epochs: &Lineage, end: Offset) -> bool {
        let Some(last) = epochs.last() else { return false };
        match self.bound_for(Some(last.epoch)).await {
            // Epochs rise with offsets: a leader that knows only older ones up to there has another history. Below all that
            // it knows it names the epoch asked for, with its log's start for an end.
            Ok(bound) => bound.epoch_end.is_none_or(|told| {
                told.epoch != last.epoch || (told.end < end && bound.log_start < told.end)
            }),
            Err(trouble) => {
                tracing::debug!(tip = %self.tip, error = %trouble.error, "a pin stays: nobody says that it is of no use");
                false
            }
        }
    }

    /// Whether a dead branch has the bytes from `at` on already: they were cut from the tier, another sidecar had them, or
    /// a turn before this one ended between the commit and the release.
    async fn is_kept_by_name(&self, epochs: &Lineage, at: Offset, end: Offset) -> Result<bool, Trouble> {
        let (Some(manifest), Ok(range)) = (self.manifest(), OffsetRange::new(at, end)) else {
            return Ok(false);
        };
        let mut from_here = epochs.clone();
        from_here.forget_below(at);
        self.core.parts.tier.dead_covers(manifest, range, from_here.starts()).await.map_err(Trouble::read)
    }

    /// Whether any of the bytes from `at` up to `end` were below a bound while they were held here.
    fn was_committed(&self, epochs: &Lineage, at: Offset, end: Offset) -> bool {
        let witness = self.core.with(&self.tip, |slot| slot.witness.clone()).flatten();
        let (Some(witness), Ok(range)) = (witness, OffsetRange::new(at, end)) else { return false };
        // Two logs that part stay apart, so that where a stretch begins to speak of these bytes tells for the rest.
        witness.stretches().filter_map(|stretch| Some((stretch, stretch.range()?.intersection(range)?))).any(
            |(stretch, known)| {
                let told = stretch.epoch_at(known.start());
                told.is_some() && told == epochs.epoch_at(known.start())
            },
        )
    }

    /// Whether dead branches have room for bytes that may never have been committed, and as much again for others.
    fn has_room_for_doubt(&self) -> bool {
        self.dead().is_some_and(|(branches, entries)| {
            2 * branches < MAX_DEAD_BRANCHES && 2 * entries < MAX_DEAD_ENTRIES
        })
    }

    /// Whether the manifest would refuse one more entry, so that its upload would be one for nothing.
    fn dead_branches_are_full(&self) -> bool {
        self.dead()
            .is_some_and(|(branches, entries)| branches >= MAX_DEAD_BRANCHES || entries >= MAX_DEAD_ENTRIES)
    }

    /// How many dead branches the manifest has, and entries in them.
    fn dead(&self) -> Option<(usize, usize)> {
        let branches = &self.manifest()?.dead_branches;
        Some((branches.len(), branches.iter().map(|branch| branch.entries.len()).sum()))
    }

    /// Uploads a pin's bytes and keeps them by name; gives whether that was done.
    async fn add_dead(
        &mut self,
        chain: &HeldChain,
        file: &HeldFile,
        dead: Option<OffsetRange>,
        reason: DeadReason,
    ) -> Result<bool, Trouble> {
        let Some(dead) = dead else { return Ok(false) };
        if self.dead_branches_are_full() {
            let error = format!("no more dead branches fit into the manifest of {}: its pins stay", self.tip);
            return Err(Trouble::operator(OperatorReason::Refused { error: error.into() }));
        }
        let known = self.manifest().map(|manifest| (manifest.gc_boundary, is_sealed(manifest)));
        let Some((gc_boundary, sealed)) = known else {
            return Ok(false);
        };
        self.core.before(SidecarStep::Upload).await;
        let planned = PlannedSegment { start: file.base, stop: dead.end(), extents: 0..0, bytes: file.bytes };
        // What was open below it is not known: the branch is read by name, never served.
        let transactions = match file.base == Offset::ZERO {
            true => TransactionStart::Known(Vec::new()),
            false => TransactionStart::Unknown { span_start: file.base },
        };
        let start = Start { base: file.base, transactions, last_epoch: None, sealed };
        let uploaded = self.uploads(EntryKind::Segment).one(&chain.log, &planned, &start).await;
        let Some(segment) = uploaded.map_err(Trouble::upload)? else { return Ok(true) };
        self.core.before(SidecarStep::AddDead).await;
        let add = AddDead { segments: vec![segment], reason, cut_at: dead.start(), gc_boundary };
        let writer = self.writer(None);
        let ended = self.core.parts.tier.edit(&self.tip, Some(writer), &add).await.map_err(Trouble::edit)?;
        // Only a manifest that was read back and names them lets the pin go; where it named them before, this upload was
        // one too many.
        let there = matches!(ended, EditOutcome::Changed { .. } | EditOutcome::Nothing(Some(_)));
        self.ended(ended, 1)?;
        Ok(there)
    }

    async fn let_go(&self, pins: Vec<PinId>) -> Result<(), Trouble> {
        if pins.is_empty() {
            return Ok(());
        }
        self.core.before(SidecarStep::Release).await;
        tracing::debug!(tip = %self.tip, pins = pins.len(), "pins are released");
        let host = Arc::clone(&self.core.parts.host);
        self.core.blocking(move || host.release(&pins)).await.map_err(Trouble::host)
    }
}
