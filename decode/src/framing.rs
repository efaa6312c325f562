//! How a value says which schema it was written by: Confluent's two forms.
//!
//! ```text
//!  in front of the value    00 | id, 4 bytes, big-endian | (message index, Protobuf alone) | value
//!  in a header              01 | GUID, 16 bytes          | (message index, Protobuf alone)          value alone
//! ```
//!
//! The header is `__key_schema_id` or `__value_schema_id`; an id may stand in it, too, as the first form has it. A header under that
//! name that is neither, to its last byte, is another serializer's and is not looked at: the value then says it itself, or is bad.

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

/// A value that names its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Framed<'a> {
    /// The schema.
    pub schema: SchemaRef,
    /// The value without what names it; [`crate::WriterSchema::split`] takes off a message index that stands in front of it.
    pub payload: &'a [u8],
    /// What stands behind the name in the header, where it stands there: a message index, or nothing.
    pub(crate) index: Option<&'a [u8]>,
}

impl<'a> Framed<'a> {
    /// Which schema a value names. `header` is the value of the header for it, if there is one.
    ///
    /// # Errors
    /// [`Reason::NoFraming`] where neither names a schema.
    pub fn of(value: &'a [u8], header: Option<&'a [u8]>) -> Result<Self, DecodeError> {
        if let Some((schema, index)) = header.and_then(in_header) {
            return Ok(Self { schema, payload: value, index: Some(index) });
        }
        match value {
            [0, named @ ..] => match named.split_first_chunk::<4>() {
                Some((id, payload)) => {
                    Ok(Self { schema: SchemaRef::Id(u32::from_be_bytes(*id)), payload, index: None })
                }
                None => {
                    Err(DecodeError::whole(Reason::Truncated, "the bytes end within the id of its schema"))
                }
            },
            [first, ..] => {
                Err(no_framing(&format!("it begins with {first:#04x}, not with 0 and the id of a schema")))
            }
            [] => Err(no_framing("it is empty, and names no schema")),
        }
    }
}

/// What a header names, and the message index behind it.
fn in_header(header: &[u8]) -> Option<(SchemaRef, &[u8])> {
    let (schema, index) = match header {
        [1, named @ ..] => {
            named.split_first_chunk::<16>().map(|(guid, index)| (SchemaRef::Guid(*guid), index))?
        }
        [0, named @ ..] => named
            .split_first_chunk::<4>()
            .map(|(id, index)| (SchemaRef::Id(u32::from_be_bytes(*id)), index))?,
        _ => return None,
    };
    let whole = index.is_empty() || message_index(index).is_ok_and(|(_, behind)| behind.is_empty());
    whole.then_some((schema, index))
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
    use crate::WriterSchema;
    use proptest::prelude::*;

    #[test]
    fn both_forms_name_their_schema() {
        let prefixed = Framed { schema: SchemaRef::Id(266), payload: b"rest", index: None };
        assert_eq!(Framed::of(b"\0\0\0\x01\x0arest", None), Ok(prefixed));
        let header: Vec<u8> = [1].into_iter().chain(0..16).collect();
        let guid = SchemaRef::Guid(std::array::from_fn(|at| u8::try_from(at).unwrap()));
        let named = Framed { schema: guid, payload: b"rest", index: Some(b"") };
        assert_eq!(Framed::of(b"rest", Some(&header)), Ok(named));
        assert_eq!(guid.to_string(), "00010203-0405-0607-0809-0a0b0c0d0e0f");
        // Headers of another kind are not looked at.
        let long: &[u8] = &[0, 0, 0, 0, 0, 0, 0, 7];
        for other in [&b"7"[..], b"", b"\x01short", long, &[&header[..], b"more"].concat()] {
            let framed = Framed::of(b"\0\0\0\0\x07x", Some(other));
            assert_eq!(
                framed,
                Ok(Framed { schema: SchemaRef::Id(7), payload: b"x", index: None }),
                "{other:?}"
            );
        }
        let by_id = Framed::of(b"x", Some(b"\0\0\0\0\x07"));
        assert_eq!(by_id, Ok(Framed { schema: SchemaRef::Id(7), payload: b"x", index: Some(b"") }));
    }

    #[test]
    fn a_header_may_name_any_message() {
        // The bytes that confluent-kafka 2.16.1 writes for the second message of a file.
        let header: Vec<u8> = [1].into_iter().chain(0..16).chain([2, 2]).collect();
        let framed = Framed::of(b"\x0a\0", Some(&header)).unwrap();
        assert_eq!((framed.index, framed.payload), (Some(&[2, 2][..]), &b"\x0a\0"[..]));
        let protobuf = r#"syntax = "proto3"; message A { int32 a = 1; } message B { bool b = 1; }"#;
        let protobuf = WriterSchema::protobuf(protobuf, &[], None).unwrap();
        assert_eq!(protobuf.split(&framed), Ok((vec![1], &b"\x0a\0"[..])));
        let prefixed = Framed::of(b"\0\0\0\0\x07\x02\x02\x0a\0", None).unwrap();
        assert_eq!(protobuf.split(&prefixed), Ok((vec![1], &b"\x0a\0"[..])));
        let first = Framed::of(b"\x0a\0", Some(&header[..17])).unwrap();
        assert_eq!(protobuf.split(&first), Ok((Vec::new(), &b"\x0a\0"[..])));
    }

    #[test]
    fn what_names_no_schema_is_told_apart_from_what_is_cut() {
        let reason = |value: &[u8]| Framed::of(value, None).unwrap_err().reason;
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
            if let Ok(framed) = Framed::of(&bytes, header.as_deref()) {
                prop_assert!(bytes.ends_with(framed.payload));
            }
            let _ = message_index(&bytes);
        }
    }
}
