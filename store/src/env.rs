//! Time and randomness as arguments, so that a simulation can drive both.
//!
//! [`SystemClock`] and [`SystemRandom`] are the only places in the workspace's libraries that ask the machine; everything
//! else gets an [`Env`]. Waiting and deadlines use `tokio::time`, which a test pauses and advances by itself.

mod random;
#[cfg(test)]
mod tests;

pub use random::{Random, RandomExt, SeededRandom, SystemRandom};

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// The wall clock.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Milliseconds since 1970-01-01T00:00:00Z. May step back: never use it to order events or to time out.
    fn now_ms(&self) -> i64;
}

/// What a component needs from the world besides its store: cheap to clone, passed beside the settings.
#[derive(Clone, Debug)]
pub struct Env {
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// The source of ids, salts and jitter.
    pub random: Arc<dyn Random>,
}

impl Env {
    /// The machine's own clock and random source.
    #[must_use]
    pub fn system() -> Self {
        Self { clock: Arc::new(SystemClock), random: Arc::new(SystemRandom) }
    }

    /// A reproducible world: randomness from `seed`, wall time starting at `start_ms` and moving with `tokio::time` (so it
    /// stands still while the runtime's time is paused). Must be called within a tokio runtime.
    #[must_use]
    pub fn seeded(seed: u64, start_ms: i64) -> Self {
        Self { clock: Arc::new(TokioClock::starting_at(start_ms)), random: Arc::new(SeededRandom::new(seed)) }
    }
}

/// The machine's wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that implements the clock")]
    fn now_ms(&self) -> i64 {
        match std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
        }
    }
}

/// A wall clock that stands at a start time and moves with `tokio::time`.
#[derive(Clone, Debug)]
pub struct TokioClock {
    start_ms: i64,
    origin: tokio::time::Instant,
}

impl TokioClock {
    /// A clock that shows `start_ms` now. Must be called within a tokio runtime.
    #[must_use]
    pub fn starting_at(start_ms: i64) -> Self {
        Self { start_ms, origin: tokio::time::Instant::now() }
    }
}

impl Clock for TokioClock {
    fn now_ms(&self) -> i64 {
        let elapsed = i64::try_from(self.origin.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.start_ms.saturating_add(elapsed)
    }
}

/// A wall clock that moves only when told to.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `now_ms`.
    #[must_use]
    pub fn at(now_ms: i64) -> Self {
        Self(AtomicI64::new(now_ms))
    }

    /// Sets the clock, forwards or back.
    pub fn set(&self, now_ms: i64) {
        self.0.store(now_ms, Ordering::SeqCst);
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.0.fetch_add(by, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}
