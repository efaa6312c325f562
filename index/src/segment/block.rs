//! One stored block back to batches.

use bytes::Bytes;

use super::BlockError;
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
    let number = entry.number;
    let expected = entry.raw_len();
    let fail = |source| BlockError::Decompress { number, source };
    // Every frame that a writer makes says how long it decompresses, so that a damaged index cannot make us reserve
    // more than the frame itself claims to need.
    let announced = zstd::zstd_safe::get_frame_content_size(stored).ok().flatten();
    if announced != Some(expected) {
        return Err(BlockError::RawLength { number, expected, found: announced.unwrap_or(0) });
    }
    let mut raw = Vec::new();
    let length = usize::try_from(expected).unwrap_or(usize::MAX);
    raw.try_reserve_exact(length).map_err(|_| fail(std::io::ErrorKind::OutOfMemory.into()))?;
    let mut decompressor = zstd::bulk::Decompressor::new().map_err(fail)?;
    let written = decompressor.decompress_to_buffer(stored, &mut raw).map_err(fail)?;
    if written != length || raw.len() != length {
        let found = u64::try_from(written).unwrap_or(u64::MAX);
        return Err(BlockError::RawLength { number, expected, found });
    }
    Ok(raw.into())
}
