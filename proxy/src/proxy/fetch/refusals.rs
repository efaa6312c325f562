//! Which partitions a broker has refused on one connection and not answered since.
//!
//! What all connections know of a log's start is told by whichever broker has answered last, and may be taken back by the next
//! one; what was refused here is likely to be refused here again.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use firnline_index::TopicId;
use tokio::time::Instant;

use crate::serve::fetch::TopicKey;

/// Partitions that are remembered at most. Of those of the tier all are forgotten beyond that: those of the newest answer come back
/// at once.
const REFUSALS: usize = 1000;

/// How long the others count as refused since the same moment.
const TOGETHER: Duration = Duration::from_secs(60);

/// Those of one connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Refusals(Arc<Mutex<Refused>>);

#[derive(Debug, Default)]
struct Refused {
    of_tier: HashSet<(TopicId, i32)>,
    /// Of topics that are not known to be in the tier, and since when.
    unfamiliar: BTreeMap<(TopicKey, i32), Instant>,
    /// Since when those are refused for which there is no room: all together, so that they are told at last.
    others: Option<Instant>,
}

impl Refusals {
    pub(crate) fn note(&self, topic: TopicId, partition: i32) {
        let mut refused = self.lock();
        if refused.of_tier.len() >= REFUSALS {
            refused.of_tier.clear();
        }
        refused.of_tier.insert((topic, partition));
    }

    /// The broker has answered it.
    pub(crate) fn forget(&self, topic: TopicId, partition: i32) {
        let mut refused = self.lock();
        // Nearly always: of what is hot nothing was refused.
        if !refused.of_tier.is_empty() {
            refused.of_tier.remove(&(topic, partition));
        }
    }

    pub(crate) fn has(&self, topic: TopicId, partition: i32) -> bool {
        self.lock().of_tier.contains(&(topic, partition))
    }

    /// Whether it is true that a partition of a topic that is not known to be in the tier has lost what was refused. It may have
    /// come to the tier since that was read, so that it is told only by a reading that began after it was refused first.
    pub(crate) fn is_none_of_tier(
        &self,
        topic: TopicKey,
        partition: i32,
        has_looked_since: impl FnOnce(Instant) -> bool,
    ) -> bool {
        let mut refused = self.lock();
        let (key, now) = ((topic, partition), Instant::now());
        refused.others = refused.others.filter(|since| now.saturating_duration_since(*since) < TOGETHER);
        let since = match (refused.unfamiliar.get(&key), refused.others) {
            // Room that others leave is none, or whoever takes it waits anew.
            (Some(since), _) => *since,
            (None, Some(since)) => since,
            (None, None) if refused.unfamiliar.len() < REFUSALS => {
                *refused.unfamiliar.entry(key.clone()).or_insert(now)
            }
            (None, None) => *refused.others.insert(now),
        };
        let is_sure = has_looked_since(since);
        if is_sure {
            refused.unfamiliar.remove(&key);
        }
        is_sure
    }

    fn lock(&self) -> MutexGuard<'_, Refused> {
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
        assert!(refusals.has(topic, 2499) && refusals.lock().of_tier.len() <= REFUSALS);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_known_is_refused_once_the_tier_was_read_behind_it() {
        let refusals = Refusals::default();
        let key = || TopicKey::Name("orders".into());
        let began = Instant::now();
        assert!(!refusals.is_none_of_tier(key(), 0, |since| since < began));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!refusals.is_none_of_tier(key(), 0, |since| since != began), "it is since the first time");
        assert!(refusals.is_none_of_tier(key(), 0, |since| since == began));
        assert!(refusals.is_none_of_tier(key(), 0, |since| since > began), "told once, it begins anew");
        for partition in 0..2500 {
            refusals.is_none_of_tier(key(), partition, |_| false);
        }
        assert!(refusals.lock().unfamiliar.len() <= REFUSALS);
        // Those without room wait for the same reading, and are told by it, however often they are refused meanwhile.
        tokio::time::advance(Duration::from_secs(3)).await;
        let read_at = Instant::now();
        tokio::time::advance(Duration::from_secs(1)).await;
        let told = (0..2500)
            .filter(|partition| refusals.is_none_of_tier(key(), *partition, |since| since < read_at));
        assert_eq!(told.count(), 2500);
    }
}
