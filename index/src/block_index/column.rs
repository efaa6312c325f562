//! A column of numbers as straight lines and short distances.
//!
//! ```text
//! frame header (17 bytes) × frames, then each frame's distances, frame by frame, each starting on a whole byte
//!   i64 base · i64 slope (units of 1/256 per block) · u8 width in bits
//! value(i) = base + (slope · i >> 8) + distance(i)        i counts within the frame
//! ```

use super::BlockIndexError;

/// Blocks in a frame. Longer frames stray further from their line; shorter ones pay more headers.
const FRAME: usize = 128;
const FRAME_SHIFT: u32 = 7;
const FRAME_HEADER: usize = 17;
const SLOPE_BITS: u32 = 8;

#[derive(Debug, Clone, Copy)]
struct Frame {
    base: i64,
    slope: i64,
    at: u32,
    width: u8,
}

/// Where a column's frames lie in the section.
#[derive(Debug, Clone)]
pub(super) struct Column {
    frames: Box<[Frame]>,
}

impl Column {
    /// Appends the column's bytes.
    pub(super) fn write(values: &[i64], out: &mut Vec<u8>) {
        let fits: Vec<Fit> = values.chunks(FRAME).map(Fit::of).collect();
        for fit in &fits {
            out.extend(fit.base.to_le_bytes());
            out.extend(fit.slope.to_le_bytes());
            out.push(fit.width);
        }
        for (fit, chunk) in fits.iter().zip(values.chunks(FRAME)) {
            fit.pack(chunk, out);
        }
    }

    /// Takes the column at `at`, which moves past it.
    pub(super) fn parse(bytes: &[u8], at: &mut usize, blocks: u32) -> Result<Self, BlockIndexError> {
        let short = || BlockIndexError::Short { length: bytes.len() };
        let count = usize::try_from(blocks).map_err(|_| short())?;
        let headers_end = at.checked_add(count.div_ceil(FRAME) * FRAME_HEADER).ok_or_else(short)?;
        let headers = bytes.get(*at..headers_end).ok_or_else(short)?;
        let mut data = headers_end;
        let mut frames = Vec::with_capacity(count.div_ceil(FRAME));
        for (number, header) in headers.chunks_exact(FRAME_HEADER).enumerate() {
            let field = |from: usize| i64::from_le_bytes(std::array::from_fn(|i| header[from + i]));
            let width = header[16];
            if width > 64 {
                return Err(BlockIndexError::Width { frame: number, width });
            }
            let here = (count - number * FRAME).min(FRAME);
            let frame = Frame { base: field(0), slope: field(8), at: u32::try_from(data).map_err(|_| short())?, width };
            frames.push(frame);
            data += (here * usize::from(width)).div_ceil(8);
        }
        if data > bytes.len() {
            return Err(short());
        }
        *at = data;
        Ok(Self { frames: frames.into() })
    }

    pub(super) fn memory_bytes(&self) -> usize {
        size_of_val(&*self.frames)
    }

    /// The value of a block that exists. Wraps on values that no writer makes; [`super::BlockIndex::parse`] has seen each.
    #[inline]
    pub(super) fn get(&self, bytes: &[u8], number: u32) -> i64 {
        let Some(frame) = self.frames.get((number >> FRAME_SHIFT) as usize) else { return 0 };
        frame.get(bytes, number & (FRAME as u32 - 1))
    }

    /// The last block whose value is at or below `value`, in a column that rises.
    pub(super) fn last_at_or_below(&self, bytes: &[u8], blocks: u32, value: i64) -> Option<u32> {
        let frame_number = self.frames.partition_point(|frame| frame.get(bytes, 0) <= value).checked_sub(1)?;
        let frame = self.frames.get(frame_number)?;
        let first = u32::try_from(frame_number).ok()? << FRAME_SHIFT;
        let (mut low, mut high) = (0, (blocks - first).min(FRAME as u32));
        // `low` is at or below `value`, `high` above it or past the frame. The line tells where to begin.
        let mut probe = frame.guess(value).clamp(1, high.max(2) - 1);
        while high - low > 1 {
            if frame.get(bytes, probe) <= value {
                low = probe;
                // A guess is off by little: look next door before halving.
                probe = if low + 1 < high && frame.get(bytes, low + 1) > value { return Some(first + low) } else { low.midpoint(high) };
            } else {
                high = probe;
                probe = low.midpoint(high);
            }
            probe = probe.clamp(low + 1, high.max(low + 2) - 1);
        }
        Some(first + low)
    }
}

impl Frame {
    #[inline]
    fn get(&self, bytes: &[u8], i: u32) -> i64 {
        let line = self.base.wrapping_add(self.slope.wrapping_mul(i64::from(i)) >> SLOPE_BITS);
        line.wrapping_add(self.distance(bytes, i as usize))
    }

    #[inline]
    fn distance(&self, bytes: &[u8], i: usize) -> i64 {
        let width = usize::from(self.width);
        if width == 0 {
            return 0;
        }
        let bit = i * width;
        let rest = bytes.get(self.at as usize + bit / 8..).unwrap_or_default();
        let window = match rest.first_chunk::<16>() {
            Some(window) => u128::from_le_bytes(*window),
            None => rest.iter().rev().fold(0, |word, byte| word << 8 | u128::from(*byte)),
        };
        let mask = u64::MAX >> (64 - width);
        ((window >> (bit % 8)) as u64 & mask) as i64
    }

    /// Where the line passes `value`.
    #[inline]
    fn guess(&self, value: i64) -> u32 {
        if self.slope <= 0 {
            return 0;
        }
        let i = (value.wrapping_sub(self.base).max(0) as u64).checked_shl(SLOPE_BITS).unwrap_or(0) / self.slope as u64;
        i.min(FRAME as u64) as u32
    }
}

/// The line through a frame's first and last value, moved down until no distance is negative.
struct Fit {
    base: i64,
    slope: i64,
    width: u8,
}

impl Fit {
    fn of(values: &[i64]) -> Self {
        let (first, last) = (values[0], values[values.len() - 1]);
        let steps = i128::try_from(values.len() - 1).unwrap_or(0).max(1);
        let slope = ((i128::from(last) - i128::from(first)) << SLOPE_BITS).div_euclid(steps);
        // Beyond this a slope times 127 leaves 64 bits: such a frame (times in the year 292 million) goes without a line.
        let slope = i64::try_from(slope).ok().filter(|s| s.checked_mul(FRAME as i64).is_some()).unwrap_or(0);
        let distances = || values.iter().enumerate().map(move |(i, v)| v.wrapping_sub(line(slope, i)));
        let base = distances().min().unwrap_or(0);
        let largest = distances().map(|d| d.wrapping_sub(base) as u64).max().unwrap_or(0);
        Self { base, slope, width: (64 - largest.leading_zeros()) as u8 }
    }

    fn pack(&self, values: &[i64], out: &mut Vec<u8>) {
        let (mut word, mut bits) = (0_u128, 0_u32);
        for (i, value) in values.iter().enumerate() {
            let distance = value.wrapping_sub(line(self.slope, i)).wrapping_sub(self.base) as u64;
            word |= u128::from(distance) << bits;
            bits += u32::from(self.width);
            while bits >= 8 {
                out.push(word as u8);
                word >>= 8;
                bits -= 8;
            }
        }
        if bits > 0 {
            out.push(word as u8);
        }
    }
}

/// How far the line has risen at place `i` of a frame.
fn line(slope: i64, i: usize) -> i64 {
    slope.wrapping_mul(i as i64) >> SLOPE_BITS
}
