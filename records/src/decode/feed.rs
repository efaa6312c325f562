//! The content of a batch as a stream of bytes that never exceeds its limit.

use std::io::{self, Read};

use bytes::{Bytes, BytesMut};
use firnline_index::batch::Compression;

use crate::{Problem, codec, varint};

/// How much is asked of a decompressor at a time. Memory grows in steps of this as bytes really come, never by a
/// length that they claim.
const STEP: usize = 64 * 1024;

/// Hands out the decompressed content piece by piece.
pub(super) struct Feed {
    source: Source,
    limit: usize,
}

enum Source {
    /// Not compressed: pieces are slices of the batch itself.
    Plain(Bytes),
    Packed {
        compression: Compression,
        reader: Box<dyn Read + Send>,
        buffer: BytesMut,
        produced: usize,
        ended: bool,
    },
}

impl Feed {
    pub(super) fn new(
        compression: Compression,
        content: Bytes,
        magic: u8,
        limit: usize,
    ) -> Result<Self, Problem> {
        let source = if compression == Compression::None {
            if content.len() > limit {
                return Err(Problem::TooLarge { limit });
            }
            Source::Plain(content)
        } else {
            let reader = codec::reader(compression, content, magic, limit)
                .map_err(|source| Problem::Codec { compression, source })?;
            Source::Packed { compression, reader, buffer: BytesMut::new(), produced: 0, ended: false }
        };
        Ok(Self { source, limit })
    }

    /// Everything that is left, in memory at once.
    pub(super) fn take_all(mut self) -> Result<Bytes, Problem> {
        while self.fill()? {}
        Ok(match self.source {
            Source::Plain(bytes) => bytes,
            Source::Packed { buffer, .. } => buffer.freeze(),
        })
    }

    /// The next `length` bytes.
    pub(super) fn take(&mut self, length: usize, what: &'static str) -> Result<Bytes, Problem> {
        while self.ready().len() < length {
            if !self.fill()? {
                let missing = (length - self.ready().len()) as u64;
                return Err(Problem::Truncated { what, missing });
            }
        }
        Ok(match &mut self.source {
            Source::Plain(bytes) => bytes.split_to(length),
            Source::Packed { buffer, .. } => buffer.split_to(length).freeze(),
        })
    }

    /// The next number of variable length.
    pub(super) fn take_varint(&mut self, what: &'static str) -> Result<i64, Problem> {
        loop {
            if let Some((value, length)) =
                varint::read(self.ready()).map_err(|varint::TooLong| Problem::Varint { what })?
            {
                self.take(length, what)?;
                return Ok(value);
            }
            if !self.fill()? {
                return Err(Problem::Truncated { what, missing: 1 });
            }
        }
    }

    /// Whether nothing is left. Reads on to the end, so that the codec checks its own checksum too.
    pub(super) fn is_at_end(&mut self) -> Result<bool, Problem> {
        Ok(self.ready().is_empty() && !self.fill()?)
    }

    /// What is there without asking the decompressor.
    fn ready(&self) -> &[u8] {
        match &self.source {
            Source::Plain(bytes) => bytes,
            Source::Packed { buffer, .. } => buffer,
        }
    }

    /// Gets more bytes; `false` at the end.
    fn fill(&mut self) -> Result<bool, Problem> {
        let Source::Packed { compression, reader, buffer, produced, ended } = &mut self.source else {
            return Ok(false);
        };
        if *ended {
            return Ok(false);
        }
        let start = buffer.len();
        // One byte past the limit is asked for, so that passing it is seen.
        let step = STEP.min((self.limit - *produced).saturating_add(1));
        buffer.resize(start + step, 0);
        let count = loop {
            match reader.read(&mut buffer[start..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => {
                    buffer.truncate(start);
                    if source.get_ref().is_some_and(|cause| cause.is::<codec::OverLimit>()) {
                        return Err(Problem::TooLarge { limit: self.limit });
                    }
                    return Err(Problem::Codec { compression: *compression, source });
                }
                Ok(count) => break count,
            }
        };
        buffer.truncate(start + count);
        *produced += count;
        if *produced > self.limit {
            return Err(Problem::TooLarge { limit: self.limit });
        }
        *ended = count == 0;
        Ok(count > 0)
    }
}
