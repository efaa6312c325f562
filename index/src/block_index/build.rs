//! Writing the section.

use super::column::{BY_NUMBER, BY_RAW, FRAME, Line};
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
    /// Adds the next block, which starts where the last one ended. First offsets must rise; a block is not empty, and
    /// not longer stored than raw: a reader refuses the index otherwise.
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
        let mut out = Vec::with_capacity(HEADER_LEN + 9 * self.crcs.len());
        out.extend(blocks.to_le_bytes());
        out.extend(if has_stored { HAS_STORED } else { 0 }.to_le_bytes());
        out.extend(self.raw_len.to_le_bytes());
        out.extend(self.stored_len.to_le_bytes());
        let numbers: Vec<i64> = (0..i64::from(FRAME)).collect();
        let mut before: [Option<Line>; 4] = [None; 4];
        // Distances lie column by column, so that a search touches few pages.
        let mut distances: [Vec<u8>; 4] = Default::default();
        for from in (0..self.crcs.len()).step_by(FRAME as usize) {
            let frame = from..(from + FRAME as usize).min(self.crcs.len());
            let raw = &self.raw[frame.clone()];
            let into: Vec<i64> = raw.iter().map(|position| position - raw[0]).collect();
            let numbers = &numbers[..frame.len()];
            let columns = [
                Some((numbers, &self.offsets, BY_NUMBER)),
                Some((numbers, &self.raw, BY_NUMBER)),
                has_stored.then_some((into.as_slice(), &self.stored, BY_RAW)),
                Some((numbers, &self.times, BY_NUMBER)),
            ];
            for ((before, distances), column) in before.iter_mut().zip(&mut distances).zip(columns) {
                let Some((xs, values, shift)) = column else { continue };
                let line = Line::through(xs, &values[frame.clone()], shift);
                line.put(before.as_ref(), &mut out);
                line.pack(xs, &values[frame.clone()], shift, distances);
                *before = Some(line);
            }
        }
        distances.iter().for_each(|column| out.extend_from_slice(column));
        for crc in &self.crcs {
            out.extend(crc.to_le_bytes());
        }
        out
    }
}

fn signed(position: u64) -> i64 {
    i64::try_from(position).expect("no object is larger than 2^63 bytes")
}
