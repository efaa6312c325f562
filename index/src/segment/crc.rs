//! The checksum of two parts laid end to end, from the checksums of the parts.
//!
//! The object's CRC is made of its blocks' CRCs, so that raw bytes are not read a third time. `crc-fast` can combine,
//! too, but takes about 15 µs for it, 60 ms per GiB; this takes well under one.

use crate::ids::Crc32c;

/// CRC32C's polynomial, reflected: bit 31 is x^0.
const POLYNOMIAL: u32 = 0x82f6_3b78;
/// `SHIFT[k]` is x^(8·2^k): what 2^k zero bytes multiply a checksum by.
const SHIFT: [u32; 64] = shifts();

const fn shifts() -> [u32; 64] {
    let mut table = [0; 64];
    let mut power = 1 << (31 - 8);
    let mut k = 0;
    while k < 64 {
        table[k] = power;
        power = multiply(power, power);
        k += 1;
    }
    table
}

/// `a · b` modulo the polynomial.
const fn multiply(a: u32, mut b: u32) -> u32 {
    let mut product = 0;
    let mut bit = 32;
    while bit > 0 {
        bit -= 1;
        if a >> bit & 1 == 1 {
            product ^= b;
        }
        b = b >> 1 ^ (POLYNOMIAL & (b & 1).wrapping_neg());
    }
    product
}

/// The checksum of `first` followed by `second`, which is `second_len` bytes long.
pub(super) fn combine(first: Crc32c, second: Crc32c, second_len: u64) -> Crc32c {
    let mut shifted = first.get();
    let mut rest = second_len;
    while rest != 0 {
        let k = rest.trailing_zeros() as usize;
        shifted = multiply(SHIFT[k], shifted);
        rest &= rest - 1;
    }
    Crc32c::new(shifted ^ second.get())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn combined_checksums_equal_the_checksum_of_the_whole() {
        let bytes: Vec<u8> =
            (0..70_000_u32).map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect();
        for cut in [0, 1, 7, 8, 21, 255, 256, 4_096, 65_535, 69_999, 70_000] {
            let (a, b) = bytes.split_at(cut);
            let combined = combine(Crc32c::of(a), Crc32c::of(b), b.len() as u64);
            assert_eq!(combined, Crc32c::of(&bytes), "cut at {cut}");
        }
    }
}
