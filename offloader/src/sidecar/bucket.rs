//! Token buckets: so much a second, at most one second's worth at once. What was taken may lie below zero; then nothing
//! more is given until it has filled up again, so that one large upload is not refused for being larger than the bucket.

use tokio::time::Instant;

/// One bucket.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    per_second: u64,
    /// What is there, in thousandths, so that slow rates lose nothing to rounding.
    level_milli: i128,
    filled_at: Instant,
}

impl Bucket {
    /// A full bucket.
    pub(super) fn new(per_second: u64, now: Instant) -> Self {
        Self { per_second, level_milli: i128::from(per_second) * 1000, filled_at: now }
    }

    /// Whether anything may be taken.
    pub(super) fn is_open(&mut self, now: Instant) -> bool {
        let elapsed =
            i128::try_from(now.saturating_duration_since(self.filled_at).as_millis()).unwrap_or(i128::MAX);
        let full = i128::from(self.per_second) * 1000;
        self.level_milli =
            self.level_milli.saturating_add(elapsed.saturating_mul(self.per_second.into())).min(full);
        self.filled_at = now;
        self.level_milli > 0
    }

    /// Takes `amount`, whether it is there or not.
    pub(super) fn take(&mut self, amount: u64) {
        self.level_milli = self.level_milli.saturating_sub(i128::from(amount) * 1000);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn over_a_long_time_no_more_is_given_than_the_rate() {
        let begun = Instant::now();
        let mut bucket = Bucket::new(100, begun);
        let mut taken = 0;
        while begun.elapsed() < Duration::from_secs(100) {
            if bucket.is_open(Instant::now()) {
                bucket.take(250);
                taken += 250;
            }
            tokio::time::advance(Duration::from_millis(70)).await;
        }
        assert!((9_500..=10_500).contains(&taken), "{taken}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_not_used_does_not_pile_up() {
        let mut bucket = Bucket::new(10, Instant::now());
        tokio::time::advance(Duration::from_secs(1000)).await;
        for _ in 0..10 {
            assert!(bucket.is_open(Instant::now()));
            bucket.take(1);
        }
        assert!(!bucket.is_open(Instant::now()));
    }
}
