//! Cutting batches into blocks and storing each.
//!
//! Blocks are cut on a grid: a block ends at the first batch boundary at or past the next multiple of the block size
//! after its start. So block k starts at k times the block size plus less than one batch, and the position column of
//! the index needs few bits. A batch larger than a block is a block of its own.

use bytes::Bytes;
use crc_fast::{CrcAlgorithm, Digest};

use super::crc::combine;
use super::seal::{Part, SegmentKey};
use super::{BlockCompression, SEAL_LEN, SegmentWriteError};
use crate::batch::{BatchHeader, Compression};
use crate::block_index::BlockIndexBuilder;
use crate::ids::{Crc32c, Offset, TimestampMs};

/// A compressed block must be shorter than the raw one by at least this share, 1/8: less is not worth a reader's time.
const WORTHWHILE: usize = 8;

pub(super) struct Cutter {
    block_size: u64,
    /// Where the segment's first block starts, which may lie below its first batch.
    base: Offset,
    /// `None` writes every block raw, without looking at its bytes again.
    packer: Option<Packer>,
    index: BlockIndexBuilder,
    /// Raw bytes taken so far.
    position: u64,
    object_crc: Crc32c,
    block: Option<OpenBlock>,
}

struct OpenBlock {
    first_offset: Offset,
    start: u64,
    max_timestamp: Option<TimestampMs>,
    crc: Digest,
    /// Whether each batch so far comes compressed.
    packed_already: bool,
}

/// What the cutter makes of all blocks.
pub(super) struct Blocks {
    pub(super) index: BlockIndexBuilder,
    /// CRC32C of the stored bytes of all blocks.
    pub(super) crc: Crc32c,
}

impl Cutter {
    pub(super) fn new(
        block_size: u32,
        base: Offset,
        compression: BlockCompression,
        key: Option<SegmentKey>,
    ) -> Result<Self, SegmentWriteError> {
        let compressor = match compression {
            BlockCompression::None => None,
            BlockCompression::Zstd { level } => {
                Some(zstd::bulk::Compressor::new(level).map_err(SegmentWriteError::Compress)?)
            }
        };
        let packer = (compressor.is_some() || key.is_some()).then(|| Packer::new(compressor, key));
        Ok(Self {
            block_size: u64::from(block_size),
            base,
            packer,
            index: BlockIndexBuilder::default(),
            position: 0,
            object_crc: Crc32c::of(&[]),
            block: None,
        })
    }

    /// Raw bytes taken so far.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Takes the batch that starts at byte `at` of `run`.
    pub(super) fn add(
        &mut self,
        header: &BatchHeader,
        bytes: &[u8],
        run: &Bytes,
        at: usize,
        out: &mut Vec<Bytes>,
    ) -> Result<(), SegmentWriteError> {
        let size = u64::from(header.size);
        let alone = size > self.block_size;
        if alone && self.block.is_some() {
            self.close(Some((run, at)), out)?;
        }
        let first_offset = if self.index.is_empty() { self.base } else { header.base_offset };
        let block = self.block.get_or_insert_with(|| OpenBlock {
            first_offset,
            start: self.position,
            max_timestamp: None,
            crc: Digest::new(CrcAlgorithm::Crc32Iscsi),
            packed_already: true,
        });
        // A second pass over bytes that Kafka's own checksum has just been computed over: they are in the cache, and this
        // costs about 25 ms per GiB. Deriving it from Kafka's checksum costs as much per batch in arithmetic.
        block.crc.update(bytes);
        block.max_timestamp = block.max_timestamp.max(header.max_timestamp);
        block.packed_already &= header.compression != Compression::None;
        self.position += size;
        let grid_end = (block.start / self.block_size + 1) * self.block_size;
        if alone || self.position >= grid_end {
            self.close(Some((run, at + bytes.len())), out)?;
        }
        Ok(())
    }

    /// To be called when all of `run` was taken.
    pub(super) fn end_run(&mut self, run: Bytes, out: &mut Vec<Bytes>) {
        match &mut self.packer {
            None if run.is_empty() => {}
            None => out.push(run),
            Some(packer) => packer.end_run(&run),
        }
    }

    /// Ends the last block.
    pub(super) fn finish(mut self, out: &mut Vec<Bytes>) -> Result<Blocks, SegmentWriteError> {
        if self.block.is_some() {
            self.close(None, out)?;
        }
        Ok(Blocks { index: self.index, crc: self.object_crc })
    }

