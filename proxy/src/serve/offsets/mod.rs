//! ListOffsets and OffsetForLeaderEpoch: where a log begins and ends, where a time is, where an epoch ended.

pub(crate) mod epochs;
pub(crate) mod list;
pub(crate) mod times;
mod wanted;

use std::time::Duration;

/// Partitions of one request that are looked at at once.
pub(crate) const READS: usize = 16;

/// How long a request is looked at where its client does not say, and at most: Java gives up after 30 seconds. What is not
/// found by then is answered for by an error, after which clients ask again.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
