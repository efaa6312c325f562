//! A column of numbers as straight lines and short distances from them.
//!
//! ```text
//! value(i) = base + (slope · x(i) >> shift) + distance(i)        i counts within a frame of 128 blocks
//! ```
//!
//! `x(i)` is `i` itself (shift 8), or for the stored positions how far the raw position lies behind the frame's first
//! (shift 20), so that the slope is the frame's compression ratio. Distances are never negative and are packed to as
//! many bits as the frame's largest needs.

use super::BlockIndexError;
use crate::varint::{self, VarintFault};

/// Blocks in a frame. In longer ones the values stray further from their line; shorter ones pay more lines.
pub(super) const FRAME: u32 = 128;
/// The largest slope, either way: times any `i` it stays within 64 bits.
pub(super) const MAX_SLOPE: i64 = 1 << 46;
/// The slope's fraction bits where `x` is `i`.
pub(super) const BY_NUMBER: u32 = 8;
/// The slope's fraction bits where `x` is a distance in raw bytes.
pub(super) const BY_RAW: u32 = 20;

/// One frame's line, and where its distances lie.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    pub(super) base: i64,
    pub(super) slope: i64,
    pub(super) width: u8,
    /// The first byte of the distances in the section.
    pub(super) at: u32,
}

impl Line {
    /// Takes a line off the directory. Base and slope are told as distances from those of the frame before.
    pub(super) fn take(rest: &mut &[u8], before: Option<&Self>, frame: usize) -> Result<Self, BlockIndexError> {
        let (base, slope) = before.map_or((0, 0), |line| (line.base, line.slope));
        let fault = |fault| match fault {
            VarintFault::Short => BlockIndexError::Short { what: "directory" },
            VarintFault::Form => BlockIndexError::Line { frame },
        };
        let base = varint::take_signed(rest).map_err(fault)?.checked_add(base);
        let slope = varint::take_signed(rest).map_err(fault)?.checked_add(slope);
        let (width, after) = rest.split_first().ok_or(BlockIndexError::Short { what: "directory" })?;
        *rest = after;
        let (Some(base), Some(slope)) = (base, slope.filter(|slope| slope.abs() <= MAX_SLOPE)) else {
            return Err(BlockIndexError::Line { frame });
        };
        if *width > 64 {
            return Err(BlockIndexError::Line { frame });
        }
        Ok(Self { base, slope, width: *width, at: 0 })
    }

    pub(super) fn put(&self, before: Option<&Self>, out: &mut Vec<u8>) {
        let (base, slope) = before.map_or((0, 0), |line| (line.base, line.slope));
        varint::put_signed(out, self.base.wrapping_sub(base));
        varint::put_signed(out, self.slope - slope);
        out.push(self.width);
    }

    /// The value at `i`, and nothing that does not fit 64 bits. For checking; look-ups use [`Self::get`].
    pub(super) fn checked_get(&self, bytes: &[u8], i: u32, x: i64, shift: u32) -> Option<i64> {
        let rise = self.slope.checked_mul(x)? >> shift;
        let value = i128::from(self.base) + i128::from(rise) + i128::from(self.distance(bytes, i));
        i64::try_from(value).ok()
    }

    /// The value at `i`, of which [`Self::checked_get`] has found once that it fits.
    #[inline]
    pub(super) fn get(&self, bytes: &[u8], i: u32, x: i64, shift: u32) -> i64 {
        let rise = self.slope.wrapping_mul(x) >> shift;
        self.base.wrapping_add(rise).wrapping_add(self.distance(bytes, i).cast_signed())
    }

    #[inline]
    fn distance(&self, bytes: &[u8], i: u32) -> u64 {
        if self.width == 0 {
            return 0;
        }
        let bit = i * u32::from(self.width);
        let at = self.at as usize + (bit >> 3) as usize;
        let low = bit & 7;
        let mask = u64::MAX >> (64 - u32::from(self.width));
        let rest = bytes.get(at..).unwrap_or_default();
        match rest.first_chunk::<8>() {
            Some(window) if low + u32::from(self.width) <= 64 => u64::from_le_bytes(*window) >> low & mask,
            _ => {
                let wide = rest.iter().take(9).rev().fold(0_u128, |wide, byte| wide << 8 | u128::from(*byte));
                u64::try_from(wide >> low & u128::from(mask)).expect("masked to 64 bits")
            }
        }
    }

