//! Who reads on where a read has ended is a stream, and is read ahead of: a window that grows fourfold with each read.
//!
//! Nothing is kept of consumers but "a read has ended here": a table of fixed size.

use std::ops::Range;

use firnline_index::{Offset, RawPosition, TopicIdPartition};

use crate::open::Segment;

/// How many streams are remembered; the longest idle are forgotten.
const STREAMS: u64 = 4096;

/// The first window, in bytes: little is read in vain for who reads on once or twice.
const FIRST_WINDOW_BYTES: u64 = 2 << 20;

/// By how much the next window is wider. Few long requests serve a stream, and the first short ones are soon behind it.
const GROWTH: u64 = 4;

/// Where reads have ended, with the window of the next one there.
pub(crate) struct Streams {
    windows: moka::sync::Cache<(TopicIdPartition, Offset), u64>,
    largest: u64,
}

impl Streams {
    pub(crate) fn new(largest: u64) -> Self {
        let windows = moka::sync::Cache::builder()
            .max_capacity(STREAMS)
            .eviction_policy(moka::policy::EvictionPolicy::lru())
            .build();
        Self { windows, largest }
    }

    /// Takes note of a read; gives how far to read ahead of it, in raw bytes, if it goes on with a stream. Where reads have ended
    /// is remembered beyond the read that goes on there: several read the same, and who looks whether one more batch has room
    /// comes again.
    pub(crate) fn next(&self, tip: &TopicIdPartition, from: Offset, next: Offset) -> Option<u64> {
        let window = self.windows.get(&(tip.clone(), from));
        let wider = window.map_or(FIRST_WINDOW_BYTES, |window| window.saturating_mul(GROWTH));
        self.windows.insert((tip.clone(), next), wider.min(self.largest));
        window.map(|window| window.min(self.largest)).filter(|window| *window > 0)
    }

    /// Takes note of a read that was answered from memory: it goes on with its stream, which grows no further by that.
    pub(crate) fn moved(&self, tip: &TopicIdPartition, from: Offset, next: Offset) {
        if let Some(window) = self.windows.get(&(tip.clone(), from)) {
            self.windows.insert((tip.clone(), next), window);
        }
    }
}

/// What a window covers of a segment, and how much of it is left for the next one.
pub(super) struct Ahead {
    pub(super) blocks: Range<u32>,
    pub(super) beyond: u64,
}

/// The blocks within `window` raw bytes from the one that holds `next`, or from the end where `next` is that.
pub(super) fn blocks_ahead(segment: &Segment, next: Offset, window: u64) -> Ahead {
    let index = segment.index();
    let first =
        if next >= segment.entry().range.end() { index.len() } else { index.find_offset(next).unwrap_or(0) };
    let start = index.entry(first).map_or(index.raw_len(), |entry| entry.raw.start);
    let end = start.saturating_add(window);
    let last = if window == 0 {
        Some(first)
    } else {
        index.find_raw(RawPosition::new(end - 1)).map(|last| last + 1)
    };
    Ahead { blocks: first..last.unwrap_or(index.len()), beyond: end.saturating_sub(index.raw_len()) }
}
