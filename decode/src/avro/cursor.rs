//! Reading the primitives of a datum. Every read is bounded by the bytes that are there, and says so when they end.

use crate::Reason;
use crate::budget::Budget;
use crate::fault::{Fault, fault};

/// A datum being read.
pub(super) struct Cursor<'d> {
    rest: &'d [u8],
    /// What the datum may still become.
    pub(super) budget: Budget,
}

impl<'d> Cursor<'d> {
    pub(super) fn new(datum: &'d [u8]) -> Self {
        Self { rest: datum, budget: Budget::of(datum.len()) }
    }

    /// Bytes not read yet.
    #[inline]
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    /// The next `length` bytes.
    #[inline]
    pub(super) fn take(&mut self, length: usize) -> Result<&'d [u8], Fault> {
        match self.rest.split_at_checked(length) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(ended(length, self.rest.len())),
        }
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        match self.rest.split_first_chunk() {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(*taken)
            }
            None => Err(ended(N, self.rest.len())),
        }
    }

    #[inline]
    pub(super) fn long(&mut self) -> Result<i64, Fault> {
        match *self.rest {
            [first, ref rest @ ..] if first < 0x80 => {
                self.rest = rest;
                Ok(zigzag(u64::from(first)))
            }
            [first, second, ref rest @ ..] if second < 0x80 => {
                self.rest = rest;
                Ok(zigzag(u64::from(first & 0x7f) | u64::from(second) << 7))
            }
            _ => self.long_of_many_bytes(),
        }
    }

    fn long_of_many_bytes(&mut self) -> Result<i64, Fault> {
        let mut value = 0_u64;
        for (shift, (index, byte)) in (0_u32..64).step_by(7).zip(self.rest.iter().enumerate()) {
            let bits = u64::from(byte & 0x7f);
            // The tenth byte holds the last of 64 bits.
            if shift == 63 && *byte > 1 {
                return Err(fault(Reason::NumberOutOfRange, "a number of more than 64 bits"));
            }
            value |= bits << shift;
            if *byte < 0x80 {
                self.rest = self.rest.get(index + 1..).unwrap_or_default();
                return Ok(zigzag(value));
            }
        }
        Err(fault(Reason::Truncated, "the bytes end inside a number"))
    }

    #[inline]
    pub(super) fn int(&mut self) -> Result<i32, Fault> {
        i32::try_from(self.long()?)
            .map_err(|_| fault(Reason::NumberOutOfRange, "an int of more than 32 bits"))
    }

    #[inline]
    pub(super) fn boolean(&mut self) -> Result<bool, Fault> {
        match self.array()? {
            [0] => Ok(false),
            [1] => Ok(true),
            [other] => Err(fault(Reason::WrongType, format!("byte {other:#04x} where a boolean is 0 or 1"))),
        }
    }

    #[inline]
    pub(super) fn float(&mut self) -> Result<f32, Fault> {
        Ok(f32::from_le_bytes(self.array()?))
    }

    #[inline]
    pub(super) fn double(&mut self) -> Result<f64, Fault> {
        Ok(f64::from_le_bytes(self.array()?))
    }

    /// A length, and that many bytes.
    #[inline]
    pub(super) fn bytes(&mut self) -> Result<&'d [u8], Fault> {
        let length = self.long()?;
        match usize::try_from(length) {
            Ok(length) => self.take(length),
            Err(_) if length < 0 => Err(fault(
                Reason::WrongType,
                format!("a length of {length}; the bytes are not of this schema"),
            )),
            Err(_) => Err(ended(usize::MAX, self.rest.len())),
        }
    }

    #[inline]
    pub(super) fn text(&mut self) -> Result<&'d str, Fault> {
        let bytes = self.bytes()?;
        std::str::from_utf8(bytes).map_err(|error| fault(Reason::InvalidUtf8, error.to_string()))
    }

    /// The head of the next block of an array or map; an empty block ends it.
    #[inline]
    pub(super) fn block(&mut self) -> Result<Block, Fault> {
        let count = self.long()?;
        if count >= 0 {
            return Ok(Block { items: count.unsigned_abs(), bytes: None });
        }
        // A negative count is followed by the block's length, so that readers can step over it.
        let length = self.long()?;
        let bytes = usize::try_from(length)
            .map_err(|_| fault(Reason::WrongType, format!("a block of {length} bytes")))?;
        if bytes > self.rest.len() {
            return Err(ended(bytes, self.rest.len()));
        }
        Ok(Block { items: count.unsigned_abs(), bytes: Some(bytes) })
    }
}

/// The head of a block.
pub(super) struct Block {
    pub(super) items: u64,
    /// Its length, where the writer gave one.
    pub(super) bytes: Option<usize>,
}

#[inline]
fn zigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

#[cold]
fn ended(wanted: usize, left: usize) -> Fault {
    fault(Reason::Truncated, format!("{wanted} bytes wanted where {left} are left"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_length_are_read() {
        for value in [0, -1, 1, 63, -64, 64, 8_191, 8_192, 1 << 20, 1 << 34, i64::MAX, i64::MIN, -(1 << 50)] {
            let mut bytes = Vec::new();
            let mut rest = (value << 1 ^ value >> 63).cast_unsigned();
            while rest >= 0x80 {
                bytes.push(u8::try_from(rest & 0x7f | 0x80).unwrap());
                rest >>= 7;
            }
            bytes.push(u8::try_from(rest).unwrap());
            let mut cursor = Cursor::new(&bytes);
            assert_eq!(cursor.long().unwrap(), value);
            assert_eq!(cursor.left(), 0);
            for end in 0..bytes.len() {
                let fault = Cursor::new(&bytes[..end]).long().unwrap_err();
                assert_eq!(fault.reason, Reason::Truncated, "{value} cut at {end}");
            }
        }
    }

    #[test]
    fn a_number_of_more_than_64_bits_is_refused() {
        for bytes in [[0xff; 10], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02]] {
            let fault = Cursor::new(&bytes).long().unwrap_err();
            assert_eq!(fault.reason, Reason::NumberOutOfRange);
        }
        assert_eq!(
            Cursor::new(&[0x80, 0x80, 0x80, 0x80, 0x80, 1]).int().unwrap_err().reason,
            Reason::NumberOutOfRange
        );
    }

    #[test]
    fn lengths_beyond_the_bytes_and_below_zero_are_refused() {
        assert_eq!(Cursor::new(&[0x08, 1, 2]).bytes().unwrap_err().reason, Reason::Truncated);
        assert_eq!(Cursor::new(&[0x01]).bytes().unwrap_err().reason, Reason::WrongType);
        let huge = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert_eq!(Cursor::new(&huge).bytes().unwrap_err().reason, Reason::Truncated);
        assert_eq!(Cursor::new(&[0x04, 0xff, 0xff]).text().unwrap_err().reason, Reason::InvalidUtf8);
    }
}
