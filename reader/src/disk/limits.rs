//! How large a disk cache may become, on the disk and in memory.

use std::path::PathBuf;

use super::format::{UNIT, record_len, table_len};

/// A cache has about so many slabs at least: that is how finely it lets go of what is old.
const SLABS: u64 = 64;
/// A slab is at most so long, so that what a crash has left without a table is soon gone through.
const SLAB_BYTES_MOST: u64 = 64 << 20;
/// There is a record for each so many bytes at most: with that the memory for them has a limit. Blocks are longer.
const BYTES_PER_RECORD: u64 = 16 << 10;
/// The records of a slab at most, whoever wrote it.
pub(super) const SLAB_RECORDS_MOST: usize = 4096;

/// A disk cache, as plain values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskSettings {
    /// The directory. It is made where only itself is missing; nothing but this cache should be in it.
    pub dir: PathBuf,
    /// What its files may take of the disk, in bytes, at least [`DiskSettings::MAX_BYTES_LEAST`]. A record that is longer than
    /// a 64th of it is not kept.
    pub max_bytes: u64,
}

impl DiskSettings {
    /// The smallest `max_bytes`; what is smaller counts as this.
    pub const MAX_BYTES_LEAST: u64 = 64 << 20;
}

/// The limits that follow from the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) max_bytes: u64,
    pub(super) slab_bytes: u64,
    pub(super) slab_records: usize,
}

impl Limits {
    pub(super) fn new(max_bytes: u64) -> Self {
        let max_bytes = max_bytes.max(DiskSettings::MAX_BYTES_LEAST);
        Self::of_slabs(max_bytes, (max_bytes / SLABS).min(SLAB_BYTES_MOST))
    }

    /// With slabs of this size.
    pub(super) fn of_slabs(max_bytes: u64, slab_bytes: u64) -> Self {
        let records = usize::try_from(slab_bytes / BYTES_PER_RECORD).unwrap_or(usize::MAX);
        Self { max_bytes, slab_bytes, slab_records: records.clamp(1, SLAB_RECORDS_MOST) }
    }

    /// How many files there are at most: starts after crashes leave some that are not full.
    pub(super) fn slabs_most(&self) -> usize {
        usize::try_from(self.max_bytes / self.slab_bytes * 2).unwrap_or(usize::MAX)
    }

    /// The length of a payload that one slab has room for.
    pub(super) fn fits(&self, payload: u64) -> Option<u32> {
        let length = u32::try_from(payload).ok()?;
        (UNIT + record_len(length) + table_len(1) <= self.slab_bytes).then_some(length)
    }
}
