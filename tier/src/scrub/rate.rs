//! How fast to read: a pure function.

use std::collections::HashMap;

use firnline_index::ids::TopicIdPartition;

use super::ScrubSettings;

/// Never slower than this: a small tier is read in no time.
const LEAST: u64 = 64 << 10;

/// Stored bytes a second, and whether the limit makes it too slow. Partitions that were not visited yet count as much as
/// the others on average. A quarter more than needed: partitions grow while they are read, and processes are restarted.
pub(super) fn rate(
    settings: &ScrubSettings,
    partitions: usize,
    sizes: &HashMap<TopicIdPartition, u64>,
) -> (u64, bool) {
    let most = settings.most_bytes_per_second.max(1);
    if sizes.is_empty() {
        return (most.min(LEAST), false);
    }
    let known = sizes.values().fold(0_u128, |sum, size| sum + u128::from(*size));
    let all = known * partitions.max(1) as u128 / sizes.len() as u128;
    let needed = all * 5 / 4 / u128::from(settings.cover_within.as_secs().max(1)) + 1;
    let needed = u64::try_from(needed).unwrap_or(u64::MAX);
    (needed.max(LEAST).min(most), needed > most)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use firnline_index::{PartitionIndex, TopicId, TopicName};

    use super::*;

    fn sizes(bytes: &[u64]) -> HashMap<TopicIdPartition, u64> {
        let tip = |n: usize| TopicIdPartition {
            topic: TopicName::new("orders").unwrap(),
            topic_id: TopicId::from_bytes([1; 16]),
            partition: PartitionIndex::new(i32::try_from(n).unwrap()).unwrap(),
        };
        bytes.iter().enumerate().map(|(n, bytes)| (tip(n), *bytes)).collect()
    }

    #[test]
    fn as_fast_as_covering_all_in_time_takes_and_no_faster_than_allowed() {
        let settings = ScrubSettings {
            cover_within: Duration::from_secs(1_000),
            most_bytes_per_second: 10 << 20,
            of: crate::scrub::ScrubOf::Given,
        };
        assert_eq!(rate(&settings, 5, &sizes(&[])), (LEAST, false));
        assert_eq!(rate(&settings, 1, &sizes(&[1_000])), (LEAST, false));
        // 4,000 MiB known of half the partitions: 8,000 MiB in 1,000 s and a quarter more.
        let (rate_, slow) = rate(&settings, 4, &sizes(&[2_000 << 20, 2_000 << 20]));
        assert!((rate_ >> 20, slow) == (10, false) || slow, "{rate_}");
        let (rate_, slow) = rate(&settings, 2, &sizes(&[2_000 << 20, 2_000 << 20]));
        assert_eq!((rate_ >> 20, slow), (5, false));
        assert_eq!(rate(&settings, 1, &sizes(&[u64::MAX])), (10 << 20, true));
    }
}
