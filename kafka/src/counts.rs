//! How many requests were made, and what they weighed.

use std::sync::atomic::{AtomicU64, Ordering};

use firnline_store::Silence;

use crate::wire::Api;

/// The requests of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// Requests sent.
    pub requests: u64,
    /// Their bytes, length prefixes included.
    pub sent_bytes: u64,
    /// The bytes of the answers, length prefixes included.
    pub received_bytes: u64,
}

/// The requests of a client since it was made.
#[derive(Debug, Default)]
pub struct Counts {
    cells: [Cell; Api::ALL.len()],
    pub(crate) silence: Silence,
}

#[derive(Debug, Default)]
struct Cell {
    requests: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
}

impl Counts {
    /// The count of one kind.
    #[must_use]
    pub fn of(&self, api: Api) -> Count {
        let cell = &self.cells[api.position()];
        Count {
            requests: cell.requests.load(Ordering::Relaxed),
            sent_bytes: cell.sent.load(Ordering::Relaxed),
            received_bytes: cell.received.load(Ordering::Relaxed),
        }
    }

    /// The counts of all kinds.
    pub fn all(&self) -> impl Iterator<Item = (Api, Count)> + '_ {
        Api::ALL.iter().map(|&api| (api, self.of(api)))
    }

    pub(crate) fn sent(&self, api: Api, bytes: usize) {
        let cell = &self.cells[api.position()];
        cell.requests.fetch_add(1, Ordering::Relaxed);
        cell.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn received(&self, api: Api, bytes: usize) {
        self.cells[api.position()].received.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}
