//! What is to be done for a partition next: a pure function, first condition that holds.
//!
//! | condition | next | where |
//! |---|---|---|
//! | off, paused, no leader, a later leader's claim | wait | here |
//! | the topic is deleted | tombstone, upload up to its last bound, release | `deleted` |
//! | we lead, and the leader's log lacks what the tier has | cut, or wait for an operator | `parted` |
//! | the tier ends below all that is held | claim it as wanted; after the wait a gap, up to what any sidecar holds | `pending` |
//! | a sealed file now covers the tail's pieces | replace them | `pieces` |
//! | a chain holds the tier's end, it is due, and it is ours to do | upload | `upload` |
//! | the unsealed tail is due | upload it | `tail` |
//! | pins below the tier's end | release | `release` |
//!
//! The same function decides twice: on what is remembered, to find the few partitions that have something to do, and on
//! what was read for the purpose, right before it is done. Nothing that changes the tier or a pin is ever answered on
//! remembered knowledge; then the answer is [`Next::Read`].

mod deleted;
mod pending;
mod upload;

use std::sync::Arc;
use std::time::Duration;

use firnline_index::Offset;
use firnline_index::manifest::ManifestKind;
pub(super) use pending::missing;

use super::held::Chain;
use super::next::Next;
use super::prove::Unproven;
use super::view::{Comparison, Digest, Known, Standing, View};
use super::wait::{BoundReason, OffReason, OperatorReason, Severity, WaitReason};
use crate::cluster::{Bound, Leader};

/// How old the knowledge of a wrong mark may be: nothing else tells that an operator has taken it off.
const MARK_AGE: Duration = Duration::from_secs(60);

/// Decides.
#[must_use]
pub fn decide(view: &View<'_>) -> Next {
    let next = by_chains(view);
    let Some(error) = &view.held.unread else { return next };
    match &next {
        // What cannot be read now may hold just these records.
        Next::RecordGap { .. } => Next::Wait(WaitReason::Disk { error: Arc::clone(error) }),
        Next::Wait(reason) if reason.severity() < Severity::Trouble && view.standing != Standing::Paused => {
            Next::Wait(WaitReason::Disk { error: Arc::clone(error) })
        }
        _ => next,
    }
}

/// Decides by what could be read.
fn by_chains(view: &View<'_>) -> Next {
    match view.standing {
        Standing::Off(why) => return Next::Wait(WaitReason::Off(why)),
        Standing::Paused => return Next::Wait(WaitReason::Paused),
        Standing::On | Standing::Deleted => {}
    }
    // A topic that is deleted is marked as such even where nothing is left of it.
    if view.held.chains.is_empty() && view.standing != Standing::Deleted {
        return Next::Wait(WaitReason::Idle);
    }
    let tier = match view.tier {
        Known::Nothing => return unknown(view),
        Known::Absent => None,
        Known::Present(digest) => Some(digest),
    };
    if tier.is_some_and(|tier| tier.kind != ManifestKind::Sidecar) {
        return Next::Wait(WaitReason::Off(OffReason::Plugin));
    }
    let next = if view.standing == Standing::Deleted {
        deleted::next(view, tier)
    } else {
        let Some(leader) = view.leader else { return Next::Wait(WaitReason::Leader) };
        match tier.and_then(Digest::epoch) {
            Some(claimed) if claimed > leader.epoch => Next::Wait(WaitReason::Fenced { claimed }),
            _ => live(&Live { view, tier, leader }),
        }
    };
    // Others may have brought meanwhile what this one cannot prove, or an operator may have decided.
    let asks_again = match &next {
        Next::Wait(WaitReason::Operator(OperatorReason::MarkedDeleted)) => Some(MARK_AGE),
        Next::Wait(WaitReason::Operator(_)) => Some(view.limits.takeover_after),
        _ => None,
    };
    let old = asks_again.is_some_and(|age| view.known_for >= age);
    if (next.changes_something() || old) && !view.fresh { Next::Read } else { next }
}

/// Nothing is known of the manifest. It is read where that may lead to something: not for what is only written here so far,
/// and not for what the leader's sidecar is there for.
fn unknown(view: &View<'_>) -> Next {
    let Some(leader) = view.leader.filter(|_| view.standing == Standing::On) else {
        return match view.standing {
            Standing::Deleted => Next::Read,
            _ => Next::Wait(WaitReason::Leader),
        };
    };
    let leads = leader.node == view.node;
    let sealed = view.held.files().any(|file| file.end.is_some());
    let sole = view.held.files().any(|file| file.sole_link);
    if sole || (leads && (sealed || view.policy.tail_interval.is_some())) {
        return Next::Read;
    }
    Next::Wait(if leads { WaitReason::Idle } else { WaitReason::Uploader { leader: leader.node } })
}

