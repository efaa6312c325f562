//! The block index: where each block starts, in offsets, raw bytes, stored bytes and time, with its checksum.
//!
//! ```text
//! header │ directory: the lines of frame 0, 1, … │ distances, column by column │ CRC32C of block 0, 1, …
//! ```
//!
//! Each of the four is a column: frames of 128 blocks, in each a straight line and the small distances from it, packed to
//! as many bits as the largest needs. Blocks are cut on a grid, so the distances are short; any one value is computed
//! from its line and one unaligned read, without unpacking the rest. `docs/formats/block-index.md` draws it.
//!
//! Parsing checks every value once: after that a look-up cannot fail, and costs no allocation.

mod build;
mod column;
mod error;
mod fit;

pub use build::BlockIndexBuilder;
pub use error::BlockIndexError;

use std::ops::Range;

use bytes::Bytes;
use column::{BY_NUMBER, BY_RAW, FRAME, Line, Rising};

use crate::ids::{Crc32c, Offset, RawPosition, TimestampMs};

/// Bytes before the directory: block count, flags, raw and stored length.
const HEADER_LEN: usize = 24;
/// Stored positions are a column of their own; without the flag every block is raw.
const HAS_STORED: u32 = 1;
/// The longest block: Kafka's own limit for one batch, which may be a block of its own.
const MAX_BLOCK_LEN: u64 = i32::MAX as u64;

/// One block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockEntry {
    /// Its number in the segment, from 0.
    pub number: u32,
    /// The base offset of its first batch; for block 0 the segment's base, which may lie below that.
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
        self.raw.end.saturating_sub(self.raw.start)
    }

    /// The stored length in bytes.
    pub fn stored_len(&self) -> u64 {
        self.stored.end.saturating_sub(self.stored.start)
    }
}

/// A parsed index. Holds the section's bytes and 24 bytes a line beside them: together about 1.1 times the section.
/// Cheap to clone where it stands behind an `Arc`; a clone of its own copies the lines.
#[derive(Debug, Clone)]
pub struct BlockIndex {
    bytes: Bytes,
    blocks: u32,
    raw_len: u64,
    stored_len: u64,
    offsets: Rising,
    raw: Rising,
    stored: Option<Box<[Line]>>,
    times: Box<[Line]>,
    crcs_at: usize,
}

impl BlockIndex {
    /// Reads a section. Memory is bounded by the section's length, and every value is checked.
    ///
    /// # Errors
    /// Anything that would make a later look-up fail or lie: parts that do not add up to the section, no block at all,
    /// values that do not rise, blocks longer stored than raw.
    pub fn parse(bytes: Bytes) -> Result<Self, BlockIndexError> {
        Self::parse_with(bytes, 0)
    }

