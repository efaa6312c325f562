//! One place per broker for its connection, or for why there is none.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use firnline_store::env::{Random, RandomExt};
use tokio::time::Instant;

use crate::address::Address;
use crate::connection::Connection;
use crate::error::ConnectError;

/// The first wait after a failure; it doubles with each further one.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);

/// A broker's connection while nobody uses it, and its recent failures.
pub(super) struct Slot {
    pub(super) address: Address,
    /// Whoever asks the broker holds this.
    pub(super) idle: Arc<tokio::sync::Mutex<Option<Connection>>>,
    trouble: Mutex<Trouble>,
}

#[derive(Default)]
struct Trouble {
    failures: u32,
    last: Option<(Instant, Arc<ConnectError>)>,
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Slot({})", self.address)
    }
}

impl Slot {
    /// The last failure, while the wait after it lasts.
    pub(super) fn failing(&self) -> Option<Arc<ConnectError>> {
        let trouble = self.trouble();
        trouble.last.as_ref().filter(|(until, _)| Instant::now() < *until).map(|(_, error)| error.clone())
    }

    pub(super) fn failed(&self, error: Arc<ConnectError>, longest: Duration, random: &dyn Random) {
        let mut trouble = self.trouble();
        let wait = FIRST_BACKOFF.saturating_mul(1 << trouble.failures.min(16)).min(longest);
        trouble.failures = trouble.failures.saturating_add(1);
        // Between half of it and all of it, so that those who failed together do not come back together.
        let until = Instant::now() + wait / 2 + random.jitter(wait / 2);
        trouble.last = Some((until, error));
    }

    pub(super) fn recovered(&self) {
        *self.trouble() = Trouble::default();
    }

    fn trouble(&self) -> std::sync::MutexGuard<'_, Trouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The places of all brokers, by address: a bootstrap broker and the node behind it share one.
#[derive(Debug, Default)]
pub(super) struct Slots(HashMap<Address, Arc<Slot>>);

impl Slots {
    pub(super) fn at(&mut self, address: &Address) -> Arc<Slot> {
        let fresh =
            || Arc::new(Slot { address: address.clone(), idle: Arc::default(), trouble: Mutex::default() });
        self.0.entry(address.clone()).or_insert_with(fresh).clone()
    }

    /// Forgets the brokers that are not in the list; a connection in use goes with its lease.
    pub(super) fn keep(&mut self, addresses: &[Address]) {
        let keep: std::collections::HashSet<&Address> = addresses.iter().collect();
        self.0.retain(|address, _| keep.contains(address));
    }

    /// Closes the connection that nobody uses and that was used longest ago.
    pub(super) fn close_idlest(&self) {
        let idlest = self
            .0
            .values()
            .filter_map(|slot| slot.idle.clone().try_lock_owned().ok())
            .filter_map(|idle| idle.as_ref().map(Connection::last_used).map(|used| (used, idle)))
            .min_by_key(|(used, _)| *used);
        if let Some((_, mut idle)) = idlest {
            *idle = None;
        }
    }
}
