//! What a sidecar tells of itself: one line per partition, and sums.

use std::sync::Arc;
use std::time::Duration;

use firnline_index::{Offset, TopicIdPartition, TopicName};

use super::WaitReason;
use crate::cluster::{Leader, OpenProducer};

/// Everything at one moment. Taking it makes no request.
#[derive(Debug, Clone, Default)]
pub struct Status {
    /// One per partition that is held here, in order of topic and partition.
    pub partitions: Vec<PartitionStatus>,
    /// Sums.
    pub totals: StatusTotals,
    /// Whether a disk is under pressure.
    pub pressure: bool,
    /// What kept the host from being looked at last; `None` where it was.
    pub host_error: Option<Arc<str>>,
    /// What kept the cluster from answering last; `None` where it did.
    pub cluster_error: Option<Arc<str>>,
    /// Topics held here of which segments are sealed, by name.
    pub encrypted: Vec<TopicName>,
}

/// One partition.
#[derive(Debug, Clone)]
pub struct PartitionStatus {
    /// The partition.
    pub tip: TopicIdPartition,
    /// Its leader, as last told.
    pub leader: Option<Leader>,
    /// Whether the broker beside this sidecar leads it.
    pub leads: bool,
    /// Where the tier starts, as far as is known here.
    pub tier_start: Option<Offset>,
    /// Where the newest span starts.
    pub serving_start: Option<Offset>,
    /// Where the tier ends.
    pub tier_end: Option<Offset>,
    /// The last high watermark told.
    pub high_watermark: Option<Offset>,
    /// The last log start told.
    pub log_start: Option<Offset>,
    /// Sealed bytes held here that the tier does not have.
    pub lag_bytes: u64,
    /// Sealed files held here that the tier does not have.
    pub lag_segments: u64,
    /// How long ago the oldest of them was last written.
    pub lag: Duration,
    /// For how long committed records have been known that the tier lacks, those of the file still written included: what
    /// the loss of all brokers would take, as far as it was asked.
    pub exposed: Duration,
    /// Bytes that pins keep.
    pub pinned_bytes: u64,
    /// Bytes that pins alone keep.
    pub sole_link_bytes: u64,
    /// Recorded gaps in the manifest, as last read.
    pub gaps: u32,
    /// Dead branches in the manifest, as last read.
    pub dead_branches: u32,
    /// Why nothing more is done now.
    pub wait: WaitReason,
    /// Whether it is being worked on now.
    pub acting: bool,
    /// The last thing that went wrong, until something goes right.
    pub last_error: Option<Arc<str>>,
    /// Transactions that have been open for too long.
    pub hanging: Vec<OpenProducer>,
}

/// Sums over all partitions, and counts since this sidecar started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StatusTotals {
    /// Sealed bytes not in the tier, over partitions that are led here.
    pub lag_bytes: u64,
    /// Sealed files not in the tier, over partitions that are led here.
    pub lag_segments: u64,
    /// The longest lag of a partition that is led here.
    pub lag_max: Duration,
    /// The longest that a partition which is led here has been exposed: the recovery point of the bucket.
    pub exposed_max: Duration,
    /// Bytes that pins keep.
    pub pinned_bytes: u64,
    /// Bytes that pins alone keep.
    pub sole_link_bytes: u64,
    /// Counts.
    pub counts: Counts,
}

/// What was done since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Segments committed.
    pub segments_committed: u64,
    /// Raw bytes of them.
    pub bytes_committed: u64,
    /// Segments that were uploaded and not committed, by why.
    pub thrown: Thrown,
    /// Claims that landed.
    pub claims: u64,
    /// Cuts that landed.
    pub cuts: u64,
    /// Gaps recorded.
    pub gaps: u64,
    /// Pins released.
    pub pins_released: u64,
    /// Pins dropped that lay off the leader's lineage and were never known committed.
    pub pins_dropped: u64,
    /// Pins that gave way to the reserve.
    pub pins_gave_way: u64,
    /// Objects deleted: retired, or named by nothing.
    pub objects_deleted: u64,
    /// Their bytes.
    pub bytes_deleted: u64,
    /// Findings of the scrub that are damage.
    pub scrub_findings: u64,
    /// Segments committed for a partition that another broker leads.
    pub takeovers: u64,
}

/// Finished uploads that were thrown away, by why: there is no other reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Thrown {
    /// The log changed while it was read.
    pub changed: u64,
    /// What was uploaded is not committed yet, or is not the leader's history.
    pub unproven: u64,
    /// The leader moved, or did not answer, before the bound was told.
    pub bound: u64,
    /// Somebody else committed first.
    pub tier_end_moved: u64,
    /// Garbage was collected meanwhile.
    pub collected: u64,
    /// The lineage or the open transactions changed meanwhile.
    pub history: u64,
    /// A later leader has claimed the partition.
    pub claimed: u64,
    /// The topic was deleted meanwhile.
    pub deleted: u64,
    /// The commit failed.
    pub failed: u64,
}
