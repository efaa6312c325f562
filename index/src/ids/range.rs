//! Half-open ranges of offsets.

use std::fmt;

use super::{Offset, ValueError};

/// The offsets `start..end`; empty when the two are equal, never backwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OffsetRange {
    start: Offset,
    end: Offset,
}

impl OffsetRange {
    /// The range that holds nothing.
    pub const EMPTY: Self = Self { start: Offset::ZERO, end: Offset::ZERO };

    /// The range from `start` up to but not including `end`.
    pub fn new(start: Offset, end: Offset) -> Result<Self, ValueError> {
        if end < start {
            return Err(ValueError::Backwards { start, end });
        }
        Ok(Self { start, end })
    }

    /// The first offset.
    pub const fn start(self) -> Offset {
        self.start
    }

    /// One past the last offset.
    pub const fn end(self) -> Offset {
        self.end
    }

    /// How many offsets the range spans. Offsets need not all be in use: compaction leaves holes.
    pub fn span(self) -> u64 {
        self.end.get().abs_diff(self.start.get())
    }

    /// Whether no offset lies in the range.
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// Whether `offset` lies in the range.
    pub fn contains(self, offset: Offset) -> bool {
        self.start <= offset && offset < self.end
    }

    /// Whether the two ranges share an offset.
    pub fn overlaps(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// The offsets in both ranges, if there are any.
    pub fn intersection(self, other: Self) -> Option<Self> {
        let (start, end) = (self.start.max(other.start), self.end.min(other.end));
        (start < end).then_some(Self { start, end })
    }
}

impl fmt::Display for OffsetRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}
