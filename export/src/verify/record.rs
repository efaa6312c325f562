//! One record, as far as both sides can know it.

use sha2::{Digest as _, Sha256};

/// What is compared of each record beside its partition and offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compared {
    /// The key's bytes.
    pub key: bool,
    /// The value's bytes.
    pub value: bool,
}

impl Compared {
    /// In words, for reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match (self.key, self.value) {
            (true, true) => "offsets, keys and values",
            (true, false) => "offsets and keys",
            (false, true) => "offsets and values",
            (false, false) => "offsets",
        }
    }

    /// The checksum of a record: 128 bits of SHA-256 over what is compared.
    pub(super) fn checksum(self, offset: i64, key: Option<&[u8]>, value: Option<&[u8]>) -> u128 {
        let mut hash = Sha256::new();
        hash.update(offset.to_be_bytes());
        let mut part = |bytes: Option<&[u8]>| match bytes {
            None => hash.update([0]),
            Some(bytes) => {
                hash.update([1]);
                // The length keeps key and value apart.
                hash.update((bytes.len() as u64).to_be_bytes());
                hash.update(bytes);
            }
        };
        if self.key {
            part(key);
        }
        if self.value {
            part(value);
        }
        let digest: [u8; 32] = hash.finalize().into();
        let (half, _) = digest.split_at(16);
        half.iter().fold(0_u128, |number, byte| number << 8 | u128::from(*byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_empty_and_moved_bytes_are_different_records() {
        let all = Compared { key: true, value: true };
        let sums = [
            all.checksum(1, None, None),
            all.checksum(2, None, None),
            all.checksum(1, Some(b""), None),
            all.checksum(1, None, Some(b"")),
            all.checksum(1, Some(b"ab"), Some(b"c")),
            all.checksum(1, Some(b"a"), Some(b"bc")),
        ];
        for (at, sum) in sums.iter().enumerate() {
            assert!(!sums[..at].contains(sum), "{at}");
        }
        let offsets = Compared { key: false, value: false };
        assert_eq!(offsets.checksum(1, Some(b"a"), None), offsets.checksum(1, None, Some(b"b")));
    }
}
