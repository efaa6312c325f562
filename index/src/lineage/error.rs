//! What is wrong with a chain of epochs.

use super::EpochStart;

/// A chain of epochs that cannot be a log's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineageError {
    /// An epoch at or below one that came before it.
    #[error(
        "leader epoch {} at offset {} does not lie above epoch {}, which starts at offset {}",
        given.epoch, given.start, known.epoch, known.start
    )]
    EpochBack {
        /// The newest entry known.
        known: EpochStart,
        /// The entry refused.
        given: EpochStart,
    },
    /// A new epoch that starts at or below the start of the one before it.
    #[error(
        "leader epoch {} starts at offset {}, not above offset {}, where epoch {} starts",
        given.epoch, given.start, known.start, known.epoch
    )]
    StartBack {
        /// The newest entry known.
        known: EpochStart,
        /// The entry refused.
        given: EpochStart,
    },
    /// A chain with more entries than are kept.
    #[error("lineage of {starts} epochs is longer than the limit of {limit}")]
    TooLong {
        /// How many entries were given.
        starts: usize,
        /// How many are allowed.
        limit: usize,
    },
}
