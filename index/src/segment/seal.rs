//! Sealing: each block and each section of a segment by itself, under a key that this upload attempt alone has.
//!
//! A nonce is the part's kind and number, so that it never comes twice under one key; what authenticates besides the bytes
//! is where the part belongs. A part that was moved within its segment, or into another, does not open.

use std::fmt;
use std::sync::Arc;

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::SectionKind;
use crate::ids::{ClusterId, KeyId, PartitionIndex, Salt, SegmentUuid, TopicId};
use crate::topic_key::{KEY_LEN, TopicKey};

/// Bytes that sealing adds to a part: the tag behind the ciphertext.
pub const SEAL_LEN: usize = 16;
/// A block's number in the place of a section's kind.
const BLOCK_KIND: u32 = 4;

/// A part of a sealed segment that does not authenticate: changed, moved here from elsewhere, or sealed with another key of
/// the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "it does not authenticate: the bytes were changed, belong elsewhere, or were sealed with another key of this id"
)]
pub struct Unauthentic;

/// Whose segment it is, of which upload attempt: what the key is derived from and every part is bound to.
#[derive(Debug, Clone, Copy)]
pub(super) struct SealOrigin<'a> {
    pub(super) cluster_id: &'a ClusterId,
    pub(super) topic_id: TopicId,
    pub(super) partition: PartitionIndex,
    pub(super) uuid: SegmentUuid,
    pub(super) salt: Salt,
}

/// A part of a segment, as its nonce and its binding name it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    Block(u32),
    Section(SectionKind),
}

impl Part {
    fn name(self) -> [u8; 12] {
        let (kind, number) = match self {
            Self::Block(number) => (BLOCK_KIND, u64::from(number)),
            Self::Section(kind) => (kind.number(), 0),
        };
        let mut name = [0; 12];
        name[..4].copy_from_slice(&kind.to_le_bytes());
        name[4..].copy_from_slice(&number.to_le_bytes());
        name
    }
}

/// The key of one segment. Cheap to clone; wiped with the last clone.
#[derive(Clone)]
pub(super) struct SegmentKey(Arc<Inner>);

struct Inner {
    id: KeyId,
    cipher: Aes256Gcm,
    /// Cluster id, topic id, partition and uuid: the first half of what authenticates.
    origin: Vec<u8>,
}

impl SegmentKey {
    pub(super) fn derive(topic_key: &TopicKey, of: SealOrigin<'_>) -> Self {
        let mut secret = Zeroizing::new([0; KEY_LEN]);
        let info = [&of.uuid.as_bytes()[..], &of.salt.as_bytes()[..]].concat();
        Hkdf::<Sha256>::new(Some(of.salt.as_bytes()), topic_key.expose())
            .expand(&info, &mut secret[..])
            .expect("HKDF gives 255 times as many bytes");
        let origin = [
            of.cluster_id.as_str().as_bytes(),
            of.topic_id.as_bytes(),
            &of.partition.get().to_le_bytes(),
            of.uuid.as_bytes(),
        ];
        Self(Arc::new(Inner {
            id: topic_key.id(),
            cipher: Aes256Gcm::new_from_slice(&secret[..]).expect("a key of 32 bytes"),
            origin: origin.concat(),
        }))
    }

    pub(super) fn id(&self) -> KeyId {
        self.0.id
    }

    /// Seals in place: the tag comes behind. Each part is sealed once.
    pub(super) fn seal(&self, part: Part, bytes: &mut Vec<u8>) {
        let name = part.name();
        self.0
            .cipher
            .encrypt_in_place(&Nonce::from(name), &self.aad(&name), bytes)
            .expect("a part is below the 64 GiB that AES-GCM takes");
    }

    /// The bytes of a part in the clear.
    pub(super) fn open(&self, part: Part, stored: &[u8]) -> Result<Vec<u8>, Unauthentic> {
        let name = part.name();
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(stored.len()).map_err(|_| Unauthentic)?;
        bytes.extend_from_slice(stored);
        self.0
            .cipher
            .decrypt_in_place(&Nonce::from(name), &self.aad(&name), &mut bytes)
            .map_err(|_| Unauthentic)?;
        Ok(bytes)
    }

    fn aad(&self, name: &[u8; 12]) -> Vec<u8> {
        [&self.0.origin[..], name].concat()
    }
}

impl fmt::Debug for SegmentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SegmentKey({})", self.0.id)
    }
}
