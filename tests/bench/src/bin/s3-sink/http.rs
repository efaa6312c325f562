//! As much of HTTP/1.1 as S3 clients use.

use std::io::{BufRead, Read, Result, Write};
use std::sync::Arc;

use crc_fast::{CrcAlgorithm, Digest};

use crate::objects::Stored;

/// Objects up to this size are kept whole.
pub(crate) const KEPT: usize = 1 << 20;

pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
}

/// A body read to its end.
pub(crate) struct Body {
    pub(crate) length: u64,
    /// The bytes of a small body.
    pub(crate) kept: Option<Arc<[u8]>>,
    /// False when the client sent a checksum and the bytes have another.
    pub(crate) checksum_holds: bool,
    /// Of all bytes, where the client sent one.
    pub(crate) crc64: Option<u64>,
    checksum: Option<String>,
}

impl Request {
    /// `None` when the client has hung up.
    pub(crate) fn read(reader: &mut impl BufRead) -> Result<Option<Self>> {
        let Some(first) = line(reader)? else { return Ok(None) };
        let mut words = first.split(' ').map(str::to_owned);
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let mut headers = Vec::new();
        while let Some(line) = line(reader)?.filter(|line| !line.is_empty()) {
            if let Some((name, value)) = line.split_once(':') {
                headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
            }
        }
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let query = query
            .split('&')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (name.to_owned(), value.replace("%2F", "/").replace("%2f", "/")))
            .collect();
        Ok(Some(Self { method, path: path.to_owned(), query, headers }))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Whether the path goes on after the bucket's name.
    pub(crate) fn names_object(&self) -> bool {
        self.path.trim_start_matches('/').split_once('/').is_some_and(|(_, key)| !key.is_empty())
    }

    /// Reads the body, whatever its framing: plain, chunked by HTTP, chunked by AWS, or both.
    pub(crate) fn read_body(&self, reader: &mut impl BufRead) -> Result<Body> {
        let sent = self
            .header("x-amz-checksum-crc64nvme")
            .filter(|_| self.query("uploadId").is_none_or(|_| self.method != "POST"));
        let mut sink =
            Sink { kept: Vec::new(), length: 0, crc: sent.map(|_| Digest::new(CrcAlgorithm::Crc64Nvme)) };
        let aws_chunked = self.header("x-amz-content-sha256").is_some_and(|v| v.starts_with("STREAMING-"));
        let length = self.header("content-length").and_then(|v| v.parse().ok()).unwrap_or(0_u64);
        if self.header("transfer-encoding") == Some("chunked") {
            sink.take_chunks(reader)?;
        } else if aws_chunked {
            let mut limited = reader.take(length);
            sink.take_chunks(&mut limited)?;
            std::io::copy(&mut limited, &mut std::io::sink())?;
        } else {
            sink.take(reader, length)?;
        }
        let checksum = sent.map(str::to_owned);
        let crc64 = sink.crc.map(|digest| digest.finalize());
        let checksum_holds = match (&checksum, crc64) {
            (Some(sent), Some(crc64)) => *sent == base64(&crc64.to_be_bytes()),
            _ => true,
        };
        let kept = (sink.length == sink.kept.len() as u64).then(|| sink.kept.into());
        Ok(Body { length: sink.length, kept, checksum_holds, crc64, checksum })
    }
}

/// Where the bytes of a body go.
struct Sink {
    kept: Vec<u8>,
    length: u64,
    crc: Option<Digest>,
}

impl Sink {
    fn take(&mut self, reader: &mut impl BufRead, mut left: u64) -> Result<()> {
        while left > 0 {
            let buffer = reader.fill_buf()?;
            let n = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            if n == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(crc) = &mut self.crc {
                crc.update(&buffer[..n]);
            }
            if self.kept.len() + n <= KEPT {
                self.kept.extend_from_slice(&buffer[..n]);
            }
            reader.consume(n);
            self.length += n as u64;
            left -= n as u64;
        }
        Ok(())
    }

