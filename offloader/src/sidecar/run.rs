//! The sidecar: rounds and turns, side by side, until it is told to stop.
//!
//! ```text
//!    ┌── round: look, ask, remember ──┐        ┌── turns of single partitions, a few at once ──┐
//!    │  one at a time, each tick      │        │  look ─ decide ─ do                            │
//!    └──────────────┬─────────────────┘        └────────────────────▲───────────────────────────┘
//!                   └─► who has something to do? sorted: pressure and wanted first, then priority, ┘
//!                       then whose last turn is longest ago
//! ```
//!
//! Everything runs inside the one future of [`Sidecar::run`]: nothing is spawned, so that dropping it stops everything at
//! once, as a crash would. That loses nothing: at most finished uploads that nothing names.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use firnline_index::{Incarnation, TopicIdPartition};
use firnline_tier::RandomExt;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tokio::time::Instant;

use super::core::Core;
use super::next::{Next, Why};
use super::parts::SidecarParts;
use super::round::Due;
use super::settings::SidecarSettings;
use super::state::TierKnown;
use super::status::Status;
use super::upkeep::OtherRun;
use super::wait::{Severity, WaitReason};
use crate::host::HostError;

/// How long turns under way may take to end once the sidecar is told to stop.
const STOP_GRACE: Duration = Duration::from_secs(10);
/// Partitions decided for after each round at most; the rest has its turn in the next.
const DECIDED_AT_ONCE: usize = 20_000;

/// Everything that is done beside one broker. Cheap to clone; clones are the same sidecar.
#[derive(Debug, Clone)]
pub struct Sidecar {
    core: Arc<Core>,
}

impl Sidecar {
    /// Makes a sidecar that knows what was remembered durably, and has not looked around yet.
    ///
    /// # Errors
    /// Where what was remembered cannot be read: without it pins could not be proven.
    pub async fn open(parts: SidecarParts, settings: SidecarSettings) -> Result<Self, HostError> {
        let core = Core::new(parts, settings);
        core.recall().await?;
        Ok(Self { core: Arc::new(core) })
    }

    /// Works until `shutdown` is ready, then lets what is under way end for a short while. Dropping the future stops at once.
    ///
    /// It also ends where another run of a sidecar is found to work as this node: one of the two must not be there.
    pub async fn run(&self, shutdown: impl Future<Output = ()>) -> Stopped {
        let core = &*self.core;
        let upkeep = core.keep_up();
        tokio::pin!(upkeep);
        let mut turns: FuturesUnordered<BoxFuture<'_, TopicIdPartition>> = FuturesUnordered::new();
        let mut due = Due::at_once(Instant::now());
        tokio::pin!(shutdown);
        loop {
            let round = core.round(due);
            tokio::pin!(round);
            // Turns go on while the cluster is asked.
            due = loop {
                tokio::select! {
                    biased;
                    () = &mut shutdown => return stop(turns).await,
                    Some(_) = turns.next(), if !turns.is_empty() => self.start(&mut turns),
                    other = &mut upkeep => return stopped_by(other),
                    due = &mut round => break due,
                }
            };
            core.decide_all();
            self.start(&mut turns);
            let tick = core.settings().tick;
            let pause = tick - tick / 8 + core.parts.tier.env().random.jitter(tick / 4);
            let next = tokio::time::sleep(pause);
            tokio::pin!(next);
            loop {
                tokio::select! {
                    biased;
                    () = &mut shutdown => return stop(turns).await,
                    Some(_) = turns.next(), if !turns.is_empty() => {
                        core.decide_all();
                        self.start(&mut turns);
                    }
                    other = &mut upkeep => return stopped_by(other),
                    () = &mut next => break,
                }
            }
        }
    }

    /// Takes settings given anew; policies and rates hold from now on.
    pub fn apply(&self, settings: SidecarSettings) {
        self.core.set(settings);
    }

    /// How it is going. Makes no request.
    #[must_use]
    pub fn status(&self) -> Status {
        self.core.status()
    }

    /// Starts as many turns as may run at once.
    fn start<'a>(&'a self, turns: &mut FuturesUnordered<BoxFuture<'a, TopicIdPartition>>) {
        let paced = self.core.state().paced;
        let busy = turns.len().saturating_sub(paced);
        let free = self.core.settings().parallel_partitions.max(1).saturating_sub(busy);
        for tip in self.core.choose(free) {
            turns.push(Box::pin(self.core.act(tip)));
        }
    }
}

/// Why a sidecar has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// It was told to.
    Asked,
    /// Another run works as this node. Its lease tells who that is.
    OtherRun {
        /// The other run.
        incarnation: Incarnation,
    },
}

fn stopped_by(other: OtherRun) -> Stopped {
    Stopped::OtherRun { incarnation: other.incarnation }
}

async fn stop(mut turns: FuturesUnordered<BoxFuture<'_, TopicIdPartition>>) -> Stopped {
    let all = async { while turns.next().await.is_some() {} };
    if tokio::time::timeout(STOP_GRACE, all).await.is_err() {
        tracing::warn!("what was under way was left; a restart goes on from what is in the tier");
    }
    Stopped::Asked
}

impl Core {
    /// Decides anew for partitions of which something was told, or whose time has come.
    pub(super) fn decide_all(&self) {
        let now = Instant::now();
        let due: Vec<TopicIdPartition> = {
            let mut state = self.state();
            let due = state
                .slots
                .iter_mut()
                .filter(|(_, slot)| !slot.acting && (slot.dirty || slot.wake_at <= now));
            let due = due.take(DECIDED_AT_ONCE);
            due.map(|(tip, slot)| {
                slot.dirty = false;
                tip.clone()
            })
            .collect()
        };
        let heard = self.state().heard;
        let mut urgent = false;
        for tip in due {
            let (next, _) = self.decide(&tip, false);
            self.with(&tip, |slot| {
                match next {
                    Next::Read if !heard && slot.tier == TierKnown::Nothing => slot.dirty = true,
                    next => slot.plan(next, now),
                }
                urgent |= slot.urgent;
            });
        }
        if urgent {
            self.state().turns.clear();
        }
    }
}

impl super::state::Slot {
    /// Notes what a decision on remembered knowledge says.
    fn plan(&mut self, next: Next, now: Instant) {
        self.wants_turn = false;
        self.urgent = false;
        match next {
            Next::Wait(wait) => {
                self.wants_bound |= matches!(wait, WaitReason::Bound(_));
                self.wake_at = now + wait.look_again_in();
                if self.retry.until.is_none_or(|until| until <= now) {
                    self.waits(wait, now);
                }
            }
            Next::AskBound => {
                self.wants_bound = true;
                self.wake_at = now + WaitReason::Turn.look_again_in();
                self.wait = WaitReason::Bound(super::wait::BoundReason::NotAsked);
            }
            next => {
                self.urgent = matches!(
                    next,
                    Next::Upload { why: Why::Wanted, .. } | Next::Claim { .. } | Next::Cut { .. }
                );
                self.wants_turn = true;
                self.wake_at = now + WaitReason::Idle.look_again_in();
                // What is wrong is told until a turn has found it right.
                if self.retry.until.is_none_or(|until| until <= now)
                    && self.wait.severity() < Severity::Trouble
                {
                    self.wait = WaitReason::Turn;
                }
            }
        }
    }
}
