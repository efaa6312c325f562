//! What a sidecar tells the others each minute: where the tier of each of its partitions stands, and what waits.
//!
//! One object for each node, replaced by its own sidecar alone. Whoever wants to know the tier of a whole cluster reads a
//! handful of objects instead of ten thousand manifests. A summary is a hint: what a partition has is in its manifest, and
//! of two summaries that tell of one partition the higher generation is the newer ([`merge()`]).

mod codec;
mod error;
mod merge;

pub use error::SummaryError;
pub use merge::{Newest, merge};

use crate::ids::{ByteCount, ClusterId, Incarnation, NodeId, Offset, TimestampMs, TopicIdPartition};

/// The most partitions that one summary tells of.
pub const MAX_SUMMARY_PARTITIONS: usize = 200_000;
/// The longest body before compression.
pub const MAX_SUMMARY_RAW: usize = 32 << 20;
/// The longest object.
pub const MAX_SUMMARY_BYTES: usize = 16 << 20;

/// What one node's sidecar tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSummary {
    /// The cluster.
    pub cluster_id: ClusterId,
    /// The broker's node id.
    pub node: NodeId,
    /// The run that wrote it.
    pub incarnation: Incarnation,
    /// Raised by one with each write of a run.
    pub sequence: u64,
    /// When it was written, by the writer's clock.
    pub written_at: TimestampMs,
    /// Its partitions, in order of topic id and partition, each once.
    pub partitions: Vec<PartitionSummary>,
}

/// What is told of one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionSummary {
    /// The partition.
    pub tip: TopicIdPartition,
    /// What its manifest said when this node read it last; `None` where it has none, or none was read yet.
    pub tier: Option<TierMarks>,
    /// One past the last offset that this node holds, in the log or in pins.
    pub held_end: Option<Offset>,
    /// The last commit bound told to this node.
    pub high_watermark: Option<Offset>,
    /// What the partition waits for, if for anything.
    pub waiting: Option<Waiting>,
    /// Bytes of its files that are pinned.
    pub pinned_bytes: ByteCount,
    /// Those of them that Kafka has deleted: only the pin keeps them.
    pub sole_link_bytes: ByteCount,
    /// Recorded gaps.
    pub gaps: u32,
    /// Dead branches.
    pub dead_branches: u32,
}

impl PartitionSummary {
    /// A partition of which nothing is known yet.
    pub const fn new(tip: TopicIdPartition) -> Self {
        Self {
            tip,
            tier: None,
            held_end: None,
            high_watermark: None,
            waiting: None,
            pinned_bytes: ByteCount::ZERO,
            sole_link_bytes: ByteCount::ZERO,
            gaps: 0,
            dead_branches: 0,
        }
    }
}

/// Where a partition's tier stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TierMarks {
    /// The manifest's generation.
    pub generation: u64,
    /// First offset of the oldest span.
    pub tier_start: Offset,
    /// First offset of the newest span: what proxies report as earliest. At or above the tier start.
    pub serving_start: Offset,
    /// One past the last offset. At or above the serving start.
    pub tier_end: Offset,
}

/// What a partition waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Waiting {
    /// The reason's stable code. Which codes there are, `offloader` says; here they are numbers, never 0.
    pub code: std::num::NonZeroU16,
    /// Since when, by the node's clock.
    pub since: TimestampMs,
}
