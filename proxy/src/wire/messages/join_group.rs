//! A member enters a group.

use super::{List, message, structs};

structs! {
    struct JoinGroupRequest<'a> {
        group_id: &'a str [0+] = "";
        session_timeout_ms: i32 [0+] = 0;
        rebalance_timeout_ms: i32 [1+] = -1;
        member_id: &'a str [0+] = "";
        group_instance_id: Option<&'a str> [5+] = None;
        protocol_type: &'a str [0+] = "";
        protocols: List<'a, JoinGroupRequestProtocol<'a>> [0+] = List::new();
        reason: Option<&'a str> [8+] = None;
    }

    struct JoinGroupRequestProtocol<'a> {
        name: &'a str [0+] = "";
        metadata: &'a [u8] [0+] = &[];
    }
}

message!(JoinGroupRequest<'a>, Request, JOIN_GROUP);

structs! {
    struct JoinGroupResponse<'a> {
        throttle_time_ms: i32 [2+] = 0;
        error_code: i16 [0+] = 0;
        generation_id: i32 [0+] = -1;
        protocol_type: Option<&'a str> [7+] = None;
        protocol_name: Option<&'a str> [0+] null [7+] = Some("");
        leader: &'a str [0+] = "";
        skip_assignment: bool [9+] = false;
        member_id: &'a str [0+] = "";
        members: List<'a, JoinGroupResponseMember<'a>> [0+] = List::new();
    }

    struct JoinGroupResponseMember<'a> {
        member_id: &'a str [0+] = "";
        group_instance_id: Option<&'a str> [5+] = None;
        metadata: &'a [u8] [0+] = &[];
    }
}

message!(JoinGroupResponse<'a>, Response, JOIN_GROUP);
