//! What can stop a reading.

use std::path::{Path, PathBuf};

use firnline_index::batch::BatchError;
use firnline_index::log_source::{SourceError, SourceErrorKind};
use firnline_index::{Offset, OffsetRange};

use crate::{Change, IoProblem};

/// A reading that cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A system call failed.
    #[error(transparent)]
    Io(#[from] IoProblem),
    /// The file changed between its being found and its being read to the end. Look again and plan anew.
    #[error("{path:?} changed while it was read: {what}")]
    Changed {
        /// The file.
        path: PathBuf,
        /// What is different.
        what: Change,
    },
    /// The file's content is not a log.
    #[error("{path:?} is damaged at position {position}: {damage}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where in it.
        position: u64,
        /// What is wrong there.
        damage: Damage,
        /// The batch's own error, where there is one.
        #[source]
        source: Option<BatchError>,
    },
    /// The offset to start from lies inside a batch: this log and whoever asked have diverged.
    #[error("offset {from} lies inside the batch {batch} at position {position} of {path:?}")]
    InsideBatch {
        /// The offset asked for.
        from: Offset,
        /// The batch.
        batch: OffsetRange,
        /// The file.
        path: PathBuf,
        /// Where in it.
        position: u64,
    },
}

/// What is wrong at a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// A header that cannot be one, offsets or epochs that go back, or a CRC that does not match.
    #[error("not a batch")]
    Batch,
    /// A sealed segment ends inside a batch.
    #[error("the segment is sealed and ends inside a batch, {missing} bytes short")]
    Truncated {
        /// How many bytes of the batch, or of its header, are not there.
        missing: u64,
    },
    /// A sealed segment ends in zeros, and the next one does not begin where they do.
    #[error("zeros to the end, but the next segment begins at {next_base}, not at {expected}")]
    Zeros {
        /// The offset that the next batch should have.
        expected: Offset,
        /// The next segment's base offset.
        next_base: Offset,
    },
    /// A batch begins below the base offset that its segment's name gives.
    #[error("batch begins at offset {found}, below the segment's base {base}")]
    BelowBase {
        /// The batch's base offset.
        found: Offset,
        /// The segment's base offset.
        base: Offset,
    },
    /// A batch reaches into the next segment.
    #[error("batch ends at offset {end}, past the next segment's base {next_base}")]
    PastNextSegment {
        /// One past the batch's last offset.
        end: Offset,
        /// The next segment's base offset.
        next_base: Offset,
    },
}

impl ReadError {
    /// What a caller does about it.
    pub fn kind(&self) -> SourceErrorKind {
        match self {
            Self::Io(_) => SourceErrorKind::Unavailable,
            Self::Changed { .. } => SourceErrorKind::Changed,
            Self::Damaged { .. } => SourceErrorKind::Damaged,
            Self::InsideBatch { .. } => SourceErrorKind::Diverged,
        }
    }
}

impl From<ReadError> for SourceError {
    fn from(error: ReadError) -> Self {
        Self { kind: error.kind(), cause: Box::new(error) }
    }
}

pub(crate) fn batch_damage(path: &Path, position: u64, source: BatchError) -> ReadError {
    ReadError::Damaged { path: path.to_owned(), position, damage: Damage::Batch, source: Some(source) }
}

pub(crate) fn damage(path: &Path, position: u64, damage: Damage) -> ReadError {
    ReadError::Damaged { path: path.to_owned(), position, damage, source: None }
}
