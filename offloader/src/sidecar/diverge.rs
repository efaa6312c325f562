//! Where the tier and the leader's log part, if they do: a pure function that says what to ask next.
//!
//! It starts at the tier's end and asks the leader where the tier's last epoch ends in its log. As long as the answer
//! shows that the two differ there, it goes down to the highest offset that both may share, and asks for what the tier has
//! before that, until both agree.

use firnline_index::lineage::{EpochEnd, Lineage};
use firnline_index::{LeaderEpoch, Offset};

use super::prove::before;

/// Questions at most. A log in which so many epochs were lost at once needs a person anyway.
pub const MAX_STEPS: usize = 32;

/// What the leader said of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The epoch asked for.
    pub asked: LeaderEpoch,
    /// What was told; `None` where the leader knows no epoch that reaches up to it.
    pub told: Option<EpochEnd>,
    /// Where the leader's log begins, told after that.
    pub log_start: Offset,
}

/// Whether the leader's log holds what the tier has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Divergence {
    /// Ask the leader for the end of this epoch, and come again with the answer.
    Ask(LeaderEpoch),
    /// It holds the tier's last record, and so all below it.
    Agrees,
    /// It cannot tell: the tier ends below its log, or the tier's last records carry no epoch. Nothing is cut; whoever
    /// goes on makes sure that its own log holds the tier's last record.
    Undecided,
    /// It goes another way from here on.
    Cut {
        /// The first offset that differs.
        at: Offset,
    },
    /// It goes another way from a place at or below this one that cannot be told any more. Only a person may cut.
    CutBelowLogStart {
        /// The highest offset at which the two may part.
        at: Offset,
        /// Where the leader's log begins.
        log_start: Offset,
    },
    /// It goes another way, and where cannot be found.
    Unknown,
}

/// Compares the tier, whose lineage is `tier` from `known_from` (the serving start) up to `tier_end`, with the leader's
/// answers so far. Answers under one leader epoch do not contradict each other: a leader never truncates.
#[must_use]
pub fn diverge(tier: &Lineage, known_from: Offset, tier_end: Offset, answers: &[Answer]) -> Divergence {
    let mut cut = tier_end;
    loop {
        let last = before(cut).filter(|_| cut > known_from);
        let Some(epoch) = last.and_then(|last| tier.epoch_at(last)) else {
            // Nothing is known of the tier before the cut.
            return if cut == tier_end { Divergence::Undecided } else { Divergence::Unknown };
        };
        let Some(answer) = answers.iter().rev().find(|answer| answer.asked == epoch) else {
            return Divergence::Ask(epoch);
        };
        let agrees = |told: EpochEnd| told.epoch == epoch && told.end >= cut && told.end > answer.log_start;
        if answer.told.is_some_and(agrees) {
            return if cut == tier_end { Divergence::Agrees } else { Divergence::Cut { at: cut } };
        }
        if cut <= answer.log_start {
            // The leader's log begins above all that is left to compare.
            return match cut == tier_end {
                true => Divergence::Undecided,
                false => Divergence::CutBelowLogStart { at: cut, log_start: answer.log_start },
            };
        }
        let Some(told) = answer.told else { return Divergence::Undecided };
        // What both share ends where the epoch told ends in either.
        let shared = end_in_tier(tier, told.epoch).map_or(told.end, |end| end.min(told.end));
        if shared >= cut {
            // Only an answer that contradicts itself gets here; going on would not end.
            return Divergence::Unknown;
        }
        if shared <= answer.log_start {
            return Divergence::CutBelowLogStart { at: shared, log_start: answer.log_start };
        }
        cut = shared;
    }
}

/// Where the epochs up to and with `epoch` end in the tier; `None` where its last epoch is not above it.
fn end_in_tier(tier: &Lineage, epoch: LeaderEpoch) -> Option<Offset> {
    let higher = tier.starts().partition_point(|start| start.epoch <= epoch);
    tier.starts().get(higher).map(|start| start.start)
}

#[cfg(test)]
mod tests;
