//! Whole batches out of blocks, without a copy.

use bytes::Bytes;
use firnline_index::batch::{BatchError, BatchHeader, BatchLimits, Batches as Walk};
use firnline_index::block_index::BlockEntry;
use firnline_index::{Offset, OffsetRange, RawPosition};

/// Whole record batches in log order, as the broker wrote them: slices of blocks, not joined.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BatchChain {
    parts: Vec<Bytes>,
}

impl BatchChain {
    pub(crate) fn of(parts: Vec<Bytes>) -> Self {
        Self { parts }
    }

    /// The pieces. Each holds whole batches.
    #[must_use]
    pub fn parts(&self) -> &[Bytes] {
        &self.parts
    }

    /// The pieces, given away.
    #[must_use]
    pub fn into_parts(self) -> Vec<Bytes> {
        self.parts
    }

    /// Bytes in all pieces.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parts.iter().map(Bytes::len).sum()
    }

    /// Whether there is no byte in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.iter().all(Bytes::is_empty)
    }

    /// One contiguous buffer: free for one piece, else a copy.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        match &*self.parts {
            [one] => one.clone(),
            many => many.concat().into(),
        }
    }
}

impl From<Vec<Bytes>> for BatchChain {
    /// Pieces of whole batches in log order.
    fn from(parts: Vec<Bytes>) -> Self {
        Self { parts }
    }
}

/// Which batches are wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish {
    /// Those that reach past this offset.
    pub(crate) from: Offset,
    /// Those that begin below this one.
    pub(crate) before: Offset,
    /// As many as fit, but at least one.
    pub(crate) max_bytes: usize,
}

/// What blocks have of a wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Taken {
    Batches {
        chain: BatchChain,
        range: OffsetRange,
    },
    /// All batches end at or below the start of the wish.
    Below,
    /// The first batch that reaches past the start begins beyond the end of the wish.
    Beyond,
}

/// Takes what is wished for out of blocks that follow each other. The error names the block's place in `blocks`.
pub(crate) fn take(blocks: &[(BlockEntry, Bytes)], wish: &Wish) -> Result<Taken, (usize, BatchError)> {
    let mut parts = Vec::new();
    let (mut length, mut range): (usize, Option<(Offset, Offset)>) = (0, None);
    'blocks: for (at, (entry, block)) in blocks.iter().enumerate() {
        // Where the batches taken from this block begin and end in it.
        let mut slice: Option<(usize, usize)> = None;
        let mut position = 0;
        for batch in walk(entry, block) {
            let batch = batch.map_err(|error| (at, error))?;
            let (start, size) = (position, batch.bytes.len());
            position += size;
            let BatchHeader { base_offset, .. } = batch.header;
            let next = batch.header.next_offset();
            if next <= wish.from {
                continue;
            }
            let full = length > 0 && length.saturating_add(size) > wish.max_bytes;
            if full || base_offset >= wish.before {
                if range.is_none() {
                    return Ok(Taken::Beyond);
                }
                parts.extend(slice.map(|(from, to)| block.slice(from..to)));
                break 'blocks;
            }
            slice = Some((slice.map_or(start, |(from, _)| from), position));
            range = Some((range.map_or(base_offset, |(first, _)| first), next));
            length += size;
        }
        // The `break` above has taken this block's part already.
        parts.extend(slice.map(|(from, to)| block.slice(from..to)));
    }
    let Some((first, end)) = range else { return Ok(Taken::Below) };
    let range = OffsetRange::new(first, end).expect("offsets of walked batches rise");
    Ok(Taken::Batches { chain: BatchChain::of(parts), range })
}

/// The batches of a block.
pub(crate) fn walk<'a>(entry: &BlockEntry, block: &'a Bytes) -> Walk<'a> {
    Walk::new(block, RawPosition::new(entry.raw.start), entry.first_offset, BatchLimits::DEFAULT)
}
