//! Rounds without an end, or until all is there.

use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::time::Instant;

use super::Job;
use super::error::{JobError, Next};
use super::plan::is_due;
use super::retry::Pauses;
use super::round::{Committed, Round};

/// How often in a row a round begins again at once because the table has moved on; then it pauses first.
const AGAIN_AT_ONCE: u32 = 3;

impl Job {
    /// Goes on until it is told to stop: looks at the tier, and commits when there is enough, or something has waited long
    /// enough. Failures that may pass are met with pauses. A commit under way when the signal comes is brought to its end; what is
    /// being written is given up.
    ///
    /// # Errors
    /// What only somebody can decide about ([`Next::Stop`]), or what did not pass in as many attempts as the settings allow.
    pub async fn run(&mut self, shutdown: watch::Receiver<bool>) -> Result<(), JobError> {
        self.run_with(shutdown, &mut Nothing).await
    }

    /// The same, with something to be done between rounds: maintenance.
    ///
    /// # Errors
    /// As for [`Self::run`].
    pub async fn run_with(
        &mut self,
        mut shutdown: watch::Receiver<bool>,
        between: &mut dyn Between,
    ) -> Result<(), JobError> {
        let mut waiting_since: Option<Instant> = None;
        let mut failures = Failures::new(self);
        loop {
            let step = self.step(&mut waiting_since, &mut shutdown).await;
            if matches!(step, Ok(Stepped::Committed | Stepped::Waits)) {
                tokio::select! {
                    () = between.between(self.context.env.clock.now_ms()) => {}
                    () = stopped(&mut shutdown) => return Ok(()),
                }
            }
            let pause = match step {
                Ok(Stepped::Stopped) => return Ok(()),
                Ok(Stepped::Committed) => {
                    failures = Failures::new(self);
                    continue;
                }
                Ok(Stepped::Waits) => {
                    failures = Failures::new(self);
                    let poll = self.context.settings.round.poll;
                    tokio::select! {
                        () = tokio::time::sleep(poll) => continue,
                        () = stopped(&mut shutdown) => return Ok(()),
                    }
                }
                Err(error) => failures.met(self, error)?,
            };
            if pause {
                tokio::select! {
                    () = failures.pauses.pause() => {}
                    () = stopped(&mut shutdown) => return Ok(()),
                }
            }
        }
    }

    /// Rounds until the table has all that the tier has. Failures that may pass are met with pauses.
    ///
    /// # Errors
    /// As for [`Self::run`].
    pub async fn catch_up(&mut self) -> Result<Committed, JobError> {
        let mut all = Committed::default();
        let mut failures = Failures::new(self);
        loop {
            match self.round().await {
                Ok(Round::Idle) => return Ok(all),
                Ok(Round::Committed(committed)) => {
                    all.add(&committed);
                    failures = Failures::new(self);
                }
                Err(error) => {
                    if failures.met(self, error)? {
                        failures.pauses.pause().await;
                    }
                }
            }
        }
    }

    async fn step(
        &mut self,
        waiting_since: &mut Option<Instant>,
        shutdown: &mut watch::Receiver<bool>,
    ) -> Result<Stepped, JobError> {
        let settings = self.context.settings.round;
        let is_due = |backlogs: &[_]| {
            let waits = is_due(backlogs, Duration::MAX, settings.target_bytes, settings.max_lag);
            let since = *waiting_since.get_or_insert_with(Instant::now);
            if !waits {
                *waiting_since = None;
            }
            is_due(backlogs, since.elapsed(), settings.target_bytes, settings.max_lag)
        };
        let prepared = tokio::select! {
            prepared = self.prepare(is_due) => prepared?,
            () = stopped(shutdown) => return Ok(Stepped::Stopped),
        };
        let Some((ready, written)) = prepared else { return Ok(Stepped::Waits) };
        self.commit_to(ready, written).await?;
        *waiting_since = None;
        Ok(Stepped::Committed)
    }
}

/// What is done between the rounds of a run, when no commit is under way: maintenance.
#[async_trait]
pub trait Between: Send {
    /// Does what is due, and nothing that takes long where nothing is. It tells of its own failures; the export goes on. May be
    /// dropped at any point, when the run is to end.
    async fn between(&mut self, now_ms: i64);
}

/// Nothing is.
struct Nothing;

#[async_trait]
impl Between for Nothing {
    async fn between(&mut self, _: i64) {}
}

/// What one step of a run came to.
enum Stepped {
    Committed,
    Waits,
    Stopped,
}

/// Failures in a row.
struct Failures {
    pauses: Pauses,
    retried: u32,
    again: u32,
}

impl Failures {
    fn new(job: &Job) -> Self {
        let context = &job.context;
        Self { pauses: Pauses::new(&context.settings.retry, &context.env.random), retried: 0, again: 0 }
    }

    /// Whether to pause before the next attempt; the error itself where there is none.
    fn met(&mut self, job: &Job, error: JobError) -> Result<bool, JobError> {
        let next = error.next();
        if next == Next::Stop {
            return Err(error);
        }
        self.retried += 1;
        if job.context.settings.retry.round_attempts.is_some_and(|most| self.retried >= most) {
            return Err(error);
        }
        job.context.metrics.round_failed();
        tracing::warn!(table = %job.context.table, code = error.code().code, error = %error, "a round is tried again");
        self.again += 1;
        Ok(next == Next::Retry || self.again > AGAIN_AT_ONCE)
    }
}

/// Returns once the signal says so, or nobody can give it any more.
async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    let _ = shutdown.wait_for(|stop| *stop).await;
}

impl Committed {
    /// Adds what another round brought.
    pub fn add(&mut self, other: &Self) {
        let Self { rows, dead_letters, files, file_bytes, offsets, missing_offsets } = other;
        self.rows += rows;
        self.dead_letters += dead_letters;
        self.files += files;
        self.file_bytes += file_bytes;
        self.offsets += offsets;
        self.missing_offsets += missing_offsets;
    }
}
