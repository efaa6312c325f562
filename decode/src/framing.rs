//! How a value says which schema it was written by: Confluent's two forms.
//!
//! ```text
//!  in front of the value    00 | id, 4 bytes, big-endian | (message index, Protobuf alone) | value
//!  in a header              01 | GUID, 16 bytes          | (message index, Protobuf alone)          value alone
//! ```
//!
//! The header is `__key_schema_id` or `__value_schema_id`. Other headers under that name, as some serializers leave them, are not
//! looked at: the value then says it itself, or is bad.

use crate::error::{DecodeError, Reason};

/// A schema as a value names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SchemaRef {
    /// By its number in the registry.
    Id(u32),
    /// By an id that is the same in every registry.
    Guid([u8; 16]),
}

impl std::fmt::Display for SchemaRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Id(id) => write!(f, "{id}"),
            Self::Guid(guid) => {
                for (at, byte) in guid.iter().enumerate() {
                    if [4, 6, 8, 10].contains(&at) {
                        f.write_str("-")?;
                    }
                    write!(f, "{byte:02x}")?;
                }
                Ok(())
            }
        }
    }
}

/// The most numbers of a message index: messages lie in messages no deeper.
const INDEX_MAX: usize = 32;

/// What a value is without what names its schema. `header` is the value of the header for it, if there is one. What is left may
/// begin with a message index, which only the schema tells.
///
/// # Errors
/// [`Reason::NoFraming`] where neither names a schema.
pub fn unframe<'a>(value: &'a [u8], header: Option<&'a [u8]>) -> Result<(SchemaRef, &'a [u8]), DecodeError> {
    if let Some([1, named @ ..]) = header
        && let Some((guid, index)) = named.split_first_chunk::<16>()
    {
        // With Protobuf the index stands in the header; the value alone has none. Only the first message is taken that way.
        return match index {
            [] | [0] => Ok((SchemaRef::Guid(*guid), value)),
            _ => Err(no_framing("its header names a message other than the first of its schema")),
        };
    }
    match value {
        [0, named @ ..] => match named.split_first_chunk::<4>() {
            Some((id, payload)) => Ok((SchemaRef::Id(u32::from_be_bytes(*id)), payload)),
            None => Err(DecodeError::whole(Reason::Truncated, "the bytes end within the id of its schema")),
        },
        [first, ..] => Err(no_framing(&format!("it begins with {first:#04x}, not with 0 and the id of a schema"))),
        [] => Err(no_framing("it is empty, and names no schema")),
    }
}

fn no_framing(message: &str) -> DecodeError {
    DecodeError::whole(Reason::NoFraming, message)
}

/// The message index in front of a Protobuf value, and what is behind it. `[0]` is written as a single 0.
///
/// # Errors
/// Where there is none.
pub(crate) fn message_index(bytes: &[u8]) -> Result<(Vec<i32>, &[u8]), DecodeError> {
    let (count, mut rest) = zigzag(bytes)?;
    if count == 0 {
        return Ok((vec![0], rest));
    }
    let count = usize::try_from(count).ok().filter(|count| *count <= INDEX_MAX).ok_or_else(|| {
        DecodeError::whole(Reason::NoFraming, format!("it names a message that lies {count} messages deep"))
    })?;
    let mut index = Vec::with_capacity(count);
    for _ in 0..count {
        let (number, behind) = zigzag(rest)?;
        index.push(number);
        rest = behind;
    }
    Ok((index, rest))
}

fn zigzag(bytes: &[u8]) -> Result<(i32, &[u8]), DecodeError> {
    let mut value = 0_u32;
    for (at, byte) in bytes.iter().enumerate().take(5) {
        value |= u32::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            let number = (value >> 1).cast_signed() ^ -((value & 1).cast_signed());
            return Ok((number, &bytes[at + 1..]));
        }
    }
    Err(DecodeError::whole(Reason::Truncated, "the bytes end within the index of its message"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_forms_name_their_schema() {
        assert_eq!(unframe(b"\0\0\0\x01\x0arest", None), Ok((SchemaRef::Id(266), &b"rest"[..])));
        let header: Vec<u8> = [1].into_iter().chain(0..16).collect();
        let guid = SchemaRef::Guid(std::array::from_fn(|at| u8::try_from(at).unwrap()));
        assert_eq!(unframe(b"rest", Some(&header)), Ok((guid, &b"rest"[..])));
        assert_eq!(guid.to_string(), "00010203-0405-0607-0809-0a0b0c0d0e0f");
        // A header of another kind is not looked at.
        assert_eq!(unframe(b"\0\0\0\0\x07x", Some(b"7")), Ok((SchemaRef::Id(7), &b"x"[..])));
    }

    #[test]
    fn what_names_no_schema_is_told_apart_from_what_is_cut() {
        let reason = |value: &[u8]| unframe(value, None).unwrap_err().reason;
        assert_eq!(reason(b""), Reason::NoFraming);
        assert_eq!(reason(b"{\"a\":1}"), Reason::NoFraming);
        assert_eq!(reason(b"\0\0\0"), Reason::Truncated);
    }

    #[test]
    fn a_message_index_is_read_as_the_serializers_write_it() {
        assert_eq!(message_index(b"\0rest"), Ok((vec![0], &b"rest"[..])));
        // Two numbers, 1 and 0.
        assert_eq!(message_index(b"\x04\x02\x00rest"), Ok((vec![1, 0], &b"rest"[..])));
        assert_eq!(message_index(b"").unwrap_err().reason, Reason::Truncated);
        assert_eq!(message_index(b"\xff\xff\xff\xff\x0f").unwrap_err().reason, Reason::NoFraming);
        assert_eq!(message_index(b"\x80\x80\x80\x80\x80\x80").unwrap_err().reason, Reason::Truncated);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40), header in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..40))) {
            let _ = unframe(&bytes, header.as_deref());
            let _ = message_index(&bytes);
        }
    }
}