/// A partition that has a leader.
struct Live<'a> {
    view: &'a View<'a>,
    tier: Option<&'a Digest>,
    leader: Leader,
}

fn live(live: &Live<'_>) -> Next {
    // Where the two part, nothing is added until that is settled. Pins that the tier covers may go.
    if live.view.asked_for && !live.view.fresh && !live.leads() {
        return Next::Read;
    }
    // Whoever marked the topic as deleted was wrong, and each commit would be refused after its upload.
    let marked = live.tier.is_some_and(|tier| tier.deleted.is_some());
    let marked = marked.then_some(Next::Wait(WaitReason::Operator(OperatorReason::MarkedDeleted)));
    match marked.or_else(|| parted(live)) {
        Some(Next::Wait(reason)) => {
            return release(live).filter(Next::changes_something).unwrap_or(Next::Wait(reason));
        }
        Some(next) => return next,
        None => {}
    }
    let steps = [pending::next, pieces, upload::next, tail, release];
    let mut wait = WaitReason::Idle;
    for step in steps {
        match step(live) {
            // What needs a person is told rather than what comes by itself.
            Some(Next::Wait(reason)) if reason.severity() > wait.severity() || wait == WaitReason::Idle => {
                wait = reason;
            }
            Some(Next::Wait(_)) => {}
            Some(next) => return live.compared_first(next),
            None => {}
        }
    }
    Next::Wait(wait)
}

impl Live<'_> {
    fn leads(&self) -> bool {
        self.leader.node == self.view.node
    }

    fn tier_end(&self) -> Option<Offset> {
        self.tier.map(|tier| tier.tier_end)
    }

    /// The last bound, if it is this leader's.
    fn bound(&self) -> Option<&Bound> {
        self.view.bound.as_ref().filter(|bound| bound.leader == self.leader)
    }

    /// A leader that is new to the manifest compares before it adds anything.
    fn compared_first(&self, next: Next) -> Next {
        let adds = match next {
            Next::Claim { .. }
            | Next::RecordGap { .. }
            | Next::Upload { .. }
            | Next::ReplacePieces { .. }
            | Next::UploadTail { .. } => true,
            Next::Wait(_)
            | Next::Read
            | Next::AskBound
            | Next::Compare
            | Next::Tombstone
            | Next::DivideWanted { .. }
            | Next::Cut { .. }
            | Next::Release { .. } => false,
        };
        let new = self.tier.is_some_and(|tier| tier.epoch() < Some(self.leader.epoch));
        if adds && new && self.leads() && self.view.comparison.is_none() { Next::Compare } else { next }
    }
}

/// The leader's log lacks what the tier has.
fn parted(live: &Live<'_>) -> Option<Next> {
    let tier = live.tier.filter(|_| live.leads())?;
    let operator = |reason| Some(Next::Wait(WaitReason::Operator(reason)));
    match live.view.comparison {
        Some(Comparison::Agrees | Comparison::Undecided) => None,
        Some(Comparison::Cut { at, log_start, .. }) if at <= log_start => {
            operator(OperatorReason::CutBelowLogStart { at, log_start })
        }
        Some(Comparison::CutBelowLogStart { at, log_start }) => {
            operator(OperatorReason::CutBelowLogStart { at, log_start })
        }
        Some(Comparison::Cut { at, permille, .. }) if permille > live.view.limits.cut_share_permille => {
            operator(OperatorReason::CutTooLarge { at, permille })
        }
        Some(Comparison::Cut { at, .. }) => Some(Next::Cut { at }),
        Some(Comparison::Unknown) => operator(OperatorReason::PartsUnknown),
        None => {
            let bound = live.bound()?.high_watermark;
            // A log of another history may end where the tier does, and nothing more may come to show it.
            (bound <= tier.tier_end).then_some(Next::Compare)
        }
    }
}

