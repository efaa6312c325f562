//! What one principal sees of the catalog. Everything that names a topic goes through here.

use std::sync::Arc;

use firnline_index::{TopicId, TopicName};

use super::catalog::{Topic, Topics};
use super::kafka_error::KafkaError;
use super::rights::{Principal, Rights, Rule, TopicPattern, Who};

/// The catalog and the rights as they were when a request came.
#[derive(Debug, Clone)]
pub(crate) struct View {
    topics: Arc<Topics>,
    rights: Arc<Rights>,
    principal: Principal,
}

impl View {
    pub(crate) fn new(topics: Arc<Topics>, rights: Arc<Rights>, principal: Principal) -> Self {
        Self { topics, rights, principal }
    }

    /// The view of somebody whom another one has allowed to see this topic.
    pub(crate) fn of(topic: Topic) -> Self {
        let topics = TopicPattern::new(".*").expect("it is a pattern");
        let rule = Rule { who: Who::Principal(Principal::Anonymous), topics };
        Self::new(Arc::new(Topics::new([topic])), Arc::new(Rights::new(vec![rule])), Principal::Anonymous)
    }

    /// Whose view it is.
    pub(crate) const fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The topic that `NAME` or `NAME@ID` means. The right to a name is looked at before the name, so that an unknown topic
    /// and a forbidden one are refused alike.
    pub(crate) fn named(&self, text: &str) -> Result<&Arc<Topic>, KafkaError> {
        let (name, id) = match text.split_once('@') {
            Some((name, id)) => (name, Some(id)),
            None => (text, None),
        };
        let name = TopicName::new(name).map_err(|_| KafkaError::InvalidTopic)?;
        if !self.rights.may_read(&self.principal, &name) {
            return Err(KafkaError::TopicAuthorizationFailed);
        }
        let found = match id {
            None => self.topics.named(&name),
            Some(id) => id.parse().ok().and_then(|id| self.topics.incarnation(&name, id)),
        };
        found.ok_or(KafkaError::UnknownTopicOrPartition)
    }

    /// Whether a consumer group may be used.
    pub(crate) fn may_use_group(&self, group: &str) -> Result<(), KafkaError> {
        let may = self.rights.may_use_group(&self.principal, group);
        may.then_some(()).ok_or(KafkaError::GroupAuthorizationFailed)
    }

    /// The topic with an id; one that is forbidden is as unknown as one that is not there.
    pub(crate) fn with_id(&self, id: [u8; 16]) -> Result<&Arc<Topic>, KafkaError> {
        let topic = self.topics.with_id(TopicId::from_bytes(id));
        topic
            .filter(|topic| self.rights.may_read(&self.principal, &topic.name))
            .ok_or(KafkaError::UnknownTopicId)
    }

    /// All topics that may be read and have a plain name.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Topic>> {
        self.topics.iter().filter(|topic| self.rights.may_read(&self.principal, &topic.name))
    }
}
