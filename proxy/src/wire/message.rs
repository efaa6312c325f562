//! Messages: the tables that readers, writers and schemas are made of, and whole frames.

use super::header::{read_response_header, write_request_header, write_response_header};
use super::{Api, Form, Frame, Out, Reader, RequestHeader, Value, WireError, WriteError};

/// Who says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// A client.
    Request,
    /// A broker.
    Response,
}

/// What stands behind a header.
pub trait Message<'a>: Value<'a> {
    /// Which request, or the answer to which.
    const API: Api;
    /// Whether it is the request or the answer.
    const SIDE: Side;
}

/// Structs as tables: `field: type [versions] = default;`, with `null [versions]` where a field may be absent in some of
/// its versions only, and `tags { field: type [versions] = number; }`. Names, types and versions are Kafka's.
macro_rules! structs {
    ($(
        struct $name:ident $(<$life:lifetime>)? {
            $($field:ident : $type:ty [$($versions:tt)+] $(null [$($null:tt)+])? = $default:expr;)*
        } $(tags {
            $($tagged:ident : $tagged_type:ty [$($tagged_versions:tt)+] = $tag:literal;)+
        })?
    )+) => {$(
        #[allow(missing_docs, reason = "the fields bear Kafka's names and mean what its protocol guide says")]
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name $(<$life>)? {
            $(pub $field: $type,)*
            $($(pub $tagged: Option<$crate::wire::At<$tagged_type>>,)+)?
        }

        impl $(<$life>)? Default for $name $(<$life>)? {
            fn default() -> Self {
                Self { $($field: $default,)* $($($tagged: None,)+)? }
            }
        }

        impl<'a> $crate::wire::Value<'a> for $name $(<$life>)? {
            const KIND: $crate::wire::schema::Kind = $crate::wire::schema::Kind::Struct {
                fields: &[
                    $($crate::wire::schema::Field {
                        name: stringify!($field),
                        kind: <$type as $crate::wire::Value<'a>>::KIND,
                        versions: $crate::wire::schema::versions!($($versions)+),
                        null: $crate::wire::message::null!(
                            <$type as $crate::wire::Value<'a>>::KIND, [$($versions)+] $([$($null)+])?
                        ),
                        tag: None,
                    },)*
                    $($($crate::wire::schema::Field {
                        name: stringify!($tagged),
                        kind: <$tagged_type as $crate::wire::Value<'a>>::KIND,
                        versions: $crate::wire::schema::versions!($($tagged_versions)+),
                        null: $crate::wire::schema::Versions::NONE,
                        tag: Some($tag),
                    },)+)?
                ],
            };

            fn read(from: &mut $crate::wire::Reader<'a>) -> Result<Self, $crate::wire::WireError> {
                let form = from.form();
                #[allow(unused_mut, reason = "some structs have no fields")]
                let mut read = Self::default();
                $(if $crate::wire::schema::versions!($($versions)+).has(form.version) {
                    read.$field = $crate::wire::Value::read(from)?;
                    $(if !$crate::wire::schema::versions!($($null)+).has(form.version)
                        && $crate::wire::Value::is_null(&read.$field)
                    {
                        return Err(from.absent());
                    })?
                })*
                if form.flexible {
                    #[allow(unused_variables, reason = "most structs know no tagged field")]
                    from.tags(|tag, value, span| match tag {
                        $($($tag if $crate::wire::schema::versions!($($tagged_versions)+).has(form.version) => {
                            let value = $crate::wire::Value::read(value)?;
                            read.$tagged = Some($crate::wire::At { value, span: Some(span) });
                            Ok(true)
                        })+)?
                        _ => Ok(false),
                    })?;
                }
                Ok(read)
            }

            fn walk(from: &mut $crate::wire::Reader<'a>) -> Result<(), $crate::wire::WireError> {
                let form = from.form();
                $(if $crate::wire::schema::versions!($($versions)+).has(form.version) {
                    $crate::wire::message::walk!(from, form, $type $(, [$($null)+])?);
                })*
                if form.flexible {
                    #[allow(unused_variables, reason = "most structs know no tagged field")]
                    from.tags(|tag, value, _| match tag {
                        $($($tag if $crate::wire::schema::versions!($($tagged_versions)+).has(form.version) => {
                            <$tagged_type as $crate::wire::Value<'a>>::walk(value)?;
                            Ok(true)
                        })+)?
                        _ => Ok(false),
                    })?;
                }
                Ok(())
            }

            fn write(&self, to: &mut $crate::wire::Out) {
                let form = to.form();
                $(if $crate::wire::schema::versions!($($versions)+).has(form.version) {
                    $(if !$crate::wire::schema::versions!($($null)+).has(form.version)
                        && $crate::wire::Value::is_null(&self.$field)
                    {
                        let field = stringify!($field);
                        to.fail($crate::wire::WriteError::Null { field, version: form.version });
                    })?
                    $crate::wire::Value::write(&self.$field, to);
                })*
                if form.flexible {
                    $($(let $tagged = self.$tagged.as_ref().filter(|_| {
                        $crate::wire::schema::versions!($($tagged_versions)+).has(form.version)
                    });)+)?
                    to.varint(0 $($(+ u32::from($tagged.is_some()))+)?);
                    $($(if let Some(field) = $tagged {
                        to.tagged($tag, |to| $crate::wire::Value::write(&field.value, to));
                    })+)?
                }
            }
        }

        impl<'a> $crate::wire::Value<'a> for Option<$name $(<$life>)?> {
            const KIND: $crate::wire::schema::Kind = $crate::wire::schema::Kind::Nullable {
                of: &<$name $(<$life>)? as $crate::wire::Value<'a>>::KIND,
            };

            fn read(from: &mut $crate::wire::Reader<'a>) -> Result<Self, $crate::wire::WireError> {
                // A byte before it: below zero where it is absent.
                let [there] = from.array()?;
                if there >= 0x80 { Ok(None) } else { $crate::wire::Value::read(from).map(Some) }
            }

            fn write(&self, to: &mut $crate::wire::Out) {
                match self {
                    None => to.put(&[0xff]),
                    Some(value) => {
                        to.put(&[1]);
                        $crate::wire::Value::write(value, to);
                    }
                }
            }

            fn is_null(&self) -> bool {
                self.is_none()
            }
        }
    )+};
}
pub(super) use structs;

