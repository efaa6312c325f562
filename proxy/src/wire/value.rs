//! Everything that a field can hold: how it is read, how it is written.

use super::schema::Kind;
use super::{At, Out, Reader, WireError};

/// Something that stands in a message, in the form that reader and writer carry.
pub trait Value<'a>: Sized + Clone {
    /// What it is, for the schema.
    const KIND: Kind;
    /// Its size, where that is always the same.
    const WIDTH: Option<usize> = None;

    /// Reads one. Allocates nothing.
    fn read(from: &mut Reader<'a>) -> Result<Self, WireError>;

    /// Goes past one without making it, exactly where `read` would read one, and fails where it would fail.
    fn walk(from: &mut Reader<'a>) -> Result<(), WireError> {
        match Self::WIDTH {
            Some(bytes) => from.take(bytes).map(drop),
            None => Self::read(from).map(drop),
        }
    }

    /// Writes it.
    fn write(&self, to: &mut Out);

    /// Whether it is an absent one.
    fn is_null(&self) -> bool {
        false
    }
}

macro_rules! numbers {
    ($($number:ty)*) => {$(
        impl<'a> Value<'a> for $number {
            const KIND: Kind = Kind::Int { bytes: size_of::<$number>() };
            const WIDTH: Option<usize> = Some(size_of::<$number>());

            fn read(from: &mut Reader<'a>) -> Result<Self, WireError> {
                from.array().map(Self::from_be_bytes)
            }

            fn write(&self, to: &mut Out) {
                to.put(&self.to_be_bytes());
            }
        }
    )*};
}

numbers!(i8 i16 i32 i64);

impl<'a> Value<'a> for bool {
    const KIND: Kind = Kind::Bool;
    const WIDTH: Option<usize> = Some(1);

    fn read(from: &mut Reader<'a>) -> Result<Self, WireError> {
        from.array().map(|[byte]| byte != 0)
    }

    fn write(&self, to: &mut Out) {
        to.put(&[u8::from(*self)]);
    }
}

impl<'a> Value<'a> for [u8; 16] {
    const KIND: Kind = Kind::Uuid;
    const WIDTH: Option<usize> = Some(16);

    fn read(from: &mut Reader<'a>) -> Result<Self, WireError> {
        from.array()
    }

    fn write(&self, to: &mut Out) {
        to.put(self);
    }
}

impl<'a> Value<'a> for Option<&'a str> {
    const KIND: Kind = Kind::Nullable { of: &Kind::Text };

    fn read(from: &mut Reader<'a>) -> Result<Self, WireError> {
        let Some(length) = from.text_length()? else { return Ok(None) };
        let bytes = from.take(length)?;
        let at = from.position();
        str::from_utf8(bytes).map(Some).map_err(|_| WireError::Text { at })
    }

    fn write(&self, to: &mut Out) {
        to.text_length(self.map(str::len));
        to.put(self.unwrap_or_default().as_bytes());
    }

    fn is_null(&self) -> bool {
        self.is_none()
    }
}

impl<'a> Value<'a> for &'a str {
    const KIND: Kind = Kind::Text;

    fn read(from: &mut Reader<'a>) -> Result<Self, WireError> {
        Option::<Self>::read(from)?.ok_or_else(|| from.absent())
    }

    fn write(&self, to: &mut Out) {
        Some(*self).write(to);
    }
}

impl<'a> Value<'a> for Option<&'a [u8]> {
    const KIND: Kind = Kind::Nullable { of: &Kind::Bytes };

    fn read(from: &mut Reader<'a>) -> Result<Self, WireError> {
        let Some(length) = from.length()? else { return Ok(None) };
        from.take(length).map(Some)
    }

    fn write(&self, to: &mut Out) {
        to.length(self.map(<[u8]>::len));
        to.put(self.unwrap_or_default());
    }

    fn is_null(&self) -> bool {
        self.is_none()
    }
}

impl<'a> Value<'a> for &'a [u8] {
    const KIND: Kind = Kind::Bytes;

    fn read(from: &mut Reader<'a>) -> Result<Self, WireError> {
        Option::<Self>::read(from)?.ok_or_else(|| from.absent())
    }

    fn write(&self, to: &mut Out) {
        Some(*self).write(to);
    }
}

impl<'a, T: Value<'a>> Value<'a> for At<T> {
    const KIND: Kind = T::KIND;
    const WIDTH: Option<usize> = T::WIDTH;

    fn read(from: &mut Reader<'a>) -> Result<Self, WireError> {
        from.placed(T::read)
    }

    fn walk(from: &mut Reader<'a>) -> Result<(), WireError> {
        T::walk(from)
    }

    fn write(&self, to: &mut Out) {
        self.value.write(to);
    }

    fn is_null(&self) -> bool {
        self.value.is_null()
    }
}
