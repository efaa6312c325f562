//! A cursor over a frame that knows the version it reads.

use super::{At, Span, WireError};

/// The version of a message, and whether it has compact lengths and tagged fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// The version.
    pub version: i16,
    /// Whether it is one of the flexible ones.
    pub flexible: bool,
}

/// A place in a frame, the end of what may be read, and the form. Copying it is how a place is kept.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    frame: &'a [u8],
    at: usize,
    end: usize,
    form: Form,
}

impl<'a> Reader<'a> {
    /// Begins at the front of a frame.
    #[must_use]
    pub const fn new(frame: &'a [u8], form: Form) -> Self {
        Self { frame, at: 0, end: frame.len(), form }
    }

    /// Goes on in another form: behind a header comes a body.
    #[must_use]
    pub const fn with_form(self, form: Form) -> Self {
        Self { form, ..self }
    }

    /// The form.
    #[must_use]
    pub const fn form(&self) -> Form {
        self.form
    }

    /// Where it stands.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.at
    }

    /// How many bytes follow.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.end - self.at
    }

    /// Takes so many bytes.
    pub fn take(&mut self, bytes: usize) -> Result<&'a [u8], WireError> {
        let short = WireError::Short { at: self.end };
        let end = self.at.checked_add(bytes).filter(|end| *end <= self.end).ok_or(short)?;
        let taken = self.frame.get(self.at..end).ok_or(short)?;
        self.at = end;
        Ok(taken)
    }

    /// Takes a fixed number of bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let taken = self.take(N)?;
        taken.first_chunk().copied().ok_or(WireError::Short { at: self.at })
    }

    /// Takes an unsigned number of at most five bytes and 32 bits. Forms longer than need be are read, as Kafka does.
    pub fn varint(&mut self) -> Result<u32, WireError> {
        let mut value = 0_u64;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.array()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return u32::try_from(value).map_err(|_| WireError::Varint { at: self.at });
            }
        }
        Err(WireError::Varint { at: self.at })
    }

    /// Takes the length before a text: two bytes, or compact. `None` is absent.
    pub fn text_length(&mut self) -> Result<Option<usize>, WireError> {
        if self.form.flexible {
            return self.compact_length();
        }
        let length = i16::from_be_bytes(self.array()?);
        self.signed_length(i32::from(length))
    }

    /// Takes the length before bytes, records or elements: four bytes, or compact. `None` is absent.
    pub fn length(&mut self) -> Result<Option<usize>, WireError> {
        if self.form.flexible {
            return self.compact_length();
        }
        let length = i32::from_be_bytes(self.array()?);
        self.signed_length(length)
    }

    fn compact_length(&mut self) -> Result<Option<usize>, WireError> {
        Ok(self.varint()?.checked_sub(1).map(|length| length as usize))
    }

    fn signed_length(&self, length: i32) -> Result<Option<usize>, WireError> {
        match usize::try_from(length) {
            Ok(length) => Ok(Some(length)),
            Err(_) if length == -1 => Ok(None),
            Err(_) => Err(WireError::Length { at: self.at, length }),
        }
    }

    /// Takes the number of elements of an array, which is at most that of the bytes that follow: no element is empty.
    pub fn count(&mut self) -> Result<Option<u32>, WireError> {
        let Some(claimed) = self.length()? else { return Ok(None) };
        let claimed = u32::try_from(claimed).map_err(|_| WireError::Varint { at: self.at })?;
        if claimed as usize > self.remaining() {
            return Err(WireError::Count { at: self.at, claimed, bytes: self.remaining() });
        }
        Ok(Some(claimed))
    }

    /// The error of a value that is absent and must not be.
    #[must_use]
    pub const fn absent(&self) -> WireError {
        WireError::Null { at: self.at, version: self.form.version }
    }

    /// Takes what `read` reads, with its place.
    pub fn placed<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, WireError>,
    ) -> Result<At<T>, WireError> {
        let start = self.at;
        let value = read(self)?;
        Ok(At { value, span: Some(Span { start, end: self.at }) })
    }

    /// Takes tagged fields. `known` gets each one's number, a reader of its value and the span of the whole field; it
    /// says whether it knows the field, and must then have read all of it.
    pub fn tags(
        &mut self,
        mut known: impl FnMut(u32, &mut Self, Span) -> Result<bool, WireError>,
    ) -> Result<(), WireError> {
        let count = self.varint()?;
        let mut before = None;
        for _ in 0..count {
            let start = self.at;
            let tag = self.varint()?;
            if before.replace(tag).is_some_and(|before| before >= tag) {
                return Err(WireError::TagOrder { tag, at: self.at });
            }
            let size = self.varint()? as usize;
            let mut value = *self;
            self.take(size)?;
            value.end = self.at;
            if known(tag, &mut value, Span { start, end: self.at })? {
                value.finish()?;
            }
        }
        Ok(())
    }

    /// Nothing may follow.
    pub const fn finish(&self) -> Result<(), WireError> {
        match self.remaining() {
            0 => Ok(()),
            bytes => Err(WireError::LeftOver { at: self.at, bytes }),
        }
    }
}
