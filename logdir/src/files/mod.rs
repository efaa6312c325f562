//! The small files in a log directory, from bytes to values. No file is opened here, so that tests and fuzz targets
//! reach every line.

mod checkpoint;
mod meta;
mod name;
mod partition_metadata;
mod producer_snapshot;
mod properties;

pub use checkpoint::{CheckpointError, LeaderEpochEntry, OffsetEntry, leader_epochs, offsets};
pub use meta::{MetaError, MetaProperties};
pub use name::{DirName, FileName, SegmentFileKind};
pub use partition_metadata::{PartitionMetadataError, partition_metadata};
pub use producer_snapshot::{SnapshotError, open_transactions, snapshot_of_open};

/// No small file of a broker is longer; a checkpoint of 100,000 partitions has about 27 MB with the longest names.
pub(crate) const MAX_LEN: u64 = 64 << 20;

#[cfg(test)]
mod tests;