/// A sealed file covers the pieces of what was an unsealed tail.
fn pieces(live: &Live<'_>) -> Option<Next> {
    let pieces = live.tier.filter(|_| live.leads())?.pieces?;
    let covering = |chain: &Chain| {
        let file = chain.files.iter().find(|file| file.end.is_some_and(|end| end >= pieces.end()))?;
        let whole = file.base <= pieces.start() || chain.start <= pieces.start();
        let end = file.end.filter(|end| whole && *end <= provable_end(chain))?;
        firnline_index::OffsetRange::new(pieces.start(), end).ok()
    };
    let found = live.view.held.chains.iter().enumerate().find_map(|(at, chain)| {
        let provable = usable(chain) && !chain.replaces_nothing && provable_start(chain) <= pieces.start();
        provable.then(|| covering(chain)).flatten().map(|range| (at, range))
    });
    let (chain, range) = found?;
    match live.bound() {
        Some(bound) if bound.high_watermark >= range.end() => Some(Next::ReplacePieces { chain, range }),
        Some(bound) => Some(Next::Wait(WaitReason::Bound(BoundReason::Above {
            end: range.end(),
            high_watermark: bound.high_watermark,
        }))),
        None => Some(Next::AskBound),
    }
}

/// The unsealed tail is due.
fn tail(live: &Live<'_>) -> Option<Next> {
    let interval = live.view.policy.tail_interval.filter(|_| live.leads())?;
    let (chain, log) = live.view.held.chains.iter().enumerate().find(|(_, chain)| chain.is_log)?;
    let from = live.tier_end().unwrap_or(log.start);
    // What could not be proven would not be the next time: it waits until the file is sealed.
    if !log.reaches(from)
        || log.verdict.is_some_and(|why| !why.passes())
        || from < log.sealed_end
        || live.view.since_commit.is_some_and(|since| since < interval)
    {
        return None;
    }
    match live.bound() {
        None => Some(Next::AskBound),
        Some(bound) => {
            let range = firnline_index::OffsetRange::new(from, bound.high_watermark).ok()?;
            (!range.is_empty()).then_some(Next::UploadTail { chain, range })
        }
    }
}

/// Pins whose bytes may be in the tier.
fn release(live: &Live<'_>) -> Option<Next> {
    let below = live.tier_end()?;
    let mut sole = live.view.held.files().filter(|file| file.sole_link).peekable();
    sole.peek()?;
    if !live.view.kept && sole.any(|file| file.end.is_some_and(|end| end <= below)) {
        return Some(Next::Release { below });
    }
    let old = !live.leads() && !live.view.fresh && live.view.known_for >= live.view.limits.manifest_interval;
    old.then_some(Next::Read)
}

/// Whether the bytes of a chain may still be proven, all or in part.
fn usable(chain: &Chain) -> bool {
    match chain.verdict {
        None
        | Some(
            Unproven::OffLineage { end: Some(_), .. }
            | Unproven::Beneath { witnessed_to: Some(_), .. }
            | Unproven::WitnessBelow { .. }
            | Unproven::AboveBound { .. },
        ) => true,
        Some(
            Unproven::WitnessAbove { from }
            | Unproven::InsideBatch { next: from }
            | Unproven::Hole { next: from },
        ) => chain.reaches(from),
        Some(_) => false,
    }
}

/// From where on they may: what lies below was held when nobody told that it was committed.
fn provable_start(chain: &Chain) -> Offset {
    match chain.verdict {
        Some(
            Unproven::WitnessAbove { from }
            | Unproven::InsideBatch { next: from }
            | Unproven::Hole { next: from },
        ) => from.max(chain.start),
        _ => chain.start,
    }
}

/// Up to where they may.
fn provable_end(chain: &Chain) -> Offset {
    match chain.verdict {
        Some(
            Unproven::OffLineage { end: Some(end), .. }
            | Unproven::Beneath { witnessed_to: Some(end), .. }
            | Unproven::WitnessBelow { bound: end },
        ) => end.min(chain.sealed_end),
        _ => chain.sealed_end,
    }
}

impl Next {
    /// Whether it changes the tier or a pin, and so is never done on remembered knowledge.
    #[must_use]
    pub const fn changes_something(&self) -> bool {
        match self {
            Self::Wait(_) | Self::Read | Self::AskBound => false,
            Self::Compare
            | Self::Tombstone
            | Self::Claim { .. }
            | Self::DivideWanted { .. }
            | Self::Cut { .. }
            | Self::RecordGap { .. }
            | Self::Upload { .. }
            | Self::ReplacePieces { .. }
            | Self::UploadTail { .. }
            | Self::Release { .. } => true,
        }
    }
}

#[cfg(test)]
mod tests;
