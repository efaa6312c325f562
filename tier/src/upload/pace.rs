//! How fast an upload may go.
//!
//! An upload asks after each run of bytes that it has read and before they go to the store, so that reading and sending
//! follow the rate alike. No request is under way for what waits: a part is begun when its buffer is full, so that a slow
//! rate never eats the time that a request has.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

/// What timers that fire late may cost without the rate being missed, and all that may go at once after a pause.
const SLACK: Duration = Duration::from_millis(100);
/// How often one that waits asks whether it still has to.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// The longest time that one run of bytes takes.
const LONGEST: Duration = Duration::from_secs(3600);

/// Holds an upload back.
#[async_trait]
pub trait Pace: fmt::Debug + Send + Sync {
    /// Ready when these raw bytes of the log, which have been read, may go to the store.
    async fn pass(&self, bytes: u64);
}

/// As fast as it goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unpaced;

#[async_trait]
impl Pace for Unpaced {
    async fn pass(&self, _bytes: u64) {}
}

/// A rate that uploads share: each run of bytes in its turn, so that all of them get the same.
#[derive(Debug)]
pub struct Pacer {
    per_second: u64,
    /// When all that has passed is paid for.
    free_at: Mutex<Instant>,
    /// Held by whoever is next; the others stand behind in the order they came.
    next: tokio::sync::Mutex<()>,
}

impl Pacer {
    /// So many bytes a second, from `now` on.
    #[must_use]
    pub fn new(per_second: u64, now: Instant) -> Self {
        Self { per_second, free_at: Mutex::new(now), next: tokio::sync::Mutex::new(()) }
    }

    /// Ready when these bytes may go, or when `holds` says that the rate no longer does; what goes by that is not counted.
    pub async fn pass(&self, bytes: u64, holds: impl Fn() -> bool + Send) {
        if !holds() {
            return;
        }
        let _next = self.next.lock().await;
        while holds() {
            let now = Instant::now();
            match self.take(bytes, now) {
                None => return,
                Some(wait) => tokio::time::sleep(wait.min(ASK_AGAIN)).await,
            }
        }
    }

    /// Takes `bytes` where what went before is paid for; else tells how long that takes.
    fn take(&self, bytes: u64, now: Instant) -> Option<Duration> {
        let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = free_at.saturating_duration_since(now);
        if !wait.is_zero() {
            return Some(wait);
        }
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(self.per_second.max(1));
        let takes = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)).min(LONGEST);
        let from = now.checked_sub(SLACK).map_or(now, |earliest| earliest.max(*free_at));
        *free_at = from + takes;
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    const CHUNK: u64 = 1 << 20;

    async fn send(pacer: &Pacer, chunks: usize) -> Duration {
        let begun = Instant::now();
        for _ in 0..chunks {
            pacer.pass(CHUNK, || true).await;
        }
        begun.elapsed()
    }

    fn near(found: Duration, wanted: f64) -> bool {
        (found.as_secs_f64() - wanted).abs() < 0.3
    }

    #[tokio::test(start_paused = true)]
    async fn what_passes_takes_as_long_as_the_rate_says() {
        let pacer = Pacer::new(4 * CHUNK, Instant::now());
        let took = send(&pacer, 64).await;
        assert!(near(took, 15.75), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn two_share_it_alike_and_none_runs_ahead() {
        let pacer = Pacer::new(4 * CHUNK, Instant::now());
        let (one, other) = futures::join!(send(&pacer, 32), send(&pacer, 32));
        assert!(near(one, 15.5) && near(other, 15.75), "{one:?} {other:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_not_used_does_not_pile_up() {
        let pacer = Pacer::new(4 * CHUNK, Instant::now());
        tokio::time::sleep(Duration::from_secs(1000)).await;
        let took = send(&pacer, 9).await;
        assert!(near(took, 2.0), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_that_no_longer_holds_lets_all_go_that_wait() {
        let pacer = Pacer::new(1024, Instant::now());
        let holds = AtomicBool::new(true);
        let begun = Instant::now();
        let upload = || async {
            for _ in 0..1000 {
                pacer.pass(CHUNK, || holds.load(Ordering::SeqCst)).await;
            }
            begun.elapsed()
        };
        let lift = async {
            tokio::time::sleep(Duration::from_secs(20)).await;
            holds.store(false, Ordering::SeqCst);
        };
        let (one, other, ()) = futures::join!(upload(), upload(), lift);
        let soon = Duration::from_secs(20)..Duration::from_secs(22);
        assert!(soon.contains(&one) && soon.contains(&other), "{one:?} {other:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_dropped_while_it_waits_stands_in_nobodys_way() {
        let pacer = Pacer::new(CHUNK, Instant::now());
        let dropped = tokio::time::timeout(Duration::from_millis(2500), send(&pacer, 100)).await;
        assert!(dropped.is_err());
        let took = send(&pacer, 2).await;
        assert!(took < Duration::from_millis(1600), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn no_amount_and_no_rate_is_too_much() {
        let pacer = Pacer::new(0, Instant::now());
        pacer.pass(u64::MAX, || true).await;
        pacer.pass(0, || true).await;
        pacer.pass(0, || true).await;
    }
}
