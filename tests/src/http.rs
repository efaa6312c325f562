//! The one HTTP request that rigs need: does a server on this machine answer yet?

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

/// The status code of a GET to a server on the loopback address; `None` while it does not answer.
pub fn get_status(port: u16, path: &str) -> Option<u16> {
    request_status(port, "GET", path, b"")
}

/// The status code of any request to a server on the loopback address; `None` when it does not answer.
pub fn request_status(port: u16, method: &str, path: &str, body: &[u8]) -> Option<u16> {
    let answer = request(port, method, path, body)?;
    let line = String::from_utf8_lossy(answer.get(..32.min(answer.len()))?).into_owned();
    line.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()
}

/// The whole answer to a GET, its head included; `None` when there is none.
pub fn get(port: u16, path: &str) -> Option<String> {
    String::from_utf8(request(port, "GET", path, b"")?).ok()
}

fn request(port: u16, method: &str, path: &str, body: &[u8]) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    Some(answer)
}
