//! Runs of blocks and the disk cache: what it has at both ends of a run need not be asked for, and what came is given to it.

use std::ops::Range;

use bytes::Bytes;
use firnline_index::segment::BlockError;

use super::Fetcher;
use crate::disk::{Part, RecordKey, Wish};
use crate::open::Segment;
use crate::stats::count;

#[cfg(test)]
mod tests;

/// A run of blocks, by what the disk cache has of it.
pub(super) struct Cached {
    pub(super) front: Vec<Bytes>,
    /// What is to be asked for. It may hold blocks that the disk has, between others: there is never more than one request for
    /// a run, and never a longer one than without a cache.
    pub(super) missing: Range<u32>,
    pub(super) back: Vec<Bytes>,
}

impl Fetcher {
    /// Reads what the disk cache has of a run.
    pub(super) async fn cached(&self, segment: &Segment, blocks: Range<u32>) -> Cached {
        let nothing = Cached { front: Vec::new(), missing: blocks.clone(), back: Vec::new() };
        let Some(disk) = &self.disk else { return nothing };
        let known: Vec<_> = blocks.clone().map(|number| disk.knows(&key_of(segment, number))).collect();
        let (front, back) = ends(&known);
        if front + back == 0 {
            return nothing;
        }
        let numbers: Vec<_> =
            blocks.clone().take(front).chain(blocks.clone().skip(known.len() - back)).collect();
        let wish = |number: &u32| Wish {
            key: key_of(segment, *number),
            length: segment.block(*number).stored_len(),
        };
        let wishes = numbers.iter().map(wish).collect();
        let of = segment.clone();
        let decode = move |at: usize, stored| of.tail().blocks().decode(&of.block(numbers[at]), stored);
        let mut found = disk.get(wishes, decode).await;
        let back = found.split_off(front).into_iter().rev().map_while(|block| block);
        let mut back: Vec<_> = back.collect();
        back.reverse();
        let front: Vec<_> = found.into_iter().map_while(|block| block).collect();
        count(&self.counters.disk_blocks, (front.len() + back.len()) as u64);
        let length = |blocks: &[Bytes]| u32::try_from(blocks.len()).unwrap_or(u32::MAX);
        let missing = blocks.start + length(&front)..blocks.end - length(&back);
        Cached { front, missing, back }
    }

    /// Gives the disk cache what came from the store and was right.
    pub(super) fn keep_stored(
        &self,
        segment: &Segment,
        blocks: &Range<u32>,
        stored: &Bytes,
        decoded: &[Result<Bytes, BlockError>],
    ) {
        let Some(disk) = &self.disk else { return };
        let right = blocks.clone().zip(decoded).filter(|(_, block)| block.is_ok()).map(|(number, _)| number);
        disk.put(records(segment, blocks.start, right, stored), stored.len() as u64);
    }
}

/// Blocks of which `stored` has the bytes, from those of the block `first` on.
pub(crate) fn records(
    segment: &Segment,
    first: u32,
    numbers: impl Iterator<Item = u32>,
    stored: &Bytes,
) -> Vec<(RecordKey, Bytes)> {
    let base = segment.block(first).stored.start;
    let one = |number| {
        let range = segment.block(number).stored;
        let at = |position: u64| usize::try_from(position.checked_sub(base)?).ok();
        let (start, end) = (at(range.start)?, at(range.end)?);
        (end <= stored.len()).then(|| (key_of(segment, number), stored.slice(start..end)))
    };
    numbers.filter_map(one).collect()
}

fn key_of(segment: &Segment, number: u32) -> RecordKey {
    RecordKey::of(segment.tip().topic_id, segment.entry(), Part::Block(number))
}

/// How many are known at the front, and at the back of what is left.
fn ends(known: &[bool]) -> (usize, usize) {
    let front = known.iter().take_while(|known| **known).count();
    let back = known[front..].iter().rev().take_while(|known| **known).count();
    (front, back)
}
