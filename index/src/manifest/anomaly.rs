//! What can be wrong with a manifest's algebra, by name.

use std::fmt;

use crate::ids::{CommitId, LeaderEpoch, ObjectUuid, Offset, OffsetRange, ProducerId, SegmentUuid};
use crate::lineage::EpochStart;

/// A part of a manifest, as an anomaly names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// An entry.
    Segment(SegmentUuid),
    /// A reference to a page.
    Page(ObjectUuid),
    /// A recorded gap, by its first offset.
    Gap(Offset),
    /// The tier's start.
    TierStart,
    /// The tier's end.
    TierEnd,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Segment(uuid) => write!(f, "segment {uuid}"),
            Self::Page(uuid) => write!(f, "page {uuid}"),
            Self::Gap(start) => write!(f, "the gap at {start}"),
            Self::TierStart => f.write_str("the tier's start"),
            Self::TierEnd => f.write_str("the tier's end"),
        }
    }
}

/// One thing that is wrong. [`Anomaly::name`] is stable; the text is for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Anomaly {
    /// Offsets that nothing covers and no recorded gap explains.
    #[error("nothing covers {range}, before {before}")]
    Gap {
        /// The offsets.
        range: OffsetRange,
        /// What comes after them.
        before: Part,
    },
    /// Offsets covered twice in one lineage.
    #[error("{second} covers {range} again, after {first}")]
    Overlap {
        /// The offsets.
        range: OffsetRange,
        /// What covers them first.
        first: Part,
        /// What covers them again.
        second: Part,
    },
    /// Parts out of order of their starts.
    #[error("{second} at {start} stands after {first}, which starts later")]
    OutOfOrder {
        /// The part that stands first.
        first: Part,
        /// The part after it.
        second: Part,
        /// Where that starts.
        start: Offset,
    },
    /// An entry, page or gap without offsets.
    #[error("{part} covers no offset at {start}")]
    Empty {
        /// The part.
        part: Part,
        /// Where it stands.
        start: Offset,
    },
    /// Starts and end out of order: tier start ≤ serving start ≤ tier end.
    #[error(
        "tier start {tier_start}, serving start {serving_start} and tier end {tier_end} are out of order"
    )]
    EndBelowStart {
        /// First offset of the oldest span.
        tier_start: Offset,
        /// First offset of the newest span.
        serving_start: Offset,
        /// One past the last offset.
        tier_end: Offset,
    },
    /// The serving start is not where the newest span begins.
    #[error("serving start is {stated}, but the newest span begins at {expected}")]
    ServingStart {
        /// What the head says.
        stated: Offset,
        /// What its gaps say.
        expected: Offset,
    },
    /// The tier starts below the floor.
    #[error("tier start {tier_start} lies below the floor {floor}")]
    StartBelowFloor {
        /// First offset of the oldest span.
        tier_start: Offset,
        /// The floor.
        floor: Offset,
    },
    /// The tier starts below the offset that it is said to have begun at.
    #[error("the tier is said to have begun at {began_at}, above its start {tier_start}")]
    BeganAboveStart {
        /// The first offset ever, as the head says.
        began_at: Offset,
        /// First offset of the oldest span.
        tier_start: Offset,
    },
    /// The tier ends beyond what is listed, or before it.
    #[error("tier end is {stated}, but what is listed ends at {listed}")]
    TierEnd {
        /// What the head says.
        stated: Offset,
        /// Where the last part ends.
        listed: Offset,
    },
    /// A leader epoch below one that came before it, or twice.
    #[error("epoch {} at {} in segment {uuid} does not follow epoch {} at {}", next.epoch, next.start, previous.epoch, previous.start)]
    EpochBack {
        /// The segment.
        uuid: SegmentUuid,
        /// The epoch before.
        previous: EpochStart,
        /// The epoch that does not follow.
        next: EpochStart,
    },
    /// An epoch that starts outside its segment.
    #[error("epoch {} starts at {}, outside segment {uuid} of {range}", epoch.epoch, epoch.start)]
    EpochOutside {
        /// The segment.
        uuid: SegmentUuid,
        /// Its offsets.
        range: OffsetRange,
        /// The epoch.
        epoch: EpochStart,
    },
    /// An entry and the lineage name different epochs.
    #[error("segment {uuid} has epoch {entry} at {offset}, the lineage has {}", epoch_text(*lineage))]
    LineageMismatch {
        /// The segment.
        uuid: SegmentUuid,
        /// The offset.
        offset: Offset,
        /// The entry's epoch there.
        entry: LeaderEpoch,
        /// The lineage's epoch there.
        lineage: Option<LeaderEpoch>,
    },
    /// The lineage knows an epoch from at or beyond the tier's end.
    #[error("the lineage has epoch {} from {}, at or beyond the tier's end {tier_end}", last.epoch, last.start)]
    LineageBeyondEnd {
        /// The lineage's last entry.
        last: EpochStart,
        /// Where the tier ends.
        tier_end: Offset,
    },
    /// A stable end beyond the segment's end.
    #[error("stable end {stable_end} of segment {uuid} lies beyond its end {end}")]
    StableEndBeyondEnd {
        /// The segment.
        uuid: SegmentUuid,
        /// What the entry says.
        stable_end: Offset,
        /// Where it ends.
        end: Offset,
    },
    /// The newest entry's stable end is not what the open transactions say.
    #[error(
        "stable end {stable_end} of segment {uuid} contradicts the open transactions, which give {expected}"
    )]
    StableEndMismatch {
        /// The newest segment.
        uuid: SegmentUuid,
        /// What the entry says.
        stable_end: Offset,
        /// What the open transactions say.
        expected: Offset,
    },
    /// An open transaction from at or beyond the tier's end, or one of a producer that has another.
    #[error(
        "open transaction of producer {producer} at {first_offset} is beyond the tier's end {tier_end}, or its second"
    )]
    OpenTransaction {
        /// The producer.
        producer: ProducerId,
        /// Where the transaction is said to begin.
        first_offset: Offset,
        /// Where the tier ends.
        tier_end: Offset,
    },
    /// A marker outside its segment, or out of order.
    #[error(
        "abort marker of producer {producer} at {marker_offset} is outside segment {uuid} or out of order"
    )]
    AbortOutside {
        /// The segment.
        uuid: SegmentUuid,
        /// The producer.
        producer: ProducerId,
        /// The marker.
        marker_offset: Offset,
    },
    /// Sizes within an entry that cannot be.
    #[error("segment {uuid}: {what}")]
    Sizes {
        /// The segment.
        uuid: SegmentUuid,
        /// What cannot be.
        what: &'static str,
    },
    /// A KIP-405 id in a sidecar's manifest, or none in a broker's.
    #[error("segment {uuid} does not fit the manifest's kind")]
    WrongKind {
        /// The segment.
        uuid: SegmentUuid,
    },
    /// A sum that differs from what is listed.
    #[error("total of {what} is {stated}, but what is listed sums to {counted}")]
    WrongTotals {
        /// What is summed.
        what: &'static str,
        /// What the head says.
        stated: u64,
        /// What its parts sum to; the largest number where that overflows.
        counted: u64,
    },
    /// One segment listed twice.
    #[error("segment {uuid} is listed twice")]
    DuplicateUuid {
        /// The id.
        uuid: SegmentUuid,
    },
    /// One page listed twice.
    #[error("page {uuid} is listed twice")]
    DuplicatePage {
        /// The id.
        uuid: ObjectUuid,
    },
    /// One commit id twice.
    #[error("commit {commit} is listed twice")]
    DuplicateCommit {
        /// The id.
        commit: CommitId,
    },
    /// A page whose parts do not cover what it says.
    #[error("page {uuid} says it covers {stated}, but its parts cover {}", range_text(*listed))]
    PageRange {
        /// The page.
        uuid: ObjectUuid,
        /// What it says.
        stated: OffsetRange,
        /// What its parts cover together.
        listed: Option<OffsetRange>,
    },
    /// Pages whose levels rise, which folding never makes.
    #[error("page {uuid} of level {level} stands after one of a lower level")]
    LevelRises {
        /// The page.
        uuid: ObjectUuid,
        /// Its level.
        level: u8,
    },
}

