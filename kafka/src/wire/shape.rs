//! What an answer must look like, checked before it is decoded.
//!
//! The decoder of `kafka-protocol` sets aside as many elements as a count on the wire names, before it has read one: four
//! bytes can ask for hundreds of gigabytes, and the process ends. So each answer is first walked along its shape: every
//! count is held against the bytes that remain, every length against its end, and nothing may be left over. The shapes
//! are constants, and a test holds them against the crate's own encoder.

use super::ProtocolError;

/// A piece of an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    /// So many bytes of numbers.
    Fixed(usize),
    /// A compact string or compact bytes, absent ones too.
    Text,
    /// A string with a length of two bytes.
    OldText,
    /// A compact array of what is in the list, one after the other.
    Array(&'static [Shape]),
    /// An array with a length of four bytes.
    OldArray(&'static [Shape]),
    /// Tagged fields, with the shapes of those that the decoder knows.
    Tags(&'static [(u32, &'static [Shape])]),
}

impl Shape {
    /// The fewest bytes that it takes.
    const fn min_bytes(self) -> usize {
        match self {
            Self::Fixed(bytes) => bytes,
            Self::Text | Self::Array(_) | Self::Tags(_) => 1,
            Self::OldText => 2,
            Self::OldArray(_) => 4,
        }
    }
}

/// Checks that `bytes` is exactly what `shapes` say.
pub(crate) fn check(shapes: &[Shape], bytes: &[u8]) -> Result<(), ProtocolError> {
    check_two(shapes, &[], bytes)
}

/// Checks that `bytes` is exactly what `first` and then `second` say.
pub(crate) fn check_two(first: &[Shape], second: &[Shape], bytes: &[u8]) -> Result<(), ProtocolError> {
    let mut walker = Walker { rest: bytes };
    walker.walk(first)?;
    walker.walk(second)?;
    match walker.rest.len() {
        0 => Ok(()),
        bytes => Err(ProtocolError::LeftOver { bytes }),
    }
}

struct Walker<'a> {
    rest: &'a [u8],
}

impl<'a> Walker<'a> {
    // Recursion is as deep as the shapes, which are ours.
    fn walk(&mut self, shapes: &[Shape]) -> Result<(), ProtocolError> {
        for shape in shapes {
            match *shape {
                Shape::Fixed(bytes) => self.skip(bytes)?,
                Shape::Text => {
                    let length = self.varint()?;
                    self.skip(length.saturating_sub(1) as usize)?;
                }
                Shape::OldText => {
                    let length = i16::from_be_bytes(self.array()?);
                    self.skip(usize::try_from(length).unwrap_or(0))?;
                }
                Shape::Array(of) => {
                    let count = self.varint()?.saturating_sub(1);
                    self.each(count, of)?;
                }
                Shape::OldArray(of) => {
                    let count = i32::from_be_bytes(self.array()?);
                    self.each(u32::try_from(count).unwrap_or(0), of)?;
                }
                Shape::Tags(known) => self.tags(known)?,
            }
        }
        Ok(())
    }

    fn each(&mut self, count: u32, of: &[Shape]) -> Result<(), ProtocolError> {
        let least: usize = of.iter().map(|shape| shape.min_bytes()).sum();
        if count as usize > self.rest.len() / least.max(1) {
            return Err(ProtocolError::Count { claimed: count, bytes: self.rest.len() });
        }
        for _ in 0..count {
            self.walk(of)?;
        }
        Ok(())
    }

    fn tags(&mut self, known: &[(u32, &'static [Shape])]) -> Result<(), ProtocolError> {
        let count = self.varint()?;
        for _ in 0..count {
            let tag = self.varint()?;
            let size = self.varint()? as usize;
            let value = self.take(size)?;
            if let Some((_, shapes)) = known.iter().find(|(number, _)| *number == tag) {
                check(shapes, value)?;
            }
        }
        Ok(())
    }

    fn varint(&mut self) -> Result<u32, ProtocolError> {
        let mut value = 0_u64;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.array()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return u32::try_from(value).map_err(|_| ProtocolError::Varint);
            }
        }
        Err(ProtocolError::Varint)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ProtocolError> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(ProtocolError::Short)?;
        self.rest = rest;
        Ok(*head)
    }

    fn take(&mut self, bytes: usize) -> Result<&'a [u8], ProtocolError> {
        let (head, rest) = self.rest.split_at_checked(bytes).ok_or(ProtocolError::Short)?;
        self.rest = rest;
        Ok(head)
    }

    fn skip(&mut self, bytes: usize) -> Result<(), ProtocolError> {
        self.take(bytes).map(drop)
    }
}
