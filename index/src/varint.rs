//! Unsigned LEB128 with one form for each number, for the sections that pack many small ones.

/// Why a number could not be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VarintFault {
    /// The bytes end inside it.
    Short,
    /// It has more than 64 bits, or more bytes than it needs.
    Form,
}

/// Appends a number.
pub(crate) fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(u8::try_from(value & 0x7f).expect("seven bits") | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).expect("below 0x80"));
}

/// Appends a signed number, small ones of either sign in few bytes.
pub(crate) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put(out, (value << 1 ^ value >> 63).cast_unsigned());
}

/// Takes a number off the front.
pub(crate) fn take(rest: &mut &[u8]) -> Result<u64, VarintFault> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first().ok_or(VarintFault::Short)?;
        *rest = after;
        let bits = u64::from(byte & 0x7f);
        // The tenth byte has room for one bit; and a last byte of zero would give one number two forms.
        if (shift == 63 && bits > 1) || (shift > 0 && *byte == 0) {
            return Err(VarintFault::Form);
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(VarintFault::Form)
}

/// Takes a signed number off the front.
pub(crate) fn take_signed(rest: &mut &[u8]) -> Result<i64, VarintFault> {
    take(rest).map(|raw| (raw >> 1).cast_signed() ^ -((raw & 1).cast_signed()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_come_back(value in any::<u64>(), signed in any::<i64>()) {
            let mut out = Vec::new();
            put(&mut out, value);
            put_signed(&mut out, signed);
            let mut rest = out.as_slice();
            prop_assert_eq!(take(&mut rest), Ok(value));
            prop_assert_eq!(take_signed(&mut rest), Ok(signed));
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn a_number_has_one_form(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
            let mut rest = bytes.as_slice();
            if let Ok(value) = take(&mut rest) {
                let mut again = Vec::new();
                put(&mut again, value);
                prop_assert_eq!(&again[..], &bytes[..bytes.len() - rest.len()]);
            }
        }
    }

    #[test]
    fn overlong_and_cut_numbers_are_refused() {
        assert_eq!(take(&mut &[0x80, 0][..]), Err(VarintFault::Form));
        assert_eq!(take(&mut &[0xff; 10][..]), Err(VarintFault::Form));
        assert_eq!(take(&mut &[0x80][..]), Err(VarintFault::Short));
    }
}
