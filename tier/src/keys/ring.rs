//! Rings: what wraps topic keys and opens them again.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use firnline_index::topic_key::{RingKey, TopicKey, WRAP_NONCE_LEN, WrapContext};
use firnline_store::env::Random;

use super::RingError;

/// A wrapped key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrapping {
    /// The ring key that wrapped it.
    pub ring_key: String,
    /// The wrapped bytes.
    pub bytes: Vec<u8>,
}

/// What wraps topic keys. Calls may take as long as a key service does, within a limit of the ring's own.
#[async_trait]
pub trait KeyRing: fmt::Debug + Send + Sync {
    /// The ring key that wraps new keys.
    fn active(&self) -> &str;

    /// Wraps a key with the active ring key.
    async fn wrap(&self, context: &WrapContext, key: &TopicKey) -> Result<Wrapping, RingError>;

    /// Opens a key that `ring_key` wrapped.
    async fn unwrap(
        &self,
        context: &WrapContext,
        ring_key: &str,
        wrapped: &[u8],
    ) -> Result<TopicKey, RingError>;
}

/// A ring whose keys stand in files or variables: in this process's memory while it runs.
pub struct FileRing {
    keys: BTreeMap<String, RingKey>,
    active: String,
    random: Arc<dyn Random>,
}

/// The active key is none of the ring's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the active key {active:?} is none of the ring's")]
pub struct FileRingError {
    /// Its name.
    pub active: String,
}

impl FileRing {
    /// A ring of these keys.
    ///
    /// # Errors
    /// Where `active` is none of them.
    pub fn new(
        keys: BTreeMap<String, RingKey>,
        active: String,
        random: Arc<dyn Random>,
    ) -> Result<Self, FileRingError> {
        if keys.contains_key(&active) {
            Ok(Self { keys, active, random })
        } else {
            Err(FileRingError { active })
        }
    }

    fn key(&self, name: &str) -> Result<&RingKey, RingError> {
        self.keys.get(name).ok_or_else(|| RingError::Missing {
            ring_key: name.to_owned(),
            has: self.keys.keys().cloned().collect(),
        })
    }
}

#[async_trait]
impl KeyRing for FileRing {
    fn active(&self) -> &str {
        &self.active
    }

    async fn wrap(&self, context: &WrapContext, key: &TopicKey) -> Result<Wrapping, RingError> {
        let mut nonce = [0; WRAP_NONCE_LEN];
        self.random.fill(&mut nonce);
        let bytes = self.key(&self.active)?.wrap(context, key, nonce);
        Ok(Wrapping { ring_key: self.active.clone(), bytes })
    }

    async fn unwrap(
        &self,
        context: &WrapContext,
        ring_key: &str,
        wrapped: &[u8],
    ) -> Result<TopicKey, RingError> {
        let opened = self.key(ring_key)?.unwrap(context, wrapped);
        opened.map_err(|source| RingError::Unauthentic { ring_key: ring_key.to_owned(), source })
    }
}

impl fmt::Debug for FileRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileRing")
            .field("keys", &self.keys.keys().collect::<Vec<_>>())
            .field("active", &self.active)
            .finish()
    }
}
