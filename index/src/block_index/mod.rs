//! The block index: where each block starts, in offsets, raw bytes, stored bytes and time, with its checksum.
//!
//! Each of the four is a [`column`]: frames of 128 blocks, in each a straight line and the small distances from it,
//! packed to as many bits as the largest needs. Blocks are cut on a grid, so the distances are short; any one value is
//! computed from its frame and one unaligned read, without unpacking the rest. `docs/formats/block-index.md` draws it.
//!
//! Parsing checks every value once: after that a look-up cannot fail, and costs no allocation.

mod build;
mod column;
mod error;

pub use build::BlockIndexBuilder;
pub use error::BlockIndexError;

use std::ops::Range;

use bytes::Bytes;
use column::Column;

use crate::ids::{Crc32c, Offset, RawPosition, StoredPosition, TimestampMs};

/// Bytes before the columns: block count, flags, raw and stored length.
pub(crate) const HEADER_LEN: usize = 24;
/// Stored positions are a column of their own; without the flag every block is raw.
const HAS_STORED: u32 = 1;

/// One block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockEntry {
    /// Its number in the segment, from 0.
    pub number: u32,
    /// The base offset of its first batch.
    pub first_offset: Offset,
    /// Its bytes in the raw segment.
    pub raw: Range<u64>,
    /// Its bytes in the object.
    pub stored: Range<u64>,
    /// The largest timestamp inside; `None` where no batch has one.
    pub max_timestamp: Option<TimestampMs>,
    /// The checksum of its raw bytes.
    pub crc: Crc32c,
}

impl BlockEntry {
    /// The raw length in bytes.
    pub fn raw_len(&self) -> u64 {
        self.raw.end - self.raw.start
    }

    /// The stored length in bytes.
    pub fn stored_len(&self) -> u64 {
        self.stored.end - self.stored.start
    }
}

/// A parsed index. Holds the section's bytes and about 24 bytes a frame beside them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct BlockIndex {
    bytes: Bytes,
    blocks: u32,
    raw_len: u64,
    stored_len: u64,
    offsets: Column,
    raw: Column,
    stored: Option<Column>,
    times: Column,
    crcs_at: usize,
}

impl BlockIndex {
    /// Reads a section. Everything is bounded by the section's length.
    pub fn parse(bytes: Bytes) -> Result<Self, BlockIndexError> {
        let short = || BlockIndexError::Short { length: bytes.len() };
        let header: &[u8; HEADER_LEN] = bytes.first_chunk().ok_or_else(short)?;
        let word = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let long = |at: usize| u64::from(word(at)) | u64::from(word(at + 4)) << 32;
        let (blocks, flags, raw_len, stored_len) = (word(0), word(4), long(8), long(16));
        if flags & !HAS_STORED != 0 {
            return Err(BlockIndexError::Flags(flags));
        }
        let count = usize::try_from(blocks).ok().filter(|n| *n <= bytes.len() / 4).ok_or_else(short)?;
        let mut at = HEADER_LEN;
        let offsets = Column::parse(&bytes, &mut at, blocks)?;
        let raw = Column::parse(&bytes, &mut at, blocks)?;
        let stored = if flags & HAS_STORED != 0 { Some(Column::parse(&bytes, &mut at, blocks)?) } else { None };
        let times = Column::parse(&bytes, &mut at, blocks)?;
        if bytes.len() - at != count * 4 {
            return Err(BlockIndexError::Length { expected: at + count * 4, found: bytes.len() });
        }
        let index = Self { bytes, blocks, raw_len, stored_len, offsets, raw, stored, times, crcs_at: at };
        index.check()?;
        Ok(index)
    }

