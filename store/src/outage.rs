//! When the store last did not do its work for long, so that what did not happen meanwhile says nothing of anybody else.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::counts::RequestKind;
use crate::fault::FaultKind;

/// An operation that needed so long, and more than one attempt, was held up, however it ended. A request that fails now and
/// then, as with every store, does not count.
const HELD_UP: Duration = Duration::from_secs(10);

/// What is remembered of outages.
#[derive(Debug, Default)]
pub(crate) struct Outage(Mutex<Option<Instant>>);

impl Outage {
    /// An operation has ended.
    pub(crate) fn ended(&self, kind: RequestKind, began: Instant, attempts: u32, fault: Option<&FaultKind>) {
        let held_up = attempts > 1 && began.elapsed() >= HELD_UP;
        let refused = matches!(kind, RequestKind::Put | RequestKind::Create | RequestKind::Update)
            && matches!(fault, Some(FaultKind::Denied | FaultKind::Unauthenticated | FaultKind::Full));
        if held_up || refused {
            *self.last() = Some(Instant::now());
        }
    }

    /// How long ago an operation last ended so; `None` where none has.
    pub(crate) fn ago(&self) -> Option<Duration> {
        self.last().map(|last| last.elapsed())
    }

    fn last(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_took_long_and_what_is_refused_counts_and_a_single_failure_does_not() {
        let outage = Outage::default();
        let wait = |seconds| tokio::time::sleep(Duration::from_secs(seconds));
        let began = Instant::now();
        outage.ended(RequestKind::Update, began, 1, Some(&FaultKind::Overloaded));
        outage.ended(RequestKind::Delete, began, 1, Some(&FaultKind::Denied));
        wait(60).await;
        // A large transfer.
        outage.ended(RequestKind::Put, began, 1, None);
        assert_eq!(outage.ago(), None);
        outage.ended(RequestKind::Get, began, 3, None);
        wait(5).await;
        assert_eq!(outage.ago(), Some(Duration::from_secs(5)));
        outage.ended(RequestKind::Put, Instant::now(), 1, Some(&FaultKind::Full));
        assert_eq!(outage.ago(), Some(Duration::ZERO));
    }
}
