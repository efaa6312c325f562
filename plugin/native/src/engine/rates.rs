//! How many bytes a second go to the store and come from it, over all calls. A broker's own quotas
//! (`remote.log.manager.copy.max.bytes.per.second` and its like) count what the broker sees; these count what the network does.

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use firnline_tier::{Pace, Pacer};
use tokio::time::Instant;

/// The rates that are set.
#[derive(Debug)]
pub(super) struct Rates {
    upload: Option<Pacer>,
    download: Option<Pacer>,
    /// Of what has come from the store, what is paid for.
    charged: AtomicU64,
}

impl Rates {
    /// Rates in bytes a second; `None` is without a limit.
    pub(super) fn new(upload: Option<u64>, download: Option<u64>, now: Instant) -> Self {
        let pacer = |rate: Option<u64>| rate.map(|rate| Pacer::new(rate, now));
        Self { upload: pacer(upload), download: pacer(download), charged: AtomicU64::new(0) }
    }

    /// Ready when what has come so far is paid for; `received` is how much that is. Reads of what memory holds wait, too, while
    /// others have taken too much.
    pub(super) async fn before_read(&self, received: impl Fn() -> u64 + Send) {
        let Some(pacer) = &self.download else { return };
        let received = received();
        let before = self.charged.fetch_max(received, Ordering::Relaxed);
        pacer.pass(received.saturating_sub(before), || true).await;
        // Whoever has nothing to pay waits for those that have: what they took is all of it as yet.
        pacer.pass(0, || true).await;
    }
}

#[async_trait]
impl Pace for Rates {
    async fn pass(&self, bytes: u64) {
        if let Some(pacer) = &self.upload {
            pacer.pass(bytes, || true).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const MIB: u64 = 1 << 20;

    #[tokio::test(start_paused = true)]
    async fn reads_wait_for_what_came_before() {
        let rates = Rates::new(None, Some(MIB), Instant::now());
        let begun = Instant::now();
        rates.before_read(|| 0).await;
        assert_eq!(begun.elapsed(), Duration::ZERO, "nothing came yet");
        rates.before_read(|| 8 * MIB).await;
        let waited = begun.elapsed();
        assert!((7_000..9_000).contains(&waited.as_millis()), "{waited:?}");
        rates.before_read(|| 8 * MIB).await;
        assert_eq!(begun.elapsed(), waited, "it is paid for");
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_rate_nothing_waits() {
        let rates = Rates::new(None, None, Instant::now());
        let begun = Instant::now();
        rates.before_read(|| u64::MAX).await;
        rates.pass(u64::MAX).await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn copies_share_their_rate() {
        let rates = Rates::new(Some(MIB), None, Instant::now());
        let begun = Instant::now();
        let copy = async || {
            for _ in 0..8 {
                rates.pass(MIB).await;
            }
        };
        futures::join!(copy(), copy());
        let took = begun.elapsed();
        assert!((14_000..17_000).contains(&took.as_millis()), "{took:?}");
    }
}
