//! Caches weighed in bytes, with one flight per key.

mod flight;
#[cfg(test)]
mod tests;

use std::hash::Hash;
use std::sync::Arc;

use moka::policy::EvictionPolicy;

pub(crate) use flight::{Claim, Flight, Lead};

use crate::error::ReadError;
use crate::tasks::Tasks;
use flight::Flights;

/// Values by key, within a limit in bytes; values on their way, one flight per key.
///
/// Least recently used goes first. A frequency-based admission would keep blocks out that were just read ahead for a
/// consumer, and then read them again; what would flush the cache, long scans, does not go through it.
pub(crate) struct Cache<K, V> {
    held: moka::sync::Cache<K, V>,
    flights: Arc<Flights<K, V>>,
}

impl<K, V> Cache<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// A cache of at most `limit_bytes` by `weigh`, which gives a value's memory in bytes.
    pub(crate) fn new(limit_bytes: u64, weigh: impl Fn(&V) -> usize + Send + Sync + 'static) -> Self {
        let held = moka::sync::Cache::builder()
            .max_capacity(limit_bytes)
            .weigher(move |_, value| u32::try_from(weigh(value)).unwrap_or(u32::MAX))
            .eviction_policy(EvictionPolicy::lru())
            .build();
        Self { held, flights: Arc::default() }
    }

    /// The same values, with flights of its own: whoever may not bring anything takes no place in the flights of those
    /// who do.
    pub(crate) fn apart(&self) -> Self {
        Self { held: self.held.clone(), flights: Arc::default() }
    }

    pub(crate) fn get(&self, key: &K) -> Option<V> {
        self.held.get(key)
    }

    pub(crate) fn insert(&self, key: K, value: V) {
        self.held.insert(key, value);
    }

    pub(crate) fn remove(&self, key: &K) {
        self.held.invalidate(key);
    }

    /// Whether the value is held or on its way.
    pub(crate) fn is_known(&self, key: &K) -> bool {
        self.held.contains_key(key) || self.flights.is_flying(key)
    }

    /// The value if it is held and `good`, else a place in the one flight that brings it. Who gets [`Claim::Lead`] must
    /// bring it.
    pub(crate) fn claim(&self, key: &K, good: impl Fn(&V) -> bool) -> Claim<K, V> {
        if let Some(value) = self.get(key).filter(&good) {
            return Claim::Held(value);
        }
        match Flights::claim(&self.flights, key) {
            Claim::Lead(lead, flight) => match self.get(key).filter(&good) {
                // It landed between the two looks; somebody may already follow us.
                Some(value) => {
                    lead.land(Ok(value.clone()));
                    Claim::Held(value)
                }
                None => Claim::Lead(lead, flight),
            },
            other => other,
        }
    }

    /// Brings a value: kept if it is one, told to all who wait in either case.
    pub(crate) fn land(&self, lead: Lead<K, V>, outcome: Result<V, ReadError>) {
        if let Ok(value) = &outcome {
            self.insert(lead.key().clone(), value.clone());
        }
        lead.land(outcome);
    }

    /// The value for `key`: held, on its way, or loaded now by a task that goes on when the caller is gone.
    /// Cancel safe.
    pub(crate) async fn get_or_load<F>(
        self: &Arc<Self>,
        tasks: &Tasks,
        key: &K,
        load: impl FnOnce() -> F,
    ) -> Result<V, ReadError>
    where
        F: Future<Output = Result<V, ReadError>> + Send + 'static,
    {
        self.get_or_reload(tasks, key, |_| true, load).await
    }

    /// The same for values that age: one that is held counts only if `good`.
    pub(crate) async fn get_or_reload<F>(
        self: &Arc<Self>,
        tasks: &Tasks,
        key: &K,
        good: impl Fn(&V) -> bool,
        load: impl FnOnce() -> F,
    ) -> Result<V, ReadError>
    where
        F: Future<Output = Result<V, ReadError>> + Send + 'static,
    {
        match self.claim(key, good) {
            Claim::Held(value) => Ok(value),
            Claim::Follow(flight) => flight.landing().await,
            Claim::Lead(lead, flight) => {
                let (cache, load) = (Arc::clone(self), load());
                tasks.spawn(async move {
                    let outcome = load.await;
                    cache.land(lead, outcome);
                });
                flight.landing().await
            }
        }
    }
}
