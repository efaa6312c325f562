//! The key that seals a topic's next segment: the newest, made where there is none.

use firnline_index::ids::{KeyId, TimestampMs, TopicIdPartition};
use firnline_index::keys::ObjectKey;
use firnline_index::topic_key::{KEY_LEN, TopicKey, WrappedTopicKey};
use firnline_store::CreateOutcome;
use zeroize::Zeroizing;

use super::held::{NEWEST_FOR, Newest};
use super::{KeyError, KeyProblem};
use crate::{Step, Tier};

/// Keys of one topic that are looked for.
const MAX_NUMBER: u32 = 10_000;

impl Tier {
    /// The key that seals the topic's next segment. For a topic's first: one GET, one PUT, one GET; for one that has keys:
    /// a GET each and one more; then one GET each ten minutes, which finds a key that was made elsewhere.
    ///
    /// # Errors
    /// Where no key can be had; then nothing must be uploaded.
    pub(crate) async fn sealing_key(&self, tip: &TopicIdPartition) -> Result<TopicKey, KeyError> {
        let keys = self.keys();
        if let Some(newest) = keys.newest(tip.topic_id)
            && newest.looked_at.elapsed() < NEWEST_FOR
        {
            return Ok(newest.key);
        }
        // Without a ring nothing can be sealed; no request tells more.
        let first = KeyId::of_topic(tip.topic_id, 0);
        keys.ring().map_err(|problem| KeyError::new(tip.topic_id, first, problem))?;
        match self.newest_key(tip).await? {
            Some(newest) => Ok(newest.key),
            None => self.make_key(tip, 0).await.map(|newest| newest.key),
        }
    }

    /// Makes a new key, with which the topic's segments are sealed from now on; other processes see it within ten minutes.
    /// Where somebody makes one at the same time, that one is it.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub async fn new_topic_key(&self, tip: &TopicIdPartition) -> Result<KeyId, KeyError> {
        let number = self.newest_key(tip).await?.map_or(0, |newest| newest.number.saturating_add(1));
        self.make_key(tip, number).await.map(|newest| newest.key.id())
    }

    /// Whether the topic has a key. One GET.
    ///
    /// # Errors
    /// Where that cannot be told.
    pub async fn has_topic_key(&self, tip: &TopicIdPartition) -> Result<bool, KeyError> {
        let first = KeyId::of_topic(tip.topic_id, 0);
        Ok(self.keys().fetch(tip.topic_id, first).await?.is_some())
    }

    async fn newest_key(&self, tip: &TopicIdPartition) -> Result<Option<Newest>, KeyError> {
        let (keys, topic_id) = (self.keys(), tip.topic_id);
        let known = keys.newest(topic_id);
        let mut number = known.as_ref().map_or(0, |known| known.number + 1);
        let mut last: Option<WrappedTopicKey> = None;
        loop {
            let id = KeyId::of_topic(topic_id, number);
            if number > MAX_NUMBER {
                return Err(KeyError::new(topic_id, id, KeyProblem::TooMany { limit: MAX_NUMBER }));
            }
            self.before(Step::ReadKey).await;
            match keys.fetch(topic_id, id).await? {
                Some((object, _)) => last = Some(object),
                None => break,
            }
            number += 1;
        }
        let newest = match (last, known) {
            (Some(object), _) => Some((object.number, keys.unwrap(&object).await?)),
            (None, known) => known.map(|known| (known.number, known.key)),
        };
        Ok(newest.map(|(number, key)| {
            let newest = Newest { number, key, looked_at: tokio::time::Instant::now() };
            keys.note_newest(topic_id, newest.clone());
            newest
        }))
    }

    /// Creates key `number` unless somebody was faster; then theirs is it. What counts is what stands in the bucket and
    /// opens: it is read back before anything is sealed with it.
    async fn make_key(&self, tip: &TopicIdPartition, number: u32) -> Result<Newest, KeyError> {
        let (keys, topic_id) = (self.keys(), tip.topic_id);
        let id = KeyId::of_topic(topic_id, number);
        let fail = |problem| KeyError::new(topic_id, id, problem);
        let ring = keys.ring().map_err(fail)?;
        let mut secret = Zeroizing::new([0; KEY_LEN]);
        self.env().random.fill(&mut secret[..]);
        let key = TopicKey::new(id, secret);
        let mut object = WrappedTopicKey {
            cluster_id: self.cluster_id().clone(),
            topic: tip.topic.clone(),
            topic_id,
            number,
            created_at: TimestampMs::new(self.env().clock.now_ms()).unwrap_or(TimestampMs::ZERO),
            ring_key: ring.active().to_owned(),
            wrapped: Vec::new(),
        };
        let wrapping = ring.wrap(&object.context(), &key).await;
        let wrapping = wrapping.map_err(|error| fail(KeyProblem::Wrap(error)))?;
        (object.ring_key, object.wrapped) = (wrapping.ring_key, wrapping.bytes);
        let text = ObjectKey::WrappedKey { id }.to_string();
        let bytes =
            object.encode().map_err(|source| fail(KeyProblem::Damaged { key: text.clone(), source }))?;
        self.before(Step::CreateKey).await;
        let created = keys.store().create(&text, bytes).await;
        match created.map_err(|source| fail(KeyProblem::Store { key: text.clone(), source }))? {
            CreateOutcome::Created(_) => tracing::info!(topic = %tip.topic, key = %id, "topic key made"),
            CreateOutcome::Exists => {}
        }
        self.before(Step::ReadKey).await;
        match keys.fetch(topic_id, id).await? {
            Some((object, _)) => {
                let key = keys.unwrap(&object).await?;
                let newest = Newest { number, key, looked_at: tokio::time::Instant::now() };
                keys.note_newest(topic_id, newest.clone());
                Ok(newest)
            }
            None => Err(fail(KeyProblem::Gone { key: text })),
        }
    }
}
