//! How far a group has read: what the store has, and what waits to be written.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use firnline_index::group::{MAX_GROUP_BYTES, Position, SavedLook, TopicPositions};
use firnline_index::{PartitionIndex, TopicId, TopicName};

use crate::serve::kafka_error::KafkaError;

/// What a position takes in the object besides its metadata, at most.
const POSITION_BYTES: usize = 256;
/// What a topic takes there besides its positions.
const TOPIC_BYTES: usize = 512;
/// A character may take this many bytes in JSON.
const ESCAPED: usize = 6;

/// A position to keep; `None` forgets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) topic: TopicName,
    pub(crate) topic_id: TopicId,
    pub(crate) partition: PartitionIndex,
    pub(crate) position: Option<Position>,
}

/// What tells a change's outcome: all changes that are written together share one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ticket(Arc<OnceLock<Result<(), KafkaError>>>);

impl Ticket {
    /// What came of it; `None` as long as nothing has.
    pub(crate) fn outcome(&self) -> Option<Result<(), KafkaError>> {
        self.0.get().copied()
    }
}

/// By topic.
pub(crate) type Topics = BTreeMap<TopicId, TopicPositions>;

/// Changes are counted; a write holds all up to one.
pub(crate) type Sequence = u64;

/// The positions of a group.
#[derive(Debug, Default)]
pub(crate) struct Positions {
    durable: Topics,
    pending: BTreeMap<(TopicId, PartitionIndex), (Sequence, Change)>,
    saved: Option<SavedLook>,
    last: Sequence,
    /// Of changes that are in no write yet.
    open: Ticket,
    /// Of changes in a write under way, or in one that was dropped half way.
    sealed: Vec<Ticket>,
}

impl Positions {
    /// The store has these, and nothing waits any more: who waited is told why.
    pub(crate) fn reset(&mut self, durable: Topics, saved: Option<SavedLook>, error: KafkaError) {
        self.fail(error);
        self.rebase(durable, saved);
    }

    /// The store has turned out to hold these, below what still waits.
    pub(crate) fn rebase(&mut self, durable: Topics, saved: Option<SavedLook>) {
        (self.durable, self.saved) = (durable, saved);
    }

    /// What is known to be kept.
    pub(crate) const fn durable(&self) -> &Topics {
        &self.durable
    }

    /// Whether it was looked for saved positions.
    pub(crate) const fn saved(&self) -> Option<SavedLook> {
        self.saved
    }

    /// Takes changes; what tells their outcome, or `None` where the store has them already.
    pub(crate) fn add(&mut self, changes: Vec<Change>) -> Result<Option<Ticket>, KafkaError> {
        if changes.iter().all(|change| self.has(change)) {
            return Ok(None);
        }
        let more: usize = changes.iter().map(|change| TOPIC_BYTES + bytes(change.position.as_ref())).sum();
        if self.bytes().saturating_add(more) > MAX_GROUP_BYTES {
            return Err(KafkaError::InvalidCommitOffsetSize);
        }
        self.last += 1;
        for change in changes {
            self.pending.insert((change.topic_id, change.partition), (self.last, change));
        }
        Ok(Some(self.open.clone()))
    }

    fn has(&self, change: &Change) -> bool {
        let key = (change.topic_id, change.partition);
        let kept =
            self.durable.get(&change.topic_id).and_then(|topic| topic.partitions.get(&change.partition));
        let same = match (kept, &change.position) {
            (None, None) => true,
            // The time alone is not worth a write.
            (Some(kept), Some(wanted)) => *kept == Position { at: kept.at, ..wanted.clone() },
            _ => false,
        };
        same && !self.pending.contains_key(&key)
    }

    /// Everything that is to be kept, for a write that is about to be made, and the last change in it.
    pub(crate) fn batch(&mut self) -> (Sequence, Topics) {
        self.sealed.push(std::mem::take(&mut self.open));
        let mut topics = self.durable.clone();
        for (_, change) in self.pending.values() {
            let topic = topics.entry(change.topic_id).or_insert_with(|| TopicPositions {
                topic: change.topic.clone(),
                partitions: BTreeMap::new(),
            });
            match &change.position {
                Some(position) => {
                    topic.partitions.insert(change.partition, position.clone());
                }
                None => {
                    topic.partitions.remove(&change.partition);
                }
            }
        }
        topics.retain(|_, topic| !topic.partitions.is_empty());
        (self.last, topics)
    }

    /// The changes up to one are written.
    pub(crate) fn is_written(&mut self, last: Sequence, topics: Topics) {
        self.durable = topics;
        self.pending.retain(|_, (sequence, _)| *sequence > last);
        for ticket in self.sealed.drain(..) {
            // Only here and in `fail`, behind one lock: never twice.
            let _ = ticket.0.set(Ok(()));
        }
    }

    /// All changes up to now are given up.
    pub(crate) fn fail(&mut self, error: KafkaError) {
        self.pending.clear();
        for ticket in self.sealed.drain(..).chain([std::mem::take(&mut self.open)]) {
            let _ = ticket.0.set(Err(error));
        }
    }

