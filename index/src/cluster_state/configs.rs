//! How topics are configured.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ClusterState, wire};
use crate::checked_json::{JsonObjectError, value};
use crate::ids::{TopicId, TopicName};

/// The configuration of all topics, the cluster's defaults left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TopicConfigs {
    /// By the topic's name.
    pub topics: BTreeMap<TopicName, TopicConfig>,
}

/// The configuration of one topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicConfig {
    /// The topic's id.
    pub topic_id: TopicId,
    /// How many partitions it has.
    pub partitions: u32,
    /// How many replicas its first partition has.
    pub replicas: u32,
    /// What is set for the topic itself. No sensitive values.
    pub configs: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
#[doc(hidden)]
pub struct ConfigMembers {
    topic_id: String,
    partitions: u32,
    replicas: u32,
    configs: BTreeMap<String, String>,
}

impl ClusterState for TopicConfigs {
    const NAME: &'static str = "configs";
}

impl wire::Wire for TopicConfigs {
    type Members = BTreeMap<String, ConfigMembers>;

    fn to_wire(&self) -> Self::Members {
        let one = |t: &TopicConfig| ConfigMembers {
            topic_id: t.topic_id.to_string(),
            partitions: t.partitions,
            replicas: t.replicas,
            configs: t.configs.clone(),
        };
        self.topics.iter().map(|(name, topic)| (name.to_string(), one(topic))).collect()
    }

    fn from_wire(members: Self::Members) -> Result<Self, JsonObjectError> {
        let one = |(name, t): (String, ConfigMembers)| -> Result<(TopicName, TopicConfig), JsonObjectError> {
            let topic_id = value("topic_id", t.topic_id.parse())?;
            let ConfigMembers { partitions, replicas, configs, .. } = t;
            let topic = TopicConfig { topic_id, partitions, replicas, configs };
            Ok((value("topic", TopicName::new(&name))?, topic))
        };
        Ok(Self { topics: members.into_iter().map(one).collect::<Result<_, _>>()? })
    }
}