/// The versions in which a field may be absent: those named, else all of its own if its type can be absent.
macro_rules! null {
    ($kind:expr, [$($versions:tt)+]) => {
        if matches!($kind, $crate::wire::schema::Kind::Nullable { .. }) {
            $crate::wire::schema::versions!($($versions)+)
        } else {
            $crate::wire::schema::Versions::NONE
        }
    };
    ($kind:expr, [$($versions:tt)+] [$($null:tt)+]) => {
        $crate::wire::schema::versions!($($null)+)
    };
}
pub(super) use null;

/// Goes past a field; one that may not be absent in every version is read, to see whether it is.
macro_rules! walk {
    ($from:ident, $form:ident, $type:ty) => {
        <$type as $crate::wire::Value<'a>>::walk($from)?
    };
    ($from:ident, $form:ident, $type:ty, [$($null:tt)+]) => {
        let value = <$type as $crate::wire::Value<'a>>::read($from)?;
        if !$crate::wire::schema::versions!($($null)+).has($form.version) && $crate::wire::Value::is_null(&value) {
            return Err($from.absent());
        }
    };
}
pub(super) use walk;

/// Says of which request a struct is the message.
macro_rules! message {
    ($name:ident $(<$life:lifetime>)?, $side:ident, $api:ident) => {
        impl<'a> $crate::wire::Message<'a> for $name $(<$life>)? {
            const API: $crate::wire::Api = $crate::wire::Api::$api;
            const SIDE: $crate::wire::Side = $crate::wire::Side::$side;
        }
    };
}
pub(super) use message;

/// The form of a version that is read and written here.
fn form<'a, M: Message<'a>>(version: i16) -> Option<Form> {
    let walked = M::API.row().and_then(|row| row.walked)?;
    walked.has(version).then(|| M::API.form(version))
}

fn read_all<'a, M: Message<'a>>(mut body: Reader<'a>) -> Result<M, WireError> {
    let version = body.form().version;
    form::<M>(version).ok_or(WireError::Version { api: M::API, version })?;
    let message = M::read(&mut body)?;
    body.finish()?;
    Ok(message)
}

/// Reads what stands behind the header that `RequestHeader::read` has read.
pub fn read_request<'a, M: Message<'a>>(
    header: &RequestHeader<'_>,
    body: Reader<'a>,
) -> Result<M, WireError> {
    if header.api != M::API {
        return Err(WireError::Kind { expected: M::API, found: header.api });
    }
    read_all(body)
}

/// Reads the answer in a frame, its length cut off, to a request of this version.
pub fn read_response<'a, M: Message<'a>>(frame: &'a [u8], version: i16) -> Result<M, WireError> {
    read_all(read_response_header(frame, M::API, version)?)
}

/// A request as a frame.
pub fn write_request<'a, M: Message<'a>>(
    message: &M,
    version: i16,
    correlation_id: i32,
    client_id: Option<&[u8]>,
) -> Result<Frame, WriteError> {
    let form = form::<M>(version).ok_or(WriteError::Version { api: M::API, version })?;
    let mut out = Out::new(form);
    write_request_header(&mut out, &RequestHeader { api: M::API, version, correlation_id, client_id });
    message.write(&mut out);
    out.finish()
}

/// An answer as a frame.
pub fn write_response<'a, M: Message<'a>>(
    message: &M,
    version: i16,
    correlation_id: i32,
) -> Result<Frame, WriteError> {
    let form = form::<M>(version).ok_or(WriteError::Version { api: M::API, version })?;
    let mut out = Out::new(form);
    write_response_header(&mut out, M::API, correlation_id);
    message.write(&mut out);
    out.finish()
}
