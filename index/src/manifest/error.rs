//! Why a manifest or page cannot be read or written, and why a change to one is refused.

use super::{Anomaly, envelope::EnvelopeError};
use crate::ids::{
    ClusterId, LeaderEpoch, NodeId, Offset, OffsetRange, ProducerId, SegmentUuid, TimestampMs,
    TopicIdPartition, ValueError,
};
use crate::lineage::{Divergence, LineageError};

/// A manifest or page that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The envelope does not hold: cut short, foreign, newer, damaged.
    #[error("envelope is not valid")]
    Envelope(#[from] EnvelopeError),
    /// The body is no protobuf of this shape.
    #[error("body is no valid protobuf")]
    Protobuf(#[source] prost::DecodeError),
    /// The body has a field that this build does not know, or the same one twice.
    #[error(
        "body holds field {path}.{number}, which this build does not know; upgrade before you write here"
    )]
    UnknownField {
        /// The message, e.g. `head.entries`.
        path: &'static str,
        /// The field's number.
        number: u32,
    },
    /// More of something than is allowed.
    #[error("{what}: {count} is more than the limit of {limit}")]
    TooMany {
        /// What there is too much of, e.g. `entries in the head`.
        what: &'static str,
        /// How many there are.
        count: u64,
        /// How many are allowed.
        limit: u64,
    },
    /// A field that must be there is not, or is of the wrong length, or holds a value without meaning.
    #[error("{field} is not valid: {why}")]
    Field {
        /// The field, e.g. `entry.uuid`.
        field: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A number, id or name that its type refuses.
    #[error("{field} is not valid")]
    Value {
        /// The field, e.g. `entry.base`.
        field: &'static str,
        /// Why its type refuses it.
        #[source]
        source: ValueError,
    },
    /// The lineage is no chain.
    #[error("lineage is not valid")]
    Lineage(#[from] LineageError),
    /// The parts do not add up; `firnline verify` lists all anomalies.
    #[error("the algebra does not hold: {first} ({others} more)")]
    Algebra {
        /// The first anomaly found.
        first: Box<Anomaly>,
        /// How many more there are.
        others: usize,
    },
    /// A value to be written that the bytes cannot carry.
    #[error("it holds a value that the format cannot carry")]
    Unfaithful,
    /// It is another partition's or cluster's.
    #[error("it belongs to {found_tip} of cluster {found_cluster}, expected {tip} of cluster {cluster}")]
    Foreign {
        /// The cluster expected.
        cluster: ClusterId,
        /// The partition expected.
        tip: Box<TopicIdPartition>,
        /// The cluster found.
        found_cluster: ClusterId,
        /// The partition found.
        found_tip: Box<TopicIdPartition>,
    },
    /// A page is not the one that its reference names.
    #[error("page is not the one that the manifest names: {what} is {found}, expected {expected}")]
    OtherPage {
        /// What differs.
        what: &'static str,
        /// What the page has.
        found: String,
        /// What the reference says.
        expected: String,
    },
}

impl ManifestError {
    /// Whether a newer build wrote it: nothing is damaged, and an upgrade reads it.
    pub const fn is_newer(&self) -> bool {
        matches!(self, Self::Envelope(EnvelopeError::Newer { .. }) | Self::UnknownField { .. })
    }
}

/// A change that would break a manifest's algebra. The manifest has not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AlgebraError {
    /// An entry or gap that does not begin where the tier ends.
    #[error("{range} does not begin at the tier's end {tier_end}")]
    NotAtTierEnd {
        /// The range given.
        range: OffsetRange,
        /// Where the tier ends.
        tier_end: Offset,
    },
    /// A range without offsets.
    #[error("range {range} is empty")]
    Empty {
        /// The range given.
        range: OffsetRange,
    },
    /// Epochs that cannot follow the ones known.
    #[error("epochs of segment {uuid} do not follow the lineage")]
    Lineage {
        /// The segment.
        uuid: SegmentUuid,
        /// The two epochs that do not fit.
        #[source]
        source: LineageError,
    },
    /// An entry that is wrong in itself.
    #[error("entry is not sound: {0}")]
    Entry(Box<Anomaly>),
    /// An id that the manifest's head already has.
    #[error("segment {uuid} is already in the manifest")]
    DuplicateUuid {
        /// The id.
        uuid: SegmentUuid,
    },
    /// An open transaction that begins at or beyond the end.
    #[error("transaction of producer {producer} opens at {first_offset}, not below the end {end}")]
    OpenBeyondEnd {
        /// The producer.
        producer: ProducerId,
        /// Where the transaction is said to begin.
        first_offset: Offset,
        /// Where the entry ends.
        end: Offset,
    },
    /// The stable end of the newest entry is not what the open transactions say.
    #[error(
        "stable end {stable_end} of segment {uuid} contradicts its open transactions, which give {expected}"
    )]
    StableEnd {
        /// The segment.
        uuid: SegmentUuid,
        /// What the entry says.
        stable_end: Offset,
        /// What the open transactions say.
        expected: Offset,
    },
    /// A segment to be replaced that the head does not have.
    #[error("segment {uuid} is not among the newest entries")]
    NotInHead {
        /// The id.
        uuid: SegmentUuid,
    },
    /// A segment to be replaced that is no tail piece.
    #[error("segment {uuid} is no tail piece")]
    NotAPiece {
        /// The id.
        uuid: SegmentUuid,
    },
    /// Pieces that are not a run of entries.
    #[error("the pieces given are not one run of entries")]
    PiecesScattered,
    /// A replacement that does not cover its pieces, or reaches over what is not its own.
    #[error("{range} cannot replace the pieces of {pieces}")]
    OtherRange {
        /// The range of the replacement.
        range: OffsetRange,
        /// The range of the pieces.
        pieces: OffsetRange,
    },
    /// A replacement with other epochs than its pieces.
    #[error("segment {uuid} has epoch {} at {}, its pieces have {}", at.theirs, at.offset, at.ours)]
    Diverges {
        /// The replacement.
        uuid: SegmentUuid,
        /// Where they part.
        at: Divergence,
    },
    /// A claim under an epoch below one that claimed or committed.
    #[error("a leader of epoch {known} has claimed or committed; epoch {given} cannot claim any more")]
    ClaimBack {
        /// The newest epoch known.
        known: LeaderEpoch,
        /// The epoch given.
        given: LeaderEpoch,
    },
    /// Two nodes that both say they lead under one epoch.
    #[error("node {known} has claimed under epoch {epoch}; node {given} cannot under the same")]
    ClaimedByOther {
        /// The epoch.
        epoch: LeaderEpoch,
        /// Whose claim there is.
        known: NodeId,
        /// Who claims.
        given: NodeId,
    },
    /// More of something than a manifest may hold.
    #[error("{what}: {count} is more than the limit of {limit}")]
    TooMany {
        /// What there would be too much of.
        what: &'static str,
        /// How many there would be.
        count: u64,
        /// How many are allowed.
        limit: u64,
    },
    /// A cut at or beyond the tier's end.
    #[error("nothing to cut at {at}: the tier ends at {tier_end}")]
    NothingToCut {
        /// Where to cut.
        at: Offset,
        /// Where the tier ends.
        tier_end: Offset,
    },
    /// A dead branch without entries.
    #[error("a dead branch without entries")]
    NothingDead,
    /// A start at or below the one there is.
    #[error("the tier starts at {tier_start} already; it cannot be retired to {to}")]
    StartBack {
        /// Where the tier starts.
        tier_start: Offset,
        /// Where it was to start.
        to: Offset,
    },
    /// A start beyond the tier's end.
    #[error("the tier ends at {tier_end}; it cannot be retired to {to}")]
    StartBeyondEnd {
        /// Where it was to start.
        to: Offset,
        /// Where the tier ends.
        tier_end: Offset,
    },
    /// A start inside an entry, or at a gap.
    #[error("no segment starts at {to}: the tier's start is raised only to where one does, or to its end")]
    NotABorder {
        /// Where it was to start.
        to: Offset,
    },
    /// A floor at or below the one there is.
    #[error("the floor is {known} already; it is never lowered, not to {given}")]
    FloorBack {
        /// The floor there is.
        known: Offset,
        /// The floor given.
        given: Offset,
    },
    /// The gc boundary there is, once more.
    #[error("the gc boundary is the one that is there; each collection draws a fresh one")]
    SameBoundary,
    /// A topic that is marked deleted, with no higher bound.
    #[error("the topic is marked deleted since {at}, and the bound given is not above the one known")]
    AlreadyDeleted {
        /// When it was marked.
        at: TimestampMs,
    },
    /// Totals beyond 2^64.
    #[error("totals overflow")]
    TotalsOverflow,
    /// The operation is for manifests of the other kind.
    #[error("not for a manifest of this kind")]
    WrongKind,
}
