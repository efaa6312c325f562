//! Which blocks a read needs, and how they are asked for. Pure.

use std::ops::Range;

use firnline_index::block_index::BlockIndex;
use firnline_index::{Offset, RawPosition};

#[cfg(test)]
mod tests;

/// The blocks for about `max_bytes` of batches from `offset` on: from the one that holds it to the one that holds the
/// byte `max_bytes` further. The batch at `offset` may stand anywhere in the first block, so a full answer may lack up
/// to a block's length; it would cost a block more in every read to avoid that.
pub(crate) fn blocks_for(index: &BlockIndex, offset: Offset, max_bytes: usize) -> Range<u32> {
    let first = index.find_offset(offset).unwrap_or(0);
    let start = index.entry(first).map_or(0, |entry| entry.raw.start);
    let wanted = u64::try_from(max_bytes.max(1)).unwrap_or(u64::MAX);
    let last_byte = start.saturating_add(wanted - 1);
    let last = index.find_raw(RawPosition::new(last_byte)).unwrap_or(index.len() - 1);
    first..last.max(first) + 1
}

/// Splits `numbers`, which rise, into runs of blocks that follow each other, each of at most `limit` stored bytes, or an
/// eighth more where that spares another run for the rest; a single block may be longer. Looks no further than that.
pub(crate) fn runs<'a>(
    index: &'a BlockIndex,
    numbers: impl IntoIterator<Item = u32, IntoIter: Clone + 'a>,
    limit: u64,
) -> impl Iterator<Item = Range<u32>> + 'a {
    let stored = |number| index.entry(number).map_or(0, |entry| entry.stored_len());
    let mut numbers = numbers.into_iter().peekable();
    std::iter::from_fn(move || {
        let first = numbers.next()?;
        let (mut end, mut length) = (first + 1, stored(first));
        while let Some(next) = numbers.next_if(|next| *next == end && length + stored(*next) <= limit) {
            length += stored(next);
            end = next + 1;
        }
        let mut rest = numbers.clone();
        let (mut rest_end, mut rest_length) = (end, length);
        while let Some(next) = rest.next_if_eq(&rest_end)
            && rest_length <= limit + limit / 8
        {
            rest_length += stored(next);
            rest_end = next + 1;
        }
        if rest_length <= limit + limit / 8 {
            (end, numbers) = (rest_end, rest);
        }
        Some(first..end)
    })
}
