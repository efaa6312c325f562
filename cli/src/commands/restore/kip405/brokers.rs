//! What the new cluster says of the topic, and what must hold before its brokers are told of segments.

use std::num::NonZeroU16;

use firnline_index::remote_log::METADATA_TOPIC;
use firnline_index::{LeaderEpoch, NodeId, Offset, PartitionIndex, TopicName};
use firnline_kafka::requests::metadata::{Partition, Topic};
use firnline_kafka::requests::offsets::{LeaderAsk, Position};
use firnline_kafka::{Client, RequestError};

use crate::failure::{Failure, Result, codes};

/// What a topic must be set to: by a retention its brokers would begin to delete what they are told of at once.
const MUST_BE: [(&str, &str, &str); 4] = [
    ("remote.storage.enable", "true", "it is not tiered"),
    ("cleanup.policy", "delete", "it is compacted"),
    ("retention.ms", "-1", "its brokers would delete what is older from the archive"),
    ("retention.bytes", "-1", "its brokers would delete what is more from the archive"),
];

/// The topic in the new cluster, and the one by which its brokers tell each other of segments.
pub(super) struct Brokers {
    pub(super) client: Client,
    pub(super) topic: Topic,
    pub(super) told_in: Topic,
}

impl Brokers {
    /// Asks the cluster. One Metadata.
    pub(super) async fn find(client: Client, name: &TopicName) -> Result<Self> {
        let known = client.all_topics().await.map_err(silent)?;
        let mut topics: Vec<Topic> = known.into_iter().flatten().collect();
        let mut take = |name: &str| {
            let at = topics.iter().position(|topic| topic.name.as_str() == name)?;
            Some(topics.swap_remove(at))
        };
        let topic = take(name.as_str())
            .ok_or_else(|| unfit(name, "is not there, or may not be described").help(how_to_make(name)))?;
        let told_in = take(METADATA_TOPIC).ok_or_else(|| {
            unfit(name, &format!("cannot be tiered: the cluster has no topic {METADATA_TOPIC}")).help(
                "brokers with remote.log.storage.system.enable=true make it when they start; Describe on it is needed, and \
                 Write",
            )
        })?;
        Ok(Self { client, topic, told_in })
    }

    /// How many partitions brokers tell each other of segments in.
    pub(super) fn metadata_partitions(&self) -> Result<NonZeroU16> {
        let count = u16::try_from(self.told_in.partitions.len()).ok().and_then(NonZeroU16::new);
        let none =
            || unfit(&self.topic.name, &format!("cannot be tiered: {METADATA_TOPIC} has no partitions"));
        Ok(count.ok_or_else(none)?)
    }

    /// Holds the topic's settings against what they must be. One DescribeConfigs.
    pub(super) async fn check_settings(&self) -> Result<()> {
        let name = &self.topic.name;
        let told = self.client.topic_settings(std::slice::from_ref(name)).await.map_err(silent)?;
        let told = told.into_iter().next().and_then(std::result::Result::ok);
        let told =
            told.ok_or_else(|| unfit(name, "does not tell its settings: DescribeConfigs is needed"))?;
        for (key, wanted, why) in MUST_BE {
            let found = told.effective.get(key).map(String::as_str);
            if found != Some(wanted) {
                let found = found.unwrap_or("not known");
                let failure = unfit(name, &format!("has {key}={found}, and must have {wanted}: {why}"));
                return Err(failure.help(how_to_make(name)).into());
            }
        }
        Ok(())
    }

    /// The first offset and the one past the last of each of these partitions. Two ListOffsets a leader.
    pub(super) async fn offsets(&self, of: &[PartitionIndex]) -> Result<Vec<(Offset, Offset)>> {
        let mut offsets = Vec::with_capacity(of.len());
        for &partition in of {
            let (node, epoch) = self.leader(&self.topic, partition)?;
            let ask = [LeaderAsk { topic: self.topic.name.clone(), partition, epoch }];
            let mut lease = self.client.lease(node).await.map_err(silent)?;
            let mut ends = [Offset::ZERO; 2];
            for (end, position) in ends.iter_mut().zip([Position::LogStart, Position::HighWatermark]) {
                let told = lease.offsets(position, &ask).await.map_err(silent)?;
                *end = match told.into_iter().next() {
                    Some(Ok(offset)) => offset,
                    Some(Err(code)) => {
                        let what =
                            format!("{}/{partition} does not tell its offsets: {code}", self.topic.name);
                        return Err(Failure::new(&codes::BROKERS_SILENT, what).into());
                    }
                    None => return Err(Failure::new(&codes::INTERNAL, "no offset was told").into()),
                };
            }
            let [start, end] = ends;
            offsets.push((start, end));
        }
        Ok(offsets)
    }

    /// Who leads a partition.
    pub(super) fn leader(&self, topic: &Topic, partition: PartitionIndex) -> Result<(NodeId, LeaderEpoch)> {
        let of = |found: &&Partition| found.partition == partition;
        let leader = topic.partitions.iter().find(of).and_then(|found| found.leader);
        let none =
            || Failure::new(&codes::BROKERS_SILENT, format!("{}/{partition} has no leader", topic.name));
        Ok(leader.ok_or_else(none)?)
    }
}

pub(super) fn silent(error: RequestError) -> Failure {
    Failure::new(&codes::BROKERS_SILENT, error.to_string()).caused_by(error)
}

pub(super) fn unfit(name: &TopicName, what: &str) -> Failure {
    Failure::new(&codes::ATTACH_TARGET, format!("topic {name} of the new cluster {what}"))
}

fn how_to_make(name: &TopicName) -> String {
    format!(
        "kafka-topics.sh --create --topic {name} --partitions N --config remote.storage.enable=true --config \
         retention.ms=-1 --config retention.bytes=-1"
    )
}
