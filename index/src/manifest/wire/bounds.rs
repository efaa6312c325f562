//! A walk over a protobuf body before anything is allocated for it.
//!
//! A protobuf message of two bytes may become a value of hundreds: bytes from outside are counted first. The walk refuses
//! fields that this build does not know, for a writer that reads, changes and writes a manifest would drop them; a
//! field given twice where one is meant; more of anything than its limit. It needs no memory.

use super::super::{MAX_ITEMS, ManifestError};

/// One message type.
pub(super) struct Shape {
    /// How errors call it.
    pub(super) name: &'static str,
    /// Its fields.
    pub(super) fields: &'static [Field],
}

/// One field.
pub(super) struct Field {
    /// Its number.
    pub(super) number: u32,
    /// What errors say there is too much of.
    pub(super) what: &'static str,
    /// How often it may come; 1 unless repeated.
    pub(super) max: usize,
    /// Its own shape, if it is a message.
    pub(super) message: Option<&'static Shape>,
}

/// The most fields that any shape has.
const MAX_FIELDS: usize = 32;

/// Walks `body`, which is a message of `shape`.
pub(super) fn check(shape: &'static Shape, body: &[u8]) -> Result<(), ManifestError> {
    let mut items = 0;
    walk(shape, body, &mut items)
}

fn walk(shape: &'static Shape, body: &[u8], items: &mut usize) -> Result<(), ManifestError> {
    let mut counts = [0usize; MAX_FIELDS];
    let mut cursor = Cursor { rest: body, shape };
    while !cursor.rest.is_empty() {
        let (number, kind) = cursor.tag()?;
        let found = shape.fields.iter().zip(&mut counts).find(|(field, _)| field.number == number);
        let (field, count) = found.ok_or(ManifestError::UnknownField { path: shape.name, number })?;
        let value = cursor.value(kind)?;
        *count += 1;
        *items += 1;
        if *count > field.max {
            return Err(too_many(field.what, *count, field.max));
        }
        if *items > MAX_ITEMS {
            return Err(too_many("fields in the body", *items, MAX_ITEMS));
        }
        match (field.message, value) {
            (None, _) => {}
            (Some(inner), Some(bytes)) => walk(inner, bytes, items)?,
            (Some(_), None) => return Err(broken(shape, "a message is given as a number")),
        }
    }
    Ok(())
}

fn too_many(what: &'static str, count: usize, limit: usize) -> ManifestError {
    ManifestError::TooMany { what, count: count as u64, limit: limit as u64 }
}

fn broken(shape: &Shape, why: &'static str) -> ManifestError {
    ManifestError::Field { field: shape.name, why }
}

struct Cursor<'a> {
    rest: &'a [u8],
    shape: &'static Shape,
}

impl<'a> Cursor<'a> {
    fn tag(&mut self) -> Result<(u32, u8), ManifestError> {
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3)
            .map_err(|_| broken(self.shape, "a field number has more than 32 bits"))?;
        Ok((number, u8::try_from(tag & 7).expect("three bits fit a byte")))
    }

    /// Steps over a value; gives its bytes where it has a length.
    fn value(&mut self, kind: u8) -> Result<Option<&'a [u8]>, ManifestError> {
        match kind {
            0 => self.varint().map(|_| None),
            1 => self.take(8).map(|_| None),
            2 => {
                let length = self.varint()?;
                let length =
                    usize::try_from(length).map_err(|_| broken(self.shape, "a field is cut short"))?;
                self.take(length).map(Some)
            }
            5 => self.take(4).map(|_| None),
            _ => Err(broken(self.shape, "a field has a wire type that is not used")),
        }
    }

    fn varint(&mut self) -> Result<u64, ManifestError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(broken(self.shape, "a number is longer than ten bytes"))
    }

    fn take(&mut self, bytes: usize) -> Result<&'a [u8], ManifestError> {
        let (taken, rest) =
            self.rest.split_at_checked(bytes).ok_or_else(|| broken(self.shape, "a field is cut short"))?;
        self.rest = rest;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests;
