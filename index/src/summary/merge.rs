//! One picture from several summaries.

use std::collections::BTreeMap;

use super::{NodeSummary, TierMarks};
use crate::ids::{NodeId, PartitionIndex, TopicId, TopicIdPartition};

/// The newest that any node tells of a partition's tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newest {
    /// The partition.
    pub tip: TopicIdPartition,
    /// Where its tier stands.
    pub marks: TierMarks,
    /// Who tells so.
    pub node: NodeId,
}

/// The newest marks of each partition: those with the highest generation, whoever tells them and whenever they were
/// written, for a generation is never given twice and clocks differ. Partitions without a manifest are left out.
pub fn merge<'a>(
    summaries: impl IntoIterator<Item = &'a NodeSummary>,
) -> BTreeMap<(TopicId, PartitionIndex), Newest> {
    let mut newest: BTreeMap<(TopicId, PartitionIndex), Newest> = BTreeMap::new();
    for summary in summaries {
        for partition in &summary.partitions {
            let Some(marks) = partition.tier else { continue };
            let key = (partition.tip.topic_id, partition.tip.partition);
            let newer = newest.get(&key).is_none_or(|known| known.marks.generation < marks.generation);
            if newer {
                newest.insert(key, Newest { tip: partition.tip.clone(), marks, node: summary.node });
            }
        }
    }
    newest
}
