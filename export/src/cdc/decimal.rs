//! Decimals as Connect writes them: the unscaled number as big-endian two's complement bytes, the scale beside it.

/// The unscaled number; `None` where it needs more than 128 bits. No bytes are zero.
pub(super) fn unscaled(bytes: &[u8]) -> Option<i128> {
    let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
    let fill = if negative { 0xff } else { 0 };
    let (extra, low) = bytes.split_at(bytes.len().saturating_sub(16));
    if extra.iter().any(|byte| *byte != fill) {
        return None;
    }
    let mut whole = [fill; 16];
    whole.iter_mut().rev().zip(low.iter().rev()).for_each(|(into, byte)| *into = *byte);
    let number = i128::from_be_bytes(whole);
    // Sixteen bytes of which the sign stood in one that was cut off.
    ((number < 0) == negative).then_some(number)
}

/// Whether a number has at most so many digits.
pub(super) fn fits(number: i128, precision: u8) -> bool {
    10_u128.checked_pow(u32::from(precision)).is_none_or(|limit| number.unsigned_abs() < limit)
}

/// The number as people write it. Scales beyond 1000 have no use and would only make long texts.
pub(super) fn text(number: i128, scale: i32) -> Option<String> {
    const MAX_SCALE: u32 = 1000;
    let digits = number.unsigned_abs().to_string();
    let sign = if number < 0 { "-" } else { "" };
    let places = usize::try_from(scale.unsigned_abs()).ok().filter(|_| scale.unsigned_abs() <= MAX_SCALE)?;
    if scale <= 0 {
        let zeros = if number == 0 { 0 } else { places };
        return Some(format!("{sign}{digits}{}", "0".repeat(zeros)));
    }
    let padded = format!("{digits:0>width$}", width = places + 1);
    let (whole, part) = padded.split_at(padded.len() - places);
    Some(format!("{sign}{whole}.{part}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As Java's `BigInteger.toByteArray`: the fewest bytes.
    fn java(number: i128) -> Vec<u8> {
        let bytes = number.to_be_bytes();
        let fill = if number < 0 { 0xff } else { 0 };
        let mut start = 0;
        while start < 15 && bytes[start] == fill && (bytes[start + 1] ^ fill) & 0x80 == 0 {
            start += 1;
        }
        bytes[start..].to_vec()
    }

    proptest! {
        #[test]
        fn numbers_come_back(number in any::<i128>(), more in 0_usize..5) {
            let mut bytes = java(number);
            prop_assert_eq!(unscaled(&bytes), Some(number));
            let fill = if number < 0 { 0xff } else { 0 };
            for _ in 0..more {
                bytes.insert(0, fill);
            }
            prop_assert_eq!(unscaled(&bytes), Some(number));
        }
    }

    #[test]
    fn what_needs_more_bits_is_told() {
        assert_eq!(unscaled(&[]), Some(0));
        assert_eq!(unscaled(&[1; 17]), None);
        let mut wide = vec![0];
        wide.extend([0xff; 16]);
        assert_eq!(unscaled(&wide), None, "2^128 - 1");
        assert!(fits(999, 3) && fits(-999, 3) && !fits(1000, 3) && fits(i128::MIN, 39));
    }

    #[test]
    fn texts_have_their_point_where_the_scale_says() {
        let text = |number, scale| text(number, scale).unwrap();
        assert_eq!(text(12345, 2), "123.45");
        assert_eq!(text(-5, 2), "-0.05");
        assert_eq!(text(5, 0), "5");
        assert_eq!(text(5, -3), "5000");
        assert_eq!(text(0, 2), "0.00");
        assert_eq!(super::text(1, i32::MAX), None);
        assert_eq!(super::text(1, i32::MIN), None);
    }
}
