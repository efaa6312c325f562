//! Following what operators decide of topics, without reading every topic's object every minute.

use std::collections::BTreeMap;

use firnline_index::TopicId;
use firnline_index::keys::{KeyPrefix, ObjectKey};
use firnline_index::topic::TopicObject;
use firnline_store::ListedObject;

use crate::Tier;
use crate::catalog::{KnownTopic, MAX_TOPICS};
use crate::cluster::ClusterError;

/// Topics read in one look at most; the rest has its turn in the next.
const READ_AT_ONCE: usize = 200;
/// A store that tells times in whole seconds may list an object as unchanged that was replaced twice within one. What was
/// listed as changed so shortly before it was read is read once more.
const GRAIN_MS: i64 = 2_000;

/// Follows the objects of topics.
#[derive(Debug, Default)]
pub struct TopicWatch {
    known: BTreeMap<TopicId, Seen>,
}

#[derive(Debug)]
struct Seen {
    size: u64,
    last_modified_ms: i64,
    /// Whether it was read long enough after its last change.
    settled: bool,
    object: TopicObject,
}

impl TopicWatch {
    /// Knows of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks for objects that changed among those of `wanted`, and reads them; one that cannot be read keeps what it told
    /// last and is given back with its reason. One LIST per thousand topics of the tier, one GET for each that changed.
    /// Cancel safe.
    pub async fn refresh(
        &mut self,
        tier: &Tier,
        wanted: impl Fn(TopicId) -> bool,
    ) -> Result<Vec<ClusterError>, ClusterError> {
        let prefix = KeyPrefix::Topics.to_string();
        let listing = tier.store().list(&prefix, None).collect_up_to(MAX_TOPICS).await;
        let (objects, more) = listing.map_err(|source| ClusterError::store(&prefix, source))?;
        if more {
            return Err(ClusterError::TooMany { what: "topics", limit: MAX_TOPICS });
        }
        let now_ms = tier.now().get();
        let (mut read, mut failed) = (0, Vec::new());
        for object in objects {
            let Ok(ObjectKey::Topic { topic, topic_id }) = object.key.parse() else { continue };
            if !wanted(topic_id) || !self.is_new(topic_id, &object) || read == READ_AT_ONCE {
                continue;
            }
            read += 1;
            match tier.topic_object(&KnownTopic { topic, topic_id }).await {
                Ok(Some(found)) => {
                    let ListedObject { size, last_modified_ms, .. } = object;
                    let settled = now_ms.saturating_sub(last_modified_ms) > GRAIN_MS;
                    self.known.insert(topic_id, Seen { size, last_modified_ms, settled, object: found });
                }
                Ok(None) => {}
                Err(error) => failed.push(error),
            }
        }
        self.known.retain(|topic, _| wanted(*topic));
        Ok(failed)
    }

    /// What a topic's object said last.
    #[must_use]
    pub fn get(&self, topic: TopicId) -> Option<&TopicObject> {
        self.known.get(&topic).map(|seen| &seen.object)
    }

    fn is_new(&self, topic: TopicId, listed: &ListedObject) -> bool {
        self.known.get(&topic).is_none_or(|seen| {
            !seen.settled || (seen.size, seen.last_modified_ms) != (listed.size, listed.last_modified_ms)
        })
    }
}
