//! The topic's object: written before the topic's first commit, so that whoever lists topics finds every manifest.

use firnline_index::TopicIdPartition;
use firnline_index::keys::ObjectKey;
use firnline_index::marker::JsonObjectError;
use firnline_index::topic::TopicObject;
use firnline_store::{CreateOutcome, ErrorKind, StoreError, UpdateOutcome};

use crate::{Step, Tier};

/// How often a lost race is run again. What is at stake is a hint, the number of partitions.
const ATTEMPTS: usize = 8;

/// A topic's object that cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum TopicObjectError {
    /// The store did not answer, or refused.
    #[error("write the topic's object")]
    Store(#[source] Box<StoreError>),
    /// What is there cannot be believed.
    #[error("{key} is damaged; run firnline verify")]
    Damaged {
        /// The object's key.
        key: ObjectKey,
        /// What is wrong with it.
        #[source]
        source: Box<JsonObjectError>,
    },
    /// Others changed it each time.
    #[error("{key} changed under each of {ATTEMPTS} attempts to write it; try again later")]
    Contended {
        /// The object's key.
        key: ObjectKey,
    },
}

impl From<StoreError> for TopicObjectError {
    fn from(error: StoreError) -> Self {
        Self::Store(Box::new(error))
    }
}

impl Tier {
    /// Makes sure that the topic has its object and that it tells at least `partitions` partitions. One PUT for a topic
    /// that is new, one GET and perhaps a PUT more for one that is not, then nothing for the rest of the process.
    pub(crate) async fn ensure_topic(
        &self,
        tip: &TopicIdPartition,
        partitions: u32,
    ) -> Result<(), TopicObjectError> {
        let least = u32::try_from(tip.partition.get()).unwrap_or(0).saturating_add(1);
        let partitions = partitions.max(least);
        if self.known_partitions(tip.topic_id) >= partitions {
            return Ok(());
        }
        self.before(Step::CreateTopic).await;
        let key = ObjectKey::Topic { topic: tip.topic.clone(), topic_id: tip.topic_id };
        let damaged = |source| TopicObjectError::Damaged { key: key.clone(), source: Box::new(source) };
        let object = self.new_object(tip, partitions).encode().map_err(damaged)?;
        let mut known = match self.store().create(&key.to_string(), object).await? {
            CreateOutcome::Created(_) => Some(partitions),
            CreateOutcome::Exists => None,
        };
        let mut attempts = 0;
        while known.is_none() {
            attempts += 1;
            if attempts > ATTEMPTS {
                return Err(TopicObjectError::Contended { key });
            }
            known = self.raise(&key, partitions).await?;
        }
        self.note_partitions(tip.topic_id, known.unwrap_or(partitions));
        Ok(())
    }

    /// One attempt to make an object that is there tell enough partitions; `None` where somebody was faster.
    async fn raise(&self, key: &ObjectKey, partitions: u32) -> Result<Option<u32>, TopicObjectError> {
        let damaged = |source| TopicObjectError::Damaged { key: key.clone(), source: Box::new(source) };
        let found = self.store().get(&key.to_string()).await?;
        let mut object = TopicObject::decode(&found.bytes).map_err(damaged)?;
        if object.partitions >= partitions {
            return Ok(Some(object.partitions));
        }
        object.partitions = partitions;
        object.generation = object.generation.saturating_add(1);
        let bytes = object.encode().map_err(damaged)?;
        match self.store().update(&key.to_string(), bytes, &found.version).await {
            Ok(UpdateOutcome::Updated(_)) => Ok(Some(partitions)),
            Ok(UpdateOutcome::Conflict) => Ok(None),
            // The next look shows whether it was applied.
            Err(error) if *error.kind() == ErrorKind::Ambiguous => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn new_object(&self, tip: &TopicIdPartition, partitions: u32) -> TopicObject {
        TopicObject::new(self.cluster_id().clone(), tip.topic.clone(), tip.topic_id, partitions)
    }
}
