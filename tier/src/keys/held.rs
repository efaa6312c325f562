//! Keys in the clear, as this process holds them.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use firnline_index::ids::{ClusterId, KeyId, TopicId};
use firnline_index::keys::ObjectKey;
use firnline_index::topic_key::{TopicKey, WrappedTopicKey};
use firnline_store::{Fetched, Store};

use super::{KeyError, KeyProblem, KeyRing};

/// Keys held at once; beyond it the memory begins anew.
const MAX_HELD: usize = 20_000;
/// How long the newest key of a topic is taken for the newest.
pub(super) const NEWEST_FOR: Duration = Duration::from_secs(600);

/// The topic keys of one tier. Cheap to clone; clones share what is held. Without a ring no key can be had, and every
/// question is answered with why.
#[derive(Clone)]
pub struct TopicKeys {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    cluster_id: ClusterId,
    ring: Option<Arc<dyn KeyRing>>,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    keys: HashMap<KeyId, TopicKey>,
    newest: HashMap<TopicId, Newest>,
}

/// A topic's newest key.
#[derive(Debug, Clone)]
pub(super) struct Newest {
    pub(super) number: u32,
    pub(super) key: TopicKey,
    pub(super) looked_at: tokio::time::Instant,
}

impl TopicKeys {
    /// The keys of the tier of `cluster_id` in `store`. Makes no request.
    #[must_use]
    pub fn new(store: Store, cluster_id: ClusterId, ring: Option<Arc<dyn KeyRing>>) -> Self {
        Self { inner: Arc::new(Inner { store, cluster_id, ring, held: Mutex::default() }) }
    }

    /// The key that a segment names. One GET and one unwrapping, once per process.
    ///
    /// # Errors
    /// Where there is no ring, no such key, or the two do not fit.
    pub async fn get(&self, topic_id: TopicId, key_id: KeyId) -> Result<TopicKey, KeyError> {
        if let Some(key) = self.held().keys.get(&key_id) {
            return Ok(key.clone());
        }
        let fail = |problem| KeyError::new(topic_id, key_id, problem);
        // Before any request: what cannot be opened need not be fetched.
        self.ring().map_err(fail)?;
        match self.fetch(topic_id, key_id).await? {
            Some((object, _)) => self.unwrap(&object).await,
            None => Err(fail(KeyProblem::Gone { key: ObjectKey::WrappedKey { id: key_id }.to_string() })),
        }
    }

    /// The object of a key, held against who asks; `None` where there is none.
    pub(super) async fn fetch(
        &self,
        topic_id: TopicId,
        key_id: KeyId,
    ) -> Result<Option<(WrappedTopicKey, Fetched)>, KeyError> {
        let fail = |problem| KeyError::new(topic_id, key_id, problem);
        let key = ObjectKey::WrappedKey { id: key_id }.to_string();
        let fetched = match self.inner.store.get(&key).await {
            Ok(fetched) => fetched,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(source) => return Err(fail(KeyProblem::Store { key, source })),
        };
        let object = WrappedTopicKey::decode(&fetched.bytes)
            .map_err(|source| fail(KeyProblem::Damaged { key: key.clone(), source }))?;
        if object.cluster_id != self.inner.cluster_id
            || object.key_id() != key_id
            || object.topic_id != topic_id
        {
            let found = format!(
                "key {} of topic {} in cluster {}",
                object.key_id(),
                object.topic_id,
                object.cluster_id
            );
            return Err(fail(KeyProblem::Foreign { key, found }));
        }
        Ok(Some((object, fetched)))
    }

    /// The key in the clear, and held from now on.
    pub(super) async fn unwrap(&self, object: &WrappedTopicKey) -> Result<TopicKey, KeyError> {
        let fail = |problem| KeyError::new(object.topic_id, object.key_id(), problem);
        let ring = self.ring().map_err(fail)?;
        let key = ring.unwrap(&object.context(), &object.ring_key, &object.wrapped).await;
        let key = key.map_err(|error| fail(KeyProblem::Unwrap(error)))?;
        let mut held = self.held();
        if held.keys.len() >= MAX_HELD {
            held.keys.clear();
        }
        held.keys.insert(key.id(), key.clone());
        Ok(key)
    }

    pub(super) fn ring(&self) -> Result<&Arc<dyn KeyRing>, KeyProblem> {
        self.inner.ring.as_ref().ok_or(KeyProblem::NoRing)
    }

    pub(super) fn store(&self) -> &Store {
        &self.inner.store
    }

    pub(super) fn newest(&self, topic_id: TopicId) -> Option<Newest> {
        self.held().newest.get(&topic_id).cloned()
    }

    pub(super) fn note_newest(&self, topic_id: TopicId, newest: Newest) {
        let mut held = self.held();
        if held.newest.len() >= MAX_HELD {
            held.newest.clear();
        }
        held.newest.insert(topic_id, newest);
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.inner.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for TopicKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TopicKeys").field("ring", &self.inner.ring).finish_non_exhaustive()
    }
}
