//! LeaveGroup.

use std::sync::Arc;

use super::Desk;
use crate::serve::groups::machine::{Event, Leaving, Reply};
use crate::serve::kafka_error::code_of;
use crate::wire::messages::leave_group::{LeaveGroupRequest, LeaveGroupResponse, MemberResponse};

/// From here on several go at once.
const MANY_FROM: i16 = 3;

/// Members go.
pub(crate) async fn leave<'a>(
    desk: Desk<'_>,
    request: &LeaveGroupRequest<'a>,
    version: i16,
) -> LeaveGroupResponse<'a> {
    let mut leaving = Vec::new();
    if version < MANY_FROM {
        leaving.push(Leaving { member: request.member_id.into(), instance: None });
    }
    for member in &request.members {
        let instance = member.group_instance_id.map(Arc::from);
        leaving.push(Leaving { member: member.member_id.into(), instance });
    }
    let nothing = LeaveGroupResponse::default();
    let left = match desk.ask(request.group_id, Event::Leave(leaving)).await {
        Reply::Left(left) => left,
        Reply::Refused(error) => return LeaveGroupResponse { error_code: error.code(), ..nothing },
        _ => return nothing,
    };
    let mut codes = left.into_iter().map(|left| code_of(left.err()));
    if version < MANY_FROM {
        return LeaveGroupResponse { error_code: codes.next().unwrap_or(0), ..nothing };
    }
    let members = request.members.iter().zip(codes).map(|(member, error_code)| MemberResponse {
        member_id: member.member_id,
        group_instance_id: member.group_instance_id,
        error_code,
    });
    LeaveGroupResponse { members: members.collect(), ..nothing }
}
