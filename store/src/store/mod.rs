//! The handle that everything above uses.

mod list;
mod open;
mod read;
mod write;

pub use list::Listing;
pub use open::OpenError;
#[cfg(feature = "s3")]
pub(crate) use open::check_endpoint;

use crate::backend::Backend;
use crate::counts::{Counters, RequestCounts, RequestKind};
use crate::env::Env;
use crate::error::StoreError;
use crate::key::Key;
use crate::retry::Operation;
use crate::settings::StoreSettings;
use crate::url::StoreUrl;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// One store under one prefix. Cheap to clone; clones share counters and connections.
///
/// Every method is one operation: it retries by itself (by the rules of `retry`), ends by its deadline, and counts each
/// request. Keys are relative to the prefix, without leading slash. Futures may be dropped at any time: reads without
/// consequence, writes as if the answer was lost.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
    /// Shorter than the settings' where the caller has less time.
    deadline: Option<Duration>,
}

struct Inner {
    backend: Arc<dyn Backend>,
    env: Env,
    settings: StoreSettings,
    counters: Counters,
    /// Aborts of dropped uploads; owned here so that none is left detached.
    aborts: Mutex<JoinSet<()>>,
}

impl Store {
    pub(crate) fn over(backend: Arc<dyn Backend>, settings: StoreSettings, env: Env) -> Self {
        let counters = Counters::default();
        let inner = Inner { backend, env, settings, counters, aborts: Mutex::default() };
        Self { inner: Arc::new(inner), deadline: None }
    }

    /// The same store for a caller who has only this long per operation. Never longer than the settings' deadline.
    #[must_use]
    pub fn with_deadline(&self, deadline: Duration) -> Self {
        Self { inner: Arc::clone(&self.inner), deadline: Some(deadline) }
    }

    /// The requests made so far through this handle and all its clones.
    #[must_use]
    pub fn counters(&self) -> RequestCounts {
        self.inner.counters.snapshot()
    }

    /// For how long requests have waited without any answer, through this handle and all its clones; `None` where none waits.
    /// A large transfer over a slow line is silent while it runs.
    #[must_use]
    pub fn silent_for(&self) -> Option<Duration> {
        self.inner.counters.silence.lasts()
    }

    /// How long ago an operation last was held up for long, or a write refused, through this handle and all its clones;
    /// `None` where none ever was.
    #[must_use]
    pub fn last_outage(&self) -> Option<Duration> {
        self.inner.counters.outage.ago()
    }

    /// The settings it was opened with.
    #[must_use]
    pub fn settings(&self) -> &StoreSettings {
        &self.inner.settings
    }

    /// Waits for the aborts of uploads that were dropped unfinished. Call it before the runtime ends.
    pub async fn settle(&self) {
        let mut aborts = std::mem::take(&mut *self.aborts());
        while aborts.join_next().await.is_some() {}
    }

    pub(crate) fn aborts(&self) -> std::sync::MutexGuard<'_, JoinSet<()>> {
        self.inner.aborts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn backend(&self) -> &dyn Backend {
        &*self.inner.backend
    }

    pub(crate) fn env(&self) -> &Env {
        &self.inner.env
    }

    pub(crate) fn counts(&self) -> &Counters {
        &self.inner.counters
    }

    pub(crate) fn url(&self) -> &StoreUrl {
        &self.inner.settings.url
    }

    /// An operation on `key` whose attempts carry about `bytes`.
    pub(crate) fn operation<'a>(&'a self, kind: RequestKind, key: &'a str, bytes: u64) -> Operation<'a> {
        let deadlines = &self.inner.settings.deadlines;
        let deadline = match kind {
            RequestKind::Get | RequestKind::Head | RequestKind::List => deadlines.read,
            _ => deadlines.write,
        };
        // A large transfer gets the time that its bytes take; a caller's own deadline is not stretched.
        let deadline = deadline.max(deadlines.attempt_for(bytes));
        Operation {
            env: &self.inner.env,
            counters: &self.inner.counters,
            policy: &self.inner.settings.retry,
            deadlines,
            url: &self.inner.settings.url,
            kind,
            key,
            bytes,
            until: Instant::now() + self.deadline.map_or(deadline, |own| own.min(deadline)),
        }
    }

    pub(crate) fn key(&self, kind: RequestKind, key: &str) -> Result<Key, StoreError> {
        Key::parse(key).map_err(|error| StoreError::bad_key(kind, key, self.url(), error))
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.url(), f)
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({self})")
    }
}
