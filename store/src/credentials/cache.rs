//! Credentials that expire, held and renewed.
//!
//! ```text
//!   fetched          refresh_at                 expires
//!      │   handed out    │  one caller fetches,    │  all wait for one fetch
//!      ├─────────────────┼──the rest go on─────────┼────────────────────────►
//! ```
//!
//! A fetch that fails between `refresh_at` and the end leaves the old credentials in use and is made again after
//! [`RETRY_AFTER`]. A fetch that fails with nothing valid at hand fails all who wait, and everybody who asks within
//! [`FAILURE_HELD`] gets the same failure instead of one more request. Nothing runs in the background.

use super::error::{CredentialError, SharedError};
use crate::env::Clock;
use async_trait::async_trait;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Mutex;

/// How long before their end credentials are renewed; a quarter of their life where that is shorter.
const EARLY: Duration = Duration::from_secs(300);

/// The pause after a failed renewal while the old credentials are still valid.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// How long a failure answers for further callers.
const FAILURE_HELD: Duration = Duration::from_secs(1);

/// Where credentials come from: one fetch, bounded in time by the source itself.
#[async_trait]
pub(super) trait Source: fmt::Debug + Send + Sync + 'static {
    /// What a request is signed with.
    type Credential: fmt::Debug + Send + Sync;

    /// Gets fresh credentials. Cancel safe: a dropped fetch leaves nothing behind.
    async fn fetch(&self) -> Result<Fetched<Self::Credential>, CredentialError>;

    /// What to call it in messages.
    fn name(&self) -> String;
}

/// Credentials as a source gives them.
#[derive(Debug)]
pub(super) struct Fetched<T> {
    pub(super) credential: T,
    pub(super) expires: Expires,
}

/// When credentials end, as services tell it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expires {
    #[cfg_attr(not(feature = "s3"), expect(dead_code, reason = "only AWS has such"))]
    Never,
    /// Milliseconds since 1970.
    At(i64),
    /// From the moment of the answer.
    #[cfg_attr(not(feature = "gcs"), expect(dead_code, reason = "only Google tells it so"))]
    In(Duration),
}

/// A source with its newest credentials.
#[derive(Debug)]
pub(super) struct Refreshing<S: Source> {
    source: S,
    /// The store's name in object_store's errors.
    store: &'static str,
    clock: Arc<dyn Clock>,
    held: RwLock<Option<Held<S::Credential>>>,
    /// Held by whoever fetches. Inside: the last failure and when it was.
    flight: Mutex<Option<(i64, Arc<CredentialError>)>>,
}

#[derive(Debug)]
struct Held<T> {
    credential: Arc<T>,
    refresh_at_ms: Option<i64>,
    expires_ms: Option<i64>,
}

impl<T> Clone for Held<T> {
    fn clone(&self) -> Self {
        Self { credential: Arc::clone(&self.credential), ..*self }
    }
}

impl<T> Held<T> {
    fn is_fresh(&self, now_ms: i64) -> bool {
        self.refresh_at_ms.is_none_or(|at| now_ms < at)
    }

    fn is_valid(&self, now_ms: i64) -> bool {
        self.expires_ms.is_none_or(|end| now_ms < end)
    }
}

impl<S: Source> Refreshing<S> {
    pub(super) fn new(source: S, store: &'static str, clock: Arc<dyn Clock>) -> Self {
        Self { source, store, clock, held: RwLock::new(None), flight: Mutex::new(None) }
    }

    /// The credentials to use now. Cancel safe: the next caller fetches instead.
    async fn get(&self) -> Result<Arc<S::Credential>, SharedError> {
        let held = self.held();
        let now = self.clock.now_ms();
        let mut flight = match held {
            Some(held) if held.is_fresh(now) => return Ok(held.credential),
            Some(held) if held.is_valid(now) => match self.flight.try_lock() {
                Ok(flight) => flight,
                Err(_) => return Ok(held.credential),
            },
            _ => self.flight.lock().await,
        };
        // Whoever held the flight before us may have answered for us.
        let now = self.clock.now_ms();
        let held = self.held();
        if let Some(held) = held.as_ref().filter(|held| held.is_fresh(now)) {
            return Ok(Arc::clone(&held.credential));
        }
        let still_valid = held.filter(|held| held.is_valid(now));
        if let (None, Some((at_ms, error))) = (&still_valid, &*flight)
            && now.saturating_sub(*at_ms) < millis(FAILURE_HELD)
        {
            return Err(SharedError(Arc::clone(error)));
        }
        match self.fetch().await {
            Ok(fresh) => {
                *flight = None;
                Ok(self.hold(fresh))
            }
            Err(error) => match still_valid {
                Some(old) => {
                    tracing::warn!(
                        source = self.source.name(),
                        error = &error as &(dyn std::error::Error + 'static),
                        "could not renew the credentials; the old ones are still valid and stay in use"
                    );
                    Ok(self
                        .hold(Held { refresh_at_ms: Some(now.saturating_add(millis(RETRY_AFTER))), ..old }))
                }
                None => {
                    let error = Arc::new(error);
                    *flight = Some((self.clock.now_ms(), Arc::clone(&error)));
                    Err(SharedError(error))
                }
            },
        }
    }

    async fn fetch(&self) -> Result<Held<S::Credential>, CredentialError> {
        let Fetched { credential, expires } = self.source.fetch().await?;
        let now = self.clock.now_ms();
        let expires_ms = match expires {
            Expires::Never => None,
            Expires::At(end) => Some(end),
            Expires::In(life) => Some(now.saturating_add(millis(life))),
        };
        let life_ms = expires_ms.map(|end| end.saturating_sub(now));
        if let Some(life) = life_ms.filter(|life| *life <= 0) {
            return Err(CredentialError::Expired {
                service: self.source.name(),
                seconds: life.saturating_neg() / 1000,
            });
        }
        let refresh_at_ms =
            expires_ms.zip(life_ms).map(|(end, life)| end.saturating_sub(millis(EARLY).min(life / 4)));
        Ok(Held { credential: Arc::new(credential), refresh_at_ms, expires_ms })
    }

    fn held(&self) -> Option<Held<S::Credential>> {
        self.held.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn hold(&self, held: Held<S::Credential>) -> Arc<S::Credential> {
        let credential = Arc::clone(&held.credential);
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = Some(held);
        credential
    }
}

#[async_trait]
impl<S: Source> object_store::CredentialProvider for Refreshing<S> {
    type Credential = S::Credential;

    async fn get_credential(&self) -> object_store::Result<Arc<S::Credential>> {
        self.get()
            .await
            .map_err(|error| object_store::Error::Generic { store: self.store, source: Box::new(error) })
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
