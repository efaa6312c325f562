//! Where a topic's keys lie: by the topic's id and a number, so that nodes that begin at once write the same object.

use sha2::{Digest, Sha256};

use crate::ids::{KeyId, TopicId};

/// Parts these hashes from any other.
const LABEL: &[u8] = b"firnline topic key";

impl KeyId {
    /// The id of a topic's key number `number`; numbers rise from 0. Whoever knows the topic finds its keys without a
    /// listing, and a conditional create decides between two that begin at once.
    #[must_use]
    pub fn of_topic(topic_id: TopicId, number: u32) -> Self {
        let mut hash = Sha256::new();
        hash.update(LABEL);
        hash.update(topic_id.as_bytes());
        hash.update(number.to_le_bytes());
        let digest: [u8; 32] = hash.finalize().into();
        Self::from_bytes(std::array::from_fn(|at| digest[at]))
    }
}
