//! Whose turn it is.

use std::cmp::Reverse;
use std::time::Duration;

use firnline_index::TopicIdPartition;
use tokio::time::Instant;

use super::core::Core;
use super::state::{Slot, State};

/// Turns are planned for so many partitions at once: each plan walks over all there are, each turn's end asks for the next.
const PLANNED: usize = 1_000;
/// A plan older than this is made anew: priorities, pressure and pauses after failures may have changed.
const PLANNED_FOR: Duration = Duration::from_secs(1);

/// The next turns.
#[derive(Debug)]
pub(super) struct Turns {
    /// The first of them last.
    planned: Vec<TopicIdPartition>,
    until: Instant,
}

impl Turns {
    pub(super) const fn none(now: Instant) -> Self {
        Self { planned: Vec::new(), until: now }
    }

    /// Forgets the plan: somebody goes before all others now.
    pub(super) fn clear(&mut self) {
        self.planned.clear();
    }
}

impl Core {
    /// The partitions whose turn it is, at most so many. They are acting from now on.
    pub(super) fn choose(&self, free: usize) -> Vec<TopicIdPartition> {
        let now = Instant::now();
        let mut chosen = Vec::new();
        let mut state = self.state();
        if state.turns.until <= now {
            state.turns.clear();
        }
        let mut planned = false;
        while chosen.len() < free {
            let Some(tip) = state.turns.planned.pop() else {
                if std::mem::replace(&mut planned, true) {
                    break;
                }
                state.plan_turns(now);
                continue;
            };
            if let Some(slot) = state.slots.get_mut(&tip).filter(|slot| slot.is_ready(now)) {
                slot.acting = true;
                slot.wants_turn = false;
                chosen.push(tip);
            }
        }
        chosen
    }
}

impl State {
    /// Those that must not wait first: the urgent, and under pressure those whose files would be lost. Then by priority, then whose
    /// last turn is longest ago.
    fn plan_turns(&mut self, now: Instant) {
        let ready = self.slots.iter().filter(|(_, slot)| slot.is_ready(now));
        let mut ready: Vec<_> = ready
            .map(|(tip, slot)| {
                let priority = self.topics.get(&tip.topic_id).map_or(0, |topic| topic.policy.priority);
                let at_risk =
                    slot.held.chains.iter().flat_map(|chain| &chain.files).any(|file| file.sole_link);
                let first = slot.urgent || (self.pressure && at_risk);
                ((!first, Reverse(priority), !at_risk, slot.acted), tip)
            })
            .collect();
        if ready.len() > PLANNED {
            ready.select_nth_unstable(PLANNED - 1);
            ready.truncate(PLANNED);
        }
        ready.sort_unstable();
        let planned = ready.into_iter().rev().map(|(_, tip)| tip.clone()).collect();
        self.turns = Turns { planned, until: now + PLANNED_FOR };
    }
}

impl Slot {
    fn is_ready(&self, now: Instant) -> bool {
        self.wants_turn && !self.acting && self.retry.until.is_none_or(|until| until <= now)
    }
}
