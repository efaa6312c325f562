//! Changing a topic's object under its condition.

use firnline_index::keys::ObjectKey;
use firnline_index::topic::{Attached, TopicObject};
use firnline_index::{Said, TimestampMs, TopicIdPartition};
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

    /// Sets how long the topic's archive is kept once the topic is deleted, in milliseconds; `None` keeps it for ever. One
    /// GET and one PUT.
    pub async fn set_deleted_retention(
        &self,
        topic: &KnownTopic,
        ms: Option<u64>,
    ) -> Result<TopicObject, ClusterError> {
        self.edit_topic(topic, |object| object.deleted_retention_ms = ms).await
    }

    /// Pauses a topic for good, because its segments are about to belong to another cluster. One GET and one PUT.
    pub async fn set_attaching(&self, topic: &KnownTopic, said: Said) -> Result<TopicObject, ClusterError> {
        self.edit_topic(topic, |object| {
            object.paused.get_or_insert_with(|| said.clone());
        })
        .await
    }

    /// Notes to whom the topic's segments belong now. One GET and one PUT.
    pub async fn set_attached(
        &self,
        topic: &KnownTopic,
        attached: Attached,
    ) -> Result<TopicObject, ClusterError> {
        self.edit_topic(topic, |object| object.attached = Some(attached.clone())).await
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

    /// Whether a segment of the topic was ever sealed. One GET, once per process; whoever reads the object for another
    /// reason keeps what is remembered fresh.
    pub(crate) async fn is_sealed_topic(&self, tip: &TopicIdPartition) -> Result<bool, ClusterError> {
        if let Some(known) = self.known_sealed(tip.topic_id) {
            return Ok(known);
        }
        self.before(Step::TopicRead).await;
        let topic = KnownTopic { topic: tip.topic.clone(), topic_id: tip.topic_id };
        Ok(self.topic_object(&topic).await?.is_some_and(|object| object.encrypted))
    }

    /// Notes in the topic's object that it is encrypted, before its first segment is sealed: partitions that have none
    /// yet, and those that retention has emptied, know it from there. Or that it is not any more, where somebody has said
    /// so. One GET and one PUT where that is new, and nothing where it is known.
    pub(crate) async fn keep_sealed(&self, tip: &TopicIdPartition, sealed: bool) -> Result<(), ClusterError> {
        if self.is_sealed_topic(tip).await? != sealed {
            let topic = KnownTopic { topic: tip.topic.clone(), topic_id: tip.topic_id };
            self.edit_topic(&topic, |object| object.encrypted = sealed).await?;
            self.note_sealed(tip.topic_id, sealed);
        }
        Ok(())
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
            Err(error) if error.is_not_found() => {
                self.note_sealed(topic.topic_id, false);
                return Ok(None);
            }
            Err(error) => return Err(ClusterError::store(&key, error)),
        };
        let object = TopicObject::decode(&bytes).map_err(|error| ClusterError::unreadable(&key, error))?;
        if object.cluster_id != *self.cluster_id() || object.topic_id != topic.topic_id {
            let found = format!("{}@{} of cluster {}", object.topic, object.topic_id, object.cluster_id);
            return Err(ClusterError::Foreign { key, found });
        }
        self.note_sealed(topic.topic_id, object.encrypted);
        Ok(Some((object, version)))
    }
}
