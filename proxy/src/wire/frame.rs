//! Where frames end: four bytes of length, then as many bytes. The length is believed only as far as bytes arrive.

use bytes::{Buf, BytesMut};

/// The bytes of a length.
const PREFIX: usize = 4;

/// What is set aside before anything has arrived; from there on a buffer grows to at most twice what it holds.
const FIRST_BYTES: usize = 16 * 1024;

/// A length that no frame has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The first bytes are those of a TLS record.
    #[error("the other side speaks TLS, this port does not")]
    SpeaksTls,
    /// It is below zero.
    #[error("a frame claims {claimed} bytes")]
    Negative {
        /// The length claimed.
        claimed: i32,
    },
    /// It is longer than one that is taken whole.
    #[error("a frame claims {length} bytes, at most {limit} are held")]
    TooLong {
        /// The length claimed.
        length: usize,
        /// The most that is held.
        limit: usize,
    },
}

/// The frame at the front of a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Front<'b> {
    /// How long it says it is, its length not counted.
    pub length: usize,
    /// What has arrived of it.
    pub arrived: &'b [u8],
}

/// Takes a stream apart. The caller owns the buffer and fills it; no socket is known here.
///
/// ```text
///          ┌── whole(): all of it is there ──► one frame
/// front() ─┤
///          └── pass() ──► piece(), as often as bytes come, until nothing of it is left
/// ```
///
/// A frame that is taken whole is held against the limit. One that passes is never held: it may be as long as it likes.
#[derive(Debug)]
pub struct Splitter {
    limit: usize,
    passing: usize,
}

impl Splitter {
    /// Takes frames of up to `limit` bytes whole.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self { limit, passing: 0 }
    }

    /// The frame at the front; `None` before its length is there, and while one passes.
    pub fn front<'b>(&self, buffer: &'b [u8]) -> Result<Option<Front<'b>>, FrameError> {
        let prefix = if self.is_passing() { None } else { buffer.split_first_chunk::<PREFIX>() };
        let Some((prefix, rest)) = prefix else { return Ok(None) };
        // A TLS alert or handshake record, versions 3.0 to 3.4: as a length at least 335 MiB.
        if matches!(prefix, [0x15 | 0x16, 3, 0..=4, _]) {
            return Err(FrameError::SpeaksTls);
        }
        let claimed = i32::from_be_bytes(*prefix);
        let length = usize::try_from(claimed).map_err(|_| FrameError::Negative { claimed })?;
        Ok(Some(Front { length, arrived: rest.get(..length).unwrap_or(rest) }))
    }

    /// Takes the frame at the front, its length cut off; `None` before all of it is there.
    pub fn whole(&self, buffer: &mut BytesMut) -> Result<Option<BytesMut>, FrameError> {
        let Some(Front { length, arrived }) = self.front(buffer)? else { return Ok(None) };
        if length > self.limit {
            return Err(FrameError::TooLong { length, limit: self.limit });
        }
        if arrived.len() < length {
            return Ok(None);
        }
        buffer.advance(PREFIX);
        Ok(Some(buffer.split_to(length)))
    }

    /// From here on the frame at the front passes in pieces, its length the first of them. `false` before that is there.
    pub fn pass(&mut self, buffer: &[u8]) -> Result<bool, FrameError> {
        let Some(Front { length, .. }) = self.front(buffer)? else { return Ok(false) };
        self.passing = PREFIX + length;
        Ok(true)
    }

    /// Whether some of a passing frame is still to come.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        self.passing > 0
    }

    /// What has arrived of the frame that passes; `None` when that is nothing, or none passes.
    pub fn piece(&mut self, buffer: &mut BytesMut) -> Option<BytesMut> {
        let bytes = self.passing.min(buffer.len());
        self.passing -= bytes;
        (bytes > 0).then(|| buffer.split_to(bytes))
    }

    /// How many bytes the buffer should have room for before more is read.
    pub fn room(&self, buffer: &[u8]) -> Result<usize, FrameError> {
        let growth = buffer.len().max(FIRST_BYTES);
        let missing = match self.front(buffer)? {
            Some(front) => front.length - front.arrived.len(),
            None if self.is_passing() => self.passing,
            None => growth,
        };
        // At least a little, so that the next frame's front comes with the end of this one.
        Ok(missing.clamp(FIRST_BYTES / 16, growth))
    }
}
