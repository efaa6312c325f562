//! The one place that tries again, counts and gives up.
//!
//! **Deadline.** Each operation has one, from call to answer. Each attempt has a time-out of its own, longer for more
//! bytes; an attempt that runs out counts as lost. When the pause before the next attempt would end after the deadline,
//! the operation fails at once with the last cause.
//!
//! **Pauses** are random in `0..min(cap, base · 2ⁿ)` (full jitter); a `Retry-After` of the store is the least pause.
//!
//! **What is tried again** depends on what a second application would do:
//!
//! | fault | read, delete, put under a unique key, part | create, update |
//! |---|---|---|
//! | not sent, busy (409), throttled (429), store found bytes damaged | again | again |
//! | credentials not accepted | again, once | again, once |
//! | 5xx, time-out, connection lost | again | **ambiguous**: stop at once, the caller reads back |
//! | other bytes than asked for | again | – |
//! | everything else | stop | stop |
//!
//! A conditional write must not be repeated blindly: its own first attempt may have been applied, and the second would then
//! be told "exists" or "other version" about our own success.
//!
//! **Cancellation.** Dropping the future drops the request under way; as with a lost connection, the store may have applied
//! it. No task goes on behind the caller's back.

use crate::counts::{Counters, RequestKind, RequestOutcome};
use crate::env::{Env, RandomExt};
use crate::error::StoreError;
use crate::fault::{Attempt, Fault, FaultKind};
use crate::settings::{Deadlines, RetryPolicy};
use crate::url::StoreUrl;
use std::time::Duration;
use tokio::time::Instant;

/// What one operation is run under.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation<'a> {
    pub(crate) env: &'a Env,
    pub(crate) counters: &'a Counters,
    pub(crate) policy: &'a RetryPolicy,
    pub(crate) deadlines: &'a Deadlines,
    /// The store's address, for errors.
    pub(crate) url: &'a StoreUrl,
    pub(crate) kind: RequestKind,
    pub(crate) key: &'a str,
    /// Bytes that one attempt carries either way.
    pub(crate) bytes: u64,
    pub(crate) until: Instant,
}

/// What follows from a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Again,
    Ambiguous,
    Stop,
}

/// How an operation failed for good.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) fault: Fault,
    attempts: u32,
    ambiguous: bool,
}

impl Operation<'_> {
    /// Runs attempts until one answers, a fault is final, or the deadline has come.
    pub(crate) async fn run<T, F>(&self, attempt: impl FnMut() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Attempt<T>>,
    {
        self.attempts(attempt).await.map_err(|failure| self.error(failure))
    }

    /// The same for a request with a condition: `None` when the condition does not hold.
    pub(crate) async fn run_conditional<T, F>(
        &self,
        attempt: impl FnMut() -> F,
    ) -> Result<Option<T>, StoreError>
    where
        F: Future<Output = Attempt<T>>,
    {
        match self.attempts(attempt).await {
            Ok(done) => Ok(Some(done)),
            Err(failure) if failure.fault.kind == FaultKind::Condition => Ok(None),
            Err(failure) => Err(self.error(failure)),
        }
    }

    pub(crate) fn error(&self, failure: Failure) -> StoreError {
        let Failure { fault, attempts, ambiguous } = failure;
        let make = if ambiguous { StoreError::ambiguous } else { StoreError::new };
        make(self.kind, self.key, self.url, attempts, fault)
    }

    pub(crate) async fn attempts<T, F>(&self, attempt: impl FnMut() -> F) -> Result<T, Failure>
    where
        F: Future<Output = Attempt<T>>,
    {
        let (began, mut attempts) = (Instant::now(), 0);
        let ended = self.until_it_ends(attempt, &mut attempts).await;
        let fault = ended.as_ref().err().map(|failure| &failure.fault.kind);
        self.counters.outage.ended(self.kind, began, attempts, fault);
        ended
    }

    async fn until_it_ends<T, F>(&self, mut attempt: impl FnMut() -> F, count: &mut u32) -> Result<T, Failure>
    where
        F: Future<Output = Attempt<T>>,
    {
        let mut refused_credentials = false;
        loop {
            *count += 1;
            let attempts = *count;
            let fault = match self.once(attempt()).await {
                Ok(done) => return Ok(done),
                Err(fault) => fault,
            };
            let again_with_new_credentials = fault.kind == FaultKind::Unauthenticated && !refused_credentials;
            refused_credentials |= again_with_new_credentials;
            let next = if again_with_new_credentials { Next::Again } else { next(self.kind, &fault.kind) };
            match next {
                Next::Again if attempts < self.policy.max_attempts => {}
                Next::Ambiguous => return Err(Failure { fault, attempts, ambiguous: true }),
                Next::Again | Next::Stop => return Err(Failure { fault, attempts, ambiguous: false }),
            }
            let pause = self.pause(attempts, &fault);
            if Instant::now() + pause >= self.until {
                return Err(Failure { fault, attempts, ambiguous: false });
            }
            tracing::debug!(
                operation = self.kind.label(),
                key = self.key,
                attempts,
                fault = %fault,
                pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
                "trying again"
            );
            tokio::time::sleep(pause).await;
        }
    }

    /// One attempt with its time-out, counted.
    async fn once<T>(&self, attempt: impl Future<Output = Attempt<T>>) -> Attempt<T> {
        let begun = Instant::now();
        let asked = self.counters.silence.ask();
        let until = self.until.min(begun + self.deadlines.attempt_for(self.bytes));
        let answer = tokio::time::timeout_at(until, attempt)
            .await
            .unwrap_or_else(|elapsed| Err(Fault::caused(FaultKind::Lost, elapsed)));
        let outcome = match &answer {
            Ok(_) => RequestOutcome::Ok,
            Err(fault) => RequestOutcome::of(&fault.kind),
        };
        self.counters.request(self.kind, outcome, begun.elapsed());
        if outcome != RequestOutcome::Lost {
            asked.answered();
        }
        answer
    }

    /// Whether anything may still be begun before the deadline.
    pub(crate) fn has_time_left(&self) -> bool {
        Instant::now() < self.until
    }

    fn pause(&self, attempts: u32, fault: &Fault) -> Duration {
        let jittered = self.env.random.jitter(self.policy.pause_limit(attempts));
        jittered.max(fault.retry_after.unwrap_or_default())
    }
}

fn next(kind: RequestKind, fault: &FaultKind) -> Next {
    let conditional = matches!(kind, RequestKind::Create | RequestKind::Update);
    match fault {
        FaultKind::Unsent
        | FaultKind::Busy
        | FaultKind::Conflict
        | FaultKind::Throttled
        | FaultKind::Corrupted => Next::Again,
        FaultKind::Server | FaultKind::Overloaded | FaultKind::Lost | FaultKind::Malformed if conditional => {
            Next::Ambiguous
        }
        FaultKind::Server
        | FaultKind::Overloaded
        | FaultKind::Lost
        | FaultKind::Malformed
        | FaultKind::Truncated { .. } => Next::Again,
        FaultKind::NotFound
        | FaultKind::Condition
        | FaultKind::BeyondEnd { .. }
        | FaultKind::TooLarge { .. }
        | FaultKind::Denied
        | FaultKind::Unauthenticated
        | FaultKind::ClockSkew
        | FaultKind::WrongRegion { .. }
        | FaultKind::NoBucket
        | FaultKind::Full
        | FaultKind::NotDurable
        | FaultKind::Io
        | FaultKind::NoUpload
        | FaultKind::Rejected => Next::Stop,
    }
}

#[cfg(test)]
mod tests;
