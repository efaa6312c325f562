//! JoinGroup.

use std::sync::Arc;

use bytes::Bytes;

use super::{Desk, client, time};
use crate::serve::groups::machine::{Event, Join, Joined, Protocol, Reply};
use crate::serve::kafka_error::KafkaError;
use crate::wire::messages::join_group::{JoinGroupRequest, JoinGroupResponse, JoinGroupResponseMember};

/// From here on the time for a change is another than that of a session.
const REBALANCE_FROM: i16 = 1;
/// From here on a member comes back with its name before it counts.
const NAMED_FROM: i16 = 4;
/// From here on what is not there may be absent.
const ABSENT_FROM: i16 = 7;
/// From here on a leader can be told to leave the division as it is.
const SKIP_FROM: i16 = 9;
/// The most ways to divide the work that a member may know: all of them are compared with those of the others.
const PROTOCOLS: usize = 100;
/// What is counted of each besides its name and what the member says for it.
const PROTOCOL_BYTES: usize = 64;
/// The longest name that a member may bring or give to what it does, in bytes.
const NAME_BYTES: usize = 255;

/// A wish to enter, out of its frame.
#[derive(Debug)]
pub(crate) struct Entry {
    group: String,
    join: Join,
    /// What the member says of itself.
    bytes: usize,
}

impl Entry {
    /// What a request wants; `None` where it is more than any member may say of itself.
    pub(crate) fn of(
        request: &JoinGroupRequest<'_>,
        version: i16,
        client_id: Option<&[u8]>,
        fresh: &str,
    ) -> Option<Self> {
        let names = [request.protocol_type, request.group_instance_id.unwrap_or_default()];
        if request.protocols.len() > PROTOCOLS || names.iter().any(|name| name.len() > NAME_BYTES) {
            return None;
        }
        let session = time(request.session_timeout_ms);
        let rebalance = if version >= REBALANCE_FROM { time(request.rebalance_timeout_ms) } else { session };
        let mut bytes = 0;
        let mut protocols = Vec::new();
        for asked in &request.protocols {
            bytes += asked.name.len() + asked.metadata.len() + PROTOCOL_BYTES;
            let metadata = Bytes::copy_from_slice(asked.metadata);
            protocols.push(Protocol { name: asked.name.into(), metadata });
        }
        let client = client(client_id);
        let named_after = request.group_instance_id.unwrap_or(&client);
        let join = Join {
            member: request.member_id.into(),
            fresh: format!("{named_after}-{fresh}").into(),
            instance: request.group_instance_id.map(Arc::from),
            client: client.into(),
            session,
            rebalance,
            protocol_type: request.protocol_type.into(),
            protocols,
            needs_name: version >= NAMED_FROM,
            may_skip: version >= SKIP_FROM,
        };
        Some(Self { group: request.group_id.to_owned(), join, bytes })
    }
}

/// Enters, and waits for the generation that begins then.
pub(crate) async fn join(desk: Desk<'_>, entry: Option<Entry>) -> Reply {
    let Some(Entry { group, join, bytes }) = entry else {
        return Reply::Refused(KafkaError::GroupMaxSizeReached);
    };
    let limits = desk.groups.limits();
    let entered = async {
        let group = desk.group(&group)?;
        if bytes > limits.member_bytes || !desk.groups.has_room(bytes) {
            tracing::warn!(group = %group.name, bytes, "a member says more of itself than there is room for");
            return Err(KafkaError::GroupMaxSizeReached);
        }
        desk.groups.take(&group).await?;
        Ok(desk.groups.ask(&group, Event::Join(join), desk.stop).await)
    };
    entered.await.unwrap_or_else(Reply::Refused)
}

/// About how many bytes the answer takes, for whoever sets memory aside.
pub(crate) fn bytes(reply: &Reply) -> u64 {
    let Reply::Joined(joined) = reply else { return 0 };
    let member = |(id, _, metadata): &(Arc<str>, Option<Arc<str>>, Bytes)| 200 + id.len() + metadata.len();
    joined.members.iter().map(member).sum::<usize>() as u64
}

/// The answer.
pub(crate) fn answer(reply: &Reply, version: i16) -> JoinGroupResponse<'_> {
    let nothing = JoinGroupResponse {
        protocol_name: (version < ABSENT_FROM).then_some(""),
        ..JoinGroupResponse::default()
    };
    match reply {
        Reply::Joined(Joined {
            generation,
            protocol_type,
            protocol,
            leader,
            member,
            skip_assignment,
            members,
        }) => JoinGroupResponse {
            generation_id: *generation,
            protocol_type: Some(protocol_type),
            protocol_name: Some(protocol),
            leader,
            skip_assignment: *skip_assignment,
            member_id: member,
            members: members
                .iter()
                .map(|(id, instance, metadata)| JoinGroupResponseMember {
                    member_id: id,
                    group_instance_id: instance.as_deref(),
                    metadata,
                })
                .collect(),
            ..nothing
        },
        Reply::Named(member) => JoinGroupResponse {
            error_code: KafkaError::MemberIdRequired.code(),
            member_id: member,
            ..nothing
        },
        Reply::Refused(error) => JoinGroupResponse { error_code: error.code(), ..nothing },
        Reply::Done | Reply::Synced(_) | Reply::Left(_) => {
            JoinGroupResponse { error_code: KafkaError::InvalidRequest.code(), ..nothing }
        }
    }
}
