//! What keeps a change from an answer.

use firnline_index::ids::TopicIdPartition;
use firnline_index::manifest::{AlgebraError, ManifestError};
use firnline_store::StoreError;

use crate::catalog::TopicObjectError;
use crate::{ReadError, TailError};

/// A change without an answer.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// The manifest, or a page that the change needs, could not be read; nothing was put since the manifest was.
    #[error("read the manifest of {tip}, or a page of it, before a change")]
    Read {
        /// The partition.
        tip: TopicIdPartition,
        /// Why not.
        #[source]
        source: ReadError,
    },
    /// The manifest could not be read back. Whether the change landed is unknown; the next pass sees it.
    #[error(
        "read the manifest of {tip} back; whether the change landed is not known, and the next pass finds out"
    )]
    Unknown {
        /// The partition.
        tip: TopicIdPartition,
        /// Why not.
        #[source]
        source: ReadError,
    },
    /// The end of a segment that the change needs could not be read.
    #[error("read the end of a segment of {tip} before a change")]
    Tail {
        /// The partition.
        tip: TopicIdPartition,
        /// Why not.
        #[source]
        source: TailError,
    },
    /// The topic's object could not be written.
    #[error("make the topic of {tip} known")]
    Topic {
        /// The partition.
        tip: TopicIdPartition,
        /// Why not.
        #[source]
        source: TopicObjectError,
    },
    /// The store refused a write.
    #[error("write the manifest of {tip}")]
    Store {
        /// The partition.
        tip: TopicIdPartition,
        /// Why.
        #[source]
        source: Box<StoreError>,
    },
    /// The change does not fit the manifest, although nothing it rests on changed: the log and the tier have diverged.
    #[error("the change does not fit the manifest of {tip}")]
    Algebra {
        /// The partition.
        tip: TopicIdPartition,
        /// What does not fit.
        #[source]
        source: Box<AlgebraError>,
    },
    /// The new manifest cannot be written.
    #[error("encode the manifest of {tip}")]
    Encode {
        /// The partition.
        tip: TopicIdPartition,
        /// Why not.
        #[source]
        source: Box<ManifestError>,
    },
    /// Others were faster each time although nothing of theirs is in the way.
    #[error("the manifest of {tip} changed under each of {attempts} attempts to change it; try again later")]
    Contended {
        /// The partition.
        tip: TopicIdPartition,
        /// How many times it was tried.
        attempts: u32,
    },
    /// An attempt was not answered, and the manifest is still the one that it was conditional on: it may arrive yet.
    #[error(
        "an attempt to change the manifest that was not answered may still arrive; the next pass finds out"
    )]
    InDoubt(#[source] Box<EditError>),
}

impl EditError {
    /// Whether the change may be part of the manifest although no answer says so.
    #[must_use]
    pub fn may_have_landed(&self) -> bool {
        match self {
            Self::Unknown { .. } | Self::InDoubt(_) => true,
            Self::Store { source, .. } => source.is_ambiguous(),
            _ => false,
        }
    }

    /// Whether another pass may succeed without anybody doing anything.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Read { source: ReadError::Store(error), .. }
            | Self::Unknown { source: ReadError::Store(error), .. }
            | Self::Tail { source: TailError::Store { source: error, .. }, .. }
            | Self::Topic { source: TopicObjectError::Store(error), .. }
            | Self::Store { source: error, .. } => error.is_retriable(),
            Self::Contended { .. } => true,
            Self::InDoubt(source) => source.is_passing(),
            Self::Read { .. }
            | Self::Unknown { .. }
            | Self::Tail { .. }
            | Self::Topic { .. }
            | Self::Algebra { .. }
            | Self::Encode { .. } => false,
        }
    }
}
