//! Who reads on where a read has ended is a stream, and is read ahead of: a window that doubles with each read.
//!
//! Nothing is kept of consumers but "a read has ended here": a table of fixed size.

use std::ops::Range;

use firnline_index::{Offset, RawPosition, TopicIdPartition};

use crate::open::Segment;
use crate::settings::FIRST_REQUEST_BYTES;

/// How many streams are remembered; the longest idle are forgotten.
const STREAMS: u64 = 4096;

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

    /// Takes note of a read; gives how far to read ahead of it, in raw bytes, if it goes on with a stream.
    pub(crate) fn next(&self, tip: &TopicIdPartition, from: Offset, next: Offset) -> Option<u64> {
        let window = self.windows.remove(&(tip.clone(), from));
        let wider = window.map_or(FIRST_REQUEST_BYTES, |window| window.saturating_mul(2));
        self.windows.insert((tip.clone(), next), wider.min(self.largest));
        window.map(|window| window.min(self.largest)).filter(|window| *window > 0)
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
