//! What becomes of topics after they were made, and where their partitions are: by requests of our own.

use std::time::{Duration, Instant};

use kafka_protocol::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use kafka_protocol::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use kafka_protocol::messages::elect_leaders_request::TopicPartitions;
use kafka_protocol::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    AlterPartitionReassignmentsRequest, BrokerId, CreatePartitionsRequest, CreateTopicsRequest,
    DeleteRecordsRequest, ElectLeadersRequest, IncrementalAlterConfigsRequest, ListOffsetsRequest,
    MetadataRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;

use super::{Cluster, ask, try_ask};

const LIMIT: Duration = Duration::from_secs(90);
const LIMIT_MS: i32 = 30_000;
/// Kafka's number of the resource type.
const TOPIC: i8 = 2;
/// A change that another one is not done with, a leader that is still on its way: asked again.
const ON_ITS_WAY: [i16; 10] = [3, 5, 6, 7, 9, 14, 41, 60, 78, 80];

/// Where a partition is, as brokers tell clients.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Placement {
    /// The leader's node id; none while there is none.
    pub leader: Option<u16>,
    /// The leader's epoch.
    pub epoch: i32,
    /// The nodes that shall have it, the preferred leader first.
    pub replicas: Vec<u16>,
    /// Those of them that have all of it.
    pub in_sync: Vec<u16>,
}

/// Kafka's special timestamps of ListOffsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// The high watermark (−1).
    Latest,
    /// Where the log begins (−2).
    Earliest,
    /// The record of the greatest timestamp (−3).
    MaxTimestamp,
    /// Where the part on the leader's own disk begins (−4).
    EarliestLocal,
    /// The last offset in the tier (−5).
    LatestTiered,
    /// The first offset that is not in the tier yet (−6).
    EarliestPendingUpload,
    /// The first record at or after this time.
    Time(i64),
}

impl At {
    fn timestamp(self) -> i64 {
        match self {
            Self::Latest => -1,
            Self::Earliest => -2,
            Self::MaxTimestamp => -3,
            Self::EarliestLocal => -4,
            Self::LatestTiered => -5,
            Self::EarliestPendingUpload => -6,
            Self::Time(time) => time,
        }
    }

    /// The first version that knows it, and one of the same layout that our codec knows.
    fn versions(self) -> (i16, i16) {
        match self {
            Self::EarliestLocal => (8, 8),
            Self::LatestTiered => (9, 9),
            Self::EarliestPendingUpload => (11, 10),
            _ => (7, 7),
        }
    }
}

impl Cluster {
    /// Makes a topic whose partitions are on these nodes, the preferred leader first.
    pub fn create_topic_on(&self, topic: &str, placements: &[&[u16]], configs: &[(&str, &str)]) {
        let assignments = (0..).zip(placements).map(|(index, nodes)| {
            CreatableReplicaAssignment::default().with_partition_index(index).with_broker_ids(ids(nodes))
        });
        let configs = configs.iter().map(|(key, value)| {
            CreatableTopicConfig::default().with_name(text(key)).with_value(Some(text(value)))
        });
        let new = CreatableTopic::default()
            .with_name(name(topic))
            .with_num_partitions(-1)
            .with_replication_factor(-1)
            .with_assignments(assignments.collect())
            .with_configs(configs.collect());
        let request = CreateTopicsRequest::default().with_topics(vec![new]).with_timeout_ms(LIMIT_MS);
        self.change(&format!("create {topic}"), || {
            let answer = try_ask(&self.any_broker(), &request, 5, 5)?;
            Ok(answer.topics.iter().map(|topic| topic.error_code).collect())
        });
        for partition in (0..).take(placements.len()) {
            self.wait_for_placement(topic, partition, "it is led", |found| found.leader.is_some());
        }
    }

