//! SyncGroup.

use std::sync::Arc;

use bytes::Bytes;

use super::{Desk, caller};
use crate::serve::groups::machine::{Event, Reply, Sync, Synced};
use crate::serve::kafka_error::KafkaError;
use crate::wire::messages::sync_group::{SyncGroupRequest, SyncGroupResponse};

/// A wish for one's part, out of its frame.
#[derive(Debug)]
pub(crate) struct Part {
    group: String,
    sync: Sync,
    longest: usize,
    bytes: usize,
}

impl Part {
    /// What a request wants; `None` where it brings more parts than a group has members.
    pub(crate) fn of(request: &SyncGroupRequest<'_>, members: usize) -> Option<Self> {
        if request.assignments.len() > members {
            return None;
        }
        let (mut longest, mut bytes) = (0, 0);
        let mut assignments = Vec::new();
        for part in &request.assignments {
            longest = longest.max(part.assignment.len());
            bytes += part.assignment.len();
            assignments.push((part.member_id.into(), Bytes::copy_from_slice(part.assignment)));
        }
        let sync = Sync {
            caller: caller(request.member_id, request.group_instance_id, request.generation_id),
            protocol_type: request.protocol_type.map(Arc::from),
            protocol: request.protocol_name.map(Arc::from),
            assignments,
        };
        Some(Self { group: request.group_id.to_owned(), sync, longest, bytes })
    }
}

/// Brings all parts, where the leader asks, and waits for one's own.
pub(crate) async fn sync(desk: Desk<'_>, part: Option<Part>) -> Reply {
    let Some(Part { group, sync, longest, bytes }) = part else {
        return Reply::Refused(KafkaError::GroupMaxSizeReached);
    };
    if longest > desk.groups.limits().assignment_bytes || !desk.groups.has_room(bytes) {
        tracing::warn!(
            group,
            bytes,
            longest,
            "the parts of a group's members are more than there is room for"
        );
        return Reply::Refused(KafkaError::GroupMaxSizeReached);
    }
    desk.ask(&group, Event::Sync(sync)).await
}

/// About how many bytes the answer takes, for whoever sets memory aside.
pub(crate) fn bytes(reply: &Reply) -> u64 {
    if let Reply::Synced(synced) = reply { synced.assignment.len() as u64 } else { 0 }
}

/// The answer.
pub(crate) fn answer(reply: &Reply) -> SyncGroupResponse<'_> {
    match reply {
        Reply::Synced(Synced { protocol_type, protocol, assignment }) => SyncGroupResponse {
            protocol_type: Some(protocol_type),
            protocol_name: Some(protocol),
            assignment,
            ..SyncGroupResponse::default()
        },
        Reply::Refused(error) => {
            SyncGroupResponse { error_code: error.code(), ..SyncGroupResponse::default() }
        }
        Reply::Done | Reply::Joined(_) | Reply::Left(_) | Reply::Named(_) => SyncGroupResponse {
            error_code: KafkaError::InvalidRequest.code(),
            ..SyncGroupResponse::default()
        },
    }
}
