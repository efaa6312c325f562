//! What is to be done for a partition next.

use firnline_index::{Offset, OffsetRange};

use super::wait::WaitReason;
use crate::plan::PlannedSegment;

/// The next thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Nothing now.
    Wait(WaitReason),
    /// Read the manifest, and decide again.
    Read,
    /// Ask the leader how far the log is committed, and decide again.
    AskBound,
    /// Compare the tier with the leader's log, and decide again.
    Compare,
    /// Mark the topic deleted in the manifest.
    Tombstone,
    /// Claim the partition and ask the other sidecars for these ranges.
    Claim {
        /// The ranges.
        wanted: Vec<OffsetRange>,
    },
    /// Tell the leader, who asks for more than is held here, that from this offset on it is.
    DivideWanted {
        /// The first offset that is held.
        at: Offset,
    },
    /// Take what lies at or above `at` out of the lineage.
    Cut {
        /// The first offset that the leader's log does not share.
        at: Offset,
    },
    /// Record that this range is lost.
    RecordGap {
        /// The range, from the tier's end on.
        range: OffsetRange,
    },
    /// Upload these segments of a chain and commit them.
    Upload {
        /// Which chain, by its place among those held.
        chain: usize,
        /// The segments, oldest first; the first begins at the tier's end.
        segments: Vec<PlannedSegment>,
        /// Why it is this sidecar's to do.
        why: Why,
    },
    /// Put one segment in the place of the tail pieces.
    ReplacePieces {
        /// Which chain.
        chain: usize,
        /// From where the first piece begins to where the sealed file ends.
        range: OffsetRange,
    },
    /// Upload what is committed of the file still written.
    UploadTail {
        /// Which chain.
        chain: usize,
        /// From the tier's end to the bound.
        range: OffsetRange,
    },
    /// Let go what the tier has: the pins that lie wholly below this offset, each after a look at the manifest.
    Release {
        /// The tier's end, or, where the topic is deleted and all that was committed is in the tier, beyond everything.
        below: Offset,
    },
}

/// Why an upload is this sidecar's to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// The broker beside it leads.
    Leads,
    /// The leader's claim asks for the range.
    Wanted,
    /// What is due has stood still for too long.
    Takeover,
    /// The topic is deleted; nobody leads.
    Deleted,
}
