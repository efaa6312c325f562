//! Attaching: the segments of a partition as a KIP-405 broker of another cluster is told of them.
//!
//! ```text
//!  plan   as for a restore: entries, gaps, the end at which nothing is open
//!           └─► the last segment counts up to there, and a broker's log begins there
//!  open   each segment's end, 16 at once ─► what the brokers are told
//! ```
//! No object of the partition is written. `docs/decisions/2026-11-30-attach.md` says why it is done like this.

mod error;
mod plan;
mod told;

use firnline_index::ids::{Offset, OffsetRange, TopicIdPartition};
use firnline_index::manifest::Entry;

pub use error::AttachError;

use crate::restore::RestorePlan;

/// What there is of a partition to attach.
#[derive(Debug, Clone)]
pub struct AttachPlan {
    /// The partition, by the ids that it was written under.
    pub tip: TopicIdPartition,
    /// The offsets that are attached: up to the end at which nothing is open.
    pub range: OffsetRange,
    /// The segments, by first offset.
    pub segments: Vec<AttachSegment>,
    /// Their bytes, raw.
    pub log_bytes: u64,
    /// What is left out of it all at the end, and which gaps lie in between.
    pub whole: RestorePlan,
}

/// A segment, and up to where a broker must take it for reaching.
#[derive(Debug, Clone)]
pub struct AttachSegment {
    /// The segment.
    pub entry: Entry,
    /// One past its last offset; where a gap follows that is to be left out, one past the gap's; where not all of it is
    /// decided, where that begins.
    pub end: Offset,
}
