//! Bytes that are never printed.

use std::fmt;

use super::schema::Kind;
use super::{Out, Reader, Value, WireError};

/// What a login carries.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hidden<'a>(pub &'a [u8]);

impl<'a> Value<'a> for Hidden<'a> {
    const KIND: Kind = Kind::Bytes;

    fn read(from: &mut Reader<'a>) -> Result<Self, WireError> {
        Value::read(from).map(Self)
    }

    fn write(&self, to: &mut Out) {
        self.0.write(to);
    }
}

impl fmt::Debug for Hidden<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} hidden bytes", self.0.len())
    }
}
