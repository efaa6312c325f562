use firnline_index::log_source::LogSource;
use firnline_index::{PartitionIndex, TopicId, TopicIdPartition, TopicName};
use proptest::prelude::*;

use super::*;
use crate::plan::Extent;

/// Batches as (base, end, epoch).
#[derive(Debug)]
struct Epochs(TopicIdPartition, Vec<(i64, i64, i32)>);

impl PartitionLog for Epochs {
    fn tip(&self) -> &TopicIdPartition {
        &self.0
    }

    fn extents(&self) -> Vec<Extent> {
        Vec::new()
    }

    fn open(&self, _: Offset, _: Option<Offset>) -> Result<Box<dyn LogSource>, SourceError> {
        unreachable!("only epochs are asked")
    }

    fn epoch_before(&self, at: Offset) -> Result<Option<LeaderEpoch>, SourceError> {
        let holding = self.1.iter().find(|(base, end, _)| *base < at.get() && at.get() <= *end);
        Ok(holding.map(|(_, _, epoch)| LeaderEpoch::new(*epoch).unwrap()))
    }

    fn epoch_from(&self, at: Offset) -> Result<Option<LeaderEpoch>, SourceError> {
        let next = self.1.iter().find(|(_, end, _)| *end > at.get());
        Ok(next.map(|(_, _, epoch)| LeaderEpoch::new(*epoch).unwrap()))
    }
}

proptest! {
    #[test]
    fn bisection_finds_what_the_headers_say(
        batches in prop::collection::vec((1..9_i64, 0..3_i32), 1..60),
        cut in 0..60_usize,
    ) {
        let (mut at, mut epoch) = (0, 1);
        let mut log = Vec::new();
        for (length, step) in batches {
            epoch += step / 2;
            log.push((at, at + length, epoch));
            at += length;
        }
        let cut = cut.min(log.len());
        let to = log.get(cut.wrapping_sub(1)).map_or(0, |batch| batch.1);
        let mut expected: Vec<EpochStart> = Vec::new();
        for (base, _, epoch) in &log[..cut] {
            if expected.last().is_none_or(|last| last.epoch.get() != *epoch) {
                let epoch = LeaderEpoch::new(*epoch).unwrap();
                expected.push(EpochStart { epoch, start: Offset::new(*base).unwrap() });
            }
        }
        let tip = TopicIdPartition {
            topic: TopicName::new("orders").unwrap(),
            topic_id: TopicId::from_bytes([1; 16]),
            partition: PartitionIndex::new(0).unwrap(),
        };
        let found = epochs_of(&Epochs(tip, log), Offset::ZERO, Offset::new(to).unwrap()).unwrap();
        prop_assert_eq!(found, Some(Lineage::new(expected).unwrap()));
    }
}
