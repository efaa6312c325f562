//! The partition of `__remote_log_metadata` in which a broker looks for what concerns a partition
//! (`RemoteLogMetadataTopicPartitioner`).

use crate::ids::TopicIdPartition;

/// The partition among `partitions`, of which there must be one at least.
#[must_use]
pub fn metadata_partition(tip: &TopicIdPartition, partitions: std::num::NonZeroU16) -> u16 {
    let id = tip.topic_id.as_bytes();
    // `Objects.hash(least significant bits, most significant bits, partition)`.
    let hash = [hash_of_half(id, 1), hash_of_half(id, 0), tip.partition.get()]
        .into_iter()
        .fold(1_i32, |hash, part| hash.wrapping_mul(31).wrapping_add(part));
    let positive = murmur2(hash.to_be_bytes()) & 0x7fff_ffff;
    let partition = positive % u32::from(partitions.get());
    u16::try_from(partition).unwrap_or_else(|_| unreachable!("it is a rest of a smaller number"))
}

/// Half of an id as Java's `Long.hashCode` hashes it: its two halves, one over the other.
fn hash_of_half(id: &[u8; 16], half: usize) -> i32 {
    let word = |at: usize| i32::from_be_bytes(std::array::from_fn(|i| id[half * 8 + at * 4 + i]));
    word(0) ^ word(1)
}

/// Kafka's murmur2 of four bytes.
fn murmur2(bytes: [u8; 4]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let k = u32::from_le_bytes(bytes).wrapping_mul(M);
    let k = (k ^ (k >> 24)).wrapping_mul(M);
    let mut hash = (0x9747_b28c_u32 ^ 4).wrapping_mul(M) ^ k;
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use super::*;
    use crate::ids::{PartitionIndex, TopicId, TopicName};

    /// As `RemoteLogMetadataTopicPartitioner` of Kafka 4.3.1 says.
    #[test]
    fn brokers_look_in_the_same_partition() {
        let told: [(u128, i32, u16, u16); 5] = [
            (0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10, 7, 18, 1),
            (0xbb1a_d573_19b8_9cd8_68fb_0e6f_684d_f992, 254, 9, 2),
            (0x0946_b8f0_552c_f1e5_a8ab_85dc_f7be_d9d5, 748, 24, 1),
            (0x0190_e572_2719_b812_f6b5_5bba_28da_1b7e, 562, 6, 2),
            (0x8dd7_aee3_f27b_5db1_e934_0cfb_efe4_9da9, 189, 49, 0),
        ];
        for (id, partition, of_50, of_3) in told {
            let tip = TopicIdPartition {
                topic: TopicName::new("orders").unwrap(),
                topic_id: TopicId::from_bytes(id.to_be_bytes()),
                partition: PartitionIndex::new(partition).unwrap(),
            };
            assert_eq!(metadata_partition(&tip, NonZeroU16::new(50).unwrap()), of_50);
            assert_eq!(metadata_partition(&tip, NonZeroU16::new(3).unwrap()), of_3);
        }
    }
}