    /// Reads the index of a segment whose blocks are longer stored than in the clear by `added` bytes.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_with(bytes: Bytes, added: u64) -> Result<Self, BlockIndexError> {
        let (header, mut rest) =
            bytes.split_first_chunk::<HEADER_LEN>().ok_or(BlockIndexError::Short { what: "header" })?;
        let word = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| header[at + i]));
        let long = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| header[at + i]));
        let (blocks, flags, raw_len, stored_len) = (word(0), word(4), long(8), long(16));
        if flags & !HAS_STORED != 0 {
            return Err(BlockIndexError::Flags(flags));
        }
        let length = bytes.len();
        let count = usize::try_from(blocks).ok().filter(|count| (1..=length / 4).contains(count));
        let count = count.ok_or(BlockIndexError::Blocks { blocks, length })?;
        let mut columns: [Vec<Line>; 4] = Default::default();
        let frames = count.div_ceil(FRAME as usize);
        for frame in 0..frames {
            for (number, column) in columns.iter_mut().enumerate() {
                if number != STORED || flags & HAS_STORED != 0 {
                    let line = Line::take(&mut rest, column.last(), frame)?;
                    column.push(line);
                }
            }
        }
        let mut at = length - rest.len();
        for column in &mut columns {
            for (frame, line) in column.iter_mut().enumerate() {
                let here = (count - frame * FRAME as usize).min(FRAME as usize);
                line.at = u32::try_from(at).map_err(|_| BlockIndexError::Short { what: "distances" })?;
                at += (here * usize::from(line.width)).div_ceil(8);
            }
        }
        if at + count * 4 != length {
            return Err(BlockIndexError::Length { expected: at + count * 4, found: length });
        }
        let [offsets, raw, stored, times] = columns.map(Vec::into_boxed_slice);
        let index = Self {
            blocks,
            raw_len,
            stored_len,
            offsets: Rising::new(&bytes, offsets),
            raw: Rising::new(&bytes, raw),
            stored: (flags & HAS_STORED != 0).then_some(stored),
            times,
            crcs_at: at,
            bytes,
        };
        index.check(added)?;
        Ok(index)
    }

    /// Holds every value against its neighbours: what look-ups rely on.
    fn check(&self, added: u64) -> Result<(), BlockIndexError> {
        self.rising("first offset", self.offsets.lines(), None, None)?;
        self.rising("raw position", self.raw.lines(), None, Some(self.raw_len))?;
        // Without a column of their own the stored positions are the raw ones.
        if let Some(stored) = &self.stored {
            self.rising("stored position", stored, Some(&self.raw), Some(self.stored_len))?;
        }
        for number in 0..self.blocks {
            let time = self.checked(&self.times, number, None);
            if time.is_none_or(|time| time < -1) {
                return Err(BlockIndexError::Value { what: "timestamp", number });
            }
            let (raw, stored) = (self.raw_range(number), self.stored_range(number));
            let (raw, stored) = (raw.end - raw.start, stored.end - stored.start);
            if raw > MAX_BLOCK_LEN || stored > raw + added || stored < added {
                return Err(BlockIndexError::BlockLength { number, raw, stored });
            }
        }
        let stored = self.stored_range(self.blocks - 1);
        if stored.end != self.stored_len {
            return Err(BlockIndexError::Order {
                what: "stored length",
                number: self.blocks,
                value: self.stored_len.try_into().unwrap_or(i64::MAX),
                before: stored.end.try_into().unwrap_or(i64::MAX),
            });
        }
        Ok(())
    }

    /// Values that fit, are not negative and rise; positions also start at 0 and stay below `end`.
    fn rising(
        &self,
        what: &'static str,
        lines: &[Line],
        by: Option<&Rising>,
        end: Option<u64>,
    ) -> Result<(), BlockIndexError> {
        let mut before = -1;
        for number in 0..self.blocks {
            let value = self.checked(lines, number, by).ok_or(BlockIndexError::Value { what, number })?;
            if value <= before || (end.is_some() && number == 0 && value != 0) {
                return Err(BlockIndexError::Order { what, number, value, before });
            }
            before = value;
        }
        match end.map(i64::try_from) {
            Some(Ok(end)) if end <= before => {
                Err(BlockIndexError::Order { what, number: self.blocks, value: end, before })
            }
            Some(Err(_)) => Err(BlockIndexError::Value { what, number: self.blocks }),
            _ => Ok(()),
        }
    }

    fn checked(&self, lines: &[Line], number: u32, by: Option<&Rising>) -> Option<i64> {
        let i = number % FRAME;
        let line = lines.get((number / FRAME) as usize)?;
        match by {
            None => line.checked_get(&self.bytes, i, i64::from(i), BY_NUMBER),
            Some(raw) => {
                let x = raw.get(&self.bytes, number).checked_sub(raw.first_of_frame(&self.bytes, number))?;
                line.checked_get(&self.bytes, i, x, BY_RAW)
            }
        }
    }

    /// How many blocks there are; at least one.
    pub fn len(&self) -> u32 {
        self.blocks
    }

    /// Never: a segment has at least one block.
    pub fn is_empty(&self) -> bool {
        self.blocks == 0
    }

    /// The raw bytes of all blocks.
    pub fn raw_len(&self) -> u64 {
        self.raw_len
    }

    /// The stored bytes of all blocks: where they end in the object.
    pub fn stored_len(&self) -> u64 {
        self.stored_len
    }

    /// Memory held, in bytes.
    pub fn memory_bytes(&self) -> usize {
        let stored = self.stored.as_ref().map_or(0, |lines| size_of_val(&**lines));
        let lines =
            self.offsets.memory_bytes() + self.raw.memory_bytes() + stored + size_of_val(&*self.times);
        size_of::<Self>() + self.bytes.len() + lines
    }

    /// The block of this number; `None` past the last.
    pub fn entry(&self, number: u32) -> Option<BlockEntry> {
        if number >= self.blocks {
            return None;
        }
        Some(BlockEntry {
            number,
            first_offset: Offset::from_kafka(self.offsets.get(&self.bytes, number))?,
            raw: self.raw_range(number),
            stored: self.stored_range(number),
            max_timestamp: TimestampMs::from_kafka(self.time(number)),
            crc: self.crc(number),
        })
    }

    /// All blocks, in order.
    pub fn entries(&self) -> impl Iterator<Item = BlockEntry> + '_ {
        (0..self.blocks).filter_map(|number| self.entry(number))
    }

    /// The block in which to look for `offset`: the last one that starts at or below it; `None` below the first. Where
    /// compaction has left a hole, the first record at or after `offset` may stand in the block behind. Above the
    /// segment's end it is the last block: the index does not know the end.
    pub fn find_offset(&self, offset: Offset) -> Option<u32> {
        self.offsets.last_at_or_below(&self.bytes, self.blocks, offset.get())
    }

    /// The block that holds a raw position; `None` past the end.
    pub fn find_raw(&self, position: RawPosition) -> Option<u32> {
        let position = i64::try_from(position.get()).ok().filter(|_| position.get() < self.raw_len)?;
        self.raw.last_at_or_below(&self.bytes, self.blocks, position)
    }

    /// The first block with a timestamp at or after `time`; `None` if there is none. Times need not rise from block to
    /// block, so this walks: about 3 ns a block.
    pub fn find_timestamp(&self, time: TimestampMs) -> Option<u32> {
        (0..self.blocks).find(|number| self.time(*number) >= time.get())
    }

    fn time(&self, number: u32) -> i64 {
        let i = number % FRAME;
        self.times
            .get((number / FRAME) as usize)
            .map_or(-1, |line| line.get(&self.bytes, i, i64::from(i), BY_NUMBER))
    }

    fn raw_range(&self, number: u32) -> Range<u64> {
        let at = |number| self.raw.get(&self.bytes, number).unsigned_abs();
        let end = if number + 1 < self.blocks { at(number + 1) } else { self.raw_len };
        at(number)..end
    }

    fn stored_range(&self, number: u32) -> Range<u64> {
        let Some(lines) = &self.stored else { return self.raw_range(number) };
        let at = |number: u32| {
            let x = self.raw.get(&self.bytes, number) - self.raw.first_of_frame(&self.bytes, number);
            let line = lines.get((number / FRAME) as usize);
            line.map_or(0, |line| line.get(&self.bytes, number % FRAME, x, BY_RAW)).unsigned_abs()
        };
        let end = if number + 1 < self.blocks { at(number + 1) } else { self.stored_len };
        at(number)..end
    }

    fn crc(&self, number: u32) -> Crc32c {
        let at = self.crcs_at + 4 * number as usize;
        let bytes = self.bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default();
        Crc32c::new(u32::from_le_bytes(bytes))
    }
}

/// The place of the stored positions among the columns.
const STORED: usize = 2;

#[cfg(test)]
mod tests;
