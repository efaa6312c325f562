//! Finding the line through a frame's values that leaves the shortest distances, and packing those.

use super::column::{Line, MAX_SLOPE};

impl Line {
    /// The best line through the points (`xs`, `values`): the one whose distances need the fewest bits.
    pub(super) fn through(xs: &[i64], values: &[i64], shift: u32) -> Self {
        let slope = best_slope(xs, values, shift);
        let (base, range) = strip(xs, values, slope, shift);
        let width = u128::BITS - range.leading_zeros();
        Self {
            base: i64::try_from(base).expect("values are at least -1 and a line rises by less than 2^53"),
            slope,
            width: u8::try_from(width).expect("distances between 64-bit values have at most 64 bits"),
            at: 0,
        }
    }

    /// Appends the distances of the values from the line.
    pub(super) fn pack(&self, xs: &[i64], values: &[i64], shift: u32, out: &mut Vec<u8>) {
        let (mut word, mut bits) = (0_u128, 0_u32);
        for (x, value) in xs.iter().zip(values) {
            let distance = above(self.slope, *x, *value, shift) - i128::from(self.base);
            word |= u128::try_from(distance).expect("the line lies below every value") << bits;
            bits += u32::from(self.width);
            while bits >= 8 {
                out.push(u8::try_from(word & 0xff).expect("eight bits"));
                word >>= 8;
                bits -= 8;
            }
        }
        if bits > 0 {
            out.push(u8::try_from(word & 0xff).expect("eight bits"));
        }
    }
}

/// How far `value` lies above a line through the origin.
fn above(slope: i64, x: i64, value: i64, shift: u32) -> i128 {
    i128::from(value) - ((i128::from(slope) * i128::from(x)) >> shift)
}

/// The lowest point above the line through the origin, and how far the highest lies above that.
fn strip(xs: &[i64], values: &[i64], slope: i64, shift: u32) -> (i128, u128) {
    let heights = xs.iter().zip(values).map(|(x, value)| above(slope, *x, *value, shift));
    let (low, high) = heights.fold((i128::MAX, i128::MIN), |(low, high), h| (low.min(h), high.max(h)));
    if low > high { (0, 0) } else { (low, (high - low).unsigned_abs()) }
}

/// The width of the strip is a convex function of the slope (up to rounding), so thirds are cut off until it is found.
fn best_slope(xs: &[i64], values: &[i64], shift: u32) -> i64 {
    let limit = i128::from(MAX_SLOPE);
    let steps = xs.windows(2).zip(values.windows(2)).filter(|(x, _)| x[1] > x[0]);
    let slopes = steps.map(|(x, v)| {
        let rise = (i128::from(v[1]) - i128::from(v[0])) << shift;
        rise.div_euclid(i128::from(x[1]) - i128::from(x[0])).clamp(-limit, limit)
    });
    let (low, high) = slopes.fold((i128::MAX, i128::MIN), |(low, high), s| (low.min(s), high.max(s)));
    if low > high {
        return 0;
    }
    let slope_of = |slope: i128| i64::try_from(slope).expect("clamped to 46 bits");
    let width = |slope: i128| strip(xs, values, slope_of(slope), shift).1;
    let (mut low, mut high) = (low, high + 1);
    while high - low > 2 {
        let third = (high - low) / 3;
        if width(low + third) <= width(high - third) { high -= third } else { low += third }
    }
    slope_of((low..=high).min_by_key(|slope| width(*slope)).unwrap_or(low).clamp(-limit, limit))
}
