//! The object `keys/<id>`: one topic key, wrapped.
//!
//! Created by a conditional create, replaced by a conditional put when another ring key wraps it, never removed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::WrapContext;
use crate::checked_json::{self, JsonObjectError};
use crate::ids::{ClusterId, KeyId, TimestampMs, TopicId, TopicName, ValueError};

/// Bytes of a wrapped key at most: a key service may wrap it its own way.
pub const MAX_WRAPPED_LEN: usize = 4 << 10;
/// Characters in a ring key's name at most.
pub const MAX_RING_KEY_NAME: usize = 200;

/// A topic key as the bucket keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedTopicKey {
    /// The cluster.
    pub cluster_id: ClusterId,
    /// The topic's name when the key was made, for people.
    pub topic: TopicName,
    /// The topic.
    pub topic_id: TopicId,
    /// Which of the topic's keys, from 0.
    pub number: u32,
    /// When the key was made, by its maker's clock.
    pub created_at: TimestampMs,
    /// The key of the ring that wraps it.
    pub ring_key: String,
    /// The wrapped key, as the ring made it.
    pub wrapped: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Members {
    v: u64,
    cluster_id: String,
    topic: String,
    topic_id: String,
    number: u32,
    key_id: String,
    created_at_ms: i64,
    ring_key: String,
    wrapped: String,
}

impl WrappedTopicKey {
    /// The key's id.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        KeyId::of_topic(self.topic_id, self.number)
    }

    /// What the wrapping is bound to.
    #[must_use]
    pub fn context(&self) -> WrapContext {
        WrapContext { cluster_id: self.cluster_id.clone(), topic_id: self.topic_id, key_id: self.key_id() }
    }

    /// The object as text.
    ///
    /// # Errors
    /// Where the wrapped bytes or the ring key's name are empty or too long.
    pub fn encode(&self) -> Result<Vec<u8>, JsonObjectError> {
        check_wrapped(&self.wrapped)?;
        checked_json::value("ring_key", ring_key_name(&self.ring_key))?;
        checked_json::write(&Members {
            v: checked_json::LAYOUT,
            cluster_id: self.cluster_id.to_string(),
            topic: self.topic.to_string(),
            topic_id: self.topic_id.to_string(),
            number: self.number,
            key_id: self.key_id().to_string(),
            created_at_ms: self.created_at.get(),
            ring_key: self.ring_key.clone(),
            wrapped: STANDARD.encode(&self.wrapped),
        })
    }

    /// Reads the object.
    ///
    /// # Errors
    /// For text that is damaged, cut short or foreign, for an id that is not the one of this topic and number, and for a
    /// layout newer than this build knows.
    pub fn decode(bytes: &[u8]) -> Result<Self, JsonObjectError> {
        let members: Members = checked_json::read(bytes)?;
        checked_json::refuse_newer("layout of the topic key", members.v, checked_json::LAYOUT)?;
        let text = |why| ValueError::text("wrapped key", "…", why);
        let wrapped = STANDARD.decode(&members.wrapped).map_err(|_| text("expected base64"));
        let key = Self {
            cluster_id: checked_json::value("cluster_id", ClusterId::new(&members.cluster_id))?,
            topic: checked_json::value("topic", TopicName::new(&members.topic))?,
            topic_id: checked_json::value("topic_id", members.topic_id.parse())?,
            number: members.number,
            created_at: checked_json::value("created_at_ms", TimestampMs::new(members.created_at_ms))?,
            ring_key: checked_json::value("ring_key", ring_key_name(&members.ring_key).map(str::to_owned))?,
            wrapped: checked_json::value("wrapped", wrapped)?,
        };
        check_wrapped(&key.wrapped)?;
        let stated: KeyId = checked_json::value("key_id", members.key_id.parse())?;
        if stated != key.key_id() {
            let why = "it is not the id of this topic's key of this number";
            return checked_json::value("key_id", Err(ValueError::text("key id", &members.key_id, why)));
        }
        Ok(key)
    }
}

fn check_wrapped(wrapped: &[u8]) -> Result<(), JsonObjectError> {
    if (1..=MAX_WRAPPED_LEN).contains(&wrapped.len()) {
        return Ok(());
    }
    let found = u64::try_from(wrapped.len()).unwrap_or(u64::MAX);
    Err(JsonObjectError::OutOfRange { member: "wrapped", found, limits: "1..=4096" })
}

/// The name of a ring key: visible ASCII, as key services name theirs.
///
/// # Errors
/// Where it is empty, too long or of other characters.
pub fn ring_key_name(name: &str) -> Result<&str, ValueError> {
    let right = (1..=MAX_RING_KEY_NAME).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic());
    let why = "expected 1 to 200 visible ASCII characters";
    if right { Ok(name) } else { Err(ValueError::text("ring key name", name, why)) }
}
