//! What a pass tells while it runs.

use std::fmt;

use firnline_index::{OffsetRange, TopicIdPartition};

/// Who is told how a pass goes on. Called from several threads; must be quick and must not block.
pub trait Progress: fmt::Debug + Send + Sync {
    /// The pass has found so many partitions and so many bytes in their sealed files.
    fn found(&self, partitions: usize, bytes: u64) {
        let _ = (partitions, bytes);
    }

    /// Bytes of the log were read for an upload.
    fn read(&self, tip: &TopicIdPartition, bytes: u64) {
        let _ = (tip, bytes);
    }

    /// A remote segment was uploaded and verified, but is not committed yet.
    fn uploaded(&self, tip: &TopicIdPartition, range: OffsetRange) {
        let _ = (tip, range);
    }

    /// Segments became part of the tier.
    fn committed(&self, tip: &TopicIdPartition, range: OffsetRange) {
        let _ = (tip, range);
    }

    /// The partition is through, whatever came of it.
    fn done(&self, tip: &TopicIdPartition) {
        let _ = tip;
    }
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {}
