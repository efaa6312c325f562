//! The envelope around a head or a page.
//!
//! ```text
//!  0        8        10      12            16        20
//! ┌────────┬────────┬───────┬─────────────┬─────────┬──────────────┐
//! │ magic  │version │ kind  │ body length │ CRC32C  │ body         │
//! │FIRNLMAN│ u16    │ u16   │ u32         │ u32     │ protobuf     │
//! └────────┴────────┴───────┴─────────────┴─────────┴──────────────┘
//! ```
//!
//! Numbers are little-endian. The checksum covers bytes 0..16 and the body. Readers check in the order length,
//! magic, version, kind, size against the limit, size against the bytes there are, checksum, and name the value that
//! failed.

use super::limits::MAX_BODY_BYTES;
use crate::ids::Crc32c;
use crate::marker::FORMAT_VERSION;

/// Bytes before the body.
pub(super) const HEADER_LEN: usize = 20;
const MAGIC: [u8; 8] = *b"FIRNLMAN";
/// What the checksum covers of the header.
const CHECKED: usize = 16;

/// What an envelope holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnvelopeKind {
    /// A manifest's head.
    Head,
    /// A page.
    Page,
}

impl EnvelopeKind {
    const fn number(self) -> u16 {
        match self {
            Self::Head => 1,
            Self::Page => 2,
        }
    }
}

/// An envelope that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Not even a header.
    #[error("{found} bytes are too short for the header of {HEADER_LEN}")]
    Short {
        /// How many bytes there are.
        found: usize,
    },
    /// Not a manifest at all.
    #[error("magic {found:02x?} is not a manifest's")]
    Magic {
        /// The first eight bytes.
        found: [u8; 8],
    },
    /// Written by a newer build.
    #[error(
        "format version {found} is newer than {supported}, the newest that this build reads; upgrade firnline"
    )]
    Newer {
        /// The version of the object.
        found: u16,
        /// The newest version read.
        supported: u16,
    },
    /// A page where a head belongs, or the other way round.
    #[error("kind {found} where {expected} is expected (1 head, 2 page)")]
    Kind {
        /// The kind of the object.
        found: u16,
        /// The kind asked for.
        expected: u16,
    },
    /// A body beyond the limit.
    #[error("body of {found} bytes is longer than the limit of {limit}")]
    TooLong {
        /// The length stated.
        found: u64,
        /// The limit.
        limit: u64,
    },
    /// Fewer or more bytes than the header says.
    #[error("body length is stated as {stated}, but {present} bytes follow the header")]
    Length {
        /// The length stated.
        stated: u64,
        /// How many bytes there are.
        present: u64,
    },
    /// Damage.
    #[error("checksum is stated as {stated}, but the bytes give {computed}")]
    Checksum {
        /// The checksum stated.
        stated: Crc32c,
        /// The checksum of the bytes.
        computed: Crc32c,
    },
}

/// Puts `body` into an envelope.
///
/// # Errors
/// Where the body is longer than the limit.
pub(super) fn seal(kind: EnvelopeKind, body: &[u8]) -> Result<Vec<u8>, EnvelopeError> {
    let too_long = || EnvelopeError::TooLong { found: body.len() as u64, limit: MAX_BODY_BYTES as u64 };
    let length = u32::try_from(body.len()).map_err(|_| too_long())?;
    if body.len() > MAX_BODY_BYTES {
        return Err(too_long());
    }
    let mut out = Vec::with_capacity(HEADER_LEN + body.len());
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    out.extend_from_slice(&kind.number().to_le_bytes());
    out.extend_from_slice(&length.to_le_bytes());
    let crc = checksum(&out, body);
    out.extend_from_slice(&crc.get().to_le_bytes());
    assert_eq!(out.len(), HEADER_LEN, "the header has a fixed length");
    out.extend_from_slice(body);
    Ok(out)
}

/// Checks an envelope and gives its body.
pub(super) fn open(kind: EnvelopeKind, bytes: &[u8]) -> Result<&[u8], EnvelopeError> {
    let (header, body) =
        bytes.split_first_chunk::<HEADER_LEN>().ok_or(EnvelopeError::Short { found: bytes.len() })?;
    let magic = part::<8>(header, 0);
    if magic != MAGIC {
        return Err(EnvelopeError::Magic { found: magic });
    }
    let version = u16::from_le_bytes(part(header, 8));
    if version > FORMAT_VERSION {
        return Err(EnvelopeError::Newer { found: version, supported: FORMAT_VERSION });
    }
    let found = u16::from_le_bytes(part(header, 10));
    if found != kind.number() {
        return Err(EnvelopeError::Kind { found, expected: kind.number() });
    }
    let stated = u64::from(u32::from_le_bytes(part(header, 12)));
    if stated > MAX_BODY_BYTES as u64 {
        return Err(EnvelopeError::TooLong { found: stated, limit: MAX_BODY_BYTES as u64 });
    }
    if stated != body.len() as u64 {
        return Err(EnvelopeError::Length { stated, present: body.len() as u64 });
    }
    let stated = Crc32c::new(u32::from_le_bytes(part(header, 16)));
    let computed = checksum(&header[..CHECKED], body);
    if stated != computed {
        return Err(EnvelopeError::Checksum { stated, computed });
    }
    Ok(body)
}

/// `N` bytes of the header from `at`.
fn part<const N: usize>(header: &[u8; HEADER_LEN], at: usize) -> [u8; N] {
    std::array::from_fn(|i| header[at + i])
}

fn checksum(header: &[u8], body: &[u8]) -> Crc32c {
    let mut digest = crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32Iscsi);
    digest.update(header);
    digest.update(body);
    Crc32c::new(u32::try_from(digest.finalize()).expect("a CRC of 32 bits fits 32 bits"))
}
