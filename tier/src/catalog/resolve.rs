//! Which topic a person means by a name, or by a name and an id.
//!
//! A pure function over the topics that a tier holds, so that every answer it can give is tested without a store.

use std::fmt;

use firnline_index::{TopicId, TopicName};

use super::nearest::nearest;

/// How many ids or names an error lists at most.
const LISTED: usize = 8;

/// A topic that a tier holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KnownTopic {
    /// Its name.
    pub topic: TopicName,
    /// Its id.
    pub topic_id: TopicId,
}

/// A name that fits no topic, or more than one.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// No topic of that name.
    #[error("topic {topic} is not in this tier{}", Nearest(.nearest))]
    Unknown {
        /// The name asked for.
        topic: TopicName,
        /// The names most like it, nearest first.
        nearest: Vec<TopicName>,
    },
    /// The name is there, under other ids.
    #[error("topic {topic} has no id {topic_id} in this tier; it has {}", Ids(.ids))]
    UnknownId {
        /// The name asked for.
        topic: TopicName,
        /// The id asked for.
        topic_id: TopicId,
        /// The ids that the name has.
        ids: Vec<TopicId>,
    },
    /// The name has several ids: the topic was created again.
    #[error("topic {topic} was created {} times; say which one as {topic}@ID: {}", .ids.len(), Ids(.ids))]
    Ambiguous {
        /// The name asked for.
        topic: TopicName,
        /// The ids that the name has.
        ids: Vec<TopicId>,
    },
}

struct Nearest<'a>(&'a [TopicName]);

impl fmt::Display for Nearest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, name) in self.0.iter().enumerate() {
            write!(f, "{}{name}", if i == 0 { "; nearest: " } else { ", " })?;
        }
        Ok(())
    }
}

struct Ids<'a>(&'a [TopicId]);

impl fmt::Display for Ids<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, id) in self.0.iter().take(LISTED).enumerate() {
            write!(f, "{}{id}", if i == 0 { "" } else { ", " })?;
        }
        if self.0.len() > LISTED {
            write!(f, " and {} more", self.0.len() - LISTED)?;
        }
        Ok(())
    }
}

/// The one topic that `topic`, with `topic_id` where one was given, means. A plain name is clear where the tier holds
/// one id for it; which of several is the live one only a broker can tell, so several are an error with the list.
pub fn resolve<'a>(
    topic: &TopicName,
    topic_id: Option<TopicId>,
    known: &'a [KnownTopic],
) -> Result<&'a KnownTopic, ResolveError> {
    let mut named: Vec<&KnownTopic> = known.iter().filter(|t| t.topic == *topic).collect();
    named.sort();
    let topic = topic.clone();
    if named.is_empty() {
        let names = known.iter().map(|t| &t.topic);
        return Err(ResolveError::Unknown { nearest: nearest(&topic, names), topic });
    }
    let ids = || named.iter().map(|t| t.topic_id).collect();
    match (topic_id, named.as_slice()) {
        (Some(id), all) => {
            let found = all.iter().find(|t| t.topic_id == id).copied();
            found.ok_or_else(|| ResolveError::UnknownId { topic, topic_id: id, ids: ids() })
        }
        (None, [one]) => Ok(one),
        (None, _) => Err(ResolveError::Ambiguous { topic, ids: ids() }),
    }
}

#[cfg(test)]
mod tests;
