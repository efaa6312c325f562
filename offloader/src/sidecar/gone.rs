//! What pins held that gave way to the reserve of free space.

use std::collections::BTreeMap;

use firnline_index::{OffsetRange, PartitionIndex, TopicId};

/// Ranges that are remembered for a partition; older ones are joined.
const RANGES: usize = 8;
/// Partitions that are not held and of which pins gave way; beyond it the ones with the smallest ids are left out. A log
/// dir's journal has no more lines than twice this.
const PARTITIONS: usize = 10_000;

/// The ranges of one partition.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct GoneRanges(Vec<OffsetRange>);

impl GoneRanges {
    pub(super) fn push(&mut self, range: OffsetRange) {
        if let [first, second, ..] = self.0[..]
            && self.0.len() == RANGES
        {
            let joined = OffsetRange::new(first.start().min(second.start()), first.end().max(second.end()));
            self.0.splice(0..2, joined);
        }
        self.0.push(range);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &OffsetRange> {
        self.0.iter()
    }
}

/// The ranges of partitions of which nothing is held now. The host tells each pin once, and at a start all that it has
/// noted: a partition may turn up only later, as its id is written late or it is brought back to this broker.
#[derive(Debug, Default)]
pub(super) struct GoneUnheld(BTreeMap<(TopicId, PartitionIndex), GoneRanges>);

impl GoneUnheld {
    pub(super) fn push(&mut self, topic_id: TopicId, partition: PartitionIndex, range: OffsetRange) {
        self.0.entry((topic_id, partition)).or_default().push(range);
        if self.0.len() > PARTITIONS {
            self.0.pop_first();
        }
    }

    /// Keeps what a partition had that is forgotten.
    pub(super) fn keep(&mut self, topic_id: TopicId, partition: PartitionIndex, ranges: GoneRanges) {
        for range in ranges.0 {
            self.push(topic_id, partition, range);
        }
    }

    pub(super) fn take(&mut self, topic_id: TopicId, partition: PartitionIndex) -> GoneRanges {
        self.0.remove(&(topic_id, partition)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use firnline_index::Offset;

    use super::*;

    fn range(start: i64, end: i64) -> OffsetRange {
        OffsetRange::new(Offset::new(start).unwrap(), Offset::new(end).unwrap()).unwrap()
    }

    #[test]
    fn many_ranges_are_joined_from_the_oldest_and_none_is_left_out() {
        let mut gone = GoneRanges::default();
        (0..20).for_each(|n| gone.push(range(n * 10, n * 10 + 5)));
        assert_eq!(gone.0.len(), RANGES);
        assert_eq!((gone.0[0], gone.0[RANGES - 1]), (range(0, 125), range(190, 195)));
    }

    #[test]
    fn what_is_not_held_is_bounded_and_taken_once() {
        let mut gone = GoneUnheld::default();
        for n in 0..=PARTITIONS {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&u64::try_from(n).unwrap().to_be_bytes());
            gone.push(TopicId::from_bytes(id), PartitionIndex::ZERO, range(0, 5));
        }
        assert_eq!(gone.0.len(), PARTITIONS);
        let (last, _) = *gone.0.last_key_value().unwrap().0;
        assert_eq!(gone.take(last, PartitionIndex::ZERO).iter().collect::<Vec<_>>(), [&range(0, 5)]);
        assert_eq!(gone.take(last, PartitionIndex::ZERO).iter().count(), 0);
    }
}
