//! Topic keys for readers, by the ring that a process holds.

use std::sync::Arc;

use firnline_index::topic_key::TopicKey;
use firnline_index::{KeyId, TopicId};
use firnline_reader::{KeyFailure, SegmentKeys};
use firnline_tier::keys::TopicKeys;
use futures::future::BoxFuture;

/// What a reader opens sealed segments with.
#[derive(Debug)]
pub(super) struct Keys(pub(super) TopicKeys);

impl SegmentKeys for Keys {
    fn key(&self, topic_id: TopicId, key_id: KeyId) -> BoxFuture<'_, Result<TopicKey, KeyFailure>> {
        Box::pin(async move {
            let key = self.0.get(topic_id, key_id).await;
            key.map_err(|error| KeyFailure { retry: error.is_passing(), source: Arc::new(error) })
        })
    }
}
