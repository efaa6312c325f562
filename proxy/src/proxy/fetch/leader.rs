//! Where logs end, as the broker of a connection was asked right ahead of a fetch.

use std::collections::HashMap;

use crate::serve::kafka_error::KafkaError;
use crate::wire::messages::list_offsets::ListOffsetsResponse;

/// What the broker of this connection has said of where a partition's log ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leader {
    /// It was not asked.
    NotAsked,
    /// It could not say.
    Silent,
    /// It does not lead the partition.
    Elsewhere,
    /// It leads it, and all below this is committed.
    Ends(i64),
}

/// The answers for the partitions of one fetch, by the names of topics: a broker that refuses an offset of a topic by its id
/// has told of that topic under its name.
#[derive(Debug, Default)]
pub(crate) struct Ends(HashMap<String, HashMap<i32, Leader>>);

impl Ends {
    pub(crate) fn of(answer: &ListOffsetsResponse<'_>) -> Self {
        let mut ends = Self::default();
        for topic in &answer.topics {
            let of = ends.0.entry(topic.name.to_owned()).or_default();
            for told in &topic.partitions {
                let leader = match told.error_code.value {
                    0 => Leader::Ends(told.offset.value),
                    code if code == KafkaError::NotLeaderOrFollower.code() => Leader::Elsewhere,
                    _ => Leader::Silent,
                };
                of.insert(told.partition_index, leader);
            }
        }
        ends
    }

    pub(crate) fn leader(&self, topic: &str, partition: i32) -> Leader {
        self.0.get(topic).and_then(|of| of.get(&partition)).copied().unwrap_or(Leader::NotAsked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::At;
    use crate::wire::messages::list_offsets::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse};

    #[test]
    fn each_partition_has_its_own_answer() {
        let told = |partition_index, code, offset| ListOffsetsPartitionResponse {
            partition_index,
            error_code: At::new(code),
            offset: At::new(offset),
            ..ListOffsetsPartitionResponse::default()
        };
        let partitions = vec![told(0, 0, 20), told(1, 6, -1), told(2, 78, -1)].into();
        let topics = vec![ListOffsetsTopicResponse { name: "orders", partitions }].into();
        let ends = Ends::of(&ListOffsetsResponse { topics, ..ListOffsetsResponse::default() });
        let of = |partition| ends.leader("orders", partition);
        assert_eq!([of(0), of(1), of(2)], [Leader::Ends(20), Leader::Elsewhere, Leader::Silent]);
        assert_eq!((of(3), ends.leader("others", 0)), (Leader::NotAsked, Leader::NotAsked));
    }
}
