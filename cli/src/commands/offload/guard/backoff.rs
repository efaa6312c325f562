//! How long to wait before the next worker.

use std::time::Duration;

/// The first wait, at most.
const FIRST: Duration = Duration::from_secs(1);
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(60);
/// A worker that lived this long did its work: what ended it is a new matter.
const SETTLED: Duration = Duration::from_secs(300);

/// Waits that double with each worker that ends soon after it began, up to a minute.
#[derive(Debug, Default)]
pub struct Backoff {
    soon: u32,
}

impl Backoff {
    /// The wait after a worker that lived for `lived`: between half of the full wait and all of it, by `chance`, so that the
    /// workers of many brokers that lost the same store do not come back as one.
    pub fn after(&mut self, lived: Duration, chance: u64) -> Duration {
        if lived >= SETTLED {
            self.soon = 0;
        }
        let full = FIRST.saturating_mul(1 << self.soon.min(6)).min(LONGEST);
        self.soon = self.soon.saturating_add(1);
        let half = full / 2;
        let spread = u64::try_from(half.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
        half + Duration::from_millis(chance % spread)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_minute_and_begin_anew_after_a_long_life() {
        let mut backoff = Backoff::default();
        let soon = Duration::from_secs(2);
        let waits: Vec<u128> = (0..9).map(|_| backoff.after(soon, u64::MAX - 1).as_millis()).collect();
        assert!(waits[0] <= 1_000 && waits[1] > waits[0], "{waits:?}");
        assert!(waits.windows(2).all(|pair| pair[1] + 30_000 >= pair[0]), "{waits:?}");
        assert!(waits[8] >= 30_000 && waits[8] <= 60_000, "{waits:?}");
        assert!(backoff.after(SETTLED, 0) <= FIRST);
    }

    #[test]
    fn chance_stays_within_the_upper_half() {
        for chance in [0, 1, 499, 500, 501, u64::MAX] {
            let wait = Backoff::default().after(Duration::ZERO, chance);
            assert!(wait >= FIRST / 2 && wait <= FIRST, "{chance}: {wait:?}");
        }
    }
}
