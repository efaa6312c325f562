//! Consumer groups over the socket, by another implementation's client.

mod bounds;
mod contended;
mod deleted;
mod kept;
mod members;
mod saved;

use std::time::Duration;

use bytes::Bytes;
use firnline_index::GroupName;
use firnline_index::group::GroupObject;
use firnline_index::keys::ObjectKey;
use firnline_proxy::serve::{GroupLimits, GroupSettings, ServeSettings};
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestTopic;
use kafka_protocol::messages::*;

use super::client::{Client, name, settings, text};
use super::tier::World;

const APP: &str = "orders app";

/// Settings under which a first generation begins at once.
fn prompt() -> ServeSettings {
    let limits = GroupLimits { initial_delay: Duration::from_millis(200), ..GroupLimits::default() };
    ServeSettings { groups: GroupSettings { limits, ..GroupSettings::default() }, ..settings() }
}

fn group_id(group: &str) -> GroupId {
    GroupId(text(group))
}

fn join(member: &str) -> JoinGroupRequest {
    let protocol = |name: &str| {
        JoinGroupRequestProtocol::default().with_name(text(name)).with_metadata(Bytes::from_static(b"meta"))
    };
    JoinGroupRequest::default()
        .with_group_id(group_id(APP))
        .with_session_timeout_ms(10_000)
        .with_rebalance_timeout_ms(20_000)
        .with_member_id(text(member))
        .with_protocol_type(text("consumer"))
        .with_protocols(vec![protocol("range")])
}

/// A member alone in its group, with its name and generation.
async fn enter(client: &mut Client) -> (String, i32) {
    let named = client.ask(5, &join("")).await;
    assert_eq!(named.error_code, 79, "it is given a name");
    let joined = client.ask(5, &join(&named.member_id)).await;
    assert_eq!((joined.error_code, &joined.leader), (0, &joined.member_id));
    let sync = sync(&joined.member_id, joined.generation_id);
    assert_eq!(client.ask(3, &sync).await.error_code, 0);
    (joined.member_id.to_string(), joined.generation_id)
}

fn sync(member: &str, generation: i32) -> SyncGroupRequest {
    SyncGroupRequest::default()
        .with_group_id(group_id(APP))
        .with_member_id(text(member))
        .with_generation_id(generation)
}

fn heartbeat(member: &str, generation: i32) -> HeartbeatRequest {
    HeartbeatRequest::default()
        .with_group_id(group_id(APP))
        .with_member_id(text(member))
        .with_generation_id(generation)
}

/// A commit of `orders` by somebody, or by nobody in particular.
fn commit(who: Option<(&str, i32)>, positions: &[(i32, i64)]) -> OffsetCommitRequest {
    let one = |(partition, offset): &(i32, i64)| {
        OffsetCommitRequestPartition::default()
            .with_partition_index(*partition)
            .with_committed_offset(*offset)
            .with_committed_metadata(Some(text("beside")))
    };
    let topic = OffsetCommitRequestTopic::default()
        .with_name(name("orders"))
        .with_partitions(positions.iter().map(one).collect());
    let (member, generation) = who.unwrap_or(("", -1));
    OffsetCommitRequest::default()
        .with_group_id(group_id(APP))
        .with_member_id(text(member))
        .with_generation_id_or_member_epoch(generation)
        .with_topics(vec![topic])
}

/// The errors of a commit, partition by partition.
async fn committed(client: &mut Client, request: &OffsetCommitRequest) -> Vec<i16> {
    let response = client.ask(7, request).await;
    response.topics.iter().flat_map(|topic| &topic.partitions).map(|told| told.error_code).collect()
}

/// Where the group stands in these partitions of `orders`, or why that is not told.
async fn positions(client: &mut Client, partitions: &[i32]) -> Result<Vec<i64>, i16> {
    let topic = OffsetFetchRequestTopic::default()
        .with_name(name("orders"))
        .with_partition_indexes(partitions.to_vec());
    let request = OffsetFetchRequest::default().with_group_id(group_id(APP)).with_topics(Some(vec![topic]));
    let response = client.ask(5, &request).await;
    if response.error_code != 0 {
        return Err(response.error_code);
    }
    let partitions = response.topics.into_iter().flat_map(|topic| topic.partitions);
    Ok(partitions.map(|told| told.committed_offset).collect())
}

impl World {
    /// The group's object.
    fn group_object(&self) -> Option<GroupObject> {
        let key = ObjectKey::Group { group: GroupName::new(APP).unwrap() }.to_string();
        self.sim.peek(&key).map(|bytes| GroupObject::decode(&bytes).unwrap())
    }

    /// A world with `orders` of three partitions and `secrets`.
    fn with_orders() -> Self {
        let world = Self::new();
        world.topic("orders", 7, 3);
        world.topic("secrets", 8, 1);
        world
    }
}
