//! The five codecs, as Kafka frames them.
//!
//! | codec | on reading | on writing |
//! |---|---|---|
//! | gzip | one member or several | one member |
//! | snappy | a bare block (librdkafka), or xerial's framing (Java), also several streams end to end | xerial's framing, 32 KiB chunks |
//! | lz4 | frames, linked or independent blocks; magic 0: see [`lz4`] | frame of independent 64 KiB blocks |
//! | zstd | one frame or several, windows up to 128 MiB as Kafka's own limit | one frame |
//!
//! Readers hand out bytes as they come and hold one block of the codec at a time; a bare snappy block is the only one
//! that stands in memory whole, and its length is checked against the caller's limit before it is allocated.

mod lz4;
mod snappy;

use std::io::{self, Cursor, Read, Write};

use bytes::Bytes;
use firnline_index::batch::Compression;

/// Kafka's default limit for a zstd window, 2^27 bytes. zstd asks for it lazily, page by page.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;

/// The level that Kafka's Java client takes by default.
const ZSTD_LEVEL: i32 = 3;

/// A block claims to be longer than the limit, so it was not unpacked at all. Travels inside an [`io::Error`].
#[derive(Debug, thiserror::Error)]
#[error("a block claims to be longer than the limit")]
pub(crate) struct OverLimit;

/// A stream of the bytes that `packed` holds. `limit` is the largest single allocation that a claimed length may
/// cause; the caller still has to count what it reads.
pub(crate) fn reader(
    compression: Compression,
    packed: Bytes,
    magic: u8,
    limit: usize,
) -> io::Result<Box<dyn Read + Send>> {
    Ok(match compression {
        Compression::None => Box::new(Cursor::new(packed)),
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(Cursor::new(packed))),
        Compression::Snappy => Box::new(snappy::Reader::new(packed, limit)),
        Compression::Lz4 => lz4::reader(packed, magic)?,
        Compression::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(Cursor::new(packed))?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
            Box::new(decoder)
        }
    })
}

/// Packs `plain` as Kafka's Java client would.
pub(crate) fn compress(compression: Compression, plain: &[u8], magic: u8) -> io::Result<Vec<u8>> {
    match compression {
        Compression::None => Ok(plain.to_vec()),
        Compression::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(plain)?;
            encoder.finish()
        }
        Compression::Snappy => snappy::compress(plain),
        Compression::Lz4 => lz4::compress(plain, magic),
        Compression::Zstd => zstd::stream::encode_all(plain, ZSTD_LEVEL),
    }
}

#[cfg(test)]
mod tests;
