//! Changing a topic's object under its condition.

use firnline_index::keys::ObjectKey;
use firnline_index::topic::TopicObject;
use firnline_index::{Said, TimestampMs};
use firnline_store::{Fetched, Version};

use crate::catalog::KnownTopic;
use crate::cluster::{ClusterError, Replaced, replace};
use crate::{Step, Tier};

/// How often a lost race is run again.
const ATTEMPTS: usize = 8;

impl Tier {
    /// The topic's object; `None` where it has none. One GET.
    pub async fn topic_object(&self, topic: &KnownTopic) -> Result<Option<TopicObject>, ClusterError> {
        Ok(self.loaded_topic(topic).await?.map(|(object, _)| object))
    }

    /// Pauses a topic, or lets it go on (`None`). While it is paused, nothing of it is uploaded, retired or collected, and
    /// pins are kept; it survives restarts and holds for all nodes. One GET and one PUT.
    pub async fn set_paused(
        &self,
        topic: &KnownTopic,
        paused: Option<Said>,
    ) -> Result<TopicObject, ClusterError> {
        self.edit_topic(topic, |object| object.paused.clone_from(&paused)).await
    }

    /// Notes that the topic was found deleted at `at`. The first time noted stays. One GET, and one PUT where it is new.
    pub async fn note_deleted(
        &self,
        topic: &KnownTopic,
        at: TimestampMs,
    ) -> Result<TopicObject, ClusterError> {
        self.edit_topic(topic, |object| {
            object.deleted_at.get_or_insert(at);
        })
        .await
    }

    /// Changes a topic's object, which is made where there is none. `change` may be called several times, each time on
    /// what stands there then; it must come to the same whatever it meets.
    pub(super) async fn edit_topic(
        &self,
        topic: &KnownTopic,
        change: impl Fn(&mut TopicObject),
    ) -> Result<TopicObject, ClusterError> {
        let key = ObjectKey::Topic { topic: topic.topic.clone(), topic_id: topic.topic_id };
        for _ in 0..ATTEMPTS {
            self.before(Step::TopicRead).await;
            let found = self.loaded_topic(topic).await?;
            let (known, version): (Option<TopicObject>, Option<Version>) = found.unzip();
            let mut object = known.clone().unwrap_or_else(|| {
                TopicObject::new(self.cluster_id().clone(), topic.topic.clone(), topic.topic_id, 0)
            });
            change(&mut object);
            if known.as_ref() == Some(&object) {
                return Ok(object);
            }
            object.generation = object.generation.saturating_add(u64::from(known.is_some()));
            let bytes = object.encode().map_err(|error| ClusterError::encode(&key, error))?;
            self.before(Step::TopicPut).await;
            match replace(self, &key, bytes, version.as_ref()).await? {
                Replaced::Ours(_) => return Ok(object),
                Replaced::Theirs(_) => {}
            }
        }
        Err(ClusterError::Contended { key })
    }

    async fn loaded_topic(&self, topic: &KnownTopic) -> Result<Option<(TopicObject, Version)>, ClusterError> {
        let key = ObjectKey::Topic { topic: topic.topic.clone(), topic_id: topic.topic_id };
        let Fetched { bytes, version } = match self.store().get(&key.to_string()).await {
            Ok(fetched) => fetched,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(ClusterError::store(&key, error)),
        };
        let object = TopicObject::decode(&bytes).map_err(|error| ClusterError::unreadable(&key, error))?;
        if object.cluster_id != *self.cluster_id() || object.topic_id != topic.topic_id {
            let found = format!("{}@{} of cluster {}", object.topic, object.topic_id, object.cluster_id);
            return Err(ClusterError::Foreign { key, found });
        }
        Ok(Some((object, version)))
    }
}
