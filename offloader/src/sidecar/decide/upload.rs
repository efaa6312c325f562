//! A chain holds the tier's end.

use std::time::Duration;

use firnline_index::{LeaderEpoch, Offset};

use super::{Live, provable_end, provable_start, usable};
use crate::plan::{CommitBound, Extent, PlanPolicy, PlannedSegment, plan};
use crate::sidecar::held::{Chain, File};
use crate::sidecar::next::{Next, Why};
use crate::sidecar::prove::Unproven;
use crate::sidecar::view::View;
use crate::sidecar::wait::{BoundReason, OperatorReason, WaitReason};

pub(super) fn next(live: &Live<'_>) -> Option<Next> {
    let held = &live.view.held.chains;
    let from = match live.tier_end() {
        Some(end) => end,
        // The first segment of all begins where the leader's log does; whoever takes over begins with the oldest it has.
        None if live.leads() => live.view.held.log()?.start,
        None => held.iter().map(provable_start).min()?,
    };
    let holding = |chain: &&Chain| {
        let end = provable_end(chain);
        provable_start(chain) <= from && from < end && !chain.is_hollow(from, end)
    };
    let Some((at, chain)) =
        held.iter().enumerate().find(|(_, chain)| usable(chain) && holding(chain) && fits(live, chain))
    else {
        return unproven(live, from);
    };
    let Some(due) = Due::of(live, chain, from) else {
        return Some(Next::Wait(waiting(live, chain, from)));
    };
    let why = whose(live, from, &due);
    let Some(why) = why else { return Some(Next::Wait(WaitReason::Uploader { leader: live.leader.node })) };
    let Some(bound) = live.bound() else { return Some(Next::AskBound) };
    let committed = |segment: &PlannedSegment| segment.stop <= bound.high_watermark;
    let end = due.segments.first().map_or(from, |first| first.stop);
    let mut segments: Vec<PlannedSegment> = due.segments.into_iter().take_while(committed).collect();
    if segments.is_empty() && !chain.is_log && from < bound.high_watermark {
        // Pins that reach above it are of a history that went another way. What both share lies below.
        segments = self::segments(chain, from, bound.high_watermark, live.view.policy.target_bytes);
    }
    if segments.is_empty() {
        let high_watermark = bound.high_watermark;
        return Some(Next::Wait(WaitReason::Bound(BoundReason::Above { end, high_watermark })));
    }
    Some(Next::Upload { chain: at, segments, why })
}

/// The leader begins a tier with its own log and nothing else.
fn fits(live: &Live<'_>, chain: &Chain) -> bool {
    live.tier.is_some() || !live.leads() || chain.is_log
}

/// Bytes at the tier's end that nobody can vouch for. Beside a follower it is told where pins alone keep them: else they may
/// be of the leader's log, and are that one's to tell. What is left of a batch is no matter for a person, nor is a hole that
/// others may fill.
fn unproven(live: &Live<'_>, from: Offset) -> Option<Next> {
    let kept = |chain: &&Chain| {
        chain.holds_sealed(from) && (live.leads() || chain.files.iter().any(|file| file.sole_link))
    };
    let found = live.view.held.chains.iter().filter(kept).find_map(|chain| match chain.verdict {
        Some(Unproven::InsideBatch { .. } | Unproven::Hole { .. }) => None,
        verdict => Some((chain, verdict?)),
    });
    found.map(|(chain, why)| {
        Next::Wait(WaitReason::Operator(OperatorReason::Unproven { end: chain.sealed_end, why }))
    })
}

/// Whose it is to do.
fn whose(live: &Live<'_>, from: Offset, due: &Due) -> Option<Why> {
    let wanted = |epoch: LeaderEpoch| live.tier.is_some_and(|tier| tier.wants(from, epoch));
    if live.leads() {
        Some(Why::Leads)
    } else if wanted(live.leader.epoch) {
        Some(Why::Wanted)
    } else {
        let limit = live.view.limits.takeover_after;
        (due.since >= limit && live.view.stood_still >= limit).then_some(Why::Takeover)
    }
}

