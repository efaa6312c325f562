//! Wrapping every topic key with the active ring key, one small object each; segments stay as they are.

use firnline_index::ids::{KeyId, TopicId, TopicName};
use firnline_index::keys::{KeyPrefix, ObjectKey};
use firnline_index::topic_key::WrappedTopicKey;
use firnline_store::{Fetched, StoreError, UpdateOutcome};

use super::{KeyError, KeyProblem};
use crate::{Step, Tier};

/// Keys listed at most.
pub const MAX_KEYS: usize = 1_000_000;
/// Attempts where others replace the same object.
const ATTEMPTS: usize = 4;

/// What became of one key.
#[derive(Debug)]
pub enum Rewrapped {
    /// The active ring key wraps it already.
    Current,
    /// It is wrapped by the active ring key now; in a dry run, it would be.
    Done {
        /// The ring key that wrapped it before.
        from: String,
    },
    /// It stays as it was.
    Failed(Box<KeyError>),
}

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RewrapReport {
    /// Keys that the active ring key wrapped already.
    pub current: u64,
    /// Keys wrapped anew, or that would be.
    pub done: u64,
    /// Keys that stay as they were.
    pub failed: u64,
}

/// Why nothing more was done.
#[derive(Debug, thiserror::Error)]
pub enum RewrapError {
    /// There is no ring.
    #[error("no key ring is configured: set [encryption]")]
    NoRing,
    /// The keys cannot be listed.
    #[error("list keys/")]
    List(#[source] Box<StoreError>),
    /// More keys than are listed.
    #[error("there are more than {limit} keys")]
    TooMany {
        /// How many are taken.
        limit: usize,
    },
}

impl Tier {
    /// Unwraps each topic key of the topics that `wanted` takes, with whatever ring key it names, and wraps it with the active
    /// one. With `dry_run` it unwraps and counts. Never removes a key. One LIST per 1,000 keys, one GET each, one PUT and one
    /// GET for each that is wrapped anew.
    ///
    /// # Errors
    /// Where the keys cannot be listed; what is wrong with single keys is told to `on_key`.
    pub async fn rewrap(
        &self,
        wanted: impl Fn(&TopicName) -> bool,
        dry_run: bool,
        mut on_key: impl FnMut(&TopicName, KeyId, &Rewrapped),
    ) -> Result<RewrapReport, RewrapError> {
        self.keys().ring().map_err(|_| RewrapError::NoRing)?;
        let listing =
            self.store().list(&KeyPrefix::WrappedKeys.to_string(), None).collect_up_to(MAX_KEYS).await;
        let (objects, cut) = listing.map_err(|error| RewrapError::List(Box::new(error)))?;
        if cut {
            return Err(RewrapError::TooMany { limit: MAX_KEYS });
        }
        let mut report = RewrapReport::default();
        for object in objects {
            let Ok(ObjectKey::WrappedKey { id }) = object.key.parse() else { continue };
            let Some((topic, outcome)) = self.rewrap_one(id, &object.key, &wanted, dry_run).await else {
                continue;
            };
            match &outcome {
                Rewrapped::Current => report.current += 1,
                Rewrapped::Done { .. } => report.done += 1,
                Rewrapped::Failed(_) => report.failed += 1,
            }
            on_key(&topic, id, &outcome);
        }
        Ok(report)
    }

