//! One stored block back to batches.

use bytes::Bytes;

use super::BlockError;
use crate::block_index::BlockEntry;
use crate::ids::Crc32c;

/// Decodes and checks a block. `stored` is exactly the block's stored bytes. Raw blocks are not copied; a compressed one
/// is decompressed into a buffer of its raw length and never beyond. What comes back has passed the block's CRC32C.
///
/// The codec needs no field: as long as the raw bytes means raw, shorter means zstd.
///
/// # Errors
/// Lengths that do not match the index, bytes that zstd refuses, and a wrong checksum; all name the block.
pub fn decode_block(entry: &BlockEntry, stored: Bytes) -> Result<Bytes, BlockError> {
    let number = entry.number;
    let found = u64::try_from(stored.len()).unwrap_or(u64::MAX);
    if found != entry.stored_len() {
        return Err(BlockError::StoredLength { number, expected: entry.stored_len(), found });
    }
    let raw = if entry.stored_len() == entry.raw_len() { stored } else { decompress(entry, &stored)? };
    let computed = Crc32c::of(&raw);
    if computed != entry.crc {
        return Err(BlockError::Crc { number, stored: entry.crc, computed });
    }
    Ok(raw)
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
