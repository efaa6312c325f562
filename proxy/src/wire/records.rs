//! Record batches in a message: a range of the frame, or blocks that are shared with whoever read them.

use std::fmt;

use bytes::Bytes;

use super::schema::Kind;
use super::{Out, Reader, Value, WireError};

/// The records of a partition, never looked into.
#[derive(Clone)]
pub enum Records<'a> {
    /// None, not even no records. librdkafka drops a whole answer that has this.
    Absent,
    /// Those of a frame.
    Read(&'a [u8]),
    /// Those of the tier, one after the other; written without a copy.
    Shared(Vec<Bytes>),
}

impl Records<'_> {
    /// No records.
    pub const EMPTY: Self = Self::Read(&[]);

    /// How many bytes they are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.chunks().map(<[u8]>::len).sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        let (one, many): (&[u8], &[Bytes]) = match self {
            Self::Absent => (&[], &[]),
            Self::Read(bytes) => (bytes, &[]),
            Self::Shared(chunks) => (&[], chunks),
        };
        std::iter::once(one).chain(many.iter().map(|chunk| &chunk[..]))
    }
}

impl<'a> Value<'a> for Records<'a> {
    const KIND: Kind = Kind::Records;

    fn read(from: &mut Reader<'a>) -> Result<Self, WireError> {
        let Some(length) = from.length()? else { return Ok(Self::Absent) };
        from.take(length).map(Self::Read)
    }

    fn write(&self, to: &mut Out) {
        match self {
            Self::Absent => to.length(None),
            Self::Read(bytes) => {
                to.length(Some(bytes.len()));
                to.put(bytes);
            }
            Self::Shared(chunks) => {
                to.length(Some(self.len()));
                for chunk in chunks {
                    to.share(chunk);
                }
            }
        }
    }

    fn is_null(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

impl PartialEq for Records<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.is_null() == other.is_null() && self.chunks().flatten().eq(other.chunks().flatten())
    }
}

impl fmt::Debug for Records<'_> {
    /// Their size only: what is in records is never printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("Absent"),
            _ => write!(f, "{} bytes", self.len()),
        }
    }
}
