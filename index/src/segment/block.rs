//! One stored block back to batches.

use bytes::Bytes;

use super::BlockError;
use super::frame::{FrameError, unpack as unpack_frame};
use super::seal::{Part, SegmentKey};
use crate::block_index::BlockEntry;
use crate::ids::Crc32c;

/// Decodes the blocks of one segment, sealed or not. Cheap to clone; comes from [`super::SegmentTail::blocks`].
#[derive(Debug, Clone)]
pub struct BlockDecoder {
    key: Option<SegmentKey>,
}

impl BlockDecoder {
    pub(super) fn new(key: Option<SegmentKey>) -> Self {
        Self { key }
    }

    /// Whether blocks are sealed: decoding then takes as long as a compressed one.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        self.key.is_some()
    }

    /// Opens, decodes and checks a block. `stored` is exactly the block's stored bytes.
    ///
    /// # Errors
    /// As [`decode_block`]; a sealed block that does not authenticate.
    pub fn decode(&self, entry: &BlockEntry, stored: Bytes) -> Result<Bytes, BlockError> {
        let Some(key) = &self.key else { return decode_block(entry, stored) };
        stored_length(entry, &stored)?;
        let opened = key.open(Part::Block(entry.number), &stored);
        let opened = opened.map_err(|_| BlockError::Unauthentic { number: entry.number })?;
        unpack(entry, opened.into())
    }
}

/// Decodes and checks a block of a segment that is not sealed. `stored` is exactly the block's stored bytes. Raw blocks are not copied; a compressed one
/// is decompressed into a buffer of its raw length and never beyond. What comes back has passed the block's CRC32C.
///
/// The codec needs no field: as long as the raw bytes means raw, shorter means zstd.
///
/// # Errors
/// Lengths that do not match the index, bytes that zstd refuses, and a wrong checksum; all name the block.
pub fn decode_block(entry: &BlockEntry, stored: Bytes) -> Result<Bytes, BlockError> {
    stored_length(entry, &stored)?;
    unpack(entry, stored)
}

fn stored_length(entry: &BlockEntry, stored: &[u8]) -> Result<(), BlockError> {
    let found = length_of(stored);
    if found == entry.stored_len() {
        return Ok(());
    }
    Err(BlockError::StoredLength { number: entry.number, expected: entry.stored_len(), found })
}

/// From a block's bytes in the clear to its batches.
fn unpack(entry: &BlockEntry, clear: Bytes) -> Result<Bytes, BlockError> {
    let number = entry.number;
    let raw = if length_of(&clear) == entry.raw_len() { clear } else { decompress(entry, &clear)? };
    let computed = Crc32c::of(&raw);
    if computed != entry.crc {
        return Err(BlockError::Crc { number, stored: entry.crc, computed });
    }
    Ok(raw)
}

fn length_of(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

fn decompress(entry: &BlockEntry, stored: &[u8]) -> Result<Bytes, BlockError> {
    let (number, expected) = (entry.number, entry.raw_len());
    unpack_frame(stored, expected).map(Bytes::from).map_err(|error| match error {
        FrameError::Length(found) => BlockError::RawLength { number, expected, found },
        FrameError::Codec(source) => BlockError::Decompress { number, source },
    })
}
