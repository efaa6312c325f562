//! The tier ends below all that is held here.

use firnline_index::{Offset, OffsetRange};

use super::{Live, provable_start, usable};
use crate::sidecar::held::{Chain, Held};
use crate::sidecar::next::Next;
use crate::sidecar::prove::Unproven;
use crate::sidecar::view::Digest;
use crate::sidecar::wait::{BoundReason, WaitReason};

pub(super) fn next(live: &Live<'_>) -> Option<Next> {
    let tier = live.tier?;
    if let Some(at) = vouched_above(live, tier) {
        return Some(Next::DivideWanted { at });
    }
    let missing = missing(live.view.held, tier.tier_end)?;
    let wait = |wanted_for| Some(Next::Wait(WaitReason::Pending { missing, wanted_for }));
    if !live.leads() {
        // Only the leader claims and records; the pins above the hole stay until it has, and it must know of them.
        let claim = tier.claim.as_ref().filter(|claim| claim.epoch == live.leader.epoch);
        if claim.is_some_and(|claim| claim.is_divisible(missing.end())) {
            return Some(Next::DivideWanted { at: missing.end() });
        }
        return wait(std::time::Duration::ZERO);
    }
    if !asked_for(tier, live, missing) {
        return Some(Next::Claim { wanted: vec![missing] });
    }
    if live.view.wanted_for < live.view.limits.gap_wait {
        return wait(live.view.wanted_for);
    }
    // What lies below an offset that is committed was committed, too, so that nothing is called lost that never was.
    match live.bound() {
        None => Some(Next::AskBound),
        Some(bound) if bound.high_watermark < missing.end() => {
            let (end, high_watermark) = (missing.end(), bound.high_watermark);
            Some(Next::Wait(WaitReason::Bound(BoundReason::Above { end, high_watermark })))
        }
        Some(_) => {
            let range = tier.claim.as_ref().map_or(missing, |claim| claim.undivided(missing));
            Some(Next::RecordGap { range })
        }
    }
}

/// Where, inside of what the leader asks for, a chain begins to be vouched for that holds the tier's end and cannot be proven
/// there: if nobody brings what lies below, what is lost ends there, and not inside of what this one brings.
fn vouched_above(live: &Live<'_>, tier: &Digest) -> Option<Offset> {
    let claim = tier.claim.as_ref().filter(|claim| !live.leads() && claim.epoch == live.leader.epoch)?;
    let chains = live.view.held.chains.iter().filter(|chain| chain.start <= tier.tier_end);
    let vouched = chains.filter_map(|chain| match chain.verdict {
        Some(Unproven::Beneath { vouched_from, witnessed_to: None }) => Some(vouched_from),
        _ => None,
    });
    vouched.filter(|at| claim.is_divisible(*at)).min()
}

/// What lies between the tier's end and the first offset held above it, where nothing held reaches down to the end.
pub(in crate::sidecar) fn missing(held: &Held, tier_end: Offset) -> Option<OffsetRange> {
    let chains = || held.chains.iter().filter(|chain| usable(chain));
    // What is held and cannot be proven is not missing: a person decides about it.
    let held_unproven = |chain: &&Chain| {
        matches!(chain.verdict, Some(Unproven::Beneath { .. } | Unproven::WitnessBelow { .. }))
    };
    if chains()
        .chain(held.chains.iter().filter(held_unproven))
        .any(|chain| provable_start(chain) <= tier_end && chain.reaches(tier_end))
    {
        return None;
    }
    let above = chains().map(provable_start).filter(|start| *start > tier_end).min()?;
    OffsetRange::new(tier_end, above).ok()
}

/// Whether our own claim under this epoch asks for all of it.
fn asked_for(tier: &Digest, live: &Live<'_>, missing: OffsetRange) -> bool {
    let claim = tier.claim.as_ref().filter(|claim| claim.epoch == live.leader.epoch);
    claim.is_some_and(|claim| claim.node == live.view.node && claim.wants_all(missing))
}
