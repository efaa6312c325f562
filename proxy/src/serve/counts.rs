//! What a server has done, for metrics.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::answer::versions;
use crate::wire::Api;

/// The counters behind [`ServeCounts`].
#[derive(Debug)]
pub(crate) struct Counters {
    apis: Vec<(Api, Counted)>,
    pub(crate) connections: AtomicU64,
    pub(crate) connections_open: AtomicU64,
    pub(crate) record_bytes: AtomicU64,
    pub(crate) logins: AtomicU64,
    pub(crate) logins_refused: AtomicU64,
}

#[derive(Debug, Default)]
struct Counted {
    requests: AtomicU64,
    micros: AtomicU64,
}

/// Counts since the server was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServeCounts {
    /// Each kind of request that is answered.
    pub apis: Vec<ApiCounts>,
    /// Connections taken.
    pub connections: u64,
    /// Those that are open.
    pub connections_open: u64,
    /// Bytes of records in answers.
    pub record_bytes: u64,
    /// Logins that succeeded.
    pub logins: u64,
    /// Those that were refused.
    pub logins_refused: u64,
}

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

impl Counters {
    pub(crate) fn new() -> Self {
        Self {
            apis: versions::all().map(|(api, _)| (api, Counted::default())).collect(),
            connections: AtomicU64::new(0),
            connections_open: AtomicU64::new(0),
            record_bytes: AtomicU64::new(0),
            logins: AtomicU64::new(0),
            logins_refused: AtomicU64::new(0),
        }
    }

    pub(crate) fn answered(&self, api: Api, took: Duration) {
        if let Some((_, counted)) = self.apis.iter().find(|(known, _)| *known == api) {
            add(&counted.requests, 1);
            add(&counted.micros, u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        }
    }

    pub(crate) fn snapshot(&self) -> ServeCounts {
        let told = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let api = |(api, counted): &(Api, Counted)| ApiCounts {
            api: *api,
            requests: told(&counted.requests),
            took: Duration::from_micros(told(&counted.micros)),
        };
        ServeCounts {
            apis: self.apis.iter().map(api).collect(),
            connections: told(&self.connections),
            connections_open: told(&self.connections_open),
            record_bytes: told(&self.record_bytes),
            logins: told(&self.logins),
            logins_refused: told(&self.logins_refused),
        }
    }
}

pub(crate) fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

/// An open connection, while it lives.
pub(crate) struct Open<'c>(&'c Counters);

impl<'c> Open<'c> {
    pub(crate) fn new(counters: &'c Counters) -> Self {
        add(&counters.connections, 1);
        add(&counters.connections_open, 1);
        Self(counters)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.connections_open.fetch_sub(1, Ordering::Relaxed);
    }
}
