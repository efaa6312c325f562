//! What a disk cache holds and has done.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::held::Held;

/// A disk cache at this moment; all zero where there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DiskStats {
    /// Whether it is at work.
    pub on: bool,
    /// Bytes of the disk that its files may take now.
    pub bytes: u64,
    /// What it holds: blocks, and the tails of segments.
    pub records: u64,
    /// Bytes that were read from it and were right.
    pub read_bytes: u64,
    /// Bytes that were written to it.
    pub written_bytes: u64,
    /// Records that gave way to newer ones, or to a disk that was full.
    pub evicted: u64,
    /// Records that were not written because those before them still were.
    pub refused_busy: u64,
    /// Records that were not written because they are too long.
    pub refused_large: u64,
    /// Records that were not written because the disk was full.
    pub refused_full: u64,
    /// Records that were read and were not what was written. Each came from the store instead.
    pub damaged: u64,
    /// Reads that took too long and were not waited for.
    pub slow: u64,
}

/// The counters behind [`DiskStats`].
#[derive(Debug, Default)]
pub(super) struct DiskCounters {
    pub(super) on: AtomicBool,
    pub(super) read_bytes: AtomicU64,
    pub(super) written_bytes: AtomicU64,
    pub(super) evicted: AtomicU64,
    pub(super) refused_busy: AtomicU64,
    pub(super) refused_large: AtomicU64,
    pub(super) refused_full: AtomicU64,
    pub(super) damaged: AtomicU64,
    pub(super) slow: AtomicU64,
}

impl DiskCounters {
    pub(super) fn snapshot(&self, held: &Held) -> DiskStats {
        let Self {
            on,
            read_bytes,
            written_bytes,
            evicted,
            refused_busy,
            refused_large,
            refused_full,
            damaged,
            slow,
        } = self;
        let value = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        DiskStats {
            on: on.load(Ordering::Acquire),
            bytes: held.bytes(),
            records: held.records(),
            read_bytes: value(read_bytes),
            written_bytes: value(written_bytes),
            evicted: value(evicted),
            refused_busy: value(refused_busy),
            refused_large: value(refused_large),
            refused_full: value(refused_full),
            damaged: value(damaged),
            slow: value(slow),
        }
    }
}
