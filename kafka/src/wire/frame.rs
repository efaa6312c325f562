//! Frames: four bytes of length, then as many bytes. The length is believed only as far as bytes arrive.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// What is set aside before anything has arrived; from there on a buffer grows to at most twice what it holds.
const FIRST_BYTES: usize = 64 * 1024;

/// Why no frame could be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    /// The connection broke, or ended in mid-frame.
    #[error("read a frame")]
    Io(#[from] io::Error),
    /// The first bytes are those of a TLS record.
    #[error("the broker answers with TLS")]
    SpeaksTls,
    /// A length that no answer has.
    #[error("the frame claims {claimed} bytes, at most {limit} are taken")]
    Length { claimed: i32, limit: usize },
}

/// Reads the length before a frame.
pub(crate) fn frame_length(prefix: [u8; 4], limit: usize) -> Result<usize, FrameError> {
    // A TLS alert or handshake record, versions 3.0 to 3.4: as a length at least 335 MiB.
    if matches!(prefix, [0x15 | 0x16, 3, 0..=4, _]) {
        return Err(FrameError::SpeaksTls);
    }
    let claimed = i32::from_be_bytes(prefix);
    match usize::try_from(claimed) {
        Ok(length) if length <= limit => Ok(length),
        _ => Err(FrameError::Length { claimed, limit }),
    }
}

/// Reads one frame, without its length. Not cancel safe: a dropped read leaves the stream in mid-frame.
pub(crate) async fn read_frame(
    stream: &mut (impl AsyncRead + Unpin + ?Sized),
    limit: usize,
) -> Result<Bytes, FrameError> {
    let mut prefix = [0; 4];
    stream.read_exact(&mut prefix).await?;
    let length = frame_length(prefix, limit)?;
    let mut frame = BytesMut::with_capacity(length.min(FIRST_BYTES));
    while frame.len() < length {
        let missing = length - frame.len();
        if frame.capacity() == frame.len() {
            frame.reserve(missing.min(frame.len().max(FIRST_BYTES)));
        }
        if (&mut *stream).take(missing as u64).read_buf(&mut frame).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    }
    Ok(frame.freeze())
}
