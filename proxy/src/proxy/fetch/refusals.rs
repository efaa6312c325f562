//! Which partitions a broker has refused on one connection and not answered since.
//!
//! What all connections know of a log's start is told by whichever broker has answered last, and may be taken back by the next
//! one; what was refused here is likely to be refused here again.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use firnline_index::TopicId;

/// Partitions that are remembered at most. Beyond that all are forgotten: those of the newest answer come back at once.
const REFUSALS: usize = 1000;

/// Those of one connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Refusals(Arc<Mutex<HashSet<(TopicId, i32)>>>);

impl Refusals {
    pub(crate) fn note(&self, topic: TopicId, partition: i32) {
        let mut refused = self.lock();
        if refused.len() >= REFUSALS {
            refused.clear();
        }
        refused.insert((topic, partition));
    }

    /// The broker has answered it.
    pub(crate) fn forget(&self, topic: TopicId, partition: i32) {
        self.lock().remove(&(topic, partition));
    }

    pub(crate) fn has(&self, topic: TopicId, partition: i32) -> bool {
        self.lock().contains(&(topic, partition))
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<(TopicId, i32)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_refused_is_known_until_it_is_answered_and_never_too_much_of_it() {
        let (refusals, topic) = (Refusals::default(), TopicId::from_bytes([7; 16]));
        refusals.note(topic, 3);
        assert!(refusals.has(topic, 3) && !refusals.has(topic, 4));
        refusals.forget(topic, 3);
        assert!(!refusals.has(topic, 3));
        for partition in 0..2500 {
            refusals.note(topic, partition);
        }
        assert!(refusals.has(topic, 2499) && refusals.lock().len() <= REFUSALS);
    }
}
