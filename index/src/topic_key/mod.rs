//! Keys that seal: the topic key, the ring key that wraps it, and the object that keeps it wrapped.
//!
//! ```text
//! ring key (a file, or a key service)          never in the bucket
//!    └ wraps ► topic key                        keys/<id>, wrapped
//!                 └ derives ► segment key       nowhere: from topic key, segment uuid and salt
//!                                └ seals ► blocks and sections
//! ```
//!
//! Random bytes come from callers, like everywhere in this crate. Secrets are wiped when they are dropped and never printed.

mod id;
mod object;
mod ring_key;

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

pub use object::{MAX_RING_KEY_NAME, MAX_WRAPPED_LEN, WrappedTopicKey, ring_key_name};
pub use ring_key::{RingKey, RingKeyTextError, WRAP_NONCE_LEN, WrapContext, WrapError};

use crate::ids::KeyId;

/// Bytes of every key.
pub const KEY_LEN: usize = 32;

/// A key of a topic, in the clear. Clones share the bytes, which are wiped with the last.
#[derive(Clone)]
pub struct TopicKey {
    id: KeyId,
    secret: Arc<Zeroizing<[u8; KEY_LEN]>>,
}

impl TopicKey {
    /// A key of these bytes.
    #[must_use]
    pub fn new(id: KeyId, secret: Zeroizing<[u8; KEY_LEN]>) -> Self {
        Self { id, secret: Arc::new(secret) }
    }

    /// Its id, as segments name it.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The bytes, for whoever derives from them or wraps them.
    #[must_use]
    pub fn expose(&self) -> &[u8; KEY_LEN] {
        &self.secret
    }
}

impl fmt::Debug for TopicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TopicKey({})", self.id)
    }
}

#[cfg(test)]
mod tests;
