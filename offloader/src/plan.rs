//! Which offsets to upload, as which remote segments: a pure function of (log, tier, bound, policy).
//!
//! It plans by offsets, not by files. The next remote segment starts at tier end, wherever that lies in this log's
//! files, because replicas roll their files at different offsets; it ends where a sealed file ends. Small files are
//! joined up to a target size, which is what saves requests on thousands of quiet partitions. Nothing is read here: that
//! a batch begins at tier end, and that the files hold what their names say, is checked by whoever reads them.

use std::ops::Range;

use firnline_index::{LeaderEpoch, Offset, OffsetRange};

/// How many files at most become one remote segment: a bound on what one failed upload can throw away in opens.
pub const MAX_JOINED: usize = 1024;

/// One file of the log (or one stretch of another source), in the order of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// The offset it was named for: nothing in it lies below.
    pub base: Offset,
    /// Its length in bytes.
    pub bytes: u64,
    /// Whether the broker has gone on to a later file. The last file of a log is not sealed.
    pub sealed: bool,
}

/// Up to where the log is committed, and who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitBound {
    /// No broker was asked: the high watermark is taken to be the log's end.
    AssumeLogEnd,
    /// The high watermark told by the partition's leader under this epoch.
    At {
        /// Nothing at or above it is committed.
        offset: Offset,
        /// The epoch the leader told it under.
        epoch: LeaderEpoch,
    },
}

/// What shapes the remote segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanPolicy {
    /// Files are joined while the sum of their bytes stays at or below this. A file larger than it is not split.
    pub target_bytes: u64,
}

impl Default for PlanPolicy {
    fn default() -> Self {
        Self { target_bytes: 256 << 20 }
    }
}

/// One remote segment to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedSegment {
    /// Its first offset: tier end, or where the planned segment before it ends.
    pub start: Offset,
    /// Where its last file ends: the name of the file after. The last batch may end below it.
    pub stop: Offset,
    /// The files it is read from, by place in the list given.
    pub extents: Range<usize>,
    /// The sum of those files' lengths: what is read at most.
    pub bytes: u64,
}

/// Why nothing may be uploaded although there is something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanRefusal {
    /// The log begins above tier end.
    #[error(
        "records {missing} are neither in the tier nor in this log dir; offload from a replica that still has them"
    )]
    Hole {
        /// What lies in neither.
        missing: OffsetRange,
    },
    /// The list is not in the order of offsets.
    #[error("segment files are out of order: {second} follows {first}")]
    Unordered {
        /// The name before.
        first: Offset,
        /// The name after.
        second: Offset,
    },
}

/// Plans what to upload from `extents`, given that the tier ends at `tier_end` (`None`: it has nothing of this
/// partition). An empty plan means that everything sealed and committed is in the tier.
pub fn plan(
    extents: &[Extent],
    tier_end: Option<Offset>,
    bound: CommitBound,
    policy: &PlanPolicy,
) -> Result<Vec<PlannedSegment>, PlanRefusal> {
    let Some(first) = extents.first() else { return Ok(Vec::new()) };
    for pair in extents.windows(2) {
        if pair[1].base <= pair[0].base {
            return Err(PlanRefusal::Unordered { first: pair[0].base, second: pair[1].base });
        }
    }
    let start = tier_end.unwrap_or(first.base);
    if let Ok(missing) = OffsetRange::new(start, first.base)
        && !missing.is_empty()
    {
        return Err(PlanRefusal::Hole { missing });
    }

    // A file ends where the next is named; only the last has no end, and it is never taken.
    let takeable = |at: usize| {
        let stop = extents.get(at + 1)?.base;
        let committed = match bound {
            CommitBound::AssumeLogEnd => true,
            CommitBound::At { offset, .. } => stop <= offset,
        };
        (extents[at].sealed && committed).then_some(stop)
    };
    let holding_start = extents.partition_point(|e| e.base <= start) - 1;
    let mut planned: Vec<PlannedSegment> = Vec::new();
    let mut at = holding_start;
    while let Some(stop) = takeable(at) {
        let bytes = extents[at].bytes;
        match planned.last_mut() {
            Some(open)
                if open.bytes.saturating_add(bytes) <= policy.target_bytes
                    && open.extents.len() < MAX_JOINED =>
            {
                open.bytes += bytes;
                open.extents.end = at + 1;
                open.stop = stop;
            }
            last => {
                let start = last.map_or(start, |before| before.stop);
                planned.push(PlannedSegment { start, stop, extents: at..at + 1, bytes });
            }
        }
        at += 1;
    }
    Ok(planned)
}

#[cfg(test)]
mod tests;
