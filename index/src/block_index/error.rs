//! What can be wrong with a block index.

/// A block index that cannot be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlockIndexError {
    /// The section ends before what it announces.
    #[error("block index of {length} bytes ends before what it announces")]
    Short {
        /// The section's length.
        length: usize,
    },
    /// The section is longer or shorter than its columns.
    #[error("block index has {found} bytes, its columns {expected}")]
    Length {
        /// What the columns add up to.
        expected: usize,
        /// The section's length.
        found: usize,
    },
    /// Flags that this build does not know.
    #[error("block index flags {0:#x} are unknown")]
    Flags(u32),
    /// A frame whose values need more than 64 bits, or reach beyond them.
    #[error("block index frame {frame} is {width} bits wide")]
    Width {
        /// The frame's number in its column.
        frame: usize,
        /// The width it gives.
        width: u8,
    },
    /// Values that do not rise, or lie outside their range.
    #[error("{what} {value} of block {number} is out of order")]
    Order {
        /// Which column.
        what: &'static str,
        /// Which block.
        number: u32,
        /// The value.
        value: i64,
    },
    /// The stored length does not fit the raw length.
    #[error("stored and raw length of the blocks contradict each other")]
    StoredLength,
}
