//! What a server and a proxy count alike.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::wire::Api;

/// One kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiCounts {
    /// Which.
    pub api: Api,
    /// How many were answered.
    pub requests: u64,
    /// The time from a whole request to its whole answer, summed. A fetch that is held waits in it.
    pub took: Duration,
}

/// How often each kind of request was answered, and how long that took.
#[derive(Debug)]
pub(crate) struct Apis(Vec<(Api, Counted)>);

#[derive(Debug, Default)]
struct Counted {
    requests: AtomicU64,
    micros: AtomicU64,
}

impl Apis {
    pub(crate) fn of(apis: impl Iterator<Item = Api>) -> Self {
        Self(apis.map(|api| (api, Counted::default())).collect())
    }

    pub(crate) fn answered(&self, api: Api, took: Duration) {
        if let Some((_, counted)) = self.0.iter().find(|(known, _)| *known == api) {
            add(&counted.requests, 1);
            add(&counted.micros, u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        }
    }

    pub(crate) fn snapshot(&self) -> impl Iterator<Item = ApiCounts> {
        self.0.iter().map(|(api, counted)| ApiCounts {
            api: *api,
            requests: told(&counted.requests),
            took: Duration::from_micros(told(&counted.micros)),
        })
    }
}

/// Connections: those taken, and those that are open.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    pub(crate) taken: AtomicU64,
    pub(crate) open: AtomicU64,
}

impl Connections {
    /// Counts one for as long as what is given lives.
    pub(crate) fn enter(&self) -> Open<'_> {
        add(&self.taken, 1);
        add(&self.open, 1);
        Open(self)
    }
}

/// An open connection, while it lives.
pub(crate) struct Open<'c>(&'c Connections);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(crate) fn add(counter: &AtomicU64, by: u64) {
    if by > 0 {
        counter.fetch_add(by, Ordering::Relaxed);
    }
}

pub(crate) fn told(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
