//! What can be wrong with a block index.

/// A block index that cannot be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlockIndexError {
    /// The section ends inside one of its parts.
    #[error("the block index ends inside its {what}")]
    Short {
        /// Which part.
        what: &'static str,
    },
    /// The section is longer or shorter than its parts.
    #[error("the block index has {found} bytes, its parts {expected}")]
    Length {
        /// What the parts add up to.
        expected: usize,
        /// The section's length.
        found: usize,
    },
    /// Flags that this build does not know.
    #[error("block index flags {0:#x} are unknown")]
    Flags(u32),
    /// No block, or more than fit the bytes.
    #[error("a block index of {length} bytes cannot hold {blocks} blocks")]
    Blocks {
        /// The number of blocks it gives.
        blocks: u32,
        /// The section's length.
        length: usize,
    },
    /// A line whose numbers are out of range.
    #[error("the line of frame {frame} in the block index is out of range")]
    Line {
        /// The frame's number.
        frame: usize,
    },
    /// A value beyond 64 bits, or below zero.
    #[error("{what} of block {number} is out of range")]
    Value {
        /// Which column.
        what: &'static str,
        /// Which block.
        number: u32,
    },
    /// Values that do not rise, or lie beyond their end.
    #[error("{what} {value} of block {number} is out of order after {before}")]
    Order {
        /// Which column.
        what: &'static str,
        /// Which block; the number of blocks for the end of the last.
        number: u32,
        /// The value.
        value: i64,
        /// The value before.
        before: i64,
    },
    /// A block that is longer than any batch may be, or longer stored than raw.
    #[error("block {number} cannot be {stored} bytes stored and {raw} raw")]
    BlockLength {
        /// Which block.
        number: u32,
        /// Its raw length.
        raw: u64,
        /// Its stored length.
        stored: u64,
    },
}
