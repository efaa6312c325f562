//! ListOffsets and OffsetForLeaderEpoch: where a log begins and ends, where a time is, where an epoch ended.

pub(crate) mod epochs;
pub(crate) mod list;
mod times;
mod wanted;

/// Partitions of one request that are looked at at once.
const READS: usize = 16;
