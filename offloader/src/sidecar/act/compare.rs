//! Comparing the tier with the log of the leader.

use firnline_index::Offset;
use firnline_index::manifest::Manifest;

use super::{After, Trouble, Turn};
use crate::chain_of;
use crate::cluster::BoundAsk;
use crate::sidecar::compared::Compared;
use crate::sidecar::diverge::{Answer, Divergence, MAX_STEPS, diverge};
use crate::sidecar::step::SidecarStep;
use crate::sidecar::view::{Comparison, Digest};
use crate::sidecar::wait::BoundReason;

impl Turn<'_> {
    pub(super) async fn compare(&mut self) -> Result<After, Trouble> {
        let leader = self.core.with(&self.tip, |slot| slot.leader).flatten();
        let (Some(leader), Some(manifest)) = (leader, self.manifest().cloned()) else {
            return Ok(After::Done);
        };
        let mut answers: Vec<Answer> = Vec::new();
        let (from, end) = newest_records(&manifest);
        let found = loop {
            match diverge(&manifest.lineage, from, end, &answers) {
                Divergence::Ask(_) if answers.len() >= MAX_STEPS => break Comparison::Unknown,
                Divergence::Ask(asked) => {
                    self.core.before(SidecarStep::Compare).await;
                    let ask = BoundAsk { tip: self.tip.clone(), leader, epoch_end_of: Some(asked) };
                    let told = self.core.parts.cluster.bounds(&[ask]).await.into_iter().next();
                    let bound = match told {
                        Some(Ok(bound)) => bound,
                        Some(Err(error)) => {
                            let reason = BoundReason::Unavailable(chain_of(&error).into());
                            self.core.take_bound(&self.tip, leader, Err(error));
                            return Err(Trouble::bound(reason));
                        }
                        None => return Err(Trouble::bound(BoundReason::NotAsked)),
                    };
                    answers.push(Answer { asked, told: bound.epoch_end, log_start: bound.log_start });
                    self.core.take_bound(&self.tip, leader, Ok(bound));
                }
                Divergence::Agrees if end == manifest.tier_end => break Comparison::Agrees,
                // Of what was lost in the gap nobody tells.
                Divergence::Agrees => break Comparison::Undecided,
                Divergence::Undecided => break Comparison::Undecided,
                Divergence::Cut { at } => {
                    let log_start = answers.last().map_or(Offset::ZERO, |answer| answer.log_start);
                    break Comparison::Cut { at, log_start, permille: share_above(&manifest, at) };
                }
                Divergence::CutBelowLogStart { at, log_start } => {
                    break Comparison::CutBelowLogStart { at, log_start };
                }
                Divergence::Unknown => break Comparison::Unknown,
            }
        };
        if found != Comparison::Agrees {
            tracing::warn!(tip = %self.tip, epoch = %leader.epoch, ?found, "the tier was compared with the leader's log");
        }
        let Digest { tier_end, last_epoch, .. } = Digest::of(&manifest);
        self.core.with(&self.tip, |slot| {
            slot.comparison = Some(Compared { epoch: leader.epoch, tier_end, last_epoch, found });
        });
        Ok(After::Again)
    }
}

/// The newest span of the tier with records in it, from its start to its end: where the tier ends in a gap, the one before. A leader
/// of another history may hold what the gap says is lost, and have gone its way far below.
fn newest_records(manifest: &Manifest) -> (Offset, Offset) {
    let Manifest { tier_start, serving_start, tier_end, .. } = *manifest;
    let mut end = tier_end;
    let mut gaps = manifest.gaps.iter().rev().map(|gap| gap.range).peekable();
    while let Some(gap) = gaps.next_if(|gap| gap.end() == end) {
        end = gap.start();
    }
    let start = gaps.next().map_or(tier_start, |gap| gap.end()).max(tier_start);
    if end < tier_end && start < end { (start, end) } else { (serving_start, tier_end) }
}

/// The share of the tier's log bytes that a cut at `at` takes out, in thousandths, rounded up. Entries in pages count whole:
/// a cut that reaches into them is a large one.
fn share_above(manifest: &Manifest, at: Offset) -> u32 {
    let all = u128::from(manifest.totals.log_bytes.get());
    let head =
        manifest.entries.iter().filter(|entry| entry.range.end() > at).map(|entry| entry.log_bytes.get());
    let pages =
        manifest.pages.iter().filter(|page| page.range.end() > at).map(|page| page.totals.log_bytes.get());
    let above: u128 = head.chain(pages).map(u128::from).sum();
    match all {
        0 => 0,
        all => u32::try_from((above * 1000).div_ceil(all)).unwrap_or(u32::MAX),
    }
}