    /// `SIZE[;extension]\r\n bytes \r\n` until size 0, then trailers until an empty line or the end.
    fn take_chunks(&mut self, reader: &mut impl BufRead) -> Result<()> {
        loop {
            let head = line(reader)?.unwrap_or_default();
            let size = head.split(';').next().and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok());
            match size {
                Some(0) | None => break,
                Some(size) => self.take(reader, size)?,
            }
            line(reader)?;
        }
        while line(reader)?.is_some_and(|trailer| !trailer.is_empty()) {}
        Ok(())
    }
}

fn line(reader: &mut impl BufRead) -> Result<Option<String>> {
    let mut bytes = Vec::new();
    reader.take(64 << 10).read_until(b'\n', &mut bytes)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    Ok(Some(String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']).to_owned()))
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |chunk: &[u8]| {
        let word =
            chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        (0..4)
            .map(
                |i| if i <= chunk.len() { DIGITS[(word >> (18 - 6 * i)) as usize & 63] as char } else { '=' },
            )
            .collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}

pub(crate) struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Arc<[u8]>,
    /// What `content-length` says, where that is not the body's length.
    announced: Option<u64>,
}

impl Answer {
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Arc::new([]), announced: None }
    }

    pub(crate) fn ok() -> Self {
        Self::empty(200)
    }

    pub(crate) fn xml(text: String) -> Self {
        let body = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>{text}").into_bytes().into();
        Self { body, ..Self::ok() }.with("Content-Type", "application/xml")
    }

    pub(crate) fn error(status: u16, code: &str) -> Self {
        Self { status, ..Self::xml(format!("<Error><Code>{code}</Code></Error>")) }
    }

    /// An object, or its size alone where the bytes were thrown away (a HEAD asks no more).
    pub(crate) fn object(stored: &Stored, range: Option<&str>) -> Self {
        let answer = Self::ok()
            .with("ETag", &stored.etag)
            .with("Last-Modified", "Mon, 02 Mar 2026 00:00:00 GMT")
            .with("Accept-Ranges", "bytes");
        let Some(bytes) = &stored.kept else { return Self { announced: Some(stored.length), ..answer } };
        let Some((from, to)) = range.and_then(|r| r.strip_prefix("bytes=")).and_then(|r| r.split_once('-'))
        else {
            return Self { body: Arc::clone(bytes), ..answer };
        };
        let last = bytes.len().saturating_sub(1);
        let (start, end) = match from.parse::<usize>() {
            Ok(from) => (from, to.parse::<usize>().unwrap_or(last).min(last)),
            Err(_) => (bytes.len().saturating_sub(to.parse().unwrap_or(0)), last),
        };
        match bytes.get(start..=end) {
            None => Self::error(416, "InvalidRange"),
            Some(part) => Self { status: 206, body: part.into(), ..answer }
                .with("Content-Range", &format!("bytes {start}-{end}/{}", bytes.len())),
        }
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn with_checksum(self, body: &Body) -> Self {
        match &body.checksum {
            Some(checksum) => {
                self.with("x-amz-checksum-crc64nvme", checksum).with("x-amz-checksum-type", "FULL_OBJECT")
            }
            None => self,
        }
    }

    pub(crate) fn write(&self, writer: &mut impl Write, head_only: bool) -> Result<()> {
        let mut head = format!("HTTP/1.1 {} -\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let length = self.announced.unwrap_or(self.body.len() as u64);
        if self.status != 204 && self.status != 304 {
            head.push_str(&format!("content-length: {length}\r\n"));
        }
        head.push_str("\r\n");
        writer.write_all(head.as_bytes())?;
        if !head_only {
            writer.write_all(&self.body)?;
            if self.announced.is_some() {
                std::io::copy(&mut std::io::repeat(0).take(length), writer)?;
            }
        }
        writer.flush()
    }
}
