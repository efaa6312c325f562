//! Authenticated requests to a catalog, and the one place that makes them again.
//!
//! | answer | something that changes nothing | something that does |
//! |---|---|---|
//! | not sent, no token or keys to be had | again | once |
//! | lost, 408, 425, 429, 500, 502, 503, 504 | again | once: it may have been done |
//! | 401, 419 with a token that can be renewed | again, once | again, once: it was not done |
//! | everything else | as it is | as it is |
//!
//! Pauses are random in `0..min(cap, base · 2ⁿ)`; a `Retry-After` is the least pause. When the pause would end after the
//! deadline, the last outcome is given at once. Dropping the future drops the request under way.

use super::auth::{Auth, AuthError, Authenticator};
use super::http::{Answer, Fault, Http, HttpError, HttpSettings, Request};
use firnline_store::Env;
use firnline_store::env::RandomExt;
use http::StatusCode;
use std::time::Duration;
use tokio::time::Instant;

/// Whether a request may be made again when its outcome is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It changes nothing.
    Safe,
    /// A second one could undo or double the first.
    Never,
    /// The same, and the catalog writes files before it answers.
    NeverCommit,
}

/// No answer after all attempts.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error("ask the catalog")]
    Fault(#[source] Fault),
    #[error("authenticate to the catalog")]
    Auth(#[source] AuthError),
}

/// A catalog as one speaks to it.
#[derive(Debug)]
pub(crate) struct Caller {
    http: Http,
    auth: Authenticator,
    settings: HttpSettings,
    env: Env,
    transient: Transient,
}

/// Whether an answer says nothing about the request itself, so that the same one may be answered otherwise later.
pub(crate) type Transient = fn(&Answer) -> bool;

impl Caller {
    /// `catalog` is the catalog's own address, for where its tokens come from.
    pub(crate) fn new(
        settings: HttpSettings,
        auth: Auth,
        catalog: &str,
        env: Env,
        transient: Transient,
    ) -> Result<Self, HttpError> {
        let http = Http::new(&settings)?;
        let auth = Authenticator::new(auth, catalog, &settings, &http, &env)?;
        Ok(Self { http, auth, settings, env, transient })
    }

    /// The answer to a request, of whatever status.
    pub(crate) async fn call(&self, request: &Request, repeat: Repeat) -> Result<Answer, CallError> {
        let until = Instant::now() + self.settings.deadline;
        let (mut failed, mut renewed) = (0_u32, false);
        loop {
            let mut attempt = request.clone();
            let outcome = self.once(&mut attempt, repeat).await;
            if let Ok(answer) = &outcome
                && is_unauthenticated(answer.status)
                && !renewed
            {
                renewed = true;
                if self.auth.renew(&attempt).await {
                    continue;
                }
            }
            failed = failed.saturating_add(1);
            if repeat != Repeat::Safe
                || !self.is_transient(&outcome)
                || failed >= self.settings.retry.max_attempts
            {
                return outcome;
            }
            let asked = outcome.as_ref().ok().and_then(|answer| answer.retry_after).unwrap_or_default();
            let pause = self.env.random.jitter(self.pause_limit(failed)).max(asked);
            if Instant::now() + pause >= until {
                return outcome;
            }
            note(request, &outcome, failed);
            tokio::time::sleep(pause).await;
        }
    }

    async fn once(&self, request: &mut Request, repeat: Repeat) -> Result<Answer, CallError> {
        let limit = match repeat {
            Repeat::Safe | Repeat::Never => self.settings.attempt,
            Repeat::NeverCommit => self.settings.commit,
        };
        // Keys and tokens come from elsewhere, and whoever gives them need not be in a hurry.
        tokio::time::timeout(self.settings.attempt, self.auth.authenticate(request))
            .await
            .unwrap_or_else(|elapsed| {
                Err(AuthError::Unavailable { what: "a token or keys", source: Box::new(elapsed) })
            })
            .map_err(CallError::Auth)?;
        self.http.once(request.clone(), limit).await.map_err(CallError::Fault)
    }

    /// The limit of the pause after so many failed attempts.
    fn pause_limit(&self, failed: u32) -> Duration {
        let factor = 1_u32.checked_shl(failed.saturating_sub(1)).unwrap_or(u32::MAX);
        self.settings.retry.base.saturating_mul(factor).min(self.settings.retry.cap)
    }

    fn is_transient(&self, outcome: &Result<Answer, CallError>) -> bool {
        match outcome {
            Ok(answer) => (self.transient)(answer),
            Err(CallError::Fault(Fault::TooLong)) => false,
            Err(CallError::Fault(_) | CallError::Auth(AuthError::Unavailable { .. })) => true,
            Err(CallError::Auth(_)) => false,
        }
    }
}

fn note(request: &Request, outcome: &Result<Answer, CallError>, failed: u32) {
    let status = outcome.as_ref().ok().map(|answer| answer.status.as_u16());
    let error = outcome.as_ref().err().map(|error| error as &(dyn std::error::Error + 'static));
    tracing::debug!(url = request.url, status, error, failed, "asking the catalog again");
}

/// 419 is the REST specification's "token expired".
pub(crate) fn is_unauthenticated(status: StatusCode) -> bool {
    status == StatusCode::UNAUTHORIZED || status.as_u16() == 419
}

/// A status that says nothing about the request itself.
pub(crate) fn is_transient_status(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

#[cfg(test)]
mod tests;
