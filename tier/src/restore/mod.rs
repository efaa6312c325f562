//! Restore: a stretch of a partition as `.log` files, byte for byte.
//!
//! ```text
//!  plan    manifest ─► entries in the range ─► where are transactions still open at its end? ─► cut back to there
//!  run     per entry: tail, runs of blocks ─► every block checked ─► whole batches ─► files, written by the caller
//! ```
//!
//! Whole batches only: the first one may begin below the range, the last one may reach beyond it. What is not decided at
//! the end of the range is left out, because a broker that starts on it would keep its consumers waiting for a marker
//! that never comes. For the same reason nothing that began before the cut may be decided only behind it. Changing leader
//! epochs, and where files may be put, is for who writes them.

mod plan;
mod run;

use firnline_index::batch::BatchError;
use firnline_index::ids::{LeaderEpoch, Offset, OffsetRange, TimestampMs, TopicIdPartition};
use firnline_index::manifest::Entry;
use firnline_index::segment::BlockError;
use firnline_index::transactions::OpenTransaction;
use firnline_store::StoreError;

pub use run::Pieces;

use crate::ReadError;
use crate::segments::TailError;

/// What is to be restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreRequest {
    /// The partition.
    pub tip: TopicIdPartition,
    /// The first offset wanted; `None` for the tier's start.
    pub from: Option<Offset>,
    /// One past the last offset wanted; `None`, or beyond the tier's end, for the tier's end.
    pub until: Option<Offset>,
    /// Whether offsets known lost may be left out.
    pub gaps: Gaps,
}

/// What to do about recorded gaps in the range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Gaps {
    /// Do not restore across them: consumers would pass over them without a word.
    #[default]
    Refuse,
    /// Leave them out.
    LeaveOut,
}

/// What a restore will do.
#[derive(Debug, Clone)]
pub struct RestorePlan {
    /// The partition.
    pub tip: TopicIdPartition,
    /// The offsets that will be restored, but for the borders of the first and last batch.
    pub range: OffsetRange,
    /// The segments they are in, oldest first.
    pub entries: Vec<Entry>,
    /// Raw bytes of those segments: about how much will be written at most.
    pub log_bytes: u64,
    /// What is left out at the end; `None` where nothing is.
    pub cut: Option<Cut>,
    /// Offsets in the range that are known lost.
    pub gaps: Vec<OffsetRange>,
}

/// What a restore leaves out because its outcome is not decided within the range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Where it ends: the last place before the first transaction still open at which no other was open either.
    pub at: Offset,
    /// Where it would have ended.
    pub wanted: Offset,
    /// The transactions open there, or where a gap before it begins, by first offset.
    pub open: Vec<OpenTransaction>,
}

/// What a restore did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RestoreReport {
    /// From the first batch's base offset to one past the last batch's last; `None` where there was no batch.
    pub range: Option<OffsetRange>,
    /// Files.
    pub files: u64,
    /// Batches.
    pub batches: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The newest leader epoch among them.
    pub newest_epoch: Option<LeaderEpoch>,
    /// The largest timestamp of a batch from an idempotent or transactional producer: a broker takes such a producer
    /// for alive until `producer.id.expiration.ms` after that.
    pub newest_producer_timestamp: Option<TimestampMs>,
}

/// Why a restore was not planned, or broke off.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The tier has nothing of the partition.
    #[error("{tip} is not in this tier")]
    Unknown {
        /// The partition.
        tip: TopicIdPartition,
    },
    /// The end does not lie behind the start.
    #[error("the range ends at {until}, which is not above its start {from}")]
    Backwards {
        /// The first offset wanted.
        from: Offset,
        /// One past the last offset wanted.
        until: Offset,
    },
    /// The start lies outside what the tier has.
    #[error("offset {from} is not in the tier, which has {has} of {tip}")]
    Outside {
        /// The partition.
        tip: TopicIdPartition,
        /// The first offset wanted.
        from: Offset,
        /// What there is.
        has: OffsetRange,
    },
    /// Offsets in the range are known lost.
    #[error("records {missing} of {tip} are known lost; restore up to there, or allow gaps to be left out")]
    Gap {
        /// The partition.
        tip: TopicIdPartition,
        /// The offsets.
        missing: OffsetRange,
    },
    /// Two segments of a broker have the same offsets and not the same history.
    #[error(
        "two segments of {tip} have offset {at} in different leader epochs: an unclean election has forked the log, and \
         which branch holds only an operator can say"
    )]
    Forked {
        /// The partition.
        tip: TopicIdPartition,
        /// The first offset that both have.
        at: Offset,
    },
    /// A transaction opened before the range is open throughout.
    #[error(
        "a transaction that began at offset {first_offset} is still open at {until}: nothing in the range is decided"
    )]
    Undecided {
        /// Where the oldest open transaction began.
        first_offset: Offset,
        /// Where the range ends.
        until: Offset,
    },
    /// The manifest could not be read.
    #[error("look up what the tier has")]
    Read(#[from] ReadError),
    /// A segment's tail could not be read.
    #[error("open a segment")]
    Tail(#[from] TailError),
    /// Blocks could not be read.
    #[error("read {key}")]
    Store {
        /// The object's key.
        key: String,
        /// Why not.
        #[source]
        source: Box<StoreError>,
    },
    /// A block is damaged.
    #[error("{key} is damaged")]
    Block {
        /// The object's key.
        key: String,
        /// The block and what is wrong with it.
        #[source]
        source: BlockError,
    },
    /// A block's checksum holds, but its bytes are no batches.
    #[error("{key} holds bytes that are no batch")]
    NotABatch {
        /// The object's key.
        key: String,
        /// What is wrong, and where in the segment's raw bytes.
        #[source]
        source: BatchError,
    },
    /// What was restored could not be written.
    #[error("write what was restored")]
    Write(#[source] Box<dyn std::error::Error + Send + Sync>),
}