    /// Moves a partition to these nodes, the preferred leader first, and waits until it is there.
    pub fn reassign(&self, topic: &str, partition: i32, nodes: &[u16]) {
        let to =
            ReassignablePartition::default().with_partition_index(partition).with_replicas(Some(ids(nodes)));
        let of = ReassignableTopic::default().with_name(name(topic)).with_partitions(vec![to]);
        let request =
            AlterPartitionReassignmentsRequest::default().with_topics(vec![of]).with_timeout_ms(LIMIT_MS);
        self.change(&format!("move {topic}/{partition} to {nodes:?}"), || {
            let answer = try_ask(&self.any_broker(), &request, 0, 0)?;
            let each = answer.responses.iter().flat_map(|topic| &topic.partitions);
            Ok(std::iter::once(answer.error_code).chain(each.map(|one| one.error_code)).collect())
        });
        self.wait_for_placement(topic, partition, &format!("it is on {nodes:?}"), |found| {
            found.replicas == nodes && nodes.iter().all(|node| found.in_sync.contains(node))
        });
    }

    /// Makes the first of its nodes the leader, and waits until it is.
    pub fn elect_preferred(&self, topic: &str, partition: i32) {
        let preferred = self.placement(topic, partition).replicas.first().copied();
        let which = TopicPartitions::default().with_topic(name(topic)).with_partitions(vec![partition]);
        let request =
            ElectLeadersRequest::default().with_topic_partitions(Some(vec![which])).with_timeout_ms(LIMIT_MS);
        // That there is nothing to be elected (84) comes after an answer that was lost.
        self.change(&format!("elect the preferred leader of {topic}/{partition}"), || {
            let answer = try_ask(&self.any_broker(), &request, 2, 2)?;
            let each = answer.replica_election_results.iter().flat_map(|topic| &topic.partition_result);
            Ok(each.map(|one| one.error_code).map(|code| if code == 84 { 0 } else { code }).collect())
        });
        self.wait_for_placement(topic, partition, "the preferred node leads", |found| {
            found.leader == preferred
        });
    }

    /// Adds partitions, up to this many.
    pub fn add_partitions(&self, topic: &str, count: i32) {
        let more =
            CreatePartitionsTopic::default().with_name(name(topic)).with_count(count).with_assignments(None);
        let request = CreatePartitionsRequest::default().with_topics(vec![more]).with_timeout_ms(LIMIT_MS);
        self.change(&format!("add partitions to {topic}"), || {
            let answer = try_ask(&self.any_broker(), &request, 3, 3)?;
            Ok(answer.results.iter().map(|one| one.error_code).collect())
        });
        for partition in 0..count {
            self.wait_for_placement(topic, partition, "it is led", |found| found.leader.is_some());
        }
    }

    /// Sets configs of a topic.
    pub fn set_topic(&self, topic: &str, configs: &[(&str, &str)]) {
        let configs = configs.iter().map(|(key, value)| {
            AlterableConfig::default().with_name(text(key)).with_value(Some(text(value)))
        });
        let resource = AlterConfigsResource::default()
            .with_resource_type(TOPIC)
            .with_resource_name(text(topic))
            .with_configs(configs.collect());
        let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
        let answer = ask(&self.any_broker(), &request, 1);
        assert!(answer.responses.iter().all(|one| one.error_code == 0), "configs of {topic}: {answer:?}");
    }

    /// Deletes the records below an offset, as `kafka-delete-records.sh` does.
    pub fn delete_records(&self, topic: &str, partition: i32, before: i64) {
        let upto = DeleteRecordsPartition::default().with_partition_index(partition).with_offset(before);
        let of = DeleteRecordsTopic::default().with_name(name(topic)).with_partitions(vec![upto]);
        let request = DeleteRecordsRequest::default().with_topics(vec![of]).with_timeout_ms(LIMIT_MS);
        self.change(&format!("delete records of {topic}/{partition}"), || {
            let answer = try_ask(&self.leader_address(topic, partition), &request, 2, 2)?;
            let each = answer.topics.iter().flat_map(|topic| topic.partitions.iter());
            Ok(each.map(|one| one.error_code).collect())
        });
    }

