//! Heartbeat.

use super::{Desk, caller};
use crate::serve::groups::machine::{Event, Reply};
use crate::wire::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};

/// A member is there; it learns whether it is to enter again.
pub(crate) async fn heartbeat(desk: Desk<'_>, request: &HeartbeatRequest<'_>) -> HeartbeatResponse {
    let caller = caller(request.member_id, request.group_instance_id, request.generation_id);
    let error_code = match desk.ask(request.group_id, Event::Heartbeat(caller)).await {
        Reply::Refused(error) => error.code(),
        _ => 0,
    };
    HeartbeatResponse { error_code, ..HeartbeatResponse::default() }
}
