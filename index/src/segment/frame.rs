//! One zstd frame back to exactly the bytes that went into it.

use super::SegmentReadError;

/// A frame that does not decompress to what it should.
#[derive(Debug)]
pub(super) enum FrameError {
    /// To so many bytes by its own word, or in fact; 0 where it says nothing.
    Length(u64),
    /// The codec refuses it.
    Codec(std::io::Error),
}

/// How many bytes a frame says it decompresses to.
pub(super) fn announced(stored: &[u8]) -> Option<u64> {
    zstd::zstd_safe::get_frame_content_size(stored).ok().flatten()
}

/// Decompresses into a buffer of `length` bytes and never beyond. Every frame that a writer makes says how long it
/// decompresses, so that a damaged index cannot make us reserve more than the frame itself claims to need.
pub(super) fn unpack(stored: &[u8], length: u64) -> Result<Vec<u8>, FrameError> {
    let said = announced(stored);
    if said != Some(length) {
        return Err(FrameError::Length(said.unwrap_or(0)));
    }
    let mut raw = Vec::new();
    let room = usize::try_from(length).unwrap_or(usize::MAX);
    raw.try_reserve_exact(room).map_err(|_| FrameError::Codec(std::io::ErrorKind::OutOfMemory.into()))?;
    let mut decompressor = zstd::bulk::Decompressor::new().map_err(FrameError::Codec)?;
    let written = decompressor.decompress_to_buffer(stored, &mut raw).map_err(FrameError::Codec)?;
    if written != room || raw.len() != room {
        return Err(FrameError::Length(u64::try_from(written).unwrap_or(u64::MAX)));
    }
    Ok(raw)
}

impl FrameError {
    /// What is wrong with a file of the broker's.
    pub(super) fn of_file(self, section: super::SectionKind, expected: u64) -> SegmentReadError {
        match self {
            Self::Length(found) => SegmentReadError::FileLength { section, expected, found },
            Self::Codec(source) => SegmentReadError::Decompress { section, source },
        }
    }
}
