//! Why a topic key cannot be had.

use firnline_index::ids::{KeyId, TopicId};
use firnline_index::marker::JsonObjectError;
use firnline_index::topic_key::WrapError;
use firnline_store::StoreError;

/// What a ring says of a key.
#[derive(Debug, thiserror::Error)]
pub enum RingError {
    /// It has no key of this name.
    #[error("the key ring has no key {ring_key:?}; it has {}", names(.has))]
    Missing {
        /// The key that the topic key is wrapped with.
        ring_key: String,
        /// The names that it has.
        has: Vec<String>,
    },
    /// It has the key, and the bytes do not open with it.
    #[error("ring key {ring_key:?} does not open it")]
    Unauthentic {
        /// The key's name.
        ring_key: String,
        /// Why.
        #[source]
        source: WrapError,
    },
    /// The program that keeps the ring failed.
    #[error("the key command {program} {why}")]
    Command {
        /// The program.
        program: String,
        /// What it did, with its own words.
        why: String,
        /// Why, where the machine says.
        #[source]
        source: Option<std::io::Error>,
    },
}

fn names(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// A topic key that cannot be had. Nothing was written or served in its place.
#[derive(Debug, thiserror::Error)]
#[error("topic key {key_id} of topic {topic_id}")]
pub struct KeyError {
    /// The topic.
    pub topic_id: TopicId,
    /// The key.
    pub key_id: KeyId,
    /// Why not.
    #[source]
    pub problem: Box<KeyProblem>,
}

/// Why not.
#[derive(Debug, thiserror::Error)]
pub enum KeyProblem {
    /// No key ring is configured.
    #[error(
        "the topic is encrypted, and no key ring is configured: set [encryption] to the ring that wraps its keys"
    )]
    NoRing,
    /// The ring does not give it.
    #[error("it cannot be unwrapped")]
    Unwrap(#[source] RingError),
    /// A new one cannot be wrapped.
    #[error("it cannot be wrapped")]
    Wrap(#[source] RingError),
    /// Its object is not there.
    #[error(
        "{key} is not there: without it, what it sealed cannot be read; restore it from a version or copy of the bucket"
    )]
    Gone {
        /// The object's key.
        key: String,
    },
    /// Its object cannot be believed.
    #[error("{key} is damaged, or from a newer build")]
    Damaged {
        /// The object's key.
        key: String,
        /// What is wrong with it.
        #[source]
        source: JsonObjectError,
    },
    /// Its object is of another cluster or topic.
    #[error("{key} belongs to {found}; it was copied to a wrong place")]
    Foreign {
        /// The object's key.
        key: String,
        /// Whose it is.
        found: String,
    },
    /// The store did not answer, or refused.
    #[error("reach {key}")]
    Store {
        /// The object's key.
        key: String,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// Others replaced its object each time.
    #[error("{key} changed under each attempt to replace it; try again later")]
    Contended {
        /// The object's key.
        key: String,
    },
    /// Wrapped anew, it opens as another key.
    #[error("ring key {ring_key:?} gives back another key than it was given; nothing was replaced")]
    NotTheSame {
        /// The ring key's name.
        ring_key: String,
    },
    /// The topic has as many keys as are looked for.
    #[error("the topic has more than {limit} keys")]
    TooMany {
        /// How many.
        limit: u32,
    },
}

impl KeyError {
    pub(super) fn new(topic_id: TopicId, key_id: KeyId, problem: KeyProblem) -> Self {
        Self { topic_id, key_id, problem: Box::new(problem) }
    }

    /// Whether another try may succeed without anybody doing anything.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match &*self.problem {
            KeyProblem::Store { source, .. } => source.is_retriable(),
            KeyProblem::Unwrap(RingError::Command { .. }) | KeyProblem::Wrap(RingError::Command { .. }) => {
                true
            }
            _ => false,
        }
    }

    /// Whether the key's object is damaged, gone or not what the ring wrapped, rather than a key not at hand.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        matches!(
            &*self.problem,
            KeyProblem::Damaged { .. }
                | KeyProblem::Gone { .. }
                | KeyProblem::Foreign { .. }
                | KeyProblem::Unwrap(RingError::Unauthentic { .. })
        )
    }
}