/// What is due.
pub(super) struct Due {
    pub(super) segments: Vec<PlannedSegment>,
    /// How long it has been.
    since: Duration,
}

impl Due {
    /// The segments that are due of `chain` from `from` on; `None` where none is.
    fn of(live: &Live<'_>, chain: &Chain, from: Offset) -> Option<Self> {
        let view = live.view;
        let wanted = live.tier.is_some_and(|tier| tier.wants(from, live.leader.epoch));
        let tail_due = view
            .policy
            .tail_interval
            .is_some_and(|every| view.since_commit.is_none_or(|since| since >= every));
        let forced = view.policy.target_bytes == 0 || view.pressure || wanted || tail_due;
        let planned = segments(chain, from, provable_end(chain), view.policy.target_bytes);
        let lag = max_lag(view);
        let mut segments = Vec::new();
        let mut since = None;
        let count = planned.len();
        for (n, segment) in planned.into_iter().enumerate() {
            // More sealed files follow that did not fit into it, or it is large enough by itself.
            let full = n + 1 < count || segment.bytes >= view.policy.target_bytes;
            let files = || chain.sealed_beyond(segment.start).take_while(|file| file.base < segment.stop);
            let oldest = files().map(|file| age(view, file)).max().unwrap_or_default();
            let newest = files().map(|file| age(view, file)).min().unwrap_or_default();
            let overdue = oldest.checked_sub(lag);
            if !(forced || full || overdue.is_some()) {
                break;
            }
            since.get_or_insert(overdue.unwrap_or_default().max(if forced || full {
                newest
            } else {
                Duration::ZERO
            }));
            segments.push(segment);
        }
        since.map(|since| Self { segments, since })
    }
}

/// Why nothing of it is due.
fn waiting(live: &Live<'_>, chain: &Chain, from: Offset) -> WaitReason {
    if !live.leads() {
        return WaitReason::Uploader { leader: live.leader.node };
    }
    let oldest = chain.sealed_beyond(from).map(|file| age(live.view, file)).max().unwrap_or_default();
    let bytes = chain.sealed_beyond(from).fold(0_u64, |sum, file| sum.saturating_add(file.bytes));
    WaitReason::NotDue { bytes, due_in: max_lag(live.view).saturating_sub(oldest) }
}

/// The segments that sealed files of `chain` from `from` up to `end` make. A file that only begins below `end`, because
/// what lies above is not to be proven, is taken as far as that.
pub(super) fn segments(chain: &Chain, from: Offset, end: Offset, target_bytes: u64) -> Vec<PlannedSegment> {
    let sealed = chain.files.iter().filter(|file| file.end.is_some() && file.base < end);
    let mut extents: Vec<Extent> =
        sealed.map(|file| Extent { base: file.base, bytes: file.bytes, sealed: true }).collect();
    // The plan takes a file where the next is named, so that the end of the last one needs a name, too.
    extents.push(Extent { base: end, bytes: 0, sealed: false });
    plan(&extents, Some(from), CommitBound::AssumeLogEnd, &PlanPolicy { target_bytes }).unwrap_or_default()
}

/// `max_lag` less this partition's share of the jitter.
fn max_lag(view: &View<'_>) -> Duration {
    let early = view.policy.max_lag.saturating_mul(view.limits.early_permille) / 1000;
    view.policy.max_lag.saturating_sub(early)
}

/// How long ago a file was written last. Where that is still to come, a clock went back and nobody knows: then it is due
/// now, and has been since the tier last moved.
fn age(view: &View<'_>, file: &File) -> Duration {
    u64::try_from(view.now.get().saturating_sub(file.written_at.get()))
        .map_or_else(|_| max_lag(view).saturating_add(view.stood_still), Duration::from_millis)
}
