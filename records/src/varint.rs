//! Zigzag numbers of variable length, as protocol buffers and Kafka's record format write them.

/// The longest 64-bit number.
pub(crate) const MAX_LEN: usize = 10;

/// Reads one number from the front of `bytes`: the number and how many bytes it took. `Ok(None)` where `bytes` end
/// before the number does; `Err` where it does not fit in 64 bits.
pub(crate) fn read(bytes: &[u8]) -> Result<Option<(i64, usize)>, TooLong> {
    let mut raw: u64 = 0;
    for (index, &byte) in bytes.iter().take(MAX_LEN).enumerate() {
        let low = u64::from(byte & 0x7f);
        // The tenth byte has room for one bit only.
        if index == MAX_LEN - 1 && byte > 1 {
            return Err(TooLong);
        }
        raw |= low << (7 * index);
        if byte & 0x80 == 0 {
            return Ok(Some((unzigzag(raw), index + 1)));
        }
    }
    if bytes.len() < MAX_LEN { Ok(None) } else { Err(TooLong) }
}

/// Appends `value`.
pub(crate) fn write(value: i64, out: &mut Vec<u8>) {
    let mut raw = zigzag(value);
    while raw >= 0x80 {
        out.push(raw.to_le_bytes()[0] | 0x80);
        raw >>= 7;
    }
    out.push(raw.to_le_bytes()[0]);
}

/// A number that goes on past 64 bits.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

fn unzigzag(raw: u64) -> i64 {
    (raw >> 1).cast_signed() ^ -((raw & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_numbers_have_their_known_bytes() {
        for (value, bytes) in [
            (0, &[0x00][..]),
            (-1, &[0x01]),
            (1, &[0x02]),
            (63, &[0x7e]),
            (-64, &[0x7f]),
            (64, &[0x80, 0x01]),
            (300, &[0xd8, 0x04]),
            (i64::MAX, &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]),
            (i64::MIN, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]),
        ] {
            let mut out = Vec::new();
            write(value, &mut out);
            assert_eq!(out, bytes, "{value}");
            assert_eq!(read(bytes), Ok(Some((value, bytes.len()))));
            for end in 0..bytes.len() {
                assert_eq!(read(&bytes[..end]), Ok(None), "{value} cut at {end}");
            }
        }
    }

    #[test]
    fn numbers_past_64_bits_are_refused() {
        assert_eq!(read(&[0xff; 10]), Err(TooLong));
        assert_eq!(read(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02]), Err(TooLong));
    }

    proptest::proptest! {
        #[test]
        fn every_number_comes_back(value: i64) {
            let mut out = Vec::new();
            write(value, &mut out);
            proptest::prop_assert_eq!(read(&out), Ok(Some((value, out.len()))));
        }
    }
}
