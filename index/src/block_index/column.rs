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
    pub(super) fn take(
        rest: &mut &[u8],
        before: Option<&Self>,
        frame: usize,
    ) -> Result<Self, BlockIndexError> {
        let (base, slope) = before.map_or((0, 0), |line| (line.base, line.slope));
        let fault = |fault| match fault {
            VarintFault::Short => BlockIndexError::Short { what: "directory" },
            VarintFault::Form => BlockIndexError::Line { frame },
        };
        let base = varint::take_signed(rest).map_err(fault)?.checked_add(base);
        let slope = varint::take_signed(rest).map_err(fault)?.checked_add(slope);
        let (width, after) = rest.split_first().ok_or(BlockIndexError::Short { what: "directory" })?;
        *rest = after;
        let (Some(base), Some(slope)) =
            (base, slope.filter(|slope| (-MAX_SLOPE..=MAX_SLOPE).contains(slope)))
        else {
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

/// A rising column that is searched.
#[derive(Debug, Clone)]
pub(super) struct Rising {
    lines: Box<[Line]>,
    /// The first frame's base.
    first: i64,
    /// Frames per unit of value, times 2^[`FRAME_SCALE`]: where in the column a value should be.
    frames_per_unit: u64,
    /// Whether each frame's line begins at or above the first value of the frame before, as it does unless the values
    /// jump about. If so the bases alone tell the frame, give or take one.
    even: bool,
    /// Where in the section the first frame's distances begin.
    distances_at: u32,
    /// Bytes of distances per frame, about.
    distances_per_frame: u32,
}

const FRAME_SCALE: u32 = 40;

impl Rising {
    pub(super) fn new(bytes: &[u8], lines: Box<[Line]>) -> Self {
        let (first, last) =
            (lines.first().map_or(0, |line| line.base), lines.last().map_or(0, |line| line.base));
        let steps = u64::try_from(lines.len()).unwrap_or(u64::MAX).saturating_sub(1).min(1 << 23);
        let frames_per_unit = (steps << FRAME_SCALE) / last.abs_diff(first).max(1);
        let even = lines.windows(2).all(|pair| pair[0].get(bytes, 0, 0, BY_NUMBER) <= pair[1].base);
        let distances_at = lines.first().map_or(0, |line| line.at);
        let length = lines.last().map_or(0, |line| line.at.saturating_sub(distances_at));
        let distances_per_frame = length / u32::try_from(steps.max(1)).unwrap_or(u32::MAX);
        Self { lines, first, frames_per_unit, even, distances_at, distances_per_frame }
    }

    pub(super) fn lines(&self) -> &[Line] {
        &self.lines
    }

    #[inline]
    pub(super) fn get(&self, bytes: &[u8], number: u32) -> i64 {
        let i = number % FRAME;
        self.lines
            .get((number / FRAME) as usize)
            .map_or(0, |line| line.get(bytes, i, i64::from(i), BY_NUMBER))
    }

    /// The first value of the frame that `number` lies in.
    #[inline]
    pub(super) fn first_of_frame(&self, bytes: &[u8], number: u32) -> i64 {
        self.get(bytes, number - number % FRAME)
    }

    pub(super) fn memory_bytes(&self) -> usize {
        size_of_val(&*self.lines)
    }

    /// The last of `blocks` whose value is at or below `value`.
    ///
    /// Values rise nearly evenly, so both the frame and the place in it are computed, then corrected by steps that
    /// double. What a look-up costs is the cache lines it touches: one or two of the lines, one or two of the distances,
    /// where a halving search touches a dozen.
    #[inline]
    pub(super) fn last_at_or_below(&self, bytes: &[u8], blocks: u32, value: i64) -> Option<u32> {
        if !self.even {
            return last_that_holds(blocks, blocks / 2, |number| self.get(bytes, number) <= value);
        }
        let frames = u32::try_from(self.lines.len()).ok()?;
        let into = u128::from(value.max(self.first).abs_diff(self.first)) * u128::from(self.frames_per_unit);
        let guess = u32::try_from(into >> FRAME_SCALE).unwrap_or(frames);
        self.touch_distances(bytes, into);
        let base_at_or_below = |frame| self.lines.get(frame as usize).is_some_and(|line| line.base <= value);
        let frame = last_that_holds(frames, guess, base_at_or_below)?;
        // Above the frame's line but below its first value, it lies in the frame before, near its end.
        self.find_in_frame(bytes, blocks, frame, value)
            .or_else(|| self.find_in_frame(bytes, blocks, frame.checked_sub(1)?, value))
    }

    /// Reads a byte about where the distances lie that will be asked for. Nothing depends on it; but so memory delivers
    /// them together with the line, and not only when the line has told where they are.
    #[inline]
    fn touch_distances(&self, bytes: &[u8], frames_scaled: u128) {
        // Of what is far out of range any place will do.
        let about = frames_scaled.wrapping_mul(u128::from(self.distances_per_frame)) >> FRAME_SCALE;
        let at = usize::try_from(about).unwrap_or(usize::MAX).saturating_add(self.distances_at as usize);
        std::hint::black_box(bytes.get(at).copied());
    }

    #[inline]
    fn find_in_frame(&self, bytes: &[u8], blocks: u32, frame: u32, value: i64) -> Option<u32> {
        let line = self.lines.get(frame as usize)?;
        let first = frame * FRAME;
        let at_or_below = |i| line.get(bytes, i, i64::from(i), BY_NUMBER) <= value;
        let place = last_that_holds((blocks - first).min(FRAME), line.guess(value), at_or_below)?;
        Some(first + place)
    }
}

/// The last of `count` places that holds, where no place behind one that does not hold holds. Starts at `guess` and
/// widens by doubling steps.
#[inline]
fn last_that_holds(count: u32, guess: u32, holds: impl Fn(u32) -> bool) -> Option<u32> {
    let last = count.checked_sub(1)?;
    let guess = guess.min(last);
    let mut step = 1;
    // `low` holds, `high` does not (or lies past the end).
    let (mut low, mut high) = if holds(guess) {
        let mut low = guess;
        loop {
            let next = low.saturating_add(step);
            if next > last {
                break (low, count);
            }
            if !holds(next) {
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
            if holds(next) {
                break (next, high);
            }
            (high, step) = (next, step * 2);
        }
    };
    while high - low > 1 {
        let middle = low.midpoint(high);
        if holds(middle) { low = middle } else { high = middle }
    }
    Some(low)
}
