//! What stands before every message.

use super::{Api, Form, Out, Reader, WireError};

/// The front of a request. The first eight bytes are at the same place in every version of every request, so that one of
/// an unknown kind can be passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestHeader<'a> {
    /// Which request.
    pub api: Api,
    /// Its version.
    pub version: i16,
    /// The number that the answer repeats.
    pub correlation_id: i32,
    /// What the client calls itself; not always UTF-8.
    pub client_id: Option<&'a [u8]>,
}

impl<'a> RequestHeader<'a> {
    /// Reads the header of a frame, its length cut off, and stands before the body. Of an unknown request the body is in
    /// no form that could be read.
    pub fn read(frame: &'a [u8]) -> Result<(Self, Reader<'a>), WireError> {
        let mut from = Reader::new(frame, Form { version: 0, flexible: false });
        let api = Api::new(i16::from_be_bytes(from.array()?));
        let version = i16::from_be_bytes(from.array()?);
        let correlation_id = i32::from_be_bytes(from.array()?);
        let header = api.request_header(version);
        // The client's name kept its old length when headers got tagged fields.
        let client_id = match if header == 0 { None } else { from.text_length()? } {
            None => None,
            Some(length) => Some(from.take(length)?),
        };
        if header == 2 {
            from.tags(|_, _, _| Ok(false))?;
        }
        Ok((Self { api, version, correlation_id, client_id }, from.with_form(api.form(version))))
    }
}

/// The number of the request that a frame, its length cut off, answers.
pub fn response_correlation(frame: &[u8]) -> Result<i32, WireError> {
    let mut from = Reader::new(frame, Form { version: 0, flexible: false });
    from.array().map(i32::from_be_bytes)
}

/// Stands before the body of an answer.
pub(super) fn read_response_header(frame: &[u8], api: Api, version: i16) -> Result<Reader<'_>, WireError> {
    let form = api.form(version);
    let mut from = Reader::new(frame, form);
    from.take(4)?;
    if api.response_header(version) == 1 {
        from.tags(|_, _, _| Ok(false))?;
    }
    Ok(from)
}

pub(super) fn write_request_header(out: &mut Out, header: &RequestHeader<'_>) {
    let form = out.form();
    out.put(&header.api.key().to_be_bytes());
    out.put(&header.version.to_be_bytes());
    out.put(&header.correlation_id.to_be_bytes());
    let version = header.api.request_header(header.version);
    if version > 0 {
        out.set_form(Form { flexible: false, ..form });
        out.text_length(header.client_id.map(<[u8]>::len));
        out.put(header.client_id.unwrap_or_default());
        out.set_form(form);
    }
    if version == 2 {
        out.varint(0);
    }
}

pub(super) fn write_response_header(out: &mut Out, api: Api, correlation_id: i32) {
    out.put(&correlation_id.to_be_bytes());
    if api.response_header(out.form().version) == 1 {
        out.varint(0);
    }
}
