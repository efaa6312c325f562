//! Snappy, bare or in the framing of the xerial library that Java clients use.
//!
//! ```text
//! 82 'S' 'N' 'A' 'P' 'P' 'Y' 00 | version i32 | compatible version i32 | (length i32 | snappy block)*
//! ```
//! Several such streams may follow each other. What does not begin with the eight magic bytes is one bare block.

use std::io::{self, Read};

use bytes::{Buf, Bytes};

use super::OverLimit;

const MAGIC: [u8; 8] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0];
const HEADER_LEN: usize = MAGIC.len() + 8;
/// What xerial writes in both version fields.
const VERSION: i32 = 1;
/// xerial's default chunk.
const CHUNK: usize = 32 * 1024;

/// Unpacks one chunk at a time.
pub(super) struct Reader {
    packed: Bytes,
    framed: bool,
    chunk: Vec<u8>,
    at: usize,
    limit: usize,
}

impl Reader {
    pub(super) fn new(packed: Bytes, limit: usize) -> Self {
        let framed = packed.starts_with(&MAGIC);
        Self { packed, framed, chunk: Vec::new(), at: 0, limit }
    }

    /// Unpacks the next chunk; `false` at the end.
    fn next_chunk(&mut self) -> io::Result<bool> {
        if !self.framed {
            if self.packed.is_empty() {
                return Ok(false);
            }
            let block = std::mem::take(&mut self.packed);
            self.unpack(&block)?;
            return Ok(true);
        }
        while self.packed.starts_with(&MAGIC) {
            if self.packed.len() < HEADER_LEN {
                return Err(invalid("the stream header is cut short"));
            }
            self.packed.advance(HEADER_LEN);
        }
        if self.packed.is_empty() {
            return Ok(false);
        }
        let length = self.packed.try_get_i32().map_err(|_| invalid("a chunk length is cut short"))?;
        let length = usize::try_from(length).map_err(|_| invalid("a chunk length is negative"))?;
        if length > self.packed.len() {
            return Err(invalid("a chunk is longer than what is left"));
        }
        let block = self.packed.split_to(length);
        self.unpack(&block)?;
        Ok(true)
    }

    fn unpack(&mut self, block: &[u8]) -> io::Result<()> {
        let length = snap::raw::decompress_len(block)?;
        // One more than the limit lets the caller see that the limit was passed.
        if length > self.limit.saturating_add(1) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, OverLimit));
        }
        self.chunk.clear();
        self.chunk.resize(length, 0);
        let written = snap::raw::Decoder::new().decompress(block, &mut self.chunk)?;
        self.chunk.truncate(written);
        self.at = 0;
        Ok(())
    }
}

impl Read for Reader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        // Chunks may be empty; an empty read must mean the end.
        while self.at == self.chunk.len() {
            if !self.next_chunk()? {
                return Ok(0);
            }
        }
        let count = out.len().min(self.chunk.len() - self.at);
        out[..count].copy_from_slice(&self.chunk[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

/// Packs in xerial's framing.
pub(super) fn compress(plain: &[u8]) -> io::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(HEADER_LEN + plain.len() / 2);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSION.to_be_bytes());
    out.extend_from_slice(&VERSION.to_be_bytes());
    let mut encoder = snap::raw::Encoder::new();
    for chunk in plain.chunks(CHUNK) {
        let block = encoder.compress_vec(chunk)?;
        let length = i32::try_from(block.len()).map_err(|_| invalid("a chunk is too long"))?;
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&block);
    }
    Ok(out)
}

fn invalid(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