impl Anomaly {
    /// The anomaly's name: lower case, stable, one per variant.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Gap { .. } => "gap",
            Self::Overlap { .. } => "overlap",
            Self::OutOfOrder { .. } => "out-of-order",
            Self::Empty { .. } => "empty",
            Self::EndBelowStart { .. } => "end-below-start",
            Self::ServingStart { .. } => "serving-start",
            Self::StartBelowFloor { .. } => "start-below-floor",
            Self::BeganAboveStart { .. } => "began-above-start",
            Self::TierEnd { .. } => "tier-end",
            Self::EpochBack { .. } => "epoch-back",
            Self::EpochOutside { .. } => "epoch-outside",
            Self::LineageMismatch { .. } => "lineage-mismatch",
            Self::LineageBeyondEnd { .. } => "lineage-beyond-end",
            Self::StableEndBeyondEnd { .. } => "stable-end-beyond-end",
            Self::StableEndMismatch { .. } => "stable-end-mismatch",
            Self::OpenTransaction { .. } => "open-transaction",
            Self::AbortOutside { .. } => "abort-outside",
            Self::Sizes { .. } => "sizes",
            Self::WrongKind { .. } => "wrong-kind",
            Self::WrongTotals { .. } => "wrong-totals",
            Self::DuplicateUuid { .. } => "duplicate-uuid",
            Self::DuplicatePage { .. } => "duplicate-page",
            Self::DuplicateCommit { .. } => "duplicate-commit",
            Self::PageRange { .. } => "page-range",
            Self::LevelRises { .. } => "level-rises",
        }
    }
}

fn epoch_text(epoch: Option<LeaderEpoch>) -> String {
    epoch.map_or_else(|| "none".to_owned(), |e| e.to_string())
}

fn range_text(range: Option<OffsetRange>) -> String {
    range.map_or_else(|| "nothing".to_owned(), |r| r.to_string())
}
