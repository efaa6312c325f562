//! How many bytes of the tier are read a second: in all, and by one client.
//!
//! What may be read is taken out of a bucket that fills at the rate and holds a second of it; what was taken and not needed
//! is put back. A batch may be larger than what is left: then the bucket is in debt, and its client gets nothing until it is
//! paid. Nothing waits here: who gets nothing is answered empty, in time, and asks again.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Clients that are told apart. Of those beyond all share one bucket.
const CLIENTS: usize = 10_000;
/// A bucket holds this much at least: a fetch has to get somewhere.
const LEAST: u64 = 1 << 20;

/// The buckets.
#[derive(Debug)]
pub(crate) struct Bandwidth {
    per_client: Option<u64>,
    buckets: Mutex<Buckets>,
}

#[derive(Debug)]
struct Buckets {
    all: Option<Bucket>,
    clients: HashMap<Box<str>, Bucket>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    rate: u64,
    /// In bytes; below 0 it is in debt.
    holds: i64,
    at: Instant,
}

impl Bucket {
    fn new(rate: u64) -> Self {
        Self { rate, holds: capacity(rate), at: Instant::now() }
    }

    fn fill(&mut self) {
        let now = Instant::now();
        let since = now.duration_since(self.at).min(Duration::from_secs(3600));
        let grown = u128::from(self.rate) * since.as_micros() / 1_000_000;
        // So little that it would be rounded away is left to grow.
        if grown > 0 {
            let grown = i64::try_from(grown).unwrap_or(i64::MAX);
            self.holds = self.holds.saturating_add(grown).min(capacity(self.rate));
            self.at = now;
        }
    }

    fn is_full(&self) -> bool {
        self.holds == capacity(self.rate)
    }
}

fn capacity(rate: u64) -> i64 {
    i64::try_from(rate.max(LEAST)).unwrap_or(i64::MAX)
}

impl Bandwidth {
    /// Rates in bytes a second; `None` is without a limit.
    pub(crate) fn new(all: Option<u64>, per_client: Option<u64>) -> Self {
        let buckets = Buckets { all: all.map(Bucket::new), clients: HashMap::new() };
        Self { per_client, buckets: Mutex::new(buckets) }
    }

    /// Takes up to so many bytes for a client; 0 where its bucket or that of all is empty.
    pub(crate) fn take(&self, client: &str, wanted: usize) -> usize {
        let mut buckets = self.buckets();
        let mut granted = i64::try_from(wanted).unwrap_or(i64::MAX);
        self.each(&mut buckets, client, |bucket| {
            bucket.fill();
            granted = granted.min(bucket.holds.max(0));
        });
        self.each(&mut buckets, client, |bucket| bucket.holds -= granted);
        usize::try_from(granted).unwrap_or(0)
    }

    /// Settles what was taken with what was needed, which may be more.
    pub(crate) fn settle(&self, client: &str, granted: usize, used: u64) {
        let back = i64::try_from(granted).unwrap_or(i64::MAX) - i64::try_from(used).unwrap_or(i64::MAX);
        self.each(&mut self.buckets(), client, |bucket| {
            bucket.holds = bucket.holds.saturating_add(back).min(capacity(bucket.rate));
        });
    }

    fn each(&self, buckets: &mut Buckets, client: &str, mut of: impl FnMut(&mut Bucket)) {
        if let Some(all) = &mut buckets.all {
            of(all);
        }
        let Some(rate) = self.per_client else { return };
        let clients = &mut buckets.clients;
        if let Some(bucket) = clients.get_mut(client) {
            return of(bucket);
        }
        if clients.len() >= CLIENTS {
            // Whose bucket is full is no other than one who was never seen.
            clients.values_mut().for_each(Bucket::fill);
            clients.retain(|_, bucket| !bucket.is_full());
        }
        let name = if clients.len() < CLIENTS { client } else { "" };
        of(clients.entry(name.into()).or_insert_with(|| Bucket::new(rate)));
    }

    fn buckets(&self) -> MutexGuard<'_, Buckets> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const MIB: usize = 1 << 20;

    #[tokio::test(start_paused = true)]
    async fn without_limits_all_is_granted() {
        let free = Bandwidth::new(None, None);
        for _ in 0..10 {
            assert_eq!(free.take("a", 100 * MIB), 100 * MIB);
        }
        assert!(free.buckets().clients.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_gets_its_rate_and_no_other_pays_for_it() {
        let limits = Bandwidth::new(None, Some(2 << 20));
        assert_eq!(limits.take("a", 5 * MIB), 2 * MIB, "a second of it");
        assert_eq!(limits.take("a", MIB), 0);
        assert_eq!(limits.take("b", MIB), MIB);
        advance(Duration::from_millis(500)).await;
        assert_eq!(limits.take("a", 5 * MIB), MIB);
        // What was not needed is there again; what was needed beyond is a debt.
        limits.settle("a", MIB, MIB as u64 / 2);
        assert_eq!(limits.take("a", MIB), MIB / 2);
        limits.settle("a", MIB / 2, MIB as u64 * 5 / 2);
        advance(Duration::from_secs(1)).await;
        assert_eq!(limits.take("a", MIB), 0, "it still pays");
        advance(Duration::from_millis(500)).await;
        assert_eq!(limits.take("a", 5 * MIB), MIB);
    }

    #[tokio::test(start_paused = true)]
    async fn all_together_get_no_more_than_the_rate_of_all() {
        let limits = Bandwidth::new(Some(4 << 20), Some(3 << 20));
        assert_eq!(limits.take("a", 9 * MIB), 3 * MIB);
        assert_eq!(limits.take("b", 9 * MIB), MIB);
        assert_eq!(limits.take("c", 9 * MIB), 0);
        let mut all = 0;
        for _ in 0..100 {
            advance(Duration::from_millis(100)).await;
            all += ["a", "b", "c"].map(|client| limits.take(client, MIB)).iter().sum::<usize>();
        }
        assert!((39 * MIB..=41 * MIB).contains(&all), "{all} in ten seconds at 4 MiB a second");
    }

    #[tokio::test(start_paused = true)]
    async fn strangers_do_not_fill_the_memory() {
        let limits = Bandwidth::new(None, Some(1));
        for number in 0..CLIENTS + 100 {
            limits.take(&number.to_string(), 1);
        }
        assert!(limits.buckets().clients.len() <= CLIENTS + 1);
        advance(Duration::from_secs(60)).await;
        limits.take("new", 1);
        assert!(limits.buckets().clients.len() < 10, "those that rest are forgotten");
    }
}
