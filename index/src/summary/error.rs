//! What can be wrong with a summary.

use crate::ids::{Crc32c, ValueError};

/// A summary that cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SummaryError {
    /// Not even a header.
    #[error("{found} bytes are too short for the header of {needed}")]
    Short {
        /// How many bytes there are.
        found: usize,
        /// How many a header has.
        needed: usize,
    },
    /// Not a summary at all.
    #[error("magic {found:02x?} is not a summary's")]
    Magic {
        /// The first eight bytes.
        found: [u8; 8],
    },
    /// Written by a newer build.
    #[error(
        "format version {found} is newer than {supported}, the newest that this build reads; upgrade firnline"
    )]
    Newer {
        /// The version of the object.
        found: u16,
        /// The newest version read.
        supported: u16,
    },
    /// A length beyond its limit, or not the one that is there.
    #[error("{what} is {found}, expected {expected}")]
    Length {
        /// Which length.
        what: &'static str,
        /// The length found.
        found: u64,
        /// What it may be, at most or exactly.
        expected: u64,
    },
    /// Damage.
    #[error("checksum is stated as {stated}, but the bytes give {computed}")]
    Checksum {
        /// The checksum stated.
        stated: Crc32c,
        /// The checksum of the bytes.
        computed: Crc32c,
    },
    /// The body cannot be unpacked.
    #[error("the body is not a zstd frame of the length stated")]
    Frame,
    /// A section that is not what it must be.
    #[error("section {section}: {why}")]
    Section {
        /// The section.
        section: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A value that its type refuses.
    #[error("section {section} holds a value that is not valid")]
    Value {
        /// The section.
        section: &'static str,
        /// Why its type refuses it.
        #[source]
        source: ValueError,
    },
    /// A summary that the bytes cannot carry: partitions out of order, or marks that contradict each other.
    #[error("it holds a value that the format cannot carry")]
    Unfaithful,
}

impl SummaryError {
    /// Whether a newer build wrote it: nothing is damaged, and an upgrade reads it.
    pub const fn is_newer(&self) -> bool {
        matches!(self, Self::Newer { .. })
    }
}
