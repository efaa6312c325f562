//! Requests of our own, for what librdkafka's clients for Rust do not ask: one connection, one request, one answer.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable as _, Encodable as _, HeaderVersion as _, Request, StrBytes};

/// Longer than a broker may take over anything that a test asks.
const LIMIT: Duration = Duration::from_secs(60);
/// More than what any question of ours is answered with.
const ANSWER_MAX: usize = 64 << 20;

/// Asks a server in this version; panics where there is no answer.
pub fn ask<R: Request>(address: &str, request: &R, version: i16) -> R::Response {
    try_ask(address, request, version, version)
        .unwrap_or_else(|why| panic!("ask {address} (request {} v{version}): {why}", R::KEY))
}

/// The same in a version whose layout is that of `layout`, with whatever went wrong.
pub fn try_ask<R: Request>(
    address: &str,
    request: &R,
    version: i16,
    layout: i16,
) -> Result<R::Response, String> {
    let header = RequestHeader::default()
        .with_request_api_key(R::KEY)
        .with_request_api_version(version)
        .with_client_id(Some(StrBytes::from_static_str("firnline-tests")));
    let mut body = BytesMut::new();
    header.encode(&mut body, R::header_version(layout)).map_err(|error| error.to_string())?;
    request.encode(&mut body, layout).map_err(|error| error.to_string())?;
    let answer = exchange(address, &body).map_err(|error| error.to_string())?;
    let mut answer = Bytes::from(answer);
    ResponseHeader::decode(&mut answer, R::Response::header_version(layout))
        .map_err(|error| error.to_string())?;
    R::Response::decode(&mut answer, layout).map_err(|error| error.to_string())
}

fn exchange(address: &str, body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_nodelay(true)?;
    let length = u32::try_from(body.len()).map_err(std::io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), body].concat())?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length) as usize;
    if length > ANSWER_MAX {
        return Err(std::io::Error::other(format!("the answer is said to have {length} bytes")));
    }
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}