    /// Ends the open block at byte `at` of the run, or where the last run ended.
    fn close(&mut self, end: Option<(&Bytes, usize)>, out: &mut Vec<Bytes>) -> Result<(), SegmentWriteError> {
        let Some(block) = self.block.take() else { return Ok(()) };
        let raw_len = self.position - block.start;
        let crc = Crc32c::new(u32::try_from(block.crc.finalize()).expect("a 32-bit checksum"));
        let (stored_len, stored_crc) = match &mut self.packer {
            None => (raw_len, crc),
            Some(packer) => {
                // The nonce of a sealed block: each number comes once, and the index counts in 32 bits.
                let number = u32::try_from(self.index.len())
                    .map_err(|_| SegmentWriteError::TooMany { what: "blocks", limit: u32::MAX as usize })?;
                let packed = packer
                    .pack(end, number, !block.packed_already, out)
                    .map_err(SegmentWriteError::Compress)?;
                packed.unwrap_or((raw_len, crc))
            }
        };
        self.object_crc = combine(self.object_crc, stored_crc, stored_len);
        self.index.push(block.first_offset, block.max_timestamp, raw_len, stored_len, crc);
        Ok(())
    }
}

/// Holds the pieces of the open block; compresses and seals it when it is whole.
struct Packer {
    compressor: Option<zstd::bulk::Compressor<'static>>,
    key: Option<SegmentKey>,
    /// The open block's pieces from runs before this one.
    pieces: Vec<Bytes>,
    /// Where the open block goes on in this run.
    from: usize,
    joined: Vec<u8>,
    packed: Vec<u8>,
}

impl Packer {
    fn new(compressor: Option<zstd::bulk::Compressor<'static>>, key: Option<SegmentKey>) -> Self {
        Self { compressor, key, pieces: Vec::new(), from: 0, joined: Vec::new(), packed: Vec::new() }
    }

    fn end_run(&mut self, run: &Bytes) {
        if self.from < run.len() {
            self.pieces.push(run.slice(self.from..));
        }
        self.from = 0;
    }

    /// Passes the block on, compressed where that pays, sealed where the segment is; returns its stored length and
    /// checksum where these are not the raw ones.
    fn pack(
        &mut self,
        end: Option<(&Bytes, usize)>,
        number: u32,
        worth_trying: bool,
        out: &mut Vec<Bytes>,
    ) -> std::io::Result<Option<(u64, Crc32c)>> {
        if let Some((run, to)) = end {
            if self.from < to {
                self.pieces.push(run.slice(self.from..to));
            }
            self.from = to;
        }
        let packed = if worth_trying { self.compress()? } else { None };
        let stored = match &self.key {
            None => packed,
            Some(key) => {
                Some(sealed(key, number, packed.as_ref().map_or(&self.pieces, std::slice::from_ref)))
            }
        };
        match stored {
            None => {
                out.append(&mut self.pieces);
                Ok(None)
            }
            Some(bytes) => {
                self.pieces.clear();
                let crc = Crc32c::of(&bytes);
                let length = u64::try_from(bytes.len()).expect("a block's length fits 64 bits");
                out.push(bytes);
                Ok(Some((length, crc)))
            }
        }
    }

    fn compress(&mut self) -> std::io::Result<Option<Bytes>> {
        let Some(compressor) = &mut self.compressor else { return Ok(None) };
        let raw = match self.pieces.as_slice() {
            [single] => single,
            pieces => {
                self.joined.clear();
                pieces.iter().for_each(|piece| self.joined.extend_from_slice(piece));
                self.joined.as_slice()
            }
        };
        self.packed.clear();
        self.packed.reserve(zstd::zstd_safe::compress_bound(raw.len()));
        let length = compressor.compress_to_buffer(raw, &mut self.packed)?;
        let worthwhile = length <= raw.len() - raw.len() / WORTHWHILE && length < raw.len();
        Ok(worthwhile.then(|| Bytes::copy_from_slice(&self.packed[..length])))
    }
}

/// The pieces of a block as one, sealed.
fn sealed(key: &SegmentKey, number: u32, pieces: &[Bytes]) -> Bytes {
    let length: usize = pieces.iter().map(Bytes::len).sum();
    let mut bytes = Vec::with_capacity(length + SEAL_LEN);
    pieces.iter().for_each(|piece| bytes.extend_from_slice(piece));
    key.seal(Part::Block(number), &mut bytes);
    bytes.into()
}
