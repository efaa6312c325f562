//! What can be wrong, by name.

use std::fmt;

use firnline_index::batch::BatchError;
use firnline_index::ids::{Crc32c, Offset, RawPosition};
use firnline_index::manifest::{Anomaly as Algebra, ManifestError};
use firnline_index::segment::{BlockError, SegmentReadError};

/// One thing that is wrong with one object.
#[derive(Debug)]
pub struct Anomaly {
    /// The object's key.
    pub key: String,
    /// What is wrong with it.
    pub kind: AnomalyKind,
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.kind)
    }
}

/// What is wrong. [`AnomalyKind::name`] is stable; the text is for people.
#[derive(Debug, thiserror::Error)]
pub enum AnomalyKind {
    /// A manifest that cannot be read.
    #[error("the manifest cannot be read: {0}")]
    Manifest(ManifestError),
    /// A manifest or page whose parts contradict each other.
    #[error("{0}")]
    Algebra(Algebra),
    /// Pages of a manifest without the manifest: it was written, and is gone.
    #[error("the manifest is gone, though pages of it are there; nothing of the partition can be read")]
    ManifestMissing,
    /// A page that the manifest names is not there.
    #[error("the manifest names this page, and it is not there")]
    PageMissing,
    /// A page that cannot be read, or is another one.
    #[error("the page cannot be read: {0}")]
    Page(ManifestError),
    /// A segment that the manifest names is not there.
    #[error("the manifest names this object for offsets from {base}, and it is not there")]
    ObjectMissing {
        /// The segment's first offset.
        base: Offset,
    },
    /// An object shorter or longer than the manifest says.
    #[error("the object has {found} bytes, the manifest says {expected}")]
    ObjectLength {
        /// What the manifest says.
        expected: u64,
        /// What there is.
        found: u64,
    },
    /// A tail that cannot be read, or is another segment's.
    #[error("the end of the object cannot be read: {0}")]
    Tail(SegmentReadError),
    /// The footer and the manifest's entry differ.
    #[error("{what} is {object} in the object and {manifest} in the manifest")]
    Footer {
        /// Which value.
        what: &'static str,
        /// What the object says.
        object: String,
        /// What the entry says.
        manifest: String,
    },
    /// The footer and the batches differ.
    #[error("{what} is {footer} in the footer and {batches} in the batches")]
    Totals {
        /// Which value.
        what: &'static str,
        /// What the footer says.
        footer: String,
        /// What the batches say.
        batches: String,
    },
    /// A block that does not hold what was written.
    #[error("at stored position {position}: {error}")]
    Block {
        /// Where in the object.
        position: u64,
        /// The block and what is wrong with it.
        error: BlockError,
    },
    /// A batch that is no batch, out of order, or fails Kafka's own checksum, in a block that is as it was written.
    #[error("at raw position {position}: {error}")]
    Batch {
        /// Where in the segment's raw bytes.
        position: RawPosition,
        /// What is wrong.
        error: BatchError,
    },
    /// The index and the batches differ.
    #[error("block {number}: {what} is {index} in the index and {batches} in the batches")]
    Index {
        /// The block.
        number: u32,
        /// Which value.
        what: &'static str,
        /// What the index says.
        index: String,
        /// What the batches say.
        batches: String,
    },
    /// The transactions of the segment and its batches differ.
    #[error("{what} recorded are not those that the batches give: {recorded} and {computed}")]
    Transactions {
        /// Which list.
        what: &'static str,
        /// What is recorded.
        recorded: String,
        /// What the batches give.
        computed: String,
    },
    /// The object's checksum differs from the entry's.
    #[error("the object has crc32c {found}, the manifest says {expected}")]
    ObjectCrc {
        /// What the manifest says.
        expected: Crc32c,
        /// The checksum of what there is.
        found: Crc32c,
    },
}

impl AnomalyKind {
    /// The anomaly's name: lower case, stable, one per kind.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Manifest(_) => "manifest",
            Self::Algebra(anomaly) => anomaly.name(),
            Self::ManifestMissing => "manifest-missing",
            Self::PageMissing => "page-missing",
            Self::Page(_) => "page",
            Self::ObjectMissing { .. } => "object-missing",
            Self::ObjectLength { .. } => "object-length",
            Self::Tail(_) => "segment-tail",
            Self::Footer { .. } => "footer-mismatch",
            Self::Totals { .. } => "totals-mismatch",
            Self::Block { .. } => "block",
            Self::Batch { .. } => "batch",
            Self::Index { .. } => "index-mismatch",
            Self::Transactions { .. } => "transactions-mismatch",
            Self::ObjectCrc { .. } => "object-crc",
        }
    }
}
