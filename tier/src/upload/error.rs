//! Why a segment was not uploaded.

use firnline_index::ids::{Crc32c, LeaderEpoch, Offset};
use firnline_index::log_source::{SourceError, SourceErrorKind};
use firnline_index::segment::SegmentWriteError;
use firnline_store::StoreError;

use crate::cluster::ClusterError;
use crate::keys::KeyError;

/// A segment that was not uploaded. The tier is as it was; at most an object that nothing names is left.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The source could not go on.
    #[error("read the log")]
    Source(#[from] SourceError),
    /// The log is not what it was when it was read.
    #[error("the log changed while it was read, so nothing of it was taken: {what}")]
    Changed {
        /// What is different.
        what: String,
    },
    /// A batch is damaged or out of order.
    #[error("the log holds a batch that must not be stored")]
    Batch(#[from] SegmentWriteError),
    /// The log goes on in an older epoch than the tier ended in.
    #[error(
        "the batch at offset {offset} has leader epoch {found}, older than the tier's epoch {known}: \
         the log and the tier have diverged"
    )]
    EpochBack {
        /// The first batch's base offset.
        offset: Offset,
        /// The newest epoch in the tier.
        known: LeaderEpoch,
        /// The batch's epoch.
        found: LeaderEpoch,
    },
    /// The topic is encrypted, and the key to seal with cannot be had.
    #[error("get the key that seals the topic")]
    Key(#[from] KeyError),
    /// Whether the topic is encrypted cannot be told, or not noted.
    #[error("look whether the topic is encrypted")]
    Topic(#[from] ClusterError),
    /// The store failed.
    #[error("write the segment to the store")]
    Store(#[source] Box<StoreError>),
    /// The object is not as long as what was sent.
    #[error("{key} has {found} bytes in the store, {expected} were sent")]
    Length {
        /// The object's key.
        key: String,
        /// How many bytes were sent.
        expected: u64,
        /// How many the store has.
        found: u64,
    },
    /// The object could not be read back.
    #[error("read {key} back to verify it")]
    ReadBack {
        /// The object's key.
        key: String,
        /// Why not.
        #[source]
        source: Box<StoreError>,
    },
    /// The object does not hold what was sent.
    #[error(
        "{key} was stored with crc32c {found}, but {expected} was sent; nothing names it, and it was not committed"
    )]
    Differs {
        /// The object's key.
        key: String,
        /// The checksum of what was sent.
        expected: Crc32c,
        /// The checksum of what came back.
        found: Crc32c,
    },
}

impl From<StoreError> for UploadError {
    fn from(error: StoreError) -> Self {
        Self::Store(Box::new(error))
    }
}

impl UploadError {
    /// Whether another pass may succeed without anybody doing anything.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Source(source) => {
                matches!(source.kind, SourceErrorKind::Unavailable | SourceErrorKind::Changed)
            }
            Self::Changed { .. } | Self::Differs { .. } | Self::Length { .. } => true,
            Self::Store(error) | Self::ReadBack { source: error, .. } => error.is_retriable(),
            Self::Key(error) => error.is_passing(),
            Self::Topic(error) => error.is_passing(),
            Self::Batch(_) | Self::EpochBack { .. } => false,
        }
    }

    /// Whether the log itself is at fault, at a place that stays so.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Source(source) => source.kind == SourceErrorKind::Damaged,
            Self::Batch(_) => true,
            _ => false,
        }
    }
}
