//! What was found of a chain, remembered until something changes that it was found of.

use firnline_index::{LeaderEpoch, Offset, OffsetRange};

use super::prove::Unproven;

/// What was found when the bytes of a chain were to be proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Where the chain began, and where its sealed part ended then: it may have grown since.
    pub(super) start: Offset,
    pub(super) sealed_end: Offset,
    /// The tier's end from which on it was to be proven; nothing is said of any other.
    pub(super) from: Option<Offset>,
    /// The leader's epoch under which it was found.
    pub(super) epoch: Option<LeaderEpoch>,
    pub(super) why: Unproven,
}

/// Files of a chain that have no batch, as a cleaner leaves them: nothing tells where they end until the next is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hollow {
    pub(super) start: Offset,
    pub(super) sealed_end: Offset,
    /// From the tier's end to where they end by name.
    pub(super) range: OffsetRange,
}

impl Verdict {
    /// Whether it is about a chain with these ends. What was found of the lowest bytes holds of a chain that has grown.
    pub(super) fn speaks_of(&self, start: Offset, sealed_end: Offset) -> bool {
        self.start == start && self.sealed_end <= sealed_end
    }
}
