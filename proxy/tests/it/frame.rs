//! Whole frames of any message, headers put on by hand.

use bytes::Bytes;
use firnline_proxy::wire::{
    Api, Message, RequestHeader, Side, WireError, read_request, read_response, write_request, write_response,
};

/// The correlation id of every frame here.
pub(crate) const CORRELATION: i32 = 77;

/// A body behind its header, as a client or a broker sends it; without its length.
pub(crate) fn framed(api: Api, side: Side, version: i16, body: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    let flexible = api.form(version).flexible;
    if side == Side::Request {
        frame.extend_from_slice(&api.key().to_be_bytes());
        frame.extend_from_slice(&version.to_be_bytes());
        frame.extend_from_slice(&CORRELATION.to_be_bytes());
        frame.extend_from_slice(b"\x00\x07someone");
    } else {
        frame.extend_from_slice(&CORRELATION.to_be_bytes());
    }
    if flexible && (side == Side::Request || api != Api::API_VERSIONS) {
        frame.push(0);
    }
    frame.extend_from_slice(body);
    frame
}

pub(crate) fn read<'f, M: Message<'f>>(frame: &'f [u8], version: i16) -> Result<M, WireError> {
    match M::SIDE {
        Side::Request => {
            let (header, body) = RequestHeader::read(frame)?;
            read_request(&header, body)
        }
        Side::Response => read_response(frame, version),
    }
}

/// A message as a frame, its length included.
pub(crate) fn written<'f, M: Message<'f>>(message: &M, version: i16) -> Bytes {
    let frame = match M::SIDE {
        Side::Request => write_request(message, version, CORRELATION, Some(b"someone")),
        Side::Response => write_response(message, version, CORRELATION),
    };
    frame.unwrap().into_bytes()
}
