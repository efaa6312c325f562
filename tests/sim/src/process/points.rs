//! The named steps as places to die or to stand still at.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use firnline_store::env::{RandomExt, SeededRandom};
use firnline_tier::{FaultPoint, Step};
use futures::future::BoxFuture;
use tokio::time::Instant;

use super::Gate;

/// How often each named step was reached, and how often a process died or stood still right before it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Points {
    /// By name: reached, died, frozen.
    pub by_name: BTreeMap<&'static str, (u64, u64, u64)>,
}

impl Points {
    /// Sums up.
    pub fn add(&mut self, other: &Self) {
        for (name, (reached, died, frozen)) in &other.by_name {
            let sum = self.by_name.entry(name).or_default();
            *sum = (sum.0 + reached, sum.1 + died, sum.2 + frozen);
        }
    }
}

/// What shall happen to a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// Nothing.
    Live,
    /// It dies before a step, when it has passed that one so many times.
    Die {
        /// The step's name; `None`: any.
        step: Option<&'static str>,
        /// How many times it is passed before.
        after: u64,
    },
    /// It stands still there.
    Freeze {
        /// The step's name; `None`: any.
        step: Option<&'static str>,
        /// How many times it is passed before.
        after: u64,
        /// For how long.
        time: Duration,
    },
}

/// The hook of one process.
#[derive(Debug)]
pub struct PlannedFaults {
    gate: Arc<Gate>,
    plan: Mutex<Plan>,
    points: Arc<Mutex<Points>>,
    /// What makes steps take their time, now and then; `None`: nothing does.
    slow: Mutex<Option<SeededRandom>>,
}

/// One step in so many takes its time on a slow machine.
const SLOW: u64 = 150;
/// The same between the reading of a log and what is made of it.
const SLOW_UPLOAD: u64 = 15;
/// As many seconds at most.
const SLOW_SECONDS: u64 = 40;

impl PlannedFaults {
    /// For the process behind `gate`.
    pub fn new(gate: Arc<Gate>, plan: Plan, points: Arc<Mutex<Points>>) -> Self {
        Self { gate, plan: Mutex::new(plan), points, slow: Mutex::default() }
    }

    /// The same on a machine that is slow now and then.
    #[must_use]
    pub fn slow(self, random: Option<SeededRandom>) -> Self {
        Self { slow: Mutex::new(random), ..self }
    }

    /// Whether nothing is planned.
    pub fn is_calm(&self) -> bool {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) == Plan::Live
    }

    /// Nothing shall happen any more.
    pub fn calm(&self) {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = Plan::Live;
        *self.slow.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Nothing, or a step's wait for a slow machine.
    fn take_time(&self, name: &str) -> BoxFuture<'static, ()> {
        let one_in = if name.starts_with("upload_") { SLOW_UPLOAD } else { SLOW };
        let slow = self.slow.lock().unwrap_or_else(PoisonError::into_inner);
        match slow.as_ref().filter(|random| random.below(one_in) == 0) {
            Some(random) => Box::pin(tokio::time::sleep(Duration::from_secs(random.below(SLOW_SECONDS)))),
            None => Box::pin(std::future::ready(())),
        }
    }

    /// Notes that `name` is about to be taken; gives whether the process must be polled anew before.
    pub fn reach(&self, name: &'static str) -> BoxFuture<'static, ()> {
        let mut points = self.points.lock().unwrap_or_else(PoisonError::into_inner);
        let point = points.by_name.entry(name).or_default();
        point.0 += 1;
        let mut plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = match &mut *plan {
            Plan::Die { step, after } | Plan::Freeze { step, after, .. }
                if step.is_none_or(|step| step == name) =>
            {
                let turn = *after == 0;
                *after = after.saturating_sub(1);
                turn
            }
            _ => false,
        };
        if !turn {
            return self.take_time(name);
        }
        match std::mem::replace(&mut *plan, Plan::Live) {
            Plan::Freeze { time, .. } => {
                point.2 += 1;
                self.gate.freeze(Instant::now() + time);
                // Gives the gate the chance to close before the step is taken.
                Box::pin(tokio::task::yield_now())
            }
            Plan::Die { .. } => {
                point.1 += 1;
                self.gate.kill();
                Box::pin(std::future::pending())
            }
            Plan::Live => Box::pin(std::future::ready(())),
        }
    }
}

impl FaultPoint for PlannedFaults {
    fn before(&self, step: Step) -> BoxFuture<'_, ()> {
        self.reach(step.name())
    }
}
