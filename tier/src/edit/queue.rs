//! One commit at a time per partition, and not too soon after the last.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use firnline_index::TopicIdPartition;
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

/// Idle partitions are forgotten once so many are known.
const REMEMBERED: usize = 4096;

/// When the last put of a partition was made.
type Slot = Arc<tokio::sync::Mutex<Option<Instant>>>;

/// The queues of all partitions of a process.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    slots: Mutex<HashMap<TopicIdPartition, Slot>>,
}

/// The right to commit to one partition, until dropped.
#[derive(Debug)]
pub(super) struct Turn(OwnedMutexGuard<Option<Instant>>);

impl Queues {
    /// Waits until nobody else of this process commits to the partition and `interval` has passed since the last put.
    /// First come, first served. Cancel safe.
    pub(super) async fn turn(&self, tip: &TopicIdPartition, interval: Duration) -> Turn {
        let slot = {
            let mut slots = self.slots();
            if slots.len() >= REMEMBERED {
                slots.retain(|_, slot| !idle(slot, interval));
            }
            Arc::clone(slots.entry(tip.clone()).or_default())
        };
        let last = slot.lock_owned().await;
        if let Some(last) = *last {
            tokio::time::sleep_until(last + interval).await;
        }
        Turn(last)
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<TopicIdPartition, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether forgetting the slot changes nothing.
fn idle(slot: &Slot, interval: Duration) -> bool {
    Arc::strong_count(slot) == 1
        && slot.try_lock().is_ok_and(|last| last.is_none_or(|last| last.elapsed() >= interval))
}

impl Turn {
    /// Notes that a put is about to be made.
    pub(super) fn mark(&mut self) {
        *self.0 = Some(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use firnline_index::{PartitionIndex, TopicId, TopicName};

    use super::*;

    fn tip(partition: i32) -> TopicIdPartition {
        TopicIdPartition {
            topic: TopicName::new("orders").unwrap(),
            topic_id: TopicId::from_bytes([1; 16]),
            partition: PartitionIndex::new(partition).unwrap(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn puts_to_one_partition_keep_their_distance_and_others_do_not_wait() {
        let (queues, second) = (Queues::default(), Duration::from_secs(1));
        let begun = Instant::now();
        for _ in 0..3 {
            queues.turn(&tip(0), second).await.mark();
        }
        assert_eq!(begun.elapsed(), 2 * second);
        queues.turn(&tip(1), second).await.mark();
        assert_eq!(begun.elapsed(), 2 * second);
    }

    #[tokio::test(start_paused = true)]
    async fn one_at_a_time() {
        let queues = Queues::default();
        let tip = tip(0);
        let held = queues.turn(&tip, Duration::ZERO).await;
        let waiting = queues.turn(&tip, Duration::ZERO);
        tokio::pin!(waiting);
        assert!(tokio::time::timeout(Duration::from_secs(9), &mut waiting).await.is_err());
        drop(held);
        waiting.await;
    }

    #[tokio::test(start_paused = true)]
    async fn idle_partitions_are_forgotten() {
        let queues = Queues::default();
        for partition in 0..10_000 {
            queues.turn(&tip(partition), Duration::ZERO).await.mark();
        }
        assert!(queues.slots().len() <= REMEMBERED);
    }
}
