//! What a server has done, for metrics.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use super::answer::versions;
use crate::counts::{ApiCounts, Apis, Connections, told};
use crate::wire::Api;

/// The counters behind [`ServeCounts`].
#[derive(Debug)]
pub(crate) struct Counters {
    apis: Apis,
    pub(crate) connections: Connections,
    pub(crate) record_bytes: AtomicU64,
    pub(crate) logins: AtomicU64,
    pub(crate) logins_refused: AtomicU64,
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

impl Counters {
    pub(crate) fn new() -> Self {
        Self {
            apis: Apis::of(versions::all().map(|(api, _)| api)),
            connections: Connections::default(),
            record_bytes: AtomicU64::new(0),
            logins: AtomicU64::new(0),
            logins_refused: AtomicU64::new(0),
        }
    }

    pub(crate) fn answered(&self, api: Api, took: Duration) {
        self.apis.answered(api, took);
    }

    pub(crate) fn snapshot(&self) -> ServeCounts {
        ServeCounts {
            apis: self.apis.snapshot().collect(),
            connections: told(&self.connections.taken),
            connections_open: told(&self.connections.open),
            record_bytes: told(&self.record_bytes),
            logins: told(&self.logins),
            logins_refused: told(&self.logins_refused),
        }
    }
}
