//! The keys of sealed segments, as the reader asks for them.

use std::sync::Arc;

use firnline_index::topic_key::TopicKey;
use firnline_index::{KeyId, TopicId};
use firnline_reader::{KeyFailure, SegmentKeys};
use firnline_tier::keys::TopicKeys;
use futures::future::BoxFuture;

/// The tier's keys.
#[derive(Debug)]
pub(super) struct TierKeys(pub(super) TopicKeys);

impl SegmentKeys for TierKeys {
    fn key(&self, topic_id: TopicId, key_id: KeyId) -> BoxFuture<'_, Result<TopicKey, KeyFailure>> {
        Box::pin(async move {
            let found = self.0.get(topic_id, key_id).await;
            found.map_err(|error| KeyFailure { retry: error.is_passing(), source: Arc::new(error) })
        })
    }
}
