//! Which partition of which cluster a segment belongs to.

use super::{SegmentReadError, Trailer};
use crate::ids::{
    ByteCount, ClusterId, OffsetRange, PartitionIndex, SegmentUuid, TopicId, TopicIdPartition, TopicName,
};

/// Where a segment comes from. It stands in the segment itself, so that a bucket alone tells what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentOrigin {
    /// The cluster.
    pub cluster_id: ClusterId,
    /// The topic's name, for people.
    pub topic: TopicName,
    /// The topic's id.
    pub topic_id: TopicId,
    /// The partition.
    pub partition: PartitionIndex,
    /// The id of this upload.
    pub uuid: SegmentUuid,
}

impl SegmentOrigin {
    /// The partition that the segment belongs to.
    pub fn topic_id_partition(&self) -> TopicIdPartition {
        TopicIdPartition { topic: self.topic.clone(), topic_id: self.topic_id, partition: self.partition }
    }
}

/// What a reader knows of a segment before it opens it. `None` is not checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExpectedOrigin {
    /// The cluster.
    pub cluster_id: Option<ClusterId>,
    /// The topic's id.
    pub topic_id: Option<TopicId>,
    /// The partition.
    pub partition: Option<PartitionIndex>,
    /// The id of the upload.
    pub uuid: Option<SegmentUuid>,
    /// The offsets covered.
    pub range: Option<OffsetRange>,
    /// Bytes of all batches, raw.
    pub log_bytes: Option<ByteCount>,
}

impl ExpectedOrigin {
    pub(super) fn check_trailer(&self, trailer: &Trailer) -> Result<(), SegmentReadError> {
        same("cluster id", self.cluster_id.as_ref(), &trailer.cluster_id)?;
        same("topic id", self.topic_id.as_ref(), &trailer.topic_id)?;
        same("partition", self.partition.as_ref(), &trailer.partition)?;
        same("segment id", self.uuid.as_ref(), &trailer.uuid)
    }

    pub(super) fn check_contents(
        &self,
        range: OffsetRange,
        log_bytes: ByteCount,
    ) -> Result<(), SegmentReadError> {
        same("offset range", self.range.as_ref(), &range)?;
        same("raw length", self.log_bytes.as_ref(), &log_bytes)
    }
}

fn same<T: PartialEq + std::fmt::Display>(
    what: &'static str,
    expected: Option<&T>,
    found: &T,
) -> Result<(), SegmentReadError> {
    match expected {
        Some(expected) if expected != found => Err(SegmentReadError::Unexpected {
            what,
            expected: expected.to_string(),
            found: found.to_string(),
        }),
        _ => Ok(()),
    }
}