    /// About where the line passes `value`: half of the widest distance is taken off.
    #[inline]
    fn guess(&self, value: i64) -> u32 {
        if self.slope <= 0 || self.width > 40 {
            return 0;
        }
        let above = value.saturating_sub(self.base).saturating_sub((1 << self.width) >> 1).clamp(0, 1 << 54);
        u32::try_from((above << BY_NUMBER) / self.slope).map_or(FRAME, |i| i.min(FRAME))
    }
}

/// A rising column that is searched: the lines, and each frame's first value beside them.
#[derive(Debug, Clone)]
pub(super) struct Rising {
    pub(super) lines: Box<[Line]>,
    firsts: Box<[i64]>,
}

impl Rising {
    pub(super) fn new(bytes: &[u8], lines: Box<[Line]>) -> Self {
        let firsts = lines.iter().map(|line| line.get(bytes, 0, 0, BY_NUMBER)).collect();
        Self { lines, firsts }
    }

    #[inline]
    pub(super) fn get(&self, bytes: &[u8], number: u32) -> i64 {
        let i = number % FRAME;
        self.lines.get((number / FRAME) as usize).map_or(0, |line| line.get(bytes, i, i64::from(i), BY_NUMBER))
    }

    /// The first value of the frame that `number` lies in.
    #[inline]
    pub(super) fn first_of_frame(&self, number: u32) -> i64 {
        self.firsts.get((number / FRAME) as usize).copied().unwrap_or(0)
    }

    pub(super) fn memory_bytes(&self) -> usize {
        size_of_val(&*self.lines) + size_of_val(&*self.firsts)
    }

    /// The last of `blocks` whose value is at or below `value`.
    ///
    /// Values rise nearly evenly, so both the frame and the place in it are computed, then corrected by steps that
    /// double: two or three cache lines are touched rather than the dozen of a halving search.
    pub(super) fn last_at_or_below(&self, bytes: &[u8], blocks: u32, value: i64) -> Option<u32> {
        let frame = last_at_or_below(u32::try_from(self.firsts.len()).ok()?, self.guess_frame(value), |frame| {
            self.firsts.get(frame as usize).is_some_and(|first| *first <= value)
        })?;
        let line = self.lines.get(frame as usize)?;
        let first = frame * FRAME;
        let place = last_at_or_below((blocks - first).min(FRAME), line.guess(value), |i| {
            i == 0 || line.get(bytes, i, i64::from(i), BY_NUMBER) <= value
        })?;
        Some(first + place)
    }

    #[inline]
    fn guess_frame(&self, value: i64) -> u32 {
        let (Some(first), Some(last)) = (self.firsts.first(), self.firsts.last()) else { return 0 };
        // 20 bits are precise enough for a guess, and keep the product within 64.
        let shift = 43_u32.saturating_sub(last.abs_diff(*first).leading_zeros());
        let span = (last.abs_diff(*first) >> shift).max(1);
        let into = (value.max(*first).abs_diff(*first) >> shift).min(span);
        let frames = self.firsts.len() as u64 - 1;
        u32::try_from(into * frames / span).unwrap_or(0)
    }
}

/// The last of `count` places for which `below` holds, given that it holds for none behind one for which it does not.
/// Starts at `guess` and widens by doubling steps.
#[inline]
fn last_at_or_below(count: u32, guess: u32, below: impl Fn(u32) -> bool) -> Option<u32> {
    let last = count.checked_sub(1)?;
    let guess = guess.min(last);
    let mut step = 1;
    // `low` holds, `high` does not (or lies past the end).
    let (mut low, mut high) = if below(guess) {
        let mut low = guess;
        loop {
            let next = low.saturating_add(step);
            if next > last {
                break (low, count);
            }
            if !below(next) {
                break (low, next);
            }
            (low, step) = (next, step * 2);
        }
    } else {
        let mut high = guess;
        loop {
            if high == 0 {
                return None;
            }
            let next = high.saturating_sub(step);
            if below(next) {
                break (next, high);
            }
            (high, step) = (next, step * 2);
        }
    };
    while high - low > 1 {
        let middle = low.midpoint(high);
        if below(middle) { low = middle } else { high = middle }
    }
    Some(low)
}
