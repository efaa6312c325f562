//! Values as they are stored.

use super::AvroError;
use super::schema::Node;

/// The most values in one record: a list of nulls takes a byte for each, or none at all.
const MAX_VALUES: usize = 4_000_000;

/// A value as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::manifest) enum Datum {
    Null,
    Boolean(bool),
    Int(i64),
    Float(f32),
    Double(f64),
    Bytes(Vec<u8>),
    Text(String),
    /// By field ids.
    Record(Vec<(i32, Datum)>),
    Array(Vec<Datum>),
    /// What is read and of no use here.
    Passed,
}

impl Datum {
    /// A record's field, taken out of it; `None` where it is not there or null.
    pub(in crate::manifest) fn take(&mut self, id: i32) -> Option<Self> {
        let Self::Record(fields) = self else { return None };
        let (_, value) = fields.iter_mut().find(|(field, _)| *field == id)?;
        match std::mem::replace(value, Self::Null) {
            Self::Null => None,
            value => Some(value),
        }
    }
}

/// Reads values from a block.
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    values: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, values: 0 }
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], AvroError> {
        let (taken, rest) = self.bytes.split_at_checked(length).ok_or(AvroError::Short)?;
        self.bytes = rest;
        Ok(taken)
    }

    pub(super) fn long(&mut self) -> Result<i64, AvroError> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = *self.bytes.first().ok_or(AvroError::Short)?;
            self.bytes = self.bytes.get(1..).unwrap_or_default();
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(AvroError::Range);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                // Zig-zag: the lowest bit is the sign.
                return Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
            }
        }
        Err(AvroError::Range)
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], AvroError> {
        let length = usize::try_from(self.long()?).map_err(|_| AvroError::Short)?;
        self.take(length)
    }

    /// A record of the file: what bounds its values begins anew.
    pub(super) fn record(&mut self, node: &Node) -> Result<Datum, AvroError> {
        self.values = 0;
        self.datum(node)
    }

    fn datum(&mut self, node: &Node) -> Result<Datum, AvroError> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(AvroError::TooLarge("any manifest's entry"));
        }
        Ok(match node {
            Node::Null => Datum::Null,
            Node::Boolean => Datum::Boolean(self.take(1)? != [0]),
            Node::Int => {
                let value = self.long()?;
                i32::try_from(value).map_err(|_| AvroError::Range)?;
                Datum::Int(value)
            }
            Node::Long => Datum::Int(self.long()?),
            Node::Float => Datum::Float(f32::from_le_bytes(self.array()?)),
            Node::Double => Datum::Double(f64::from_le_bytes(self.array()?)),
            Node::Bytes => Datum::Bytes(self.bytes()?.to_vec()),
            Node::Text => {
                Datum::Text(std::str::from_utf8(self.bytes()?).map_err(|_| AvroError::Utf8)?.to_owned())
            }
            Node::Fixed(length) => Datum::Bytes(self.take(*length)?.to_vec()),
            Node::Enum(symbols) => {
                let index = usize::try_from(self.long()?).map_err(|_| AvroError::Range)?;
                if index >= *symbols {
                    return Err(AvroError::Range);
                }
                Datum::Passed
            }
            Node::Record(fields) => {
                let fields = fields.iter().map(|(id, node)| Ok((*id, self.datum(node)?)));
                Datum::Record(fields.collect::<Result<_, AvroError>>()?)
            }
            Node::Array(items) => {
                let mut values = Vec::new();
                self.blocks(|cursor| {
                    values.push(cursor.datum(items)?);
                    Ok(())
                })?;
                Datum::Array(values)
            }
            Node::Map(of) => {
                self.blocks(|cursor| {
                    cursor.bytes()?;
                    cursor.datum(of).map(|_| ())
                })?;
                Datum::Passed
            }
            Node::Union(branches) => {
                let index = usize::try_from(self.long()?).map_err(|_| AvroError::Range)?;
                self.datum(branches.get(index).ok_or(AvroError::Range)?)?
            }
        })
    }

    fn blocks(&mut self, mut item: impl FnMut(&mut Self) -> Result<(), AvroError>) -> Result<(), AvroError> {
        loop {
            let mut count = self.long()?;
            if count == 0 {
                return Ok(());
            }
            if count < 0 {
                // Its length in bytes follows, for those who pass over it.
                self.long()?;
                count = count.checked_neg().ok_or(AvroError::Range)?;
            }
            for _ in 0..count {
                item(self)?;
            }
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], AvroError> {
        self.take(N)?.try_into().map_err(|_| AvroError::Short)
    }
}
