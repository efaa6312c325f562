//! A byte budget: the one limit under which all buffers of a kind are held, however many partitions are at work.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes per permit of the semaphore beneath: its counts are 32 bits wide, budgets are not.
const UNIT: u64 = 4096;

/// A limit in bytes, shared by cloning. First come, first served.
///
/// Holding a reservation while waiting for another one of the same budget can deadlock; reserve all that a step needs in
/// one call, and let a holder finish without reserving more.
#[derive(Clone, Debug)]
pub struct ByteBudget {
    semaphore: Arc<Semaphore>,
    units: u32,
}

/// Bytes taken out of a budget; they go back when this is dropped.
#[derive(Debug)]
pub struct Reservation {
    bytes: u64,
    permit: OwnedSemaphorePermit,
}

impl ByteBudget {
    /// A budget of `bytes`, rounded up to whole pages of 4 KiB, at least one page and at most 2 TiB.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        let most = u64::from(u32::MAX >> 3);
        let units = u32::try_from(bytes.div_ceil(UNIT).clamp(1, most)).expect("clamped to 29 bits");
        Self { semaphore: Arc::new(Semaphore::new(units as usize)), units }
    }

    /// The whole budget in bytes.
    #[must_use]
    pub fn total(&self) -> u64 {
        u64::from(self.units) * UNIT
    }

    /// Bytes free right now: for metrics, not for decisions.
    #[must_use]
    pub fn available(&self) -> u64 {
        self.semaphore.available_permits() as u64 * UNIT
    }

    /// Waits until `bytes` are free and takes them. A wish larger than the whole budget is granted when all of it is
    /// free, so that one large item passes alone instead of never. Cancel safe: a dropped wait takes nothing.
    pub async fn reserve(&self, bytes: u64) -> Reservation {
        let permit = Arc::clone(&self.semaphore)
            .acquire_many_owned(self.units_for(bytes))
            .await
            .expect("the semaphore is never closed");
        Reservation { bytes, permit }
    }

    /// Takes `bytes` if they are free now, else `None`.
    #[must_use]
    pub fn try_reserve(&self, bytes: u64) -> Option<Reservation> {
        let permit = Arc::clone(&self.semaphore).try_acquire_many_owned(self.units_for(bytes)).ok()?;
        Some(Reservation { bytes, permit })
    }

    fn units_for(&self, bytes: u64) -> u32 {
        u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).min(self.units)
    }
}

impl Reservation {
    /// The bytes asked for.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Gives back what it holds beyond `bytes`.
    pub fn shrink_to(&mut self, bytes: u64) {
        let needed = usize::try_from(bytes.div_ceil(UNIT)).unwrap_or(usize::MAX);
        let surplus = self.permit.num_permits().saturating_sub(needed);
        // What is split off goes back as it is dropped.
        drop(self.permit.split(surplus));
        self.bytes = self.bytes.min(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn waits_until_bytes_come_back() {
        let budget = ByteBudget::new(16 * 4096);
        let first = budget.reserve(12 * 4096).await;
        assert_eq!(budget.available(), 4 * 4096);
        assert!(budget.try_reserve(5 * 4096).is_none());
        let waiting = budget.reserve(5 * 4096);
        tokio::pin!(waiting);
        assert!(tokio::time::timeout(Duration::from_secs(1), &mut waiting).await.is_err());
        drop(first);
        assert_eq!(waiting.await.bytes(), 5 * 4096);
        assert_eq!(budget.available(), budget.total());
    }

    #[tokio::test]
    async fn a_wish_larger_than_the_budget_passes_alone() {
        let budget = ByteBudget::new(10_000);
        assert_eq!(budget.total(), 12_288);
        let all = budget.reserve(u64::MAX).await;
        assert_eq!(budget.available(), 0);
        drop(all);
        assert_eq!(budget.available(), budget.total());
    }

    #[tokio::test]
    async fn what_is_not_needed_any_more_goes_back_and_never_more() {
        let budget = ByteBudget::new(16 * 4096);
        let mut held = budget.reserve(12 * 4096).await;
        held.shrink_to(5 * 4096 + 1);
        assert_eq!((held.bytes(), budget.available()), (5 * 4096 + 1, 10 * 4096));
        held.shrink_to(u64::MAX);
        assert_eq!((held.bytes(), budget.available()), (5 * 4096 + 1, 10 * 4096));
        held.shrink_to(0);
        assert_eq!((held.bytes(), budget.available()), (0, budget.total()));
        drop(held);
        assert_eq!(budget.available(), budget.total());
    }

    #[test]
    fn extremes_do_not_overflow() {
        assert_eq!(ByteBudget::new(0).total(), 4096);
        assert!(ByteBudget::new(u64::MAX).total() > 1 << 40);
    }
}
