//! The wire format: tags and primitives, each read bounded by the bytes that are there.

use crate::Reason;
use crate::fault::{Fault, fault};

/// Groups inside groups that a step over one follows.
const MAX_GROUPS: u32 = 64;

/// How a field's bytes are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    Varint,
    Fixed64,
    Length,
    Group,
    GroupEnd,
    Fixed32,
}

/// The head of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) number: u32,
    pub(super) layout: Layout,
}

/// A run of bytes inside a payload.
#[derive(Clone, Copy)]
pub(super) struct Wire<'p> {
    rest: &'p [u8],
    /// Where in the payload `rest` ends.
    end: usize,
}

impl<'p> Wire<'p> {
    /// The bytes of a payload from `start` to before `end`.
    #[inline]
    pub(super) fn over(payload: &'p [u8], start: usize, end: usize) -> Self {
        Self { rest: payload.get(start..end).unwrap_or_default(), end }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Where in the payload the next byte is.
    #[inline]
    pub(super) fn position(&self) -> usize {
        self.end - self.rest.len()
    }

    #[inline]
    pub(super) fn varint(&mut self) -> Result<u64, Fault> {
        match *self.rest {
            [first, ref rest @ ..] if first < 0x80 => {
                self.rest = rest;
                Ok(u64::from(first))
            }
            [first, second, ref rest @ ..] if second < 0x80 => {
                self.rest = rest;
                Ok(u64::from(first & 0x7f) | u64::from(second) << 7)
            }
            _ => self.varint_of_many_bytes(),
        }
    }

    fn varint_of_many_bytes(&mut self) -> Result<u64, Fault> {
        let mut value = 0_u64;
        for (shift, (index, byte)) in (0_u32..64).step_by(7).zip(self.rest.iter().enumerate()) {
            // The tenth byte holds the last of 64 bits.
            if shift == 63 && *byte > 1 {
                return Err(fault(Reason::NumberOutOfRange, "a number of more than 64 bits"));
            }
            value |= u64::from(byte & 0x7f) << shift;
            if *byte < 0x80 {
                self.rest = self.rest.get(index + 1..).unwrap_or_default();
                return Ok(value);
            }
        }
        Err(fault(Reason::Truncated, "the bytes end inside a number"))
    }

    #[inline]
    pub(super) fn tag(&mut self) -> Result<Tag, Fault> {
        let key = self.varint()?;
        let layout = match key & 7 {
            0 => Layout::Varint,
            1 => Layout::Fixed64,
            2 => Layout::Length,
            3 => Layout::Group,
            4 => Layout::GroupEnd,
            5 => Layout::Fixed32,
            other => return Err(no_tag(format!("there is no wire type {other}"))),
        };
        match u32::try_from(key >> 3) {
            Ok(number @ 1..=0x1fff_ffff) => Ok(Tag { number, layout }),
            _ => Err(no_tag(format!("there is no field number {}", key >> 3))),
        }
    }

    #[inline]
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        match self.rest.split_first_chunk() {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(*taken)
            }
            None => Err(ended(N, self.rest.len())),
        }
    }

    #[inline]
    fn take(&mut self, length: u64) -> Result<&'p [u8], Fault> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        match self.rest.split_at_checked(length) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(ended(length, self.rest.len())),
        }
    }

    /// All bytes that are left.
    #[inline]
    pub(super) fn rest(&self) -> &'p [u8] {
        self.rest
    }

    /// A length, and that many bytes.
    #[inline]
    pub(super) fn bytes(&mut self) -> Result<&'p [u8], Fault> {
        let length = self.varint()?;
        self.take(length)
    }

    #[inline]
    pub(super) fn text(&mut self) -> Result<&'p str, Fault> {
        text(self.bytes()?)
    }

    /// A length, and that many bytes as a wire of their own.
    #[inline]
    pub(super) fn inner(&mut self) -> Result<Self, Fault> {
        let rest = self.bytes()?;
        Ok(Self { rest, end: self.position() })
    }

    /// Steps over the value of a field. Where the contents begin and end in the payload: after the length, and
    /// before a group's end.
    #[inline]
    pub(super) fn step(&mut self, tag: Tag) -> Result<(usize, usize), Fault> {
        let start = self.position();
        match tag.layout {
            Layout::Varint => drop(self.varint()?),
            Layout::Fixed64 => drop(self.array::<8>()?),
            Layout::Fixed32 => drop(self.array::<4>()?),
            Layout::Length => {
                let bytes = self.bytes()?;
                let end = self.position();
                return Ok((end - bytes.len(), end));
            }
            Layout::Group => return Ok((start, self.step_over_group(tag.number)?)),
            Layout::GroupEnd => {
                return Err(fault(
                    Reason::WrongType,
                    format!("the end of group {} without its start", tag.number),
                ));
            }
        }
        Ok((start, self.position()))
    }

    /// Steps behind a group's end; where its contents end.
    fn step_over_group(&mut self, number: u32) -> Result<usize, Fault> {
        let mut open = [0_u32; 64];
        let mut depth = 0_u32;
        let mut inside = number;
        loop {
            let contents = self.position();
            let tag = self.tag()?;
            match tag.layout {
                Layout::Group => {
                    if depth + 1 >= MAX_GROUPS {
                        return Err(fault(
                            Reason::TooDeep,
                            format!("groups nested deeper than {MAX_GROUPS}"),
                        ));
                    }
                    if let Some(slot) = usize::try_from(depth).ok().and_then(|depth| open.get_mut(depth)) {
                        *slot = inside;
                    }
                    depth += 1;
                    inside = tag.number;
                }
                Layout::GroupEnd if tag.number != inside => {
                    return Err(fault(
                        Reason::WrongType,
                        format!("the end of group {} inside group {inside}", tag.number),
                    ));
                }
                Layout::GroupEnd => match depth.checked_sub(1) {
                    None => return Ok(contents),
                    Some(outer) => {
                        depth = outer;
                        let slot = usize::try_from(depth).ok().and_then(|depth| open.get(depth));
                        inside = slot.copied().unwrap_or(number);
                    }
                },
                _ => drop(self.step(tag)?),
            }
        }
    }
}

/// Bytes as text.
#[inline]
pub(super) fn text(bytes: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(bytes).map_err(|error| fault(Reason::InvalidUtf8, error.to_string()))
}

#[cold]
fn no_tag(message: String) -> Fault {
    fault(Reason::WrongType, message + "; the bytes are not of this schema")
}

#[cold]
fn ended(wanted: usize, left: usize) -> Fault {
    fault(Reason::Truncated, format!("{wanted} bytes wanted where {left} are left"))
}

#[inline]
pub(super) fn zigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

/// The low half of a number: what the specification has a reader do with a wider one.
#[inline]
pub(super) fn low(value: u64) -> u32 {
    u32::try_from(value & u64::from(u32::MAX)).unwrap_or_default()
}
