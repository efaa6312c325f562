//! What a proxy has done, for metrics.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::fetch::Tally;
use super::identity::Unproven;
use crate::counts::{ApiCounts, Apis, Connections, add, told};
use crate::wire::{Api, TABLE};

/// The counters behind [`ProxyCounts`].
#[derive(Debug)]
pub(crate) struct Counters {
    apis: Apis,
    pub(crate) connections: Connections,
    refused_address: AtomicU64,
    refused_entry: AtomicU64,
    to_brokers: AtomicU64,
    to_clients: AtomicU64,
    hot_bytes: AtomicU64,
    cold: Cold,
    /// Whether a broker was there when one was called last.
    reaches: AtomicBool,
}

/// Why a connection was not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Its address has too many.
    Address,
    /// It did not get in in time.
    Entry,
}

/// What became of partitions that a broker refused as out of range.
#[derive(Debug, Default)]
struct Cold {
    bytes: AtomicU64,
    filled: AtomicU64,
    empty: AtomicU64,
    failed: AtomicU64,
    throttled: AtomicU64,
    out_of_range: AtomicU64,
    held_back: AtomicU64,
    unproven_certificate: AtomicU64,
    unproven_ticket: AtomicU64,
}

/// Counts since the proxy was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyCounts {
    /// Each kind of request that was seen.
    pub apis: Vec<ApiCounts>,
    /// Connections taken.
    pub connections: u64,
    /// Those that are open.
    pub connections_open: u64,
    /// Connections that were closed because their address had too many.
    pub refused_address: u64,
    /// Those that were closed because they did not get in in time.
    pub refused_entry: u64,
    /// Bytes of requests that were passed to brokers.
    pub to_brokers: u64,
    /// Bytes of brokers' answers that were taken for clients.
    pub to_clients: u64,
    /// Those of them that are answers to fetches.
    pub hot_bytes: u64,
    /// Bytes of records that came from the tier.
    pub cold_bytes: u64,
    /// Partitions in answers that a broker refused as out of range, and that were filled from the tier.
    pub cold_filled: u64,
    /// Those that were told empty for the time being: the read goes on, or the records are not in the tier yet.
    pub cold_empty: u64,
    /// Those that could not be read.
    pub cold_failed: u64,
    /// Those that were told empty because their client, or all together, had read as much as they may.
    pub cold_throttled: u64,
    /// Those of topics of the tier that clients were told as out of range.
    pub out_of_range: u64,
    /// Those that would have been told so although the tier has them. They were told empty; there is to be none.
    pub false_out_of_range: u64,
    /// Those that were not filled because the broker does not know the client by its own name, by why.
    pub cold_unproven: [(Unproven, u64); 2],
    /// Whether a broker was there when one was called last.
    pub reaches_brokers: bool,
}

impl Counters {
    pub(crate) fn new() -> Self {
        Self {
            apis: Apis::of(TABLE.iter().map(|row| row.api)),
            connections: Connections::default(),
            refused_address: AtomicU64::new(0),
            refused_entry: AtomicU64::new(0),
            to_brokers: AtomicU64::new(0),
            to_clients: AtomicU64::new(0),
            hot_bytes: AtomicU64::new(0),
            cold: Cold::default(),
            reaches: AtomicBool::new(false),
        }
    }

    /// A connection was not served.
    pub(crate) fn refused(&self, why: Refused) {
        let counter = match why {
            Refused::Address => &self.refused_address,
            Refused::Entry => &self.refused_entry,
        };
        add(counter, 1);
    }

    /// A request was passed.
    pub(crate) fn passed(&self, bytes: usize) {
        add(&self.to_brokers, bytes as u64);
    }

    /// A broker's answer is here.
    pub(crate) fn came(&self, api: Api, bytes: usize) {
        add(&self.to_clients, bytes as u64);
        if api == Api::FETCH {
            add(&self.hot_bytes, bytes as u64);
        }
    }

    /// An answer was sent.
    pub(crate) fn answered(&self, api: Api, took: Duration) {
        self.apis.answered(api, took);
    }

    /// An answer to a fetch was made.
    pub(crate) fn made(&self, tally: Tally) {
        let Tally { bytes, filled, empty, failed, throttled, unproven: _, out_of_range, held_back } = tally;
        let cold = &self.cold;
        add(&cold.bytes, bytes);
        add(&cold.filled, filled);
        add(&cold.empty, empty);
        add(&cold.failed, failed);
        add(&cold.throttled, throttled);
        add(&cold.out_of_range, out_of_range);
        add(&cold.held_back, held_back);
    }

    /// Nothing is filled for a client, for this reason.
    pub(crate) fn unproven(&self, why: Unproven, partitions: u64) {
        let counter = match why {
            Unproven::Certificate => &self.cold.unproven_certificate,
            Unproven::Ticket => &self.cold.unproven_ticket,
        };
        add(counter, partitions);
    }

    /// A broker was called.
    pub(crate) fn called(&self, is_there: bool) {
        self.reaches.store(is_there, Ordering::Relaxed);
    }

    pub(crate) fn snapshot(&self) -> ProxyCounts {
        ProxyCounts {
            apis: self.apis.snapshot().filter(|api| api.requests > 0).collect(),
            connections: told(&self.connections.taken),
            connections_open: told(&self.connections.open),
            refused_address: told(&self.refused_address),
            refused_entry: told(&self.refused_entry),
            to_brokers: told(&self.to_brokers),
            to_clients: told(&self.to_clients),
            hot_bytes: told(&self.hot_bytes),
            cold_bytes: told(&self.cold.bytes),
            cold_filled: told(&self.cold.filled),
            cold_empty: told(&self.cold.empty),
            cold_failed: told(&self.cold.failed),
            cold_throttled: told(&self.cold.throttled),
            out_of_range: told(&self.cold.out_of_range),
            false_out_of_range: told(&self.cold.held_back),
            cold_unproven: [
                (Unproven::Certificate, told(&self.cold.unproven_certificate)),
                (Unproven::Ticket, told(&self.cold.unproven_ticket)),
            ],
            reaches_brokers: self.reaches.load(Ordering::Relaxed),
        }
    }
}
