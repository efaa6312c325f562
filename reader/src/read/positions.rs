//! One read by position: bytes of one segment, wherever batches begin and end.

use std::sync::Arc;

use bytes::Bytes;
use firnline_index::{Offset, RawPosition};

use super::streams;
use crate::error::ReadError;
use crate::open::Segment;
use crate::reader::Inner;
use crate::segment::SegmentRef;
use crate::settings::MAX_READ_BYTES;

impl Inner {
    /// The raw bytes from `position` on; see [`crate::SegmentHandle::read_at`].
    pub(crate) async fn read_at(
        self: &Arc<Self>,
        of: &Arc<SegmentRef>,
        segment: &Segment,
        position: u64,
        max_bytes: usize,
    ) -> Result<Vec<Bytes>, ReadError> {
        let index = segment.index();
        let most = u64::try_from(max_bytes.min(MAX_READ_BYTES)).unwrap_or(u64::MAX);
        let end = position.saturating_add(most).min(index.raw_len());
        if position >= end {
            return Ok(Vec::new());
        }
        let block_of = |at| index.find_raw(RawPosition::new(at)).unwrap_or(0);
        let (first, last) = (block_of(position), block_of(end - 1));
        // What this read waits for goes first.
        let asked = self.blocks.get(segment, first..last + 1);
        let from = self.goes_on(of, segment, first, last + 1);
        let blocks = match asked.await {
            // A damaged block leaves those before it usable: the next read begins at it, and is told.
            Err(ReadError::Block { number, .. }) if number > first => {
                self.blocks.get(segment, first..number.min(last)).await?
            }
            blocks => blocks?,
        };
        let mut pieces = Vec::new();
        for (entry, block) in blocks {
            let within = |at: u64| usize::try_from(at.saturating_sub(entry.raw.start)).unwrap_or(usize::MAX);
            let (start, stop) = (within(position).min(block.len()), within(end).min(block.len()));
            if start < stop {
                pieces.push(block.slice(start..stop));
            }
        }
        let next = place_behind(segment, end);
        // Whoever looks at a piece of one block begins no stream: the next piece is most likely held.
        let begins = self.brings && (last > first || segment.block(last).raw.end == end);
        self.streams.moved(segment.tip(), (from, next), pieces_len(&pieces), begins);
        Ok(pieces)
    }

    /// Takes note that of a read which has ended at `end` no more was wanted than what lies before `taken`.
    pub(crate) fn left_at(&self, segment: &Segment, end: u64, taken: u64) {
        if taken > 0 && taken < end {
            let places = (place_behind(segment, end), place_behind(segment, taken));
            self.streams.moved(segment.tip(), places, 0, false);
        }
    }

    /// Reads ahead, from the block `rest` on, of the stream that goes on with the block `first`, if one does; gives the place
    /// where it goes on. A stream is known by the block in which its last read has ended: whoever goes on by an offset index
    /// begins a little before that place, which may be in the block before.
    fn goes_on(self: &Arc<Self>, of: &Arc<SegmentRef>, segment: &Segment, first: u32, rest: u32) -> Offset {
        let here = segment.block(first).first_offset;
        let behind = segment.end_of_block(first);
        let at = streams::whereabouts(segment, rest);
        for from in [here, behind] {
            if let Some((stream, window)) = self.streams.goes_on(segment.tip(), from, at) {
                if self.brings {
                    let ahead = streams::blocks_ahead(segment, rest, window);
                    self.blocks.ahead(segment, ahead.blocks, window, &stream);
                    if ahead.beyond > 0 {
                        self.ahead_behind(of, segment, (ahead.beyond, window), stream);
                    }
                }
                return from;
            }
        }
        here
    }
}

/// Where a stream goes on that was read up to the raw byte before `end`: with the block that holds it, unless that is read to
/// its own end.
fn place_behind(segment: &Segment, end: u64) -> Offset {
    let last = segment.index().find_raw(RawPosition::new(end.saturating_sub(1))).unwrap_or(0);
    let block = segment.block(last);
    if block.raw.end == end { segment.end_of_block(last) } else { block.first_offset }
}

fn pieces_len(pieces: &[Bytes]) -> usize {
    pieces.iter().map(Bytes::len).sum()
}
