//! Where the keys of sealed segments come from: whoever builds the reader knows.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use firnline_index::topic_key::TopicKey;
use firnline_index::{KeyId, TopicId};
use futures::future::BoxFuture;

/// Gives topic keys. Each is asked for once per segment that is opened, so it should hold what it has found.
pub trait SegmentKeys: fmt::Debug + Send + Sync {
    /// The key of a topic that a segment names.
    fn key(&self, topic_id: TopicId, key_id: KeyId) -> BoxFuture<'_, Result<TopicKey, KeyFailure>>;
}

/// A key that cannot be had.
#[derive(Debug, Clone)]
pub struct KeyFailure {
    /// Whether asking again may help.
    pub retry: bool,
    /// Why, naming the key.
    pub source: Arc<dyn Error + Send + Sync>,
}
