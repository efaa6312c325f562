//! A connection to a Kafka server: one request, one answer.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};

/// Longer than any answer may be held: a client would have given up.
const PATIENCE: Duration = Duration::from_secs(30);
/// More than what any question of ours can be answered with.
const ANSWER_MAX: usize = 64 << 20;

/// A connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    correlation: i32,
}

impl Connection {
    /// Connects.
    pub fn open(address: &str) -> Result<Self, String> {
        let stream = TcpStream::connect(address).map_err(|error| format!("connect to {address}: {error}"))?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        Ok(Self { stream, correlation: 0 })
    }

    /// Asks, in a version whose layout is that of `layout`, and reads the answer to its last byte.
    pub fn ask<R: Request>(&mut self, request: &R, version: i16, layout: i16) -> Result<R::Response, String> {
        self.correlation += 1;
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(self.correlation)
            .with_client_id(Some(StrBytes::from_static_str("differential")));
        let mut frame = BytesMut::new();
        header.encode(&mut frame, R::header_version(layout)).map_err(|error| error.to_string())?;
        request.encode(&mut frame, layout).map_err(|error| error.to_string())?;
        let length = u32::try_from(frame.len()).map_err(|error| error.to_string())?;
        let told = |what: &str, error: std::io::Error| format!("{what}: {error}");
        self.stream.write_all(&length.to_be_bytes()).map_err(|error| told("send", error))?;
        self.stream.write_all(&frame).map_err(|error| told("send", error))?;
        let mut length = [0; 4];
        self.stream.read_exact(&mut length).map_err(|error| told("wait for the answer", error))?;
        let length = u32::from_be_bytes(length) as usize;
        if length > ANSWER_MAX {
            return Err(format!("the answer is said to have {length} bytes"));
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer).map_err(|error| told("read the answer", error))?;
        let mut answer = Bytes::from(answer);
        let header = ResponseHeader::decode(&mut answer, R::Response::header_version(layout))
            .map_err(|error| error.to_string())?;
        if header.correlation_id != self.correlation {
            return Err(format!("answer {} to request {}", header.correlation_id, self.correlation));
        }
        let decoded = R::Response::decode(&mut answer, layout).map_err(|error| error.to_string())?;
        if !answer.is_empty() {
            return Err(format!("{} bytes behind the answer", answer.len()));
        }
        Ok(decoded)
    }
}