    /// `None` for a key of a topic that is not wanted.
    async fn rewrap_one(
        &self,
        id: KeyId,
        text: &str,
        wanted: &impl Fn(&TopicName) -> bool,
        dry_run: bool,
    ) -> Option<(TopicName, Rewrapped)> {
        let mut topic = TopicName::new("unknown").ok()?;
        let mut topic_id = TopicId::from_bytes([0; 16]);
        for _ in 0..ATTEMPTS {
            self.before(Step::ReadKey).await;
            let (object, fetched) = match self.read_key(id, text).await {
                Ok(read) => read,
                Err(problem) => {
                    return Some((topic, Rewrapped::Failed(Box::new(KeyError::new(topic_id, id, problem)))));
                }
            };
            topic = object.topic.clone();
            topic_id = object.topic_id;
            if !wanted(&topic) {
                return None;
            }
            match self.replace_key(&object, &fetched, text, dry_run).await {
                Ok(Some(outcome)) => return Some((topic, outcome)),
                // Somebody else was there: what stands there now decides.
                Ok(None) => {}
                Err(error) => return Some((topic, Rewrapped::Failed(Box::new(error)))),
            }
        }
        let contended = KeyProblem::Contended { key: text.to_owned() };
        Some((topic, Rewrapped::Failed(Box::new(KeyError::new(topic_id, id, contended)))))
    }

    async fn read_key(&self, id: KeyId, text: &str) -> Result<(WrappedTopicKey, Fetched), KeyProblem> {
        let key = || text.to_owned();
        let fetched =
            self.store().get(text).await.map_err(|source| KeyProblem::Store { key: key(), source })?;
        let object = WrappedTopicKey::decode(&fetched.bytes)
            .map_err(|source| KeyProblem::Damaged { key: key(), source })?;
        if object.cluster_id == *self.cluster_id() && object.key_id() == id {
            return Ok((object, fetched));
        }
        let found =
            format!("key {} of topic {} in cluster {}", object.key_id(), object.topic_id, object.cluster_id);
        Err(KeyProblem::Foreign { key: key(), found })
    }

    /// One attempt; `None` where the object is not what it was, or the answer was lost.
    async fn replace_key(
        &self,
        object: &WrappedTopicKey,
        fetched: &Fetched,
        text: &str,
        dry_run: bool,
    ) -> Result<Option<Rewrapped>, KeyError> {
        let fail = |problem| KeyError::new(object.topic_id, object.key_id(), problem);
        let ring = self.keys().ring().map_err(fail)?;
        if object.ring_key == ring.active() {
            return Ok(Some(Rewrapped::Current));
        }
        let key = ring.unwrap(&object.context(), &object.ring_key, &object.wrapped).await;
        let key = key.map_err(|error| fail(KeyProblem::Unwrap(error)))?;
        let done = Rewrapped::Done { from: object.ring_key.clone() };
        if dry_run {
            return Ok(Some(done));
        }
        let wrapping = ring.wrap(&object.context(), &key).await;
        let wrapping = wrapping.map_err(|error| fail(KeyProblem::Wrap(error)))?;
        // What does not open again must not take the place of what does.
        let again = ring.unwrap(&object.context(), &wrapping.ring_key, &wrapping.bytes).await;
        let again = again.map_err(|error| fail(KeyProblem::Wrap(error)))?;
        if again.expose() != key.expose() {
            return Err(fail(KeyProblem::NotTheSame { ring_key: wrapping.ring_key }));
        }
        let next = WrappedTopicKey { ring_key: wrapping.ring_key, wrapped: wrapping.bytes, ..object.clone() };
        let damaged = |source| fail(KeyProblem::Damaged { key: text.to_owned(), source });
        let bytes = next.encode().map_err(damaged)?;
        self.before(Step::ReplaceKey).await;
        match self.store().update(text, bytes.clone(), &fetched.version).await {
            Ok(UpdateOutcome::Updated(_)) => {}
            Ok(UpdateOutcome::Conflict) => return Ok(None),
            Err(error) if error.is_ambiguous() => return Ok(None),
            Err(source) => return Err(fail(KeyProblem::Store { key: text.to_owned(), source })),
        }
        self.before(Step::ReadKey).await;
        let found = self.store().get(text).await;
        let found = found.map_err(|source| fail(KeyProblem::Store { key: text.to_owned(), source }))?;
        Ok((found.bytes == bytes).then_some(done))
    }
}
