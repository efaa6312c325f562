//! Why a read has no answer. "There is nothing there" is an answer and not among these.

use std::sync::Arc;

use firnline_index::batch::BatchError;
use firnline_index::manifest::ManifestError;
use firnline_index::segment::{BlockError, SegmentReadError};
use firnline_index::{Offset, ProducerId, TopicIdPartition};
use firnline_store::StoreError;

use crate::codes::{self, Code};
use crate::rest::DiskProblem;

/// A read that failed. Cheap to clone: one failure is told to all who waited for it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReadError {
    /// The partition has no manifest: nothing of it was ever offloaded here.
    #[error("the tier at {store} has no manifest of {tip}")]
    NoManifest {
        /// The partition asked for.
        tip: TopicIdPartition,
        /// The store's address.
        store: String,
    },
    /// The store did not answer, or refused.
    #[error("read {object}")]
    Store {
        /// The object's key.
        object: String,
        /// What the store said.
        #[source]
        source: Arc<StoreError>,
    },
    /// An object is not there, although the newest manifest names it.
    #[error("{object} is not there, although the manifest names it")]
    Missing {
        /// The object's key.
        object: String,
    },
    /// A manifest or a page cannot be believed.
    #[error("{object} is damaged")]
    Manifest {
        /// The object's key.
        object: String,
        /// What is wrong with it.
        #[source]
        source: Arc<ManifestError>,
    },
    /// A segment's end cannot be believed.
    #[error("{object} cannot be opened")]
    Segment {
        /// The object's key.
        object: String,
        /// What is wrong with it.
        #[source]
        source: Arc<SegmentReadError>,
    },
    /// A segment is sealed, and its key cannot be had: nothing is known of what is in it.
    #[error("{object} is sealed, and its key is not at hand")]
    Locked {
        /// The object's key.
        object: String,
        /// Whether asking again may help.
        retry: bool,
        /// Why, naming the topic key.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// What only the disks of stopped brokers have of a partition is not as it was found.
    #[error("what stopped brokers have of {tip} cannot be read")]
    Disk {
        /// The partition.
        tip: TopicIdPartition,
        /// Why.
        #[source]
        source: Arc<DiskProblem>,
    },
    /// An object ends before the bytes that are named in it.
    #[error("{object} ends before byte {end}")]
    Short {
        /// The object's key.
        object: String,
        /// One past the last byte asked for.
        end: u64,
    },
    /// A block's bytes are not what was written. It was read twice.
    #[error("block {number} of {object} is damaged")]
    Block {
        /// The object's key.
        object: String,
        /// The block's number.
        number: u32,
        /// What is wrong with it; for a wrong checksum, both values.
        #[source]
        source: Arc<BlockError>,
    },
    /// A block whose checksum is right does not hold whole batches.
    #[error("block {number} of {object} does not hold whole batches")]
    Batches {
        /// The object's key.
        object: String,
        /// The block's number.
        number: u32,
        /// What is wrong with it.
        #[source]
        source: Arc<BatchError>,
    },
    /// A transaction left open by one segment is neither decided nor open in the next.
    #[error(
        "{object} knows nothing of the transaction that producer {producer} began at offset {first_offset}, which the \
         segment before leaves open"
    )]
    Transactions {
        /// The key of the next segment.
        object: String,
        /// The producer.
        producer: ProducerId,
        /// Where its transaction begins.
        first_offset: Offset,
    },
    /// Offsets that no entry and no recorded gap covers.
    #[error("the manifest of {tip} has nothing at offset {offset}, and records no gap there")]
    Hole {
        /// The partition.
        tip: TopicIdPartition,
        /// The first such offset.
        offset: Offset,
    },
    /// Objects went away again and again under newer and newer manifests.
    #[error("the manifest of {tip} changes faster than it can be followed")]
    Unsettled {
        /// The partition.
        tip: TopicIdPartition,
    },
    /// The reader was shut down.
    #[error("the reader was shut down")]
    Closed,
}

/// What the caller can do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// Ask for something that exists.
    NotFound,
    /// Ask again, later; nobody need do anything.
    Retry,
    /// Give a right, mend the credentials, correct the settings.
    Refused,
    /// Run verify; repair.
    Damage,
}

impl ReadError {
    pub(crate) fn store(object: &str, error: StoreError) -> Self {
        use firnline_store::ErrorKind as Kind;
        match error.kind() {
            Kind::NotFound => Self::Missing { object: object.to_owned() },
            _ => Self::Store { object: object.to_owned(), source: Arc::new(error) },
        }
    }

    pub(crate) fn disk(tip: &TopicIdPartition, problem: DiskProblem) -> Self {
        Self::Disk { tip: tip.clone(), source: Arc::new(problem) }
    }

    /// The key of the object that is not there, if that is what failed.
    pub(crate) fn missing(&self) -> Option<&str> {
        match self {
            Self::Missing { object } => Some(object),
            _ => None,
        }
    }

    /// What the caller can do next. A missing object counts as worth another try: the manifest may be on its way.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NoManifest { .. } => ErrorKind::NotFound,
            Self::Store { source, .. } if source.is_retriable() => ErrorKind::Retry,
            Self::Locked { retry: true, .. } => ErrorKind::Retry,
            Self::Store { .. } | Self::Locked { .. } => ErrorKind::Refused,
            Self::Missing { .. } | Self::Unsettled { .. } | Self::Closed | Self::Disk { .. } => {
                ErrorKind::Retry
            }
            Self::Manifest { .. }
            | Self::Segment { .. }
            | Self::Short { .. }
            | Self::Block { .. }
            | Self::Batches { .. }
            | Self::Transactions { .. }
            | Self::Hole { .. } => ErrorKind::Damage,
        }
    }

    /// The stable code for the error page.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::NoManifest { .. } => codes::NO_MANIFEST,
            Self::Store { .. } => codes::STORE,
            Self::Unsettled { .. } => codes::UNSETTLED,
            Self::Closed => codes::CLOSED,
            Self::Locked { .. } => codes::LOCKED,
            Self::Disk { .. } => codes::DISK,
            Self::Missing { .. } => codes::MISSING,
            Self::Manifest { .. } => codes::DAMAGED_MANIFEST,
            Self::Segment { .. } | Self::Short { .. } => codes::DAMAGED_SEGMENT,
            Self::Block { .. } | Self::Batches { .. } => codes::DAMAGED_BLOCK,
            Self::Transactions { .. } => codes::DAMAGED_TRANSACTIONS,
            Self::Hole { .. } => codes::HOLE,
        }
    }
}