    /// At most so many bytes are taken in the object, and about as many in memory.
    pub(crate) fn bytes(&self) -> usize {
        let topic = |topic: &TopicPositions| {
            TOPIC_BYTES + topic.partitions.values().map(|position| bytes(Some(position))).sum::<usize>()
        };
        let durable: usize = self.durable.values().map(topic).sum();
        let pending = self.pending.values().map(|(_, change)| TOPIC_BYTES + bytes(change.position.as_ref()));
        durable + pending.sum::<usize>()
    }
}

fn bytes(position: Option<&Position>) -> usize {
    POSITION_BYTES + position.map_or(0, |position| ESCAPED * position.metadata.len())
}

#[cfg(test)]
mod tests {
    use firnline_index::{Offset, TimestampMs};

    use super::*;

    fn change(partition: i32, offset: Option<i64>, at: i64) -> Change {
        let position = offset.map(|offset| Position {
            offset: Offset::new(offset).expect("an offset"),
            leader_epoch: None,
            metadata: String::new(),
            at: TimestampMs::new(at).expect("a time"),
        });
        Change {
            topic: TopicName::new("orders").expect("a name"),
            topic_id: TopicId::from_bytes([7; 16]),
            partition: PartitionIndex::new(partition).expect("a partition"),
            position,
        }
    }

    fn offsets(topics: &Topics) -> Vec<(i32, i64)> {
        let all = topics.values().flat_map(|topic| &topic.partitions);
        all.map(|(partition, position)| (partition.get(), position.offset.get())).collect()
    }

    fn add(positions: &mut Positions, changes: Vec<Change>) -> Ticket {
        positions.add(changes).expect("room").expect("something to write")
    }

    #[test]
    fn changes_are_written_together_and_told_when_they_are() {
        let mut positions = Positions::default();
        let first = add(&mut positions, vec![change(0, Some(5), 1), change(1, Some(6), 1)]);
        let second = add(&mut positions, vec![change(0, Some(7), 2)]);
        let (last, topics) = positions.batch();
        assert_eq!(offsets(&topics), [(0, 7), (1, 6)]);
        let third = add(&mut positions, vec![change(1, Some(9), 3)]);
        assert_eq!([&first, &second, &third].map(Ticket::outcome), [None, None, None]);
        positions.is_written(last, topics);
        assert_eq!([&first, &second, &third].map(Ticket::outcome), [Some(Ok(())), Some(Ok(())), None]);
        assert_eq!(offsets(positions.durable()), [(0, 7), (1, 6)]);
        assert_eq!(offsets(&positions.batch().1), [(0, 7), (1, 9)]);
    }

    #[test]
    fn a_write_that_was_dropped_half_way_is_in_the_next_one() {
        let mut positions = Positions::default();
        let first = add(&mut positions, vec![change(0, Some(5), 1)]);
        let _ = positions.batch();
        let second = add(&mut positions, vec![change(1, Some(6), 1)]);
        let (last, topics) = positions.batch();
        assert_eq!(offsets(&topics), [(0, 5), (1, 6)]);
        positions.is_written(last, topics);
        assert_eq!([&first, &second].map(Ticket::outcome), [Some(Ok(())), Some(Ok(()))]);
    }

    #[test]
    fn what_the_store_has_is_not_written_again() {
        let mut positions = Positions::default();
        let first = add(&mut positions, vec![change(0, Some(5), 1)]);
        // It waits: who commits the same waits along.
        let same = add(&mut positions, vec![change(0, Some(5), 2)]);
        let (last, topics) = positions.batch();
        positions.is_written(last, topics);
        assert_eq!([first, same].map(|ticket| ticket.outcome()), [Some(Ok(())); 2]);
        assert!(positions.add(vec![change(0, Some(5), 9)]).expect("room").is_none());
        assert!(positions.add(vec![change(1, None, 9)]).expect("room").is_none());
        add(&mut positions, vec![change(0, Some(5), 9), change(1, Some(1), 9)]);
        // Going back is a change as any other.
        add(&mut positions, vec![change(0, Some(4), 9)]);
        add(&mut positions, vec![change(0, None, 9)]);
        assert_eq!(offsets(&positions.batch().1), [(1, 1)]);
    }

    #[test]
    fn a_failure_is_told_to_all_that_wait_and_kept_by_nobody() {
        let mut positions = Positions::default();
        let first = add(&mut positions, vec![change(0, Some(5), 1)]);
        let _ = positions.batch();
        let second = add(&mut positions, vec![change(0, Some(6), 1)]);
        positions.fail(KafkaError::CoordinatorNotAvailable);
        for ticket in [first, second] {
            assert_eq!(ticket.outcome(), Some(Err(KafkaError::CoordinatorNotAvailable)));
        }
        let third = add(&mut positions, vec![change(1, Some(5), 1)]);
        assert_eq!(third.outcome(), None);
        assert_eq!(offsets(&positions.batch().1), [(1, 5)]);
    }

    #[test]
    fn there_is_no_more_than_the_object_holds() {
        let mut positions = Positions::default();
        let mut large = change(0, Some(5), 1);
        if let Some(position) = &mut large.position {
            position.metadata = "x".repeat(MAX_GROUP_BYTES / ESCAPED);
        }
        assert_eq!(positions.add(vec![large]).expect_err("no room"), KafkaError::InvalidCommitOffsetSize);
        add(&mut positions, vec![change(0, Some(5), 1)]);
    }
}