    /// An offset, as the partition's leader tells it; −1 where there is none.
    pub fn offset(&self, topic: &str, partition: i32, at: At) -> i64 {
        let mut found = -1;
        self.change(&format!("{at:?} of {topic}/{partition}"), || {
            let (code, offset) = self.try_offset(topic, partition, at)?;
            found = offset;
            Ok(vec![code])
        });
        found
    }

    /// An error code and an offset, as the partition's leader tells them the first time.
    pub fn try_offset(&self, topic: &str, partition: i32, at: At) -> Result<(i16, i64), String> {
        let one = ListOffsetsPartition::default()
            .with_partition_index(partition)
            .with_current_leader_epoch(-1)
            .with_timestamp(at.timestamp());
        let of = ListOffsetsTopic::default().with_name(name(topic)).with_partitions(vec![one]);
        let request = ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(vec![of]);
        let (version, layout) = at.versions();
        // What lies in the tier is looked up by the broker within a time that the request tells from version 10 on.
        let request = if layout >= 10 { request.with_timeout_ms(LIMIT_MS) } else { request };
        let answer = try_ask(&self.leader_address(topic, partition), &request, version, layout)?;
        let one = answer.topics.iter().flat_map(|topic| &topic.partitions).next();
        one.map(|one| (one.error_code, one.offset))
            .ok_or_else(|| "an answer without its partition".to_owned())
    }

    /// Where a partition is.
    pub fn placement(&self, topic: &str, partition: i32) -> Placement {
        let of = MetadataRequestTopic::default().with_name(Some(name(topic)));
        let request = MetadataRequest::default().with_topics(Some(vec![of]));
        let Ok(answer) = try_ask(&self.any_broker(), &request, 8, 8) else { return Placement::default() };
        let all = answer.topics.iter().flat_map(|topic| &topic.partitions);
        let Some(found) = all.into_iter().find(|one| one.partition_index == partition) else {
            return Placement::default();
        };
        let nodes = |ids: &[BrokerId]| ids.iter().filter_map(|id| u16::try_from(id.0).ok()).collect();
        Placement {
            leader: u16::try_from(found.leader_id.0).ok(),
            epoch: found.leader_epoch,
            replicas: nodes(&found.replica_nodes),
            in_sync: nodes(&found.isr_nodes),
        }
    }

    /// Waits until a partition is where it shall be; gives where it is.
    pub fn wait_for_placement(
        &self,
        topic: &str,
        partition: i32,
        what: &str,
        wanted: impl Fn(&Placement) -> bool,
    ) -> Placement {
        let began = Instant::now();
        loop {
            let found = self.placement(topic, partition);
            if wanted(&found) {
                return found;
            }
            assert!(began.elapsed() < LIMIT, "{topic}/{partition}: {what}: not after {LIMIT:?}: {found:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The address of a partition's leader.
    pub fn leader_address(&self, topic: &str, partition: i32) -> String {
        let placed = self.wait_for_placement(topic, partition, "it is led", |found| {
            found.leader.is_some_and(|leader| self.is_up(leader))
        });
        self.address_of(placed.leader.expect("it was waited for"))
    }

    /// Asks until no answer tells of something that is on its way.
    fn change(&self, what: &str, mut ask: impl FnMut() -> Result<Vec<i16>, String>) {
        let began = Instant::now();
        loop {
            let answer = ask();
            match &answer {
                Ok(codes) if !codes.is_empty() && codes.iter().all(|code| *code == 0) => return,
                Ok(codes) if codes.iter().all(|code| *code == 0 || ON_ITS_WAY.contains(code)) => {}
                Ok(codes) => panic!("{what}: errors {codes:?}"),
                // A broker that has just gone.
                Err(_) => {}
            }
            assert!(began.elapsed() < LIMIT, "{what}: not after {LIMIT:?}: {answer:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

fn name(topic: &str) -> TopicName {
    TopicName(text(topic))
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

fn ids(nodes: &[u16]) -> Vec<BrokerId> {
    nodes.iter().map(|node| BrokerId(i32::from(*node))).collect()
}