    /// Holds every value against its neighbours: what look-ups rely on.
    fn check(&self) -> Result<(), BlockIndexError> {
        let rising = |what, column: &Column, end: u64| {
            let mut before = None;
            for number in 0..self.blocks {
                let value = column.get(&self.bytes, number);
                let starts_right = before.is_some() || value == 0 || what == "first offset";
                if value < 0 || !starts_right || before.is_some_and(|b| value <= b) || value.unsigned_abs() >= end {
                    return Err(BlockIndexError::Order { what, number, value });
                }
                before = Some(value);
            }
            Ok(())
        };
        rising("first offset", &self.offsets, i64::MAX.unsigned_abs())?;
        rising("raw position", &self.raw, self.raw_len)?;
        match &self.stored {
            Some(stored) => rising("stored position", stored, self.stored_len)?,
            None if self.stored_len != self.raw_len => return Err(BlockIndexError::StoredLength),
            None => {}
        }
        if self.blocks == 0 && (self.raw_len != 0 || self.stored_len != 0) {
            return Err(BlockIndexError::StoredLength);
        }
        for number in 0..self.blocks {
            let value = self.times.get(&self.bytes, number);
            if value < -1 {
                return Err(BlockIndexError::Order { what: "timestamp", number, value });
            }
        }
        Ok(())
    }

    /// How many blocks there are.
    pub fn len(&self) -> u32 {
        self.blocks
    }

    /// Whether there is no block, which only a segment without batches has.
    pub fn is_empty(&self) -> bool {
        self.blocks == 0
    }

    /// The raw bytes of all blocks.
    pub fn raw_len(&self) -> u64 {
        self.raw_len
    }

    /// The stored bytes of all blocks.
    pub fn stored_len(&self) -> u64 {
        self.stored_len
    }

    /// Memory held, in bytes.
    pub fn memory_bytes(&self) -> usize {
        let columns = [Some(&self.offsets), Some(&self.raw), self.stored.as_ref(), Some(&self.times)];
        size_of::<Self>() + self.bytes.len() + columns.into_iter().flatten().map(Column::memory_bytes).sum::<usize>()
    }

    /// The block of this number; `None` past the last.
    pub fn entry(&self, number: u32) -> Option<BlockEntry> {
        if number >= self.blocks {
            return None;
        }
        let range = |column: &Column, end: u64| {
            let next = number + 1;
            let to = if next < self.blocks { column.get(&self.bytes, next).unsigned_abs() } else { end };
            column.get(&self.bytes, number).unsigned_abs()..to
        };
        let raw = range(&self.raw, self.raw_len);
        let stored = self.stored.as_ref().map_or_else(|| raw.clone(), |column| range(column, self.stored_len));
        Some(BlockEntry {
            number,
            first_offset: Offset::from_kafka(self.offsets.get(&self.bytes, number))?,
            raw,
            stored,
            max_timestamp: TimestampMs::from_kafka(self.times.get(&self.bytes, number)),
            crc: self.crc(number),
        })
    }

    /// All blocks, in order.
    pub fn entries(&self) -> impl Iterator<Item = BlockEntry> + '_ {
        (0..self.blocks).filter_map(|number| self.entry(number))
    }

    /// The block that holds `offset`, or would: the last one that starts at or below it. `None` below the first.
    pub fn find_offset(&self, offset: Offset) -> Option<u32> {
        self.offsets.last_at_or_below(&self.bytes, self.blocks, offset.get())
    }

    /// The block that holds a raw position; `None` past the end.
    pub fn find_raw(&self, position: RawPosition) -> Option<u32> {
        let position = i64::try_from(position.get()).ok().filter(|p| p.unsigned_abs() < self.raw_len)?;
        self.raw.last_at_or_below(&self.bytes, self.blocks, position)
    }

    /// The first block with a timestamp at or after `time`; `None` if there is none. Times need not rise from block to
    /// block, so this walks: about 5 ns a block.
    pub fn find_timestamp(&self, time: TimestampMs) -> Option<u32> {
        (0..self.blocks).find(|number| self.times.get(&self.bytes, *number) >= time.get())
    }

    /// Where the blocks end in the object.
    pub fn stored_end(&self) -> StoredPosition {
        StoredPosition::new(self.stored_len)
    }

    fn crc(&self, number: u32) -> Crc32c {
        let at = self.crcs_at + 4 * number as usize;
        let bytes = self.bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default();
        Crc32c::new(u32::from_le_bytes(bytes))
    }
}

#[cfg(test)]
mod tests;
