//! Writing the section.

use super::column::Column;
use super::{HAS_STORED, HEADER_LEN};
use crate::ids::{Crc32c, Offset, TimestampMs};

/// Collects blocks in order. Holds 40 bytes a block: 160 KiB per GiB.
#[derive(Debug, Clone, Default)]
pub struct BlockIndexBuilder {
    offsets: Vec<i64>,
    raw: Vec<i64>,
    stored: Vec<i64>,
    times: Vec<i64>,
    crcs: Vec<u32>,
    raw_len: u64,
    stored_len: u64,
}

impl BlockIndexBuilder {
    /// Adds the next block, which starts where the last one ended.
    pub fn push(
        &mut self,
        first_offset: Offset,
        max_timestamp: Option<TimestampMs>,
        raw_len: u64,
        stored_len: u64,
        crc: Crc32c,
    ) {
        self.offsets.push(first_offset.get());
        self.times.push(max_timestamp.map_or(-1, TimestampMs::get));
        self.raw.push(signed(self.raw_len));
        self.stored.push(signed(self.stored_len));
        self.crcs.push(crc.get());
        self.raw_len += raw_len;
        self.stored_len += stored_len;
    }

    /// How many blocks there are so far.
    pub fn len(&self) -> usize {
        self.crcs.len()
    }

    /// Whether there is no block yet.
    pub fn is_empty(&self) -> bool {
        self.crcs.is_empty()
    }

    /// The raw bytes so far.
    pub fn raw_len(&self) -> u64 {
        self.raw_len
    }

    /// The stored bytes so far.
    pub fn stored_len(&self) -> u64 {
        self.stored_len
    }

    /// The section's bytes.
    pub fn finish(self) -> Vec<u8> {
        let has_stored = self.raw != self.stored || self.raw_len != self.stored_len;
        let blocks = u32::try_from(self.crcs.len()).expect("a segment of 2^32 blocks would be a petabyte");
        let mut out = Vec::with_capacity(HEADER_LEN + 8 * self.crcs.len());
        out.extend(blocks.to_le_bytes());
        out.extend(if has_stored { HAS_STORED } else { 0 }.to_le_bytes());
        out.extend(self.raw_len.to_le_bytes());
        out.extend(self.stored_len.to_le_bytes());
        Column::write(&self.offsets, &mut out);
        Column::write(&self.raw, &mut out);
        if has_stored {
            Column::write(&self.stored, &mut out);
        }
        Column::write(&self.times, &mut out);
        for crc in &self.crcs {
            out.extend(crc.to_le_bytes());
        }
        out
    }
}

fn signed(position: u64) -> i64 {
    i64::try_from(position).expect("no object is larger than 2^63 bytes")
}
