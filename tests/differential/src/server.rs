//! Where to ask: the nodes of a cluster, as one of its doors tells them.

use std::collections::BTreeMap;
use std::time::Duration;

use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{ApiVersionsRequest, MetadataRequest, TopicName};
use kafka_protocol::protocol::StrBytes;

use crate::wire::Connection;

/// Tries until a server that has just started tells of all its topics.
const TRIES: usize = 100;
const PAUSE: Duration = Duration::from_millis(100);
/// Of Metadata: the first that tells topic ids, and that all of them speak.
const METADATA: i16 = 10;

/// A topic.
#[derive(Debug, Clone, Default)]
pub struct Topic {
    /// Its id, as 16 bytes.
    pub id: [u8; 16],
    /// By partition: leader and its epoch.
    pub leaders: BTreeMap<i32, (i32, i32)>,
}

/// What a door tells.
#[derive(Debug, Clone, Default)]
pub struct Server {
    /// Addresses by node.
    pub nodes: BTreeMap<i32, String>,
    /// Topics by name.
    pub topics: BTreeMap<String, Topic>,
}

impl Server {
    /// Asks a door for these topics until each partition has a leader.
    pub fn at(address: &str, topics: &[String]) -> Self {
        let mut last = String::new();
        for _ in 0..TRIES {
            match Self::look(address, topics) {
                Ok(server) => return server,
                Err(error) => last = error,
            }
            std::thread::sleep(PAUSE);
        }
        panic!("{address} tells of no topics: {last}");
    }

    fn look(address: &str, topics: &[String]) -> Result<Self, String> {
        let named = |name: &String| {
            MetadataRequestTopic::default().with_name(Some(TopicName(StrBytes::from_string(name.clone()))))
        };
        let request = MetadataRequest::default()
            .with_topics(Some(topics.iter().map(named).collect()))
            .with_allow_auto_topic_creation(false);
        let answer = Connection::open(address)?.ask(&request, METADATA, METADATA)?;
        let mut server = Self::default();
        for broker in &answer.brokers {
            server.nodes.insert(broker.node_id.0, format!("{}:{}", broker.host, broker.port));
        }
        for topic in &answer.topics {
            let name = topic.name.as_ref().map(|name| name.0.to_string()).unwrap_or_default();
            if topic.error_code != 0 {
                return Err(format!("topic {name} has error {}", topic.error_code));
            }
            let mut found = Topic { id: *topic.topic_id.as_bytes(), ..Topic::default() };
            for partition in &topic.partitions {
                if partition.leader_id.0 < 0 {
                    return Err(format!("{name}/{} has no leader", partition.partition_index));
                }
                found
                    .leaders
                    .insert(partition.partition_index, (partition.leader_id.0, partition.leader_epoch));
            }
            server.topics.insert(name, found);
        }
        if server.topics.len() != topics.len() {
            return Err(format!("{} topics of {}", server.topics.len(), topics.len()));
        }
        Ok(server)
    }

    /// The newest version of a request that a door speaks.
    pub fn newest(address: &str, key: i16) -> i16 {
        let answer = Connection::open(address)
            .and_then(|mut connection| connection.ask(&ApiVersionsRequest::default(), 0, 0))
            .unwrap_or_else(|error| panic!("ask {address} for its versions: {error}"));
        let found = answer.api_keys.iter().find(|api| api.api_key == key);
        found.unwrap_or_else(|| panic!("{address} does not answer {key}")).max_version
    }
}
