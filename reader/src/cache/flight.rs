//! One flight per key: the first to ask leads and brings the value, the rest follow.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt as _;
use futures::future::Shared;
use tokio::sync::oneshot;

use crate::error::ReadError;

type Landing<V> = Shared<oneshot::Receiver<Result<V, ReadError>>>;

/// What is on its way. An entry goes when its flight lands or its lead is dropped.
pub(super) struct Flights<K, V>(Mutex<HashMap<K, Landing<V>>>);

impl<K, V> Default for Flights<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

/// What a caller finds.
pub(crate) enum Claim<K: Hash + Eq, V> {
    /// The value.
    Held(V),
    /// Somebody brings it.
    Follow(Flight<V>),
    /// Nobody brings it yet: do so.
    Lead(Lead<K, V>, Flight<V>),
}

/// A place in a flight.
pub(crate) struct Flight<V>(Landing<V>);

impl<V: Clone> Flight<V> {
    /// Waits for the value. Cancel safe.
    pub(crate) async fn landing(self) -> Result<V, ReadError> {
        // A lead that goes without landing was aborted with the reader, or has panicked.
        self.0.await.unwrap_or(Err(ReadError::Closed))
    }
}

/// The duty to bring a value. Dropped without it, those who follow are told that the reader has closed.
pub(crate) struct Lead<K: Hash + Eq, V> {
    flights: Arc<Flights<K, V>>,
    key: K,
    tell: Option<oneshot::Sender<Result<V, ReadError>>>,
}

impl<K: Hash + Eq + Clone, V: Clone> Flights<K, V> {
    pub(super) fn claim(self: &Arc<Self>, key: &K) -> Claim<K, V> {
        let mut flying = self.flying();
        if let Some(landing) = flying.get(key) {
            return Claim::Follow(Flight(landing.clone()));
        }
        let (tell, landing) = oneshot::channel();
        let landing = landing.shared();
        flying.insert(key.clone(), landing.clone());
        let lead = Lead { flights: Arc::clone(self), key: key.clone(), tell: Some(tell) };
        Claim::Lead(lead, Flight(landing))
    }
}

impl<K: Hash + Eq, V> Flights<K, V> {
    pub(super) fn is_flying(&self, key: &K) -> bool {
        self.flying().contains_key(key)
    }
}

impl<K, V> Flights<K, V> {
    fn flying(&self) -> MutexGuard<'_, HashMap<K, Landing<V>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Hash + Eq, V> Lead<K, V> {
    pub(super) fn key(&self) -> &K {
        &self.key
    }

    pub(super) fn land(mut self, outcome: Result<V, ReadError>) {
        self.flights.flying().remove(&self.key);
        if let Some(tell) = self.tell.take() {
            // Nobody waits any more: the value is in the cache all the same.
            let _ = tell.send(outcome);
        }
    }
}

impl<K: Hash + Eq, V> Drop for Lead<K, V> {
    fn drop(&mut self) {
        if self.tell.is_some() {
            self.flights.flying().remove(&self.key);
        }
    }
}
