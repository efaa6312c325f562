//! The checksums that stores compute over whole objects, computed here over what is sent: CRC-64/NVME (S3, and what the
//! local directory makes versions of) and CRC-32C (Google Cloud Storage).

mod combine;

use crate::object::Payload;
use combine::{CRC32C, CRC64_NVME};
use crc_fast::{CrcAlgorithm, Digest};

/// Checksums and length of a run of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) length: u64,
    pub(crate) crc64: u64,
    /// Only where the store tells this kind.
    pub(crate) crc32c: Option<u32>,
}

impl Sums {
    /// Over a chain of buffers.
    pub(crate) fn of(payload: &Payload, with_crc32c: bool) -> Self {
        let mut summing = Summing::new(with_crc32c);
        payload.chunks().iter().for_each(|chunk| summing.update(chunk));
        summing.finish()
    }

    /// Of the concatenation, from the pieces' own, without touching the bytes again.
    pub(crate) fn joined<'a>(pieces: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut pieces = pieces.into_iter();
        let Some(first) = pieces.next() else { return Summing::new(false).finish() };
        pieces.fold(*first, |before, next| Self {
            length: before.length + next.length,
            crc64: CRC64_NVME.combine(before.crc64, next.crc64, next.length),
            crc32c: before
                .crc32c
                .zip(next.crc32c)
                .map(|(a, b)| narrow(CRC32C.combine(a.into(), b.into(), next.length))),
        })
    }
}

/// [`Sums`] in the making.
#[derive(Debug)]
pub(crate) struct Summing {
    length: u64,
    crc64: Digest,
    crc32c: Option<Digest>,
}

impl Summing {
    pub(crate) fn new(with_crc32c: bool) -> Self {
        let crc32c = with_crc32c.then(|| Digest::new(CrcAlgorithm::Crc32Iscsi));
        Self { length: 0, crc64: Digest::new(CrcAlgorithm::Crc64Nvme), crc32c }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        self.crc64.update(bytes);
        if let Some(crc32c) = &mut self.crc32c {
            crc32c.update(bytes);
        }
    }

    pub(crate) fn finish(&self) -> Sums {
        let crc32c = self.crc32c.as_ref().map(|digest| narrow(digest.finalize()));
        Sums { length: self.length, crc64: self.crc64.finalize(), crc32c }
    }
}

/// Over one slice.
pub(crate) fn crc64(bytes: &[u8]) -> u64 {
    crc_fast::checksum(CrcAlgorithm::Crc64Nvme, bytes)
}

fn narrow(crc: u64) -> u32 {
    u32::try_from(crc).expect("a 32-bit checksum fits 32 bits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use proptest::prelude::*;

    #[test]
    fn known_values() {
        let sums = Sums::of(&b"123456789"[..].into(), true);
        assert_eq!(sums, Sums { length: 9, crc64: 0xae8b_1486_0a79_9888, crc32c: Some(0xe306_9283) });
        assert_eq!(Sums::of(&b"123456789"[..].into(), false).crc32c, None);
        assert_eq!(Sums::joined([]).length, 0);
    }

    proptest! {
        #[test]
        fn pieces_joined_equal_the_whole(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 1..6), crc32c: bool,
        ) {
            let whole = Sums::of(&pieces.concat().into(), crc32c);
            let each: Vec<_> = pieces.iter().map(|p| Sums::of(&p.clone().into(), crc32c)).collect();
            prop_assert_eq!(Sums::joined(&each), whole);
            let chain: Vec<Bytes> = pieces.into_iter().map(Bytes::from).collect();
            prop_assert_eq!(Sums::of(&chain.into(), crc32c), whole);
        }
    }
}
