//! A topic that the brokers do not know any more: what was committed of it goes up, then its pins go.

use firnline_index::{Offset, OffsetRange};

use super::pending::missing;
use super::upload::segments;
use super::{provable_end, provable_start, usable};
use crate::sidecar::held::{Chain, File};
use crate::sidecar::next::{Next, Why};
use crate::sidecar::prove::Unproven;
use crate::sidecar::view::{Digest, View};
use crate::sidecar::wait::{OperatorReason, WaitReason};

pub(super) fn next(view: &View<'_>, tier: Option<&Digest>) -> Next {
    let (from, last_bound) = match tier {
        None if view.held.chains.is_empty() => return Next::Wait(WaitReason::Idle),
        // A tier that has nothing yet begins with what can be proven.
        None => (view.held.chains.iter().map(provable_start).min(), view.witness_bound),
        Some(tier) => match tier.deleted {
            None => return Next::Tombstone,
            // Whoever marked it may have known less than is known here.
            Some(deleted) if view.witness_bound > deleted.last_bound => return Next::Tombstone,
            Some(deleted) => (Some(tier.tier_end), deleted.last_bound),
        },
    };
    let all_is_there = last_bound.is_none_or(|bound| from.is_some_and(|from| from >= bound));
    if all_is_there && may_be_raised(view, tier) {
        return Next::Wait(WaitReason::Turn);
    }
    // Nobody knows how much of it was committed: it can be neither brought nor let go.
    let lies_beyond = |file: &File| file.end.is_none_or(|end| from.is_none_or(|from| end > from));
    let beyond = |chain: &&Chain| chain.files.iter().any(|file| file.bytes > 0 && lies_beyond(file));
    if last_bound.is_none()
        && let Some(chain) = view.held.chains.iter().find(beyond)
    {
        return no_witness(chain.sealed_end);
    }
    let (Some(from), Some(last_bound), false) = (from, last_bound, all_is_there) else {
        return release(view, Offset::MAX);
    };
    let end = |at: usize| provable_end(&view.held.chains[at]).min(last_bound);
    // A cleaner has left nothing up to there.
    if view.held.chains.iter().any(|chain| usable(chain) && chain.is_hollow(from, last_bound)) {
        return release(view, Offset::MAX);
    }
    let holds = |at: &usize| {
        let chain = &view.held.chains[*at];
        usable(chain) && provable_start(chain) <= from && from < end(*at) && !chain.is_hollow(from, end(*at))
    };
    if let Some(chain) = (0..view.held.chains.len()).find(holds) {
        let found = segments(&view.held.chains[chain], from, end(chain), view.policy.target_bytes);
        if !found.is_empty() && others_bring_it(view, tier) {
            return Next::Wait(WaitReason::Turn);
        }
        if !found.is_empty() && view.witness_bound.is_none() {
            return no_witness(view.held.chains[chain].sealed_end);
        }
        if !found.is_empty() {
            return Next::Upload { chain, segments: found, why: Why::Deleted };
        }
    }
    let late = view.wanted_for >= view.limits.gap_wait;
    match missing(view.held, from).and_then(|missing| missing.intersection(whole_below(last_bound))) {
        // Whoever was never told a bound proves nothing of what lies above a gap either, and records none.
        Some(range) if late && view.witness_bound.is_none() => no_witness(range.end()),
        Some(range) if late && tier.is_some() => Next::RecordGap { range },
        Some(missing) => Next::Wait(WaitReason::Pending { missing, wanted_for: view.wanted_for }),
        None => {
            let doubted = view.held.chains.iter().filter(|chain| chain.holds_sealed(from));
            match doubted.filter_map(|chain| Some((chain.sealed_end, chain.verdict?))).next() {
                Some((end, why)) => Next::Wait(WaitReason::Operator(OperatorReason::Unproven { end, why })),
                // Others hold the rest. What the tier has may go here.
                None => release(view, from),
            }
        }
    }
}

/// Whether another replica's sidecar, which knows of more that was committed, may yet say so: what is held here beyond the
/// last bound may be what it speaks of. A mark from further ahead than the wait is of a clock that is wrong, and says nothing.
fn may_be_raised(view: &View<'_>, tier: Option<&Digest>) -> bool {
    let marked = tier.and_then(|tier| tier.deleted).map(|deleted| deleted.at);
    let wait = u64::try_from(view.limits.gap_wait.as_millis()).unwrap_or(u64::MAX);
    marked.is_some_and(|at| view.now.get().abs_diff(at.get()) < wait)
}

/// A person has to say what becomes of what is held up to `end`.
fn no_witness(end: Offset) -> Next {
    Next::Wait(WaitReason::Operator(OperatorReason::Unproven { end, why: Unproven::NoWitness }))
}

/// Whether another replica's sidecar is at it. Nobody leads a deleted topic, so that all begin; whoever comes first goes on,
/// and the others leave it to that one for as long as the tier moves.
fn others_bring_it(view: &View<'_>, tier: Option<&Digest>) -> bool {
    let ours = view.since_commit.is_some_and(|since| since <= view.stood_still);
    let moved = tier.is_some() && view.stood_still < view.limits.takeover_after;
    moved && !ours && !view.pressure
}

fn whole_below(end: Offset) -> OffsetRange {
    OffsetRange::new(Offset::ZERO, end).expect("no offset lies below zero")
}

fn release(view: &View<'_>, below: Offset) -> Next {
    let any = view.held.files().any(|file| file.pinned && file.end.is_none_or(|end| end <= below));
    if any && !view.kept { Next::Release { below } } else { Next::Wait(WaitReason::Idle) }
}
